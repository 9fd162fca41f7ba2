"""Tables, figures and names as the model card writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_SPECIAL = re.compile(r"[\\`*\[\]<>~&]")
_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
NOTHING = "–"
MOST_UNDEFINED = 0.05
"""Of more resamples without a value than this share an interval says how many had one."""


def section(title: str, lines: Iterable[str]) -> str:
    """A heading and a list; "" without lines."""
    items = "\n".join(f"- {line}" for line in lines)
    return f"## {title}\n\n{items}" if items else ""


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """A table whose first column stands to the left, the others to the right."""
    names = [cell(name) for name in head]
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *([cell(each) for each in row] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """The text on one line, without what would end a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def verbatim(text: str) -> str:
    """A name of the data on one line, none of its characters read as Markdown or HTML."""
    return _EDGE.sub(r"\\_", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def number(value: float | None) -> str:
    """With three decimals; a dash for no value."""
    return NOTHING if value is None else f"{value:.3f}"


def interval(found: Mapping[str, Any], resamples: int) -> str:
    """`0.845 to 0.919`, and of how many resamples where many have no value."""
    if found["low"] is None:
        return NOTHING
    if found["degenerate"]:
        return "no interval: the resamples agree"
    few = f" (from {resamples - found['undefined']:,} of {resamples:,} resamples)"
    few = few if found["undefined"] > MOST_UNDEFINED * resamples else ""
    return f"{found['low']:.3f} to {found['high']:.3f}{few}"


def place(text: str) -> str:
    """A place without the folders of somebody's machine."""
    return Path(text).name if Path(text).is_absolute() or text.startswith(("~", "..")) else text
