"""What results are drawn with: headings, tables that fit the terminal, names with their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sftcore.cli.text import clean, figure

Cell = str | Text
GAP = 2
LEAST_TEXT = 12
"""Columns that a cell of text needs before its table is stacked instead."""


def section(title: str, *parts: RenderableType) -> RenderableType:
    """A heading and what belongs below it, set off by an empty line."""
    heading = Text(title[:1].upper() + title[1:], style="bold")
    return Group(Text(), heading, *(Padding(part, (0, 0, 0, 2), expand=False) for part in parts))


class Sheet:
    """A table without lines; where the terminal is too narrow for it, each row becomes a few lines."""

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], numbers: Sequence[int], whole: Sequence[int]
    ) -> None:
        self._columns, self._numbers, self._whole = columns, numbers, {*numbers, *whole}
        self._rows = [[Text(clean(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        if self.least_width() <= options.max_width:
            yield self._drawn()
        else:
            yield from self._stacked()

    def least_width(self) -> int:
        """What the figures need whole, and texts at least."""
        width = -GAP
        for place, name in enumerate(self._columns):
            widest = max(cell_len(cell) for cell in (name, *(row[place].plain for row in self._rows)))
            width += GAP + (widest if place in self._whole else min(widest, LEAST_TEXT))
        return width

    def _drawn(self) -> Table:
        drawn = Table(
            box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", show_header=any(self._columns)
        )
        for place, name in enumerate(self._columns):
            side: Literal["left", "right"] = "right" if place in self._numbers else "left"
            drawn.add_column(Text(name), justify=side, no_wrap=place in self._whole, overflow="fold")
        for row in self._rows:
            drawn.add_row(*row)
        return drawn

    def _stacked(self) -> Iterator[Text]:
        for first, *rest in self._rows:
            yield Text(first.plain, style="bold")
            for name, cell in zip(self._columns[1:], rest, strict=True):
                if cell.plain.strip():
                    yield Text.assemble("  ", (f"{name}: " if name else "", "dim"), cell)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], numbers: Sequence[int] = (), whole: Sequence[int] = ()
) -> Sheet:
    """A table; the columns whose places are in `numbers` hold figures: aligned to the right, never broken. Those in
    `whole` are never broken either."""
    return Sheet(columns, rows, numbers, whole)


def facts(value: Any) -> RenderableType:
    """Names and values; what has no names as it is."""
    if not isinstance(value, Mapping):
        return Text(clean(_fact(value)))
    return table(["", ""], [(str(name), _fact(item)) for name, item in value.items() if item is not None])


def _fact(item: Any) -> str:
    if isinstance(item, Mapping):
        return ", ".join(f"{name} {_fact(part)}" for name, part in item.items())
    if isinstance(item, (list, tuple)):
        return ", ".join(map(_fact, item))
    return figure(item)
