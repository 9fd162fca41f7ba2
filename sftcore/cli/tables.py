"""Results as tables: each title that the library reports has its own form, everything else a plain one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sftcore.cli.streams import plain
from sftcore.cli.text import clean, count, duration, figure, plural, share

Cell = str | Text
GAP = 2
LEAST_TEXT = 12
"""Columns that a cell of text needs before its table is stacked instead."""


def rendered(title: str, value: Any) -> RenderableType:
    """The result in the form of its title."""
    form = _FORMS.get(title)
    return form(plain(value)) if form else section(title, facts(plain(value)))


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


def ledger(value: Mapping[str, Any]) -> RenderableType:
    """What came into each stage, what went out, and why the rest did not."""
    rows = [
        (entry["stage"], count(entry["rows_in"]), count(entry["rows_out"]), _reasons(entry))
        for entry in value.get("stages", [])
    ]
    return section("ledger", table(["stage", "in", "out", "left out, and other counts"], rows, numbers=(1, 2)))


def _reasons(entry: Mapping[str, Any]) -> str:
    """Dropped rows by reason, what was done to texts and answers, then what else the stage counted."""
    details = entry.get("details", {})
    parts = [f"{count(number)} {reason}" for reason, number in entry.get("dropped", {}).items()]
    return ", ".join([*parts, *_done_to_texts(details), *_counts(details, entry["rows_in"])])


def _done_to_texts(details: Mapping[str, Any]) -> Iterator[str]:
    """Texts changed by step, answers that did not stay exact, edits refused because they touch one."""
    for step, number in details.get("changed", {}).items():
        yield f"{_name(step)} changed {count(number)}"
    for status, number in details.get("spans", {}).items():
        if status != "exact":
            yield f"{plural(number, 'span')} {status}"
    for step, number in details.get("refused_edits", {}).items():
        yield f"{_name(step)} would have touched an answer {plural(number, 'time')}"


def _name(step: str) -> str:
    """The component's name of `preprocess.0 lowercase`."""
    return step.partition(" ")[2] or step


def _counts(details: Mapping[str, Any], rows: int) -> Iterator[str]:
    """What the task counted, then plain numbers above zero."""
    for name, number in details.get("counts", {}).items():
        if number:
            yield f"{count(number)} {name}"
    if details.get("families"):
        families = f"{details.get('family_name', 'document')}s of up to {plural(details['largest_family'], 'row')}"
        yield f"{count(details['families'])} {families}"
    for name, number in details.items():
        if isinstance(number, int) and not isinstance(number, bool) and number > 0 and name not in _QUIET:
            part = f" ({share(number, rows)})" if name.endswith("_rows") else ""
            yield f"{count(number)} {name.removesuffix('_rows').replace('_', ' ')}{part}"


_QUIET = (
    *("features", "max_length", "tokens", "twin_groups", "twin_rows", "largest_twin_group", "test_scored"),
    *("families", "largest_family"),
)
"""Counts that have a place of their own elsewhere, or a sentence."""


def labels(value: Mapping[str, Mapping[str, int]], totals: Mapping[str, int] | None = None) -> RenderableType:
    """Rows of each class by split, with their share of `totals`, the rows of the split (default: one class a row)."""
    names = list(dict.fromkeys(name for counts in value.values() for name in counts))
    totals = totals or {split: sum(counts.values()) for split, counts in value.items()}
    rows = [
        (name, *(cell for split in value for cell in _counted(value[split].get(name, 0), totals[split])))
        for name in names
    ]
    everything = ("all rows", *(cell for split in value for cell in (count(totals[split]), "")))
    columns = ["", *(cell for split in value for cell in (split, ""))]
    return section("labels", table(columns, [*rows, everything], range(1, len(columns))))


def _counted(number: int, total: int) -> tuple[str, str]:
    return count(number), share(number, total)


def time_spent(value: Mapping[str, Any]) -> RenderableType:
    """Where the time went, stage by stage."""
    seconds = {
        name: float(spent["wall_seconds"] if isinstance(spent, Mapping) else spent)
        for name, spent in value.items()
        if isinstance(spent, (Mapping, int, float))
    }
    total = sum(seconds.values())
    rows = [(name, duration(spent), share(spent, total)) for name, spent in seconds.items() if spent >= 0.05]
    return section("where the time went", table(["", "", ""], [*rows, ("in all", duration(total), "")], numbers=(1, 2)))


def _metrics(value: Mapping[str, Any]) -> RenderableType:
    from sftcore.cli.scores import metrics

    return metrics(value)


_FORMS: dict[str, Callable[[Any], RenderableType]] = {
    "ledger": ledger,
    "labels": labels,
    "time": time_spent,
    "metrics": _metrics,
}
