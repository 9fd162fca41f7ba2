"""An encoded row as a line of tokens, by their part in the loss: in colour, and without it between marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.text import Text

from sftcore.cli.text import clean, count, one_line
from sftcore.report.said import shown_target
from sftcore.report.tokens import Run, runs, shown_token
from sftcore.report.words import Words

if TYPE_CHECKING:
    from sftcore.checking import Example

SHOWN = 120
"""Tokens of an example that are shown."""
BEGIN, END = ">>", "<<"
"""Around tokens that count, where there is no colour."""


class TokenLine:
    """The tokens of an example. Those that count in the loss are green where there is colour, else between marks; of a
    long row parts are left out."""

    def __init__(self, example: Example) -> None:
        self._example = example

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        marked = console.no_color or console.color_system is None
        yield Text(f"{self._example.place}  {self._told(marked)}", style="bold")
        line = Text()
        for run in runs(self._example, SHOWN):
            _append(line, run, marked=marked and bool(run.counts))
        yield line

    def _told(self, marked: bool) -> str:
        counts = self._example.counts
        if counts is None:
            target = shown_target(self._example.target, Words("en"))
            return f"→ {one_line(target)}"
        where = f", those in {BEGIN} {END}" if marked and any(counts) else ""
        return f"{sum(counts)} of {len(counts)} tokens count in the loss{where}"


def _append(line: Text, run: Run, *, marked: bool) -> None:
    style = "" if run.counts is None else "bold green" if run.counts else "dim"
    middle = [f"… {count(run.skipped)} more …" if run.after else f"… {count(run.skipped)} more"] if run.skipped else []
    words = [*map(_shown, run.before), *middle, *map(_shown, run.after)]
    for word in [BEGIN, *words, END] if marked else words:
        line.append(word, style=style)
        line.append(" ")


def _shown(token: str) -> str:
    return clean(shown_token(token))
