"""What `check` found, as it is shown: what needs attention first, what is fine in a line each, then what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sftcore.cli.bars import LabelBars, LengthBars
from sftcore.cli.tables import facts, section, table
from sftcore.cli.text import clean, count, figure, last_part, one_line, plural, share
from sftcore.cli.token_lines import TokenLine
from sftcore.report.said import advised, said, shown_target
from sftcore.report.words import Words

if TYPE_CHECKING:
    from sftcore.checking import CheckResult, Lengths, Relative, Twins
    from sftcore.checking.found import Steps
    from sftcore.evaluation.ceiling import Ceiling

BLANK = Text(" ")
PLACE, TARGET = 32, 24
"""Letters of a row's place and target in a table of rows."""
LETTERS, LEAD = 400, 30
"""Letters of a text of which a line shows a part, and of what two texts share before their difference."""


def overview(found: CheckResult) -> Iterator[RenderableType]:
    """What needs attention, with what to do about it, and what is fine."""
    words = Words("en")
    attention = [one for one in found.findings if one.level == "attention"]
    fine = [one for one in found.findings if one.level == "fine"]
    if attention:
        rows = [_item("!", "bold yellow", said(one, words), advised(one, words)) for one in attention]
        yield section(words("check.attention-title"), _list(rows))
    if fine:
        rows = [_item("✓", "green", said(one, words)) for one in fine]
        yield section(words("check.fine-title"), _list(rows))


def _item(mark: str, style: str, text: str, advice: str = "") -> tuple[Text, RenderableType]:
    parts = [Text(clean(text)), *([Text(f"→ {clean(advice)}", style="dim")] if advice else [])]
    return Text(mark, style=style), Group(*parts)


def _list(rows: Sequence[tuple[Text, RenderableType]]) -> Table:
    drawn = Table.grid(padding=(0, 1, 0, 0))
    for row in rows:
        drawn.add_row(*row)
    return drawn


def everything(found: CheckResult) -> Iterator[RenderableType]:
    """All that needs data, but for the ledger."""
    if found.labels:
        yield section("labels", LabelBars(found.labels, found.rows))
    if found.targets:
        yield section("targets", facts(found.targets))
    if found.lengths:
        yield section("lengths in tokens", _LengthTable(found.lengths), BLANK, LengthBars(found.lengths))
    yield from _alike(found)
    if found.ceiling:
        yield section("ceiling", _ceiling(found.ceiling))
    if found.examples:
        lines = (part for example in found.examples for part in (TokenLine(example), BLANK))
        yield section("examples as the model reads them", *list(lines)[:-1])
    if not found.texts:
        yield section("texts", Text(Words("en")("check.no-texts")))
    yield section("training", Text(_steps(found.steps)), facts(found.machine))


def _alike(found: CheckResult) -> Iterator[RenderableType]:
    if any(found.twins.counts.values()) or _families(found.twins):
        yield section("twins", facts(_twins(found.twins)), *_twin_examples(found.twins))
    if found.conflicts.groups:
        groups = (part for group in found.conflicts.examples for part in (_rows(group), BLANK))
        yield section("the same text with different labels", *list(groups)[:-1])


def _twins(found: Twins) -> dict[str, Any]:
    names = {f"{name} twins": number for name, number in found.counts.items() if number}
    if found.families:
        name = found.families["family_name"]
        names |= {
            f"{name}s": found.families["families"],
            f"rows of the largest {name}": found.families["largest_family"],
        }
    group = found.largest_group if found.largest_group > 1 else None
    return names | {"largest group": group, "test rows scored": found.test_rows_scored} | found.left_out


def _families(found: Twins) -> dict[str, Any]:
    """The rows that belong together besides; {} where each stands alone."""
    families = found.families or {}
    return families if families.get("largest_family", 0) > 1 else {}


def _twin_examples(found: Twins) -> Iterator[RenderableType]:
    """Of each kind of twin one group; of what is the same to the letter its text alone."""
    for kind, groups in found.examples.items():
        shown = next((group for group in groups if group.members[0].text is not None), None)
        if shown:
            yield BLANK
            yield Text(f"{kind}, in a group of {plural(shown.rows, 'row')}", style="dim")
            yield _rows(shown.members[: 1 if kind == "exact" else None])


def _rows(group: Sequence[Relative]) -> RenderableType:
    """A line for each row of a group: its place (the end of it), its target, and as much text as there is room for,
    from where the texts begin to differ."""
    begin = _begin([one_line(one.text or "", LETTERS) for one in group])
    rows = [
        (
            last_part(one.place, PLACE),
            one_line(shown_target(one.target, Words("en")), TARGET),
            _line(one.text, begin),
        )
        for one in group
    ]
    return table(["", "", ""], rows, whole=(0,))


def _begin(texts: Sequence[str]) -> int:
    """Where to begin so that the first difference is seen: 0 where it is near the beginning, or there is none."""
    differs = (place for place, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1)
    same = next(differs, min(map(len, texts)))
    if same <= LEAD or same == max(map(len, texts)):
        return 0
    return same - LEAD // 2


def _line(text: str | None, begin: int) -> Text:
    shown = one_line(text or "", LETTERS)
    return Text(f"…{shown[begin:]}" if begin else shown, no_wrap=True, overflow="ellipsis")


class _LengthTable:
    """A line for each split; where the terminal is too narrow for it, a column for each."""

    def __init__(self, found: Mapping[str, Lengths]) -> None:
        names = ("features", "mean", "median", "95 %", "99 %", "longest", "limit")
        numbers = {
            split: (one.features, one.mean, one.p50, one.p95, one.p99, one.longest, one.limit)
            for split, one in found.items()
        }
        lines = [(split, *map(count, each), _cut(found[split])) for split, each in numbers.items()]
        columns = ("", *names, "rows cut")
        self._wide = table(columns, lines, numbers=range(1, len(columns)))
        turned = list(zip(columns, *lines, strict=True))
        self._tall = table(turned[0], turned[1:], numbers=range(1, len(turned[0])))

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield self._wide if self._wide.least_width() <= options.max_width else self._tall


def _cut(one: Lengths) -> str:
    return f"{count(one.truncated_rows)} ({share(one.truncated_rows, one.rows)})" if one.truncated_rows else "0"


def _ceiling(found: Ceiling) -> RenderableType:
    """What preprocessing, windows and truncation leave to be reached."""
    reached = ", ".join(f"{name} {figure(value)}" for name, value in found.metrics.items())
    return Text(f"a perfect model would reach {reached} ({plural(found.rows, 'row')} of {' and '.join(found.splits)})")


def _steps(found: Steps) -> str:
    words, counted = (
        Words("en"),
        {
            "per_epoch": count(found.per_epoch),
            "total": count(found.total),
            "features": count(found.features_per_epoch),
            "tokens": count(found.tokens_per_epoch),
        },
    )
    return f"{words('check.steps-of', **counted)} {events(found, words)}"


def events(found: Steps, words: Words) -> str:
    """When the training is validated and saved."""
    every = {"validation": count(found.between_validations), "checkpoint": count(found.between_checkpoints)}
    return words("check.events" if found.between_validations else "check.saved", **every)
