"""The page in place of one that could not be made: no template, no style of the others, nothing that could fail too."""

from __future__ import annotations

from html import escape
from pathlib import Path

from sftcore.runs.files import write_text

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}: no report</title>
<link rel="icon" href="data:,">
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem;
overflow-wrap: anywhere }}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>The report of this run could not be made: <code>{why}</code></p>
<p>The run itself is whole: the model is in <code>model/</code>, its scores are in <code>metrics.json</code>. This
command makes the page again, beside the run:</p>
<pre><code>sftcore report {run}</code></pre>
</main>
</body>
</html>
"""


def write_excuse(path: Path, run: str, why: str) -> None:
    """Write the page. `run` is its name and id, as commands take it."""
    write_text(path, PAGE.format(name=escape(run), why=escape(why), run=escape(run)))
