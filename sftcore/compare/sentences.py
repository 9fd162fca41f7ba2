"""What a comparison says in words, for the terminal and for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftcore.compare.comparison import Comparison, verdict
from sftcore.compare.pairing import Pair
from sftcore.compare.reasons import Reason
from sftcore.evaluation.intervals import Interval
from sftcore.report.first import place

if TYPE_CHECKING:
    from sftcore.compare.agreement import Agreement
    from sftcore.report.words import Words

TONES = {"better": "good", "worse": "bad"}
"""The colours of verdicts; all others are open."""
DOUBTFUL = "doubtful"


def heading(found: Comparison, words: Words) -> str:
    """The names of the runs: `a/0001, b/0001 and b/0002`."""
    *first, last = [side.label for side in found.sides]
    return words("compare.and").join([words("compare.comma").join(first), last])


def conclusion(found: Comparison, number: int, words: Words) -> tuple[str, str]:
    """What the pair of this number comes to by the reference's first metric: the verdict (`comparison.verdict`) and
    its sentence.

    "doubtful" in place of "better" and "worse" where the sign test does not confirm it: of few rows that differ, a
    bootstrap makes too much (k rows all of one kind are missing from a resample with probability e^-k).
    """
    pair, side = found.pairs[number], found.sides[number + 1]
    metric = next(iter(found.metrics), "")
    code = verdict(pair, metric, found.metrics.get(metric, True))
    values: dict[str, Any] = {"run": side.label, "reference": found.sides[0].label, "metric": metric}
    if code == "unpaired":
        why = pair.why or pair.unpaired.get(metric) or Reason("no-metrics")
        return code, words("compare.verdict.unpaired", **values, why=why.said(words))
    gain, (other, value) = pair.differences[metric], pair.values[metric]
    figures = {"value": words.number(value), "other": words.number(other), "difference": words.signed(gain.value)}
    interval = words.interval(gain.low, gain.high, signed=True)
    level, rows = words.percent(pair.level), words.several("compare.units.rows", pair.rows)
    sentence = words(f"compare.verdict.{code}", **values, **figures, interval=interval, level=level, rows=rows)
    if code in TONES and (doubt := _doubt(pair, words)):
        return DOUBTFUL, words("compare.space").join([sentence, doubt])
    return code, sentence


def _doubt(pair: Pair, words: Words) -> str:
    """What speaks against a verdict, row by row, or ""."""
    found = pair.agreement
    if found is None or found.both is None or found.p is None or found.p < 1 - pair.level:
        return ""
    rows = words.several("compare.units.rows", found.first + found.second)
    return words("compare.verdict.doubt", rows=rows, p=_probability(found.p))


def how(pair: Pair, words: Words) -> str:
    """How the intervals of a pair were made."""
    rows = words.several("compare.units.rows", pair.rows)
    units = words.several(f"compare.units.{pair.unit}", pair.units)
    if pair.unit == "groups":
        rows = words("compare.rows-of-groups", rows=rows, groups=words.count(pair.units))
    return words("compare.how", rows=rows, units=units, resamples=words.count(pair.resamples))


def interval(gain: Interval, words: Words) -> str:
    """The interval of a difference, or that there is none."""
    return words("compare.agree") if gain.degenerate else words.interval(gain.low, gain.high, signed=True)


def told_by_signs(found: Agreement, label: str, words: Words, *, grouped: bool) -> str:
    """What the sign test says of the rows that tell the runs apart; `label` names the other run."""
    if not found.first + found.second:
        return words("compare.sign-none")
    if grouped or found.p is None:
        return words("compare.sign-groups")
    rows = words.several("compare.units.rows", found.first + found.second)
    return words("compare.sign-test", rows=rows, run=label, n=words.count(found.second), p=_probability(found.p))


def _probability(p: float) -> str:
    return f"{p:.2g}" if p < 0.0995 else f"{p:.2f}"


def fact(name: str, value: Any, words: Words) -> str:
    """A fact of `Side.facts` as it is shown."""
    if value is None:
        return words.number(None)
    if name == "seconds":
        return words.duration(float(value))
    if name in ("rows", "steps"):
        return words.count(value)
    if name in ("task", "base"):
        return str(value).rpartition(":")[2] if name == "task" else place(str(value))
    return words.number(value) if isinstance(value, float) else str(value)
