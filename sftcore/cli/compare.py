"""`sftcore compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from sftcore.cli.options import printing, runs_option


@click.command("compare")
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it as a page, too."
)
@runs_option
@printing
def command(names: tuple[str, ...], page: Path | None, runs: Path, as_json: bool, quiet: bool) -> None:
    """Compare runs with the first of them: recipes, machines, metrics on the same rows, and the rows themselves.

    RUN is a run folder, a run's name (its newest run), or one of its runs: NAME/0001.
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.cli.places import check_place
        from sftcore.cli.side_by_side import sections
        from sftcore.compare import compare
        from sftcore.compare.json_form import json_form
        from sftcore.compare.page import render
        from sftcore.report.words import Words
        from sftcore.runs.files import write_text

        if page is not None:
            check_place("--html", page)
        found, words = compare(names, runs, console), Words("en")
        if page is not None:
            write_text(page, render(found))
        if as_json:
            console.json(json_form(found, words))
            return
        console.print(*sections(found, words))
        if page is not None:
            console.line(f"\n{page}")
