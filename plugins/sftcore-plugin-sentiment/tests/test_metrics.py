from __future__ import annotations

import math
import time

import numpy as np
import pytest

from sftcore import DataError, Records
from sftcore_plugin_sentiment import OppositeRate, OrdinalMAE

LABELS = ("negative", "neutral", "positive")


def records(predictions: list[int], references: list[int], labels: tuple[str, ...] = LABELS) -> Records:
    ids = np.arange(len(references))
    return Records("labels", ids, np.array(predictions, np.int64), np.array(references, np.int64), labels)


def test_ordinal_mae_is_the_mean_distance_in_ranks() -> None:
    assert OrdinalMAE().score(records([0, 1, 2, 2], [0, 0, 0, 1])) == {"ordinal-mae": (0 + 1 + 2 + 1) / 4}


def test_opposite_rate_counts_worst_against_best_only() -> None:
    assert OppositeRate().score(records([2, 0, 1, 0], [0, 2, 0, 0])) == {"opposite-rate": 2 / 4}


def test_a_row_without_a_prediction_is_as_far_off_as_can_be_and_no_opposite() -> None:
    assert OrdinalMAE().score(records([-1, -1], [0, 1])) == {"ordinal-mae": (2 + 1) / 2}
    assert OppositeRate().score(records([-1, -1], [0, 1], ("neg", "pos"))) == {"opposite-rate": 0}


def test_two_classes_have_no_middle() -> None:
    assert OppositeRate().score(records([1, 1], [0, 1], ("neg", "pos"))) == {"opposite-rate": 0.5}


def test_nothing_to_score_is_not_a_number() -> None:
    for metric in (OrdinalMAE(), OppositeRate()):
        assert math.isnan(metric.score(records([], []))[metric.name])
        assert math.isnan(metric.score(records([0], [0], ()))[metric.name])


def test_the_order_can_be_given() -> None:
    alphabetic = records([0, 1, -1], [2, 0, 2], ("bad", "good", "ok"))
    assert OrdinalMAE(order=("bad", "ok", "good")).score(alphabetic) == {"ordinal-mae": (1 + 2 + 1) / 3}
    assert OppositeRate(order=("bad", "ok", "good")).score(alphabetic) == {"opposite-rate": 1 / 3}


def test_an_order_of_other_names_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        OrdinalMAE(order=("negative", "netural", "netural")).score(records([0], [0]))
    messages = [problem.message for problem in caught.value.problems]
    assert "did you mean neutral" in messages[0]
    assert "twice" in messages[-2]
    assert "leaves out neutral, positive" in messages[-1]


def test_both_say_that_smaller_is_better() -> None:
    assert not OrdinalMAE.greater_is_better
    assert not OppositeRate.greater_is_better
    assert OrdinalMAE.understands == OppositeRate.understands == ("labels",)


def test_a_thousand_resamples_take_moments() -> None:
    rng = np.random.default_rng(0)
    full = records(rng.integers(0, 3, 2000).tolist(), rng.integers(0, 3, 2000).tolist())
    started = time.process_time()
    values = [OrdinalMAE().score(full.take(rng.integers(0, 2000, 2000)))["ordinal-mae"] for _ in range(1000)]
    assert time.process_time() - started < 2
    assert np.std(values) > 0
