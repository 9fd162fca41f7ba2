"""Whether confidence can be trusted, over the scored rows: against accuracy, and as coverage against precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sftcore.report.charts import Chart, Figures, Line, calibration_chart, line_chart
from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

BINS = 15
"""Of equal width, as in the metric expected-calibration-error (Guo et al. 2017)."""
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Of n scored rows that were predicted: the confidence in the prediction, and whether it is right."""

    confidence: Floats
    right: NDArray[np.bool_]


def section(evidence: Evidence, words: Words) -> Section | None:
    """Both charts; None where rows have not one label each with a confidence."""
    answers = answers_of(evidence)
    if answers is None or not len(answers.right):
        return None
    body = filled(
        "calibration.html",
        words,
        error=evidence.test.get("calibration_error", expected_error(answers)),
        charts=[_reliability(answers, words), _coverage(answers, words)],
    )
    return Section("calibration", words("calibration.title"), body)


def answers_of(evidence: Evidence) -> Answers | None:
    """The scored rows of predictions.parquet, None where it does not tell confidence and correctness."""
    import pyarrow.compute as pc

    columns = [evidence.column(name) for name in ("score", "prediction", "reference", "scored")]
    score, prediction, reference, scored = columns
    if evidence.predictions_meta.get("predicts") != "labels" or score is None or prediction is None:
        return None
    if not len(score):  # without a test split the columns have no type to compare
        return None
    right = pc.equal(prediction, reference)
    known = pc.and_(pc.and_(pc.is_valid(right), pc.is_valid(score)), scored).to_numpy()
    return Answers(score.to_numpy()[known], np.asarray(right.to_numpy()[known], bool))


def reliability(answers: Answers) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean confidence, share of right answers and rows of each of 15 bins of like confidence that has rows."""
    which = np.minimum((answers.confidence * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(which, minlength=BINS)
    there = rows > 0
    confidence = np.bincount(which, answers.confidence, BINS)[there] / rows[there]
    right = np.bincount(which, answers.right, BINS)[there] / rows[there]
    return confidence, right, rows[there]


def expected_error(answers: Answers) -> float:
    """By how much confidence and accuracy differ, on average over these bins."""
    confidence, right, rows = reliability(answers)
    return float((np.abs(confidence - right) * rows).sum() / rows.sum())


def coverage(answers: Answers) -> tuple[Floats, Floats]:
    """The share of rows with at least some confidence, ascending, and the share of right answers among them.

    There is a point for each confidence that occurs.
    """
    order = np.argsort(-answers.confidence, kind="stable")
    sorted_confidence = answers.confidence[order]
    last = np.flatnonzero(np.append(sorted_confidence[1:] != sorted_confidence[:-1], True))
    kept = last + 1.0
    return kept / len(order), np.cumsum(answers.right[order])[last] / kept


def _reliability(answers: Answers, words: Words) -> Markup:
    confidence, right, rows = reliability(answers)
    names = {name: words(f"calibration.{name}") for name in ("reliability", "about", "confidence", "right", "ideal")}
    chart = Chart("reliability", names["reliability"], names["about"], names["confidence"], names["right"])
    return calibration_chart(chart, confidence.tolist(), right.tolist(), rows.tolist(), words, names["ideal"])


def _coverage(answers: Answers, words: Words) -> Markup:
    covered, precision = coverage(answers)
    names = ("coverage", "coverage_about", "covered", "precision")
    title, about, x, y = (words(f"calibration.{name}") for name in names)
    line = Line(title, covered.tolist(), precision.tolist())
    table = Figures((words("calibration.threshold"), x, words("charts.rows"), y), _kept(answers, words))
    chart = Chart("coverage", title, about, x, y)
    return line_chart(chart, [line], words, figures=table, percent=(True, True), limits=(None, 1.01))


def _kept(answers: Answers, words: Words) -> Sequence[Sequence[str]]:
    """What is left, and how much of it is right, from some confidence on."""
    rows = []
    for threshold in THRESHOLDS:
        kept = answers.confidence >= threshold
        if kept.any():
            share = words.percent(float(kept.mean()))
            right = words.number(float(answers.right[kept].mean()))
            rows.append((words.number(threshold, 2), share, words.count(int(kept.sum())), right))
    return rows
