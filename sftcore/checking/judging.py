"""What needs attention, and what is fine: findings made of what a check found.

Nothing here stops a run. The limits below are rules of thumb: from there on a person should look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import TYPE_CHECKING, Any

from sftcore.checking.found import CheckResult, Finding, Lengths

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

CUT_SHARE = 0.05
"""Share of cut training rows."""
UNKNOWN_SHARE = 0.1
"""Share of tokens that stand for text that the tokenizer does not know."""
LOST_SHARE = 0.01
"""Share of rows that are left out because they lack something, or in which nothing counts in the loss."""
TWIN_SHARE = 0.2
"""Share of rows that are like another one."""
FEW_OF_CLASS = 10
"""Training rows of a class."""
ONE_SIDED = 20
"""How many times as many rows the largest class has as the smallest."""
FEW_TEST_ROWS = 100
"""Scored test rows: a share measured on fewer is known to no better than 0.1 up or down."""
FEW_STEPS = 50
"""Optimizer steps in which a model hardly moves."""
FULL_SCORE = 0.99
"""The main metric of a model without fault."""
NAMED = 5
LIMITS = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192, 16384, 32768)
"""Usual values of max_length, to be proposed."""
ENOUGH = 0.99
"""Share of the rows that a proposed max_length leaves whole."""
FILTERS = ("where", "limit")
"""Stages that leave out rows because the recipe says so."""

SAID = {
    "conflicts": "with different labels",
    "leaks": "of the source's own splits",
    "cut": "of the training rows are cut at",
    "unknown": "of the tokens: is the base made",
    "absent": "has no row of",
    "no-test": "there is no test split",
}
"""By kind, words of the warning that says the same: it need not be told twice."""


def judged(found: CheckResult, recipe: Recipe) -> list[Finding]:
    """The findings, what needs attention first; warnings of the stages that none of them covers are among it."""
    findings = [
        *_rows(found),
        *_splits(found, recipe),
        *_classes(found, recipe),
        *_alike(found, recipe),
        *_texts(found, recipe),
        *_training(found),
    ]
    kinds = {one.kind for one in findings if one.level == "attention"}
    covered = [words for kind, words in SAID.items() if kind in kinds]
    rest = [text for text in dict.fromkeys(found.warnings) if not any(words in text for words in covered)]
    findings += [Finding("warning", "attention", {"text": text}) for text in rest]
    return sorted(findings, key=lambda one: one.level != "attention")


def _rows(found: CheckResult) -> Iterator[Finding]:
    """What came in and what was left out before the split."""
    stages = found.ledger["stages"]
    read = next((entry["rows_in"] for entry in stages if entry["stage"] == "load"), 0)
    asked = _dropped(entry for entry in stages if entry["stage"] in FILTERS)
    lacking = _dropped(entry for entry in stages if entry["stage"].startswith(("check", "preprocess")))
    left = sum(lacking.values())
    if left > LOST_SHARE * read:
        values = {"rows": left, "share": left / read, "reasons": lacking, "read": read}
        yield Finding("left-out", "attention", values, "left-out")
    else:
        out = left + sum(asked.values())
        values = {"rows": read, "left": out, "reasons": lacking | asked}
        yield Finding("rows-left" if out else "rows", "fine", values)


def _dropped(entries: Any) -> dict[str, int]:
    """Dropped rows by reason, the most frequent first."""
    counted: dict[str, int] = {}
    for entry in entries:
        for reason, number in entry.get("dropped", {}).items():
            counted[reason] = counted.get(reason, 0) + number
    return dict(sorted(counted.items(), key=lambda pair: -pair[1]))


def _splits(found: CheckResult, recipe: Recipe) -> Iterator[Finding]:
    scored = found.twins.test_rows_scored
    if not found.rows["test"]:
        yield Finding("no-test", "attention", {}, "no-test")
    elif scored < FEW_TEST_ROWS:
        width = min(0.5, 0.98 / sqrt(max(1, scored)))  # 1.96 · √(0.5 · 0.5 / n)
        advice = "few-test-numbers" if recipe.task.predicts == "scores" else "few-test"
        yield Finding("few-test", "attention", {"rows": scored, "width": width}, advice)
    if not found.rows["validation"]:
        yield Finding("no-validation", "attention", {}, "no-validation")
    if found.twins.left_out:
        values = {"rows": sum(found.twins.left_out.values()), "reasons": found.twins.left_out}
        yield Finding("leaks", "attention", values, "leaks")
    if found.rows["test"]:
        yield Finding("splits", "fine", {**found.rows, "scored": scored})


def _classes(found: CheckResult, recipe: Recipe) -> Iterator[Finding]:
    """Classes that are absent, rare, or drowned by others; tags are counted, but not judged."""
    if not found.labels or recipe.task.predicts not in ("labels", "label_sets"):
        return
    train = found.labels["train"]
    absent = {split: _without(counts) for split, counts in found.labels.items() if found.rows[split]}
    for split, names in absent.items():
        if names:
            key = "absent-train" if split == "train" else "absent"
            values = {"split": split, "classes": len(names), "of": len(train), "names": names[:NAMED]}
            yield Finding("absent", "attention", values, key)
    rare = sorted((name for name, number in train.items() if 0 < number < FEW_OF_CLASS), key=train.__getitem__)
    if rare:
        values = {"classes": len(rare), "of": len(train), "names": {name: train[name] for name in rare[:NAMED]}}
        yield Finding("rare", "attention", values, "rare")
    yield from _balance(train, recipe)
    if not rare and not any(absent.values()):
        yield Finding("labels", "fine", {"classes": len(train), "least": min(train.values())})


def _without(counts: Mapping[str, int]) -> list[str]:
    return [name for name, number in counts.items() if not number]


def _balance(train: Mapping[str, int], recipe: Recipe) -> Iterator[Finding]:
    most, least = max(train, key=train.__getitem__), min(train.values())
    if train[most] >= ONE_SIDED * max(1, least) and recipe.train.class_weights is None:
        values = {
            "name": most,
            "share": train[most] / max(1, sum(train.values())),
            "times": train[most] / max(1, least),
        }
        advice = "one-sided" if recipe.task.predicts == "labels" else "one-sided-sets"
        yield Finding("one-sided", "attention", values, advice)


def _alike(found: CheckResult, recipe: Recipe) -> Iterator[Finding]:
    """Twins, and texts with different labels."""
    rows = sum(found.rows.values())
    if found.conflicts.groups:
        share = found.conflicts.rows / max(1, rows)
        told = {"texts": found.conflicts.groups, "rows": found.conflicts.rows, "share": share}
        yield Finding("conflicts", "attention", told, "conflicts")
    if found.twins.counts and found.twins.near_threshold is None and recipe.data.near_duplicates is None:
        yield Finding("near", "attention", {}, "near")
    alike, share = found.twins.rows, found.twins.rows / max(1, rows)
    values = {"rows": alike, "share": share, "largest": found.twins.largest_group}
    if found.twins.rows > TWIN_SHARE * rows:
        yield Finding("twins", "attention", values, "twins")
    else:
        yield Finding("twins" if found.twins.rows else "no-twins", "fine", values)


def _texts(found: CheckResult, recipe: Recipe) -> Iterator[Finding]:
    """What the model reads of the texts."""
    yield from _cut(found, recipe)
    if found.unknown_tokens > UNKNOWN_SHARE:
        yield Finding("unknown", "attention", {"share": found.unknown_tokens}, "unknown")
    encoded = [entry.get("details", {}) for entry in found.ledger["stages"] if entry["stage"] == "encode train"]
    without = encoded[-1].get("masked_rows", 0) if encoded else 0
    if without > LOST_SHARE * found.rows["train"]:
        yield Finding("masked", "attention", {"rows": without, "share": without / found.rows["train"]}, "masked")
    if found.ceiling:
        name, value = next(iter(found.ceiling.metrics.items()), ("", None))
        reached = {"metric": name, "value": value, "rows": found.ceiling.rows}
        low = value is not None and value < FULL_SCORE
        yield Finding("ceiling", "attention" if low else "fine", reached, "ceiling" if low else "")


def _cut(found: CheckResult, recipe: Recipe) -> Iterator[Finding]:
    train = found.lengths.get("train")
    if train is None:
        return
    values: dict[str, Any] = {"limit": train.limit, "rows": train.truncated_rows, "share": train.truncated_share}
    if train.truncated_share <= CUT_SHARE:
        longest = {"longest": train.longest}
        yield Finding("cut" if train.truncated_rows else "not-cut", "fine", values | longest)
        return
    enough = proposed_limit(train)
    advice = "cut-model" if recipe.model.max_length is None else "cut-more" if enough else "cut"
    yield Finding("cut", "attention", {**values, "enough": enough}, advice)


def proposed_limit(lengths: Lengths) -> int | None:
    """The least usual max_length above the present one that leaves 99 of 100 rows whole, None where there is none."""
    counts, width = lengths.histogram.get("counts", []), lengths.histogram.get("width", 1)
    total = sum(counts) + lengths.histogram.get("over", 0)
    for limit in LIMITS:
        if limit > lengths.limit and sum(counts[: limit // width]) >= ENOUGH * total:
            return limit
    return None


def _training(found: CheckResult) -> Iterator[Finding]:
    values = {"steps": found.steps.total, "rows": found.steps.features_per_epoch}
    few = found.steps.total < FEW_STEPS
    yield Finding("steps", "attention" if few else "fine", values, "steps" if few else "")
