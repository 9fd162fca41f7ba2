"""Bars on a terminal: classes by split, and lengths in tokens with what was cut. They take the room that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sftcore import figures
from sftcore.cli.text import clean, count, one_line, share

if TYPE_CHECKING:
    from sftcore.checking import Lengths

WIDEST, ROOMY, NARROWEST = 24, 8, 5
"""Columns of a bar; beside a share it has at least eight."""
NAME = 28
"""Columns of a class's name."""
SHARE = 6
"""Columns of a share: `<0.1 %`."""
GAP = 2
MOST_CLASSES, FIRST, LAST = 20, 12, 5
"""Of more classes than that the largest and the smallest are shown."""
BINS = 12
WHOLE, CUT = "█", "▒"


def bar(part: float, width: int, mark: str = WHOLE) -> str:
    """So much of a bar of `width` columns; what is there at all is one column at least."""
    return mark * max(1, round(width * part)) if part else ""


class LabelBars:
    """Rows of each class by split, each with its share of the split's rows; where the terminal is narrow, bars are left
    to the first split."""

    def __init__(self, counts: Mapping[str, Mapping[str, int]], totals: Mapping[str, int]) -> None:
        self._counts = {split: each for split, each in counts.items() if totals[split]}
        self._totals = totals
        self._names, self._hidden = _chosen(next(iter(self._counts.values()), {}))

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        name, figures = self._name_width(), self._figure_widths()
        least = name + sum(figures.values()) + GAP * len(figures)
        for shares, splits in ((True, list(figures)), (False, list(figures)), (False, list(figures)[:1])):
            taken = least + len(figures) * (SHARE + GAP) * shares
            room = (options.max_width - taken) // max(1, len(splits)) - GAP
            if room >= (ROOMY if shares else NARROWEST):
                yield self._drawn(name, dict.fromkeys(splits, min(room, WIDEST)), with_share=shares)
                return
        yield self._drawn(name, {}, with_share=False)

    def _name_width(self) -> int:
        return min(NAME, max(cell_len(clean(figures.name(name))) for name in [*self._names, self._more(), "all rows"]))

    def _more(self) -> str:
        return f"… {count(self._hidden)} more" if self._hidden else ""

    def _figure_widths(self) -> dict[str, int]:
        return {split: max(len(split), len(count(self._totals[split]))) for split in self._counts}

    def _drawn(self, name_width: int, bars: Mapping[str, int], *, with_share: bool) -> Table:
        drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        drawn.add_column("", no_wrap=True, width=name_width)
        for split in self._counts:
            drawn.add_column(split, justify="right", no_wrap=True)
            for column in (["share"] if with_share else []) + (["bar"] if split in bars else []):
                drawn.add_column("", justify="right" if column == "share" else "left", no_wrap=True)
        for place, name in enumerate(self._names):
            if self._hidden and place == FIRST:
                drawn.add_row(Text(self._more(), style="dim"))
            drawn.add_row(Text(_fitting(name, name_width)), *self._cells(name, bars, with_share))
        drawn.add_row(Text("all rows", style="dim"), *self._totals_line(bars, with_share), style="dim")
        return drawn

    def _cells(self, name: str, bars: Mapping[str, int], with_share: bool) -> Iterator[Text]:
        largest = max(self._share(split, each) for split, counts in self._counts.items() for each in counts)
        for split, counts in self._counts.items():
            number = counts.get(name, 0)
            yield Text(count(number), style="" if number else "bold yellow")
            if with_share:
                yield Text(share(number, self._totals[split]), style="dim")
            if split in bars:
                yield Text(bar(self._share(split, name) / largest, bars[split]), style="cyan")

    def _totals_line(self, bars: Mapping[str, int], with_share: bool) -> Iterator[str]:
        for split in self._counts:
            yield count(self._totals[split])
            yield from [""] * (int(with_share) + int(split in bars))

    def _share(self, split: str, name: str) -> float:
        return self._counts[split].get(name, 0) / self._totals[split] or 0.0


