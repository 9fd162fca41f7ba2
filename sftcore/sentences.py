"""Sentences out of docstrings."""

from __future__ import annotations

import re

_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!\bal)(?<!\bcf)(?<!\bvs)\.(?=\s|$)|(?<=。)")


def first_sentence(text: str | None) -> str:
    """The first sentence of a text's first paragraph: on one line, without its full stop and without backticks."""
    paragraph = re.split(r"\n\s*\n", (text or "").strip(), maxsplit=1)[0]
    line = " ".join(paragraph.replace("`", "").split())
    return _END.split(line, maxsplit=1)[0].rstrip(".:。")
