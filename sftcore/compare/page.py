"""A comparison as a page of its own, in the frame of the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftcore.compare import sentences
from sftcore.compare.comparison import Comparison, Side, verdict
from sftcore.compare.curves import LOSS, VALIDATION, curves
from sftcore.compare.pairing import Pair
from sftcore.report.charts import COLOURS, Chart, Line, line_chart
from sftcore.report.frame import filled, page
from sftcore.report.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.compare.agreement import Agreement, Example


@dataclass(frozen=True, slots=True)
class Gain:
    """A metric's row in the table of a pair: texts, and the number to sort by."""

    name: str
    other: str
    value: str
    difference: str
    interval: str
    sort: float | None
    word: str
    tone: str


def render(found: Comparison, words: Words | None = None) -> str:
    """The page as HTML; default: in the language of the reference's report."""
    words = words or Words(found.sides[0].evidence.language)
    body = filled(
        "compare.html",
        words,
        found=found,
        reference=found.sides[0],
        conclusions=[sentences.conclusion(found, place, words) for place in range(len(found.pairs))],
        tones=sentences.TONES,
        level=words.percent(found.level),
        metrics=[(name, [_value(side, name, words) for side in found.sides]) for name in found.metrics],
        facts=list(_facts(found, words)),
        pairs=[_pair(found, place, words) for place in range(len(found.pairs))],
        charts=list(charts(found.sides, next(iter(found.metrics), ""), words)),
        drawn=COLOURS,
    )
    return page(words("compare.title", runs=sentences.heading(found, words)), body, words)


def _value(side: Side, name: str, words: Words) -> tuple[str, str]:
    """A run's own value of a metric and its interval."""
    one = side.test.get("metrics", {}).get(name, {})
    if one.get("degenerate"):
        return words.number(one.get("value")), words("compare.agree")
    return words.number(one.get("value")), words.interval(one.get("low"), one.get("high"))


def _facts(found: Comparison, words: Words) -> Iterator[tuple[str, list[str]]]:
    for name in found.sides[0].facts:
        values = [side.facts[name] for side in found.sides]
        if any(value is not None for value in values):
            yield words(f"compare.fact.{name}"), [sentences.fact(name, value, words) for value in values]


def _pair(found: Comparison, place: int, words: Words) -> dict[str, Any]:
    """What the template shows of a pair."""
    pair, side = found.pairs[place], found.sides[place + 1]
    grouped = pair.unit == "groups"
    main = [name for name in pair.differences if name in found.metrics]
    return {
        "id": f"pair-{place + 1}",
        "label": side.label,
        "why": pair.why and pair.why.said(words),
        "how": sentences.how(pair, words),
        "notes": [note.said(words) for note in pair.notes],
        "main": [_gain(pair, name, found, words) for name in main],
        "all": [_gain(pair, name, found, words) for name in pair.differences]
        if len(pair.differences) > len(main)
        else [],
        "unpaired": [(name, why.said(words)) for name, why in pair.unpaired.items()],
        "agreement": pair.agreement,
        "tested": pair.agreement and sentences.told_by_signs(pair.agreement, side.label, words, grouped=grouped),
        "examples": list(_examples(pair.agreement, found.sides[0].label, side.label)) if pair.agreement else [],
    }


def _gain(pair: Pair, name: str, found: Comparison, words: Words) -> Gain:
    gain, (other, value) = pair.differences[name], pair.values[name]
    code = verdict(pair, name, found.metrics[name]) if name in found.metrics else ""
    return Gain(
        name,
        words.number(other),
        words.number(value),
        words.signed(gain.as_json()["value"]),
        sentences.interval(gain, words),
        gain.as_json()["value"],
        words(f"compare.word.{code}") if code else "",
        sentences.TONES.get(code, "unsure") if code else "",
    )


def _examples(found: Agreement, reference: str, other: str) -> Iterator[tuple[str, int, Sequence[Example]]]:
    yield reference, found.first, found.first_examples
    yield other, found.second, found.second_examples


def charts(sides: Sequence[Side], metric: str, words: Words) -> Iterator[Markup]:
    """Training loss, validation loss and the first metric in validation, of all runs in one chart each."""
    courses = [curves(side.evidence) for side in sides]
    named = {
        LOSS: words("compare.training-loss"),
        f"{VALIDATION}{LOSS}": words("compare.validation-loss"),
        f"{VALIDATION}{metric}": words("compare.validation", name=metric),
    }
    for number, (name, title) in enumerate(named.items(), 1):
        lines = [
            Line(side.label, [x for x, _ in course[name]], [y for _, y in course[name]], name != LOSS)
            for side, course in zip(sides, courses, strict=True)
            if course.get(name)
        ]
        if any(len(line.x) > 1 for line in lines):  # single points say no more than the tables
            chart = Chart(
                f"course-{number}",
                words("compare.curve-of", name=title),
                words("compare.curve-about", name=title),
                words("compare.step"),
                title,
            )
            yield line_chart(chart, lines, words)
