from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftcore import Output, Prediction, Records
from sftcore_plugin_legal import ClauseClassification, ClauseClassificationState, CoverageAtPrecision
from sftcore_plugin_legal.review import Curve

LABELS = ("assignment", "notice", "term")
ROWS = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, math.nan]), st.booleans()), max_size=12)


# -- the curve -------------------------------------------------------------------------------------------------------


@given(rows=ROWS, wanted=st.sampled_from([0.25, 0.5, 0.8, 1.0]))
def test_the_threshold_covers_most_rows_at_the_precision(rows: list[tuple[float, bool]], wanted: float) -> None:
    scores = np.array([score for score, _ in rows])
    right = np.array([is_right for _, is_right in rows], bool)
    best = 0.0
    for threshold in (0.1, 0.3, 0.5, 0.7, 0.9):
        covered = scores >= threshold
        if covered.any() and right[covered].mean() >= wanted:
            best = max(best, covered.mean())
    point = Curve(scores, right).at_precision(wanted)
    assert (point.coverage if point else 0.0) == best
    if point:
        covered = scores >= point.threshold
        assert (covered.mean(), right[covered].mean(), covered.sum()) == (point.coverage, point.precision, point.rows)
        assert point.precision >= wanted


def test_the_threshold_lies_between_two_scores() -> None:
    point = Curve(np.array([0.9, 0.8, 0.4]), np.array([True, True, False])).at_precision(1.0)
    assert point and point.threshold == pytest.approx(0.6)
    last = Curve(np.array([0.9, 0.8]), np.array([True, True])).at_precision(1.0)
    assert last and last.threshold == 0.8


def test_the_best_precision_of_any_threshold() -> None:
    curve = Curve(np.array([0.9, 0.8, 0.7]), np.array([False, True, True]))
    assert curve.best_precision() == pytest.approx(2 / 3)
    assert curve.at_precision(0.7) is None
    assert math.isnan(Curve(np.array([]), np.array([], bool)).best_precision())


# -- the metric ------------------------------------------------------------------------------------------------------


def records(scores: list[float], right: list[bool], **extra: Any) -> Records:
    """Two classes; class 1 is predicted with these scores, and is right or not."""
    columns = np.stack([1 - np.array(scores), np.array(scores)], axis=1).astype(np.float32)
    references = np.where(right, 1, 0)
    size = len(scores)
    extra = {name: np.asarray(values) for name, values in extra.items()}
    return Records("labels", np.arange(size), np.ones(size, int), references, ("a", "b"), columns, extra=extra)


def test_coverage_at_precision_and_the_curve() -> None:
    values = CoverageAtPrecision(precision=0.75).score(records([0.9, 0.8, 0.7, 0.6], [True, True, False, True]))
    name = "coverage-at-precision"
    assert next(iter(values)) == name
    assert values[name] == 1.0
    assert values[f"{name}.0.8"] == values[f"{name}.0.9"] == values[f"{name}.0.99"] == 0.5
    assert math.isnan(values[f"{name}.automatic"])


def test_the_model_s_own_threshold_is_told_beside_it() -> None:
    extra = {"automatic": [1.0, 1.0, 1.0, 0.0], "threshold": [0.65] * 4}
    values = CoverageAtPrecision().score(records([0.9, 0.8, 0.7, 0.6], [True, True, False, True], **extra))
    assert values["coverage-at-precision.automatic"] == 0.75
    assert values["coverage-at-precision.reached"] == pytest.approx(2 / 3)
    assert values["coverage-at-precision.threshold"] == 0.65
    none = {"automatic": [0.0] * 4, "threshold": [math.nan] * 4}
    values = CoverageAtPrecision().score(records([0.9, 0.8, 0.7, 0.6], [True, True, False, True], **none))
    assert values["coverage-at-precision.automatic"] == 0
    assert math.isnan(values["coverage-at-precision.reached"])


def test_a_precision_that_is_never_reached_covers_nothing_and_rows_that_are_not_there_are_no_number() -> None:
    assert CoverageAtPrecision().score(records([0.9], [False]))["coverage-at-precision"] == 0.0
    assert math.isnan(CoverageAtPrecision().score(records([], []))["coverage-at-precision"])


def test_a_row_without_a_prediction_is_never_covered() -> None:
    one = Records("labels", np.arange(2), np.array([1, -1]), np.array([1, 1]), ("a", "b"), np.array([[0.1, 0.9]] * 2))
    assert CoverageAtPrecision().score(one)["coverage-at-precision"] == 0.5


def test_of_label_sets_the_least_certain_label_counts_and_all_have_to_be_right() -> None:
    scores = np.array([[0.9, 0.05], [0.9, 0.6], [0.8, 0.2]])
    predictions = scores > 0.5
    references = np.array([[True, False], [True, False], [True, False]])
    sets = Records("label_sets", np.arange(3), predictions, references, ("a", "b"), scores)
    values = CoverageAtPrecision(precision=1.0).score(sets)
    assert values["coverage-at-precision"] == pytest.approx(2 / 3)  # the second row is wrong, and sure by 0.6 only