def _chosen(counts: Mapping[str, int]) -> tuple[list[str], int]:
    """The classes to show, and how many are not shown between them: in their own order, many of them by size."""
    if len(counts) <= MOST_CLASSES:
        return list(counts), 0
    ordered = sorted(counts, key=lambda name: -counts[name])
    return [*ordered[:FIRST], *ordered[-LAST:]], len(ordered) - FIRST - LAST


def _fitting(name: str, width: int) -> str:
    text = one_line(figures.name(name))
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


class LengthBars:
    """A histogram for each split, side by side where there is room, else of the first split alone."""

    def __init__(self, found: Mapping[str, Lengths]) -> None:
        self._found = {split: one for split, one in found.items() if one.histogram}

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        splits = list(self._found)
        while splits:
            width = (options.max_width - 2 * GAP * (len(splits) - 1)) // len(splits)
            if len(splits) == 1 or width >= self._least(splits):
                break
            splits = splits[:1]
        grid = Table.grid(padding=(0, 2 * GAP, 0, 0))
        grid.add_row(*(self._one(split, min(WIDEST, width - self._figures(split))) for split in splits))
        yield grid

    def _figures(self, split: str) -> int:
        """Columns that the bins' ends and counts take, and the gaps."""
        bins = merged(self._found[split])
        return max(cell_len(name) for name, *_ in bins) + max(len(count(total)) for _, total, *_ in bins) + 2 * GAP

    def _least(self, splits: Sequence[str]) -> int:
        titles = (cell_len(f"{split}: {_cut(self._found[split])}") for split in splits)
        return max(*(self._figures(split) + NARROWEST for split in splits), *titles)

    def _one(self, split: str, room: int) -> RenderableType:
        one = self._found[split]
        bins = merged(one)
        most = max(total for _, total, *_ in bins) or 1
        drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
        drawn.add_column(justify="right", no_wrap=True)
        drawn.add_column(no_wrap=True)
        drawn.add_column(justify="right", no_wrap=True)
        for name, total, cut, below in bins:
            drawn.add_row(name, _two(total, cut, most, max(1, room)), count(total))
            if below:
                drawn.add_row(
                    Text("─" * cell_len(name), style="yellow"), Text(f"limit {one.limit}", style="yellow"), ""
                )
        return Group(Text(f"{split}: {_cut(one)}", style="dim"), drawn)


def _two(total: int, cut: int, most: int, room: int) -> Text:
    """What is whole, and what was cut in another pattern."""
    whole, both = bar((total - cut) / most, room), bar(total / most, room)
    lost = max(len(both) - len(whole), 1 if cut else 0)
    return Text.assemble((whole[: max(room - lost, 0)], "cyan"), (CUT * lost, "yellow"))


def _cut(one: Lengths) -> str:
    return f"{share(one.truncated_rows, one.rows)} cut" if one.truncated_rows else "none cut"


def merged(one: Lengths) -> list[tuple[str, int, int, bool]]:
    """The histogram in at most 12 bins: lengths, features, those of them that were cut, and whether the limit lies at
    its end, with more to come."""
    counts, width = one.histogram["counts"], one.histogram["width"]
    cut, over = one.histogram.get("cut", [0] * len(counts)), one.histogram["over"]
    together = 2 if len(counts) > BINS else 1
    starts = range(0, len(counts), together)
    bins = [(at * width + 1, (at + together) * width) for at in starts]
    limit = next((place for place, (first, last) in enumerate(bins) if first <= one.limit <= last), None)
    found = [
        (f"{first}–{last}", sum(counts[at : at + together]), sum(cut[at : at + together]), place == limit)
        for place, (at, (first, last)) in enumerate(zip(starts, bins, strict=True))
    ]
    if over:
        lost = min(over, max(0, one.truncated_rows - sum(cut)))
        found.append((f"> {len(counts) * width}", over, lost, False))
    empty = next((place for place, each in enumerate(found) if each[1]), 0)
    return [*_skipped(found, empty), *found[empty:]] if empty > 1 else found


def _skipped(found: Sequence[tuple[str, int, int, bool]], empty: int) -> list[tuple[str, int, int, bool]]:
    """The empty bins before the first row, as one."""
    return [(f"1–{found[empty - 1][0].rpartition('–')[2]}", 0, 0, False)]
