"""The card's results: metrics with intervals and baselines beside them, the verdict, and the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sftcore.runs.card.markdown import interval, number, table, verbatim


def results(scores: Mapping[str, Any]) -> str:
    """The section; it says so where there was no test split."""
    if not scores.get("metrics"):
        return "## Results\n\nThere was no test split: nothing is known of how good this model is."
    baselines, level = scores.get("baselines", {}), round(100 * scores["bootstrap"]["level"])
    resamples = scores["bootstrap"]["resamples"]
    head = ["", "this model", f"{level} % interval", *baselines]
    body = [
        [
            verbatim(name),
            number(found["value"]),
            interval(found, resamples),
            *(number(_value(each, name)) for each in baselines.values()),
        ]
        for name, found in scores["metrics"].items()
    ]
    notes = [f"{name}: {found['description']}." for name, found in baselines.items()]
    parts = [
        f"## Results\n\n{_rows(scores)}",
        table(head, body),
        " ".join([scores.get("verdict", {}).get("sentence", ""), *notes]).strip(),
        _perplexity(scores),
        _classes(scores.get("classes", [])),
    ]
    return "\n\n".join(part for part in parts if part)


def _rows(scores: Mapping[str, Any]) -> str:
    left_out = scores.get("left_out", {}).get("twins", 0)
    twins = f" ({left_out:,} more are near copies of these and not scored)" if left_out else ""
    rows = f"{scores['rows']:,} rows of the test split{twins}"
    return f"On {rows}, which nothing was tuned on; intervals by resampling {scores['bootstrap']['unit']}."


def _perplexity(scores: Mapping[str, Any]) -> str:
    """That of the references, beside the one of the model before training."""
    if scores.get("perplexity") is None:
        return ""
    before = scores.get("baselines", {}).get("base", {}).get("details", {}).get("perplexity")
    compared = "" if before is None else f" Before training it was {number(before)}."
    return f"The perplexity of the references is {number(scores['perplexity'])} (a token).{compared}"


def _value(baseline: Mapping[str, Any], name: str) -> float | None:
    value: float | None = baseline["metrics"].get(name, {}).get("value")
    return value


def _classes(classes: Sequence[Mapping[str, Any]]) -> str:
    names = ("label", "rows", "precision", "recall", "f1")
    body = [
        [verbatim(str(row["label"])), str(row["rows"]), *(number(row[name]) for name in names[2:])] for row in classes
    ]
    return table(names, body) if body else ""