def test_a_thousand_resamples_take_moments() -> None:
    rng = np.random.default_rng(0)
    full = records(rng.random(2000).tolist(), rng.random(2000).round().astype(bool).tolist())
    began = time.process_time()
    for _ in range(1000):
        CoverageAtPrecision().score(full.take(rng.integers(0, 2000, 2000)))
    assert time.process_time() - began < 4


# -- the task --------------------------------------------------------------------------------------------------------


def state(**values: Any) -> ClauseClassificationState:
    return ClauseClassificationState(labels=LABELS, counts=(5, 5, 5), **values)


def predicted(task: ClauseClassification, logits: list[list[float]], own: Any) -> list[Prediction]:
    return [task.decode({}, [Output(np.array(row))], own) for row in logits]


def test_calibration_finds_the_threshold_and_decode_marks_what_is_below_it() -> None:
    task = ClauseClassification(wanted_precision=1.0)
    logits = [[5.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 1.0], [1.2, 0.0, 0.0]]
    rows = [{"text": "x", "label": label} for label in ("assignment", "notice", "term", "notice")]
    before = predicted(task, logits, state())
    assert [each.extra for each in before] == [{"review": True, "threshold": None}] * 4
    own = task.calibrate(rows, before, state())
    assert own.review_precision == 1.0 and own.review_coverage == 0.5 and own.review_rows == 2
    after = predicted(task, logits, own)
    assert [each.extra["review"] for each in after] == [False, False, True, True]
    assert after[0].extra["threshold"] == own.review_threshold
    assert [each.value for each in after] == [each.value for each in before]


def test_label_sets_are_decided_anew_with_the_thresholds_of_their_labels() -> None:
    task = ClauseClassification(problem_type="multi_label_classification", wanted_precision=1.0)
    rows = [{"text": "x", "label": "notice|term" if number % 2 else "term"} for number in range(20)]
    logits = [[-4.0, -0.5 if number % 2 else -3.0, 2.0] for number in range(20)]  # notice lies below 0.5 throughout
    before = predicted(task, logits, state())
    assert all("notice" not in each.value for each in before)
    own = task.calibrate(rows, before, state())
    assert own.thresholds[1] < 0.5
    assert own.review_coverage == 1.0 and own.review_precision == 1.0
    assert predicted(task, logits, own)[1].value == ("notice", "term")


def test_a_precision_that_can_t_be_reached_is_noted_and_everything_is_for_review() -> None:
    task = ClauseClassification()
    rows = [{"text": "x", "label": "term"}, {"text": "x", "label": "notice"}]
    own = task.calibrate(rows, predicted(task, [[0.0, 2.0, 0.0], [0.0, 1.0, 0.0]], state()), state())
    assert own.review_threshold is None
    (note,) = task.notes(own)
    assert "no threshold reaches the precision 0.9" in note and "the best is 0.500" in note
    (after,) = predicted(task, [[0.0, 9.0, 0.0]], own)
    assert after.extra == {"review": True, "threshold": None}


def test_a_threshold_on_few_rows_is_noted() -> None:
    task = ClauseClassification()
    rows = [{"text": "x", "label": "notice"}] * 5
    own = task.calibrate(rows, predicted(task, [[0.0, 2.0, 0.0]] * 5, state()), state())
    assert any("only 5 validation rows" in note for note in task.notes(own))
    assert task.notes(state()) == []


def test_records_say_what_goes_without_review_once_that_is_known() -> None:
    task, ids = ClauseClassification(), np.arange(2)
    logits, references = [[9.0, 0.0, 0.0], [0.5, 0.0, 0.0]], ["assignment", "term"]
    own = state(review_threshold=0.8, review_precision=1.0, review_coverage=0.5, review_rows=30)
    known = task.records(ids, predicted(task, logits, own), references, own)
    assert known.extra["automatic"].tolist() == [1.0, 0.0]
    assert known.extra["threshold"].tolist() == [0.8, 0.8]
    assert task.records(ids, predicted(task, logits, state()), references, state()).extra == {}
    baseline = [Prediction("term", 0.5, (0.2, 0.3, 0.5))] * 2
    assert task.records(ids, baseline, references, own).extra == {}


def test_default_metrics_are_those_of_lexglue_and_of_the_queue() -> None:
    metrics = ClauseClassification(wanted_precision=0.95).default_metrics()
    assert [(metric.name, getattr(metric, "average", "")) for metric in metrics] == [
        ("f1", "macro"),
        ("f1", "micro"),
        ("accuracy", ""),
        ("coverage-at-precision", ""),
    ]
    assert metrics[3].model_dump()["precision"] == 0.95
    multi = ClauseClassification(problem_type="multi_label_classification")
    assert all(multi.predicts in metric.understands for metric in multi.default_metrics())
