"""What `sftcore check` found, as a page: what needs attention first, then the data, the texts and the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.report import charts, flow
from sftcore.report.evidence import Evidence
from sftcore.report.first import SPLITS, task_of, what
from sftcore.report.frame import Section, filled, page
from sftcore.report.said import advised, said, shown_place, shown_target
from sftcore.report.tokens import runs, shown_token

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.checking import CheckResult, Lengths
    from sftcore.report.words import Words

TOKENS = 400
"""Tokens of an example that a page shows."""
TALL = 20
"""Classes from which on their table scrolls by itself."""


def check_page(found: CheckResult, plan: str, words: Words) -> str:
    """The whole page. `plan`: the recipe with every default, as TOML. Without `found.texts` no text of the data is on
    it."""
    evidence = _evidence(found, words)
    sections = [section for section in _sections(found, evidence, plan, words) if section]
    first = filled(
        "check_first.html",
        words,
        name=found.shape.name,
        what=what(evidence, words),
        task=task_of(evidence),
        rows=found.rows,
        scored=found.twins.test_rows_scored,
        attention=_told(found, "attention", words),
        fine=_told(found, "fine", words),
    )
    body = filled("report.html", words, first=first, parts=sections, sections=sections)
    return page(words("check.title", name=found.shape.name), body, words)


def _evidence(found: CheckResult, words: Words) -> Evidence:
    """What a check and a run have in common, for the parts of a run's report that are shown here too."""
    return Evidence(
        path=Path(),
        name=found.shape.name,
        id="",
        recipe=found.shape.plan,
        lock={},
        ledger=found.ledger,
        metrics={},
        language=words.language,
    )


def _told(found: CheckResult, level: str, words: Words) -> list[tuple[str, str]]:
    return [(said(one, words), advised(one, words)) for one in found.findings if one.level == level]


def _sections(found: CheckResult, evidence: Evidence, plan: str, words: Words) -> Iterator[Section | None]:
    yield flow.section(evidence, words)
    if found.labels or found.targets:
        title = words("check.labels" if found.labels else "check.targets")
        yield Section("labels", title, filled("check_labels.html", words, **_labels(found), targets=found.targets))
    if found.lengths:
        drawn = [chart for split, one in found.lengths.items() if (chart := _chart(split, one, words))]
        body = filled("check_lengths.html", words, lengths=found.lengths, charts=drawn)
        yield Section("lengths", words("check.lengths"), body)
    forms = {"shown": shown_target, "placed": shown_place, "shown_token": shown_token}
    yield Section("twins", words("check.twins"), filled("check_twins.html", words, found=found, **forms))
    if found.examples:
        examples = [(one, tuple(runs(one, TOKENS))) for one in found.examples]
        marked = any(one.counts for one in found.examples)
        body = filled("check_examples.html", words, examples=examples, marked=marked, **forms)
        yield Section("examples", words("check.examples"), body)
    body = filled("check_training.html", words, found=found, **_ceiling(found, words))
    yield Section("training", words("check.training"), body)
    yield Section("plan", words("check.plan"), filled("check_plan.html", words, plan=plan, shape=found.shape))


def _labels(found: CheckResult) -> dict[str, Any]:
    """The classes with their rows by split, each with its share, and the length of its bar in percent."""
    splits = [split for split in SPLITS if found.rows.get(split)] if found.labels else []
    names = list(next(iter(found.labels.values()), ()))
    shares = {split: {name: found.labels[split][name] / found.rows[split] for name in names} for split in splits}
    most = max((share for each in shares.values() for share in each.values()), default=0) or 1
    lines = [
        (name, [(found.labels[split][name], shares[split][name], 100 * shares[split][name] / most) for split in splits])
        for name in names
    ]
    return {"splits": splits, "lines": lines, "rows": found.rows, "tall": len(names) > TALL}


def _ceiling(found: CheckResult, words: Words) -> dict[str, str]:
    """The metrics and the splits of the ceiling, in a row each."""
    comma = words("first.list")
    metrics = found.ceiling.metrics.items() if found.ceiling else ()
    splits = found.ceiling.splits if found.ceiling else ()
    return {
        "ceiling": comma.join(f"{name} {words.number(value)}" for name, value in metrics),
        "ceiling_splits": comma.join(words(f"check.split.{split}") for split in splits),
    }


def _chart(split: str, one: Lengths, words: Words) -> Markup | None:
    if not one.histogram:
        return None
    chart = charts.Chart(
        f"lengths-{split}",
        words("check.histogram", split=words(f"check.split.{split}")),
        words("check.share-cut", share=words.percent(one.truncated_share)),
        words("check.of-tokens"),
        words("check.column.rows" if one.features == one.rows else "check.column.features"),
    )
    names = words("check.whole"), words("check.cut")
    last = one.histogram["width"] * (len(one.histogram["counts"]) + bool(one.histogram["over"]))
    mark = (one.limit, words("check.limit", limit=words.count(one.limit))) if one.limit <= last else None
    return charts.histogram(chart, one.histogram, words, names, mark=mark)
