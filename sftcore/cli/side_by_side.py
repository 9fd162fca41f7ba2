"""A comparison of runs, as it is shown on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from sftcore.cli.tables import Cell, section, table
from sftcore.cli.text import clean, one_line
from sftcore.compare import Comparison, Difference, Pair
from sftcore.compare.agreement import Agreement, Example
from sftcore.compare.comparison import verdict
from sftcore.compare.sentences import conclusion, fact, how, interval, told_by_signs
from sftcore.report.words import Words

EXAMPLES = 3
"""Rows shown of each side; `--json` and the page have up to 20."""
COLOURS = {"better": "green", "worse": "red"}
_EMPTY = Text(" ")
"""A line of its own within a section; one without a letter takes no room there."""
_VALUE, _TEXT, _ANSWER = 60, 160, 80


def sections(found: Comparison, words: Words) -> Iterator[RenderableType]:
    """Everything, the conclusions last, where the eye is when the command ends."""
    yield section("what differs in the recipe", _differences(found, found.recipe, words("compare.no-recipe")))
    yield section("data, code, packages and machine", _differences(found, found.lock, words("compare.no-lock")))
    yield section("metrics", *_metrics(found, words))
    for place, pair in enumerate(found.pairs):
        label = found.sides[place + 1].label
        title = words("compare.against", run=label, reference=found.sides[0].label)
        yield section(f"comparison: {title}", *_pair(found, pair, label, words))
    yield Text()
    for place in range(len(found.pairs)):
        code, sentence = conclusion(found, place, words)
        yield Text(sentence, style=f"bold {COLOURS.get(code, 'yellow')}")


def _differences(found: Comparison, differing: Sequence[Difference], none: str) -> RenderableType:
    if not differing:
        return Text(none)
    rows = [(one.key, *(one_line(value, _VALUE) or "-" for value in one.shown())) for one in differing]
    return table(["", *(side.label for side in found.sides)], rows)


def _metrics(found: Comparison, words: Words) -> Iterator[RenderableType]:
    for side in found.sides:
        if not side.run.sealed:
            yield Text(words("compare.unsealed", run=side.label), style="yellow")
    rows: list[tuple[Cell, ...]] = [
        (name, *(_value(side.test.get("metrics", {}).get(name, {}), words) for side in found.sides))
        for name in found.metrics
    ]
    for name in found.sides[0].facts:
        values = [side.facts[name] for side in found.sides]
        if any(value is not None for value in values):
            rows.append((words(f"compare.fact.{name}"), *(one_line(fact(name, one, words), _VALUE) for one in values)))
    yield table(["", *(side.label for side in found.sides)], rows)


def _value(one: dict[str, Any], words: Words) -> Text:
    if one.get("value") is None:
        return Text("-")
    bounds = "no interval" if one.get("degenerate") else words.interval(one.get("low"), one.get("high"))
    return Text.assemble((words.number(one["value"]), "bold"), f"  {bounds}")


def _pair(found: Comparison, pair: Pair, label: str, words: Words) -> Iterator[RenderableType]:
    if pair.why is not None:
        yield Text(words("compare.not-paired", why=pair.why.said(words)), style="yellow")
        yield Text(words("compare.side-by-side"), style="dim")
        return
    for note in pair.notes:
        yield Text(note.said(words), style="yellow")
    main = [name for name in found.metrics if name in pair.differences]
    if main:
        yield table(_columns(found), [_gain(found, pair, name, words) for name in main], numbers=(1, 2, 3))
    for name, why in pair.unpaired.items():
        yield Text(f"{name}: {words('compare.unpaired', why=why.said(words))}", style="yellow")
    if main:
        yield Text(how(pair, words), style="dim")
    if pair.agreement is not None:
        yield from _agreement(pair.agreement, found.sides[0].label, label, words, grouped=pair.unit == "groups")


def _columns(found: Comparison) -> list[str]:
    """Without the runs' names, which stand above the table: it fits into 80 columns."""
    return ["", "reference", "run", "difference", f"{100 * found.level:.0f} % interval", ""]


def _gain(found: Comparison, pair: Pair, name: str, words: Words) -> tuple[Cell, ...]:
    gain, (other, value) = pair.differences[name], pair.values[name]
    code = verdict(pair, name, found.metrics[name])
    colour = COLOURS.get(code, "yellow")
    return (
        name,
        words.number(other),
        words.number(value),
        Text(words.signed(gain.as_json()["value"]), style=colour),
        Text("no interval" if gain.degenerate else interval(gain, words), style=colour),
        words(f"compare.word.{code}"),
    )


def _agreement(
    found: Agreement, reference: str, label: str, words: Words, *, grouped: bool
) -> Iterator[RenderableType]:
    yield _EMPTY
    yield _counts(found, reference, label, words)
    if found.both is None:
        by = "by-error" if found.measure == "error" else "by-metric"
        yield Text(words(f"compare.{by}", metric=found.measure), style="dim")
    yield Text(told_by_signs(found, label, words, grouped=grouped))
    key = "compare.better-rows" if found.both is None else "compare.only"
    for run, number, rows in (
        (reference, found.first, found.first_examples),
        (label, found.second, found.second_examples),
    ):
        if rows:
            yield _EMPTY
            yield Text(words(key, run=run, rows=words.several("compare.units.rows", number)), style="bold")
            for row in rows[:EXAMPLES]:
                yield from _example(row, (reference, label))
            if number > EXAMPLES:
                yield Text(
                    f"… and {words.count(number - EXAMPLES)} more (--html and --json have up to 20)", style="dim"
                )


def _counts(found: Agreement, reference: str, label: str, words: Words) -> RenderableType:
    if found.both is None or found.neither is None:
        rows = [
            (words("compare.better-on", run=reference), words.count(found.first)),
            (words("compare.equal"), words.count(found.equal)),
            (words("compare.better-on", run=label), words.count(found.second)),
        ]
        return table(["", "rows"], rows, numbers=(1,))
    right, wrong = words("compare.right", run=label), words("compare.wrong", run=label)
    both = [
        (words("compare.right", run=reference), words.count(found.both), words.count(found.first)),
        (words("compare.wrong", run=reference), words.count(found.second), words.count(found.neither)),
    ]
    return table(["", right, wrong], both, numbers=(1, 2))


def _example(row: Example, labels: tuple[str, str]) -> Iterator[Text]:
    """The row's place and text, then what is right and what each run said."""
    texts = one_line(" | ".join(clean(text) for text in row.texts.values()), _TEXT)
    yield Text.assemble((f"{row.file} row {row.file_row}", "cyan"), f"  {texts}" if texts else "")
    if row.reference is not None:
        said = "; ".join(f"{label}: {_answer(one)}" for label, one in zip(labels, row.predictions, strict=True))
        yield Text(f"  right: {_answer(row.reference)}; {said}", style="dim")


def _answer(value: Any) -> str:
    if value is None or value in ("", []):
        return "nothing"
    return one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value), _ANSWER)
