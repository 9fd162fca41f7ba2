"""The card's limits: what the test rows showed of where the model is weak, and what holds of every such model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sftcore.figures import plural, share
from sftcore.runs.card.markdown import number, section, verbatim

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

SHOWN = 3
"""Of the weakest classes, the most confused pairs and the weakest parts so many are named."""
FEW_ROWS = 20
"""A class of fewer test rows than this is said to be hardly measured."""
LEAST_PART = 10
"""A part of the data with fewer test rows than this is not called weak: too little is known of it."""


def limits(recipe: Recipe, scores: Mapping[str, Any], ledger: Mapping[str, Any]) -> str:
    """The section: what the evaluation and the ledger tell comes before what is true in general."""
    return section(
        "Limits", [*_general_first(recipe, scores), *_seen(scores), *_of_data(recipe, ledger), *_always(recipe)]
    )


def _general_first(recipe: Recipe, scores: Mapping[str, Any]) -> Iterator[str]:
    if scores.get("verdict", {}).get("beats_baselines") is False:
        yield "It does not beat the simple baselines above."
    if recipe.model.base is None:
        yield "It is not pretrained: words that the training rows do not have mean nothing to it."


def _seen(scores: Mapping[str, Any]) -> Iterator[str]:
    yield from _weak_classes(scores.get("classes") or [])
    pairs = [_pair(pair) for pair in (scores.get("confused_pairs") or [])[:SHOWN]]
    if pairs:
        yield f"Most often it takes {'; '.join(pairs)}."
    for what, parts in (scores.get("slices") or {}).items():
        yield from _weak_parts(what, parts, scores)
    error = scores.get("calibration_error")
    if error is not None:
        yield (
            f"Its confidence differs by {number(error)} from how often it is right, on average over the test rows "
            "(expected calibration error, 15 bins)."
        )


def _weak_classes(classes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = [row for row in classes if row["rows"] and row["f1"] is not None]
    weakest = sorted(known, key=lambda row: row["f1"])[:SHOWN]
    if len(known) > 1 and weakest[0]["f1"] < 1:
        named = ", ".join(
            f"{verbatim(row['label'])} {number(row['f1'])} ({plural(row['rows'], 'row')})" for row in weakest
        )
        yield f"Weakest classes, by F1: {named}."
    few = sorted((row for row in classes if row["rows"] < FEW_ROWS), key=lambda row: row["rows"])
    if few:
        named = ", ".join(f"{verbatim(row['label'])} ({row['rows']})" for row in few[: 2 * SHOWN])
        more = f" and {len(few) - 2 * SHOWN} more" if len(few) > 2 * SHOWN else ""
        yield f"Classes with fewer than {FEW_ROWS} test rows, whose figures mean little: {named}{more}."


def _pair(pair: Mapping[str, Any]) -> str:
    taken = f"{verbatim(pair['label'])} for {verbatim(pair['prediction'])}"
    return f"{taken} ({plural(pair['rows'], 'row')}, {share(pair['share'], 1)} of that class)"


def _weak_parts(what: str, parts: Mapping[str, Mapping[str, Any]], scores: Mapping[str, Any]) -> Iterator[str]:
    """The parts that are worse than the whole by the main metric."""
    metric, greater = next(iter(scores["greater_is_better"].items()), ("", True))
    whole = scores["metrics"].get(metric, {}).get("value")
    values = {
        part: (found["metrics"][metric], found["rows"])
        for part, found in parts.items()
        if found["rows"] >= LEAST_PART and found["metrics"].get(metric) is not None
    }
    if whole is None:
        return
    worse = [part for part, (value, _) in values.items() if (value < whole if greater else value > whole)]
    weakest = sorted(worse, key=lambda part: values[part][0], reverse=not greater)[:SHOWN]
    if weakest:
        named = ", ".join(f"{part} {number(values[part][0])} ({plural(values[part][1], 'row')})" for part in weakest)
        yield f"Weakest by {what}, in {metric} (all rows: {number(whole)}): {named}."


def _of_data(recipe: Recipe, ledger: Mapping[str, Any]) -> Iterator[str]:
    stages = {entry["stage"]: entry for entry in ledger.get("stages", [])}
    yield from _cut(recipe, stages.get("encode test", {}), stages.get("encode train", {}))
    conflicts = stages.get("split", {}).get("details", {}).get("conflicting_labels", {})
    if conflicts.get("rows"):
        yield (
            f"{plural(conflicts['rows'], 'row')} of the data {'has' if conflicts['rows'] == 1 else 'have'} the same "
            "text as another row and another label: nobody can be right about all of them."
        )
    if recipe.data.where:
        yield "The rows were filtered (see Data), in test too; on unfiltered rows expect less."


def _cut(recipe: Recipe, *entries: Mapping[str, Any]) -> Iterator[str]:
    """How many rows were too long; of models that read long texts in windows nothing, unless rows were cut."""
    names = ("test", "training")
    cut = [
        f"{share(rows, entry['rows_in'])} of the {name} rows"
        for name, entry in zip(names, entries, strict=True)
        if entry and (rows := entry.get("details", {}).get("truncated_rows", 0))
    ]
    if cut:
        limit = next(entry["details"]["max_length"] for entry in entries if entry)
        yield f"What is longer than {limit} tokens is cut off: {' and '.join(cut)} lost something by that."
    elif recipe.task.auto_class != "AutoModelForQuestionAnswering":
        yield "What is longer than the tokenizer's `model_max_length` tokens is cut off."


def _always(recipe: Recipe) -> Iterator[str]:
    yield "The figures hold for rows drawn as the test rows were, not for other sources, times or languages."
    learned = "answers" if recipe.task.predicts in ("texts", "spans") else "labels"
    yield f"The {learned} are those of the data: the model repeats their mistakes and leanings."
