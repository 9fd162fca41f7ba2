"""Loss and metrics in the course of the training, from log.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sftcore.report.charts import Chart, Line, line_chart
from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

MOST_METRICS = 5
EVAL = "eval_"

Points = Mapping[int, Mapping[str, float]]
"""By step, the values logged there."""


def section(evidence: Evidence, words: Words) -> Section | None:
    """The charts, and which weights were kept; None for a run that logged nothing of its training."""
    points = points_of(evidence.log)
    charts = [*_loss(points, words), *_metrics(evidence, points, words)]
    if not charts:
        return None
    body = filled("curves.html", words, charts=charts, facts=list(_facts(evidence.metrics.get("training", {}), words)))
    return Section("curves", words("curves.title"), body)


def points_of(log: Sequence[Mapping[str, Any]]) -> Points:
    """The logged numbers by step, ascending. What a resumed training logged again replaces what was there."""
    found: dict[int, dict[str, float]] = {}
    for entry in log:
        step = entry.get("step")
        if isinstance(step, int):
            numbers = {name: value for name, value in entry.items() if isinstance(value, float | int)}
            found.setdefault(step, {}).update(numbers)
    return dict(sorted(found.items()))


def line_of(points: Points, key: str, name: str) -> Line:
    """The values under a key as a line over the steps."""
    steps = [step for step, values in points.items() if key in values]
    return Line(name, steps, [points[step][key] for step in steps], marked=len(steps) < 2 or key.startswith(EVAL))


def _loss(points: Points, words: Words) -> Iterator[Any]:
    """Loss of training and validation on one chart; of a model that writes, the perplexity of the validation."""
    lines = [line_of(points, key, words(f"curves.{name}")) for key, name in (("loss", "train"), ("eval_loss", "valid"))]
    lines = [line for line in lines if line.x]
    if lines:
        name = words("curves.loss")
        chart = Chart("loss", name, words("curves.loss_about"), words("curves.step"), name)
        yield line_chart(chart, lines, words)
    perplexity = line_of(points, "eval_perplexity", words("curves.perplexity"))
    if len(perplexity.x) > 1:
        name = perplexity.name
        yield line_chart(
            Chart("perplexity", name, words("curves.perplexity_about"), words("curves.step"), name), [perplexity], words
        )


def _metrics(evidence: Evidence, points: Points, words: Words) -> Iterator[Any]:
    """The metrics' main values on the validation split: shares on one chart, each other one on its own."""
    lines = [line_of(points, EVAL + name, name) for name in evidence.main_metrics]
    lines = [line for line in lines if len(line.x) > 1]
    shares = [line for line in lines if _are_shares(line)][:MOST_METRICS]
    about, step = words("curves.metrics_about"), words("curves.step")
    if shares:
        chart = Chart("validation", words("curves.metrics"), about, step, words("curves.value"))
        yield line_chart(chart, shares, words)
    for number, line in enumerate(line for line in lines if not _are_shares(line)):
        yield line_chart(Chart(f"validation-{number}", line.name, about, step, line.name), [line], words)


def _are_shares(line: Line) -> bool:
    return all(0 <= value <= 1 for value in line.y)


def _facts(training: Mapping[str, Any], words: Words) -> Iterator[str]:
    """How far the training went, and which weights were kept."""
    if "global_step" in training:
        epochs = words.number(float(training.get("epochs") or 0), 2)
        yield words("curves.length", steps=words.count(training["global_step"]), epochs=epochs)
    if training.get("best_step") is not None:
        yield words("curves.best", best=words.count(training["best_step"]), kept=words.count(training["loaded_step"]))
    if training.get("stopped_early"):
        yield words("curves.stopped")
    if training.get("resumed_from") is not None:
        yield words("curves.resumed", step=words.count(training["resumed_from"]))
