"""Bootstrap intervals: coverage, pairing, groups, values that are not defined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sftcore import Records
from sftcore.builtin.metrics import Accuracy, RocAuc
from sftcore.evaluation.intervals import Interval, bootstrap, group_numbers, resamples


def rows_right(right: np.ndarray, groups: np.ndarray | None = None) -> Records:
    return Records(
        "labels", np.arange(len(right)), right.astype(int), np.ones(len(right), int), ("no", "yes"), None, groups
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_interval_of_a_share_is_that_of_theory() -> None:
    right = np.arange(1000) < 800
    found = bootstrap(Accuracy().score, [rows_right(right)], rng()).interval("accuracy")
    half = 1.96 * math.sqrt(0.8 * 0.2 / 1000)
    assert found.value == 0.8
    assert found.low == pytest.approx(0.8 - half, abs=0.004)
    assert found.high == pytest.approx(0.8 + half, abs=0.004)
    assert found.undefined == 0


def test_the_same_generator_gives_the_same_interval() -> None:
    records = rows_right(np.arange(50) % 3 > 0)
    first, second = (bootstrap(Accuracy().score, [records], rng(), 100).interval("accuracy") for _ in range(2))
    assert first == second
    assert bootstrap(Accuracy().score, [records], np.random.default_rng(8), 100).interval("accuracy") != first


def test_paired_differences_are_narrower_than_the_intervals() -> None:
    right = np.arange(400) % 4 > 0
    better = right.copy()
    better[:20] = True
    result = bootstrap(Accuracy().score, [rows_right(better), rows_right(right)], rng())
    gain = result.difference("accuracy", 0, 1)
    assert gain.value == pytest.approx(5 / 400)
    assert gain.above_zero
    alone = result.interval("accuracy")
    assert gain.high - gain.low < (alone.high - alone.low) / 3
    assert result.difference("accuracy", 1, 0) == gain.negative()
    same = result.difference("accuracy", 1, 1)
    assert (same.low, same.high, same.above_zero, same.degenerate) == (0, 0, False, True)
    assert not gain.degenerate and not alone.degenerate


def test_other_rows_are_not_compared() -> None:
    records = rows_right(np.ones(4, bool))
    with pytest.raises(ValueError, match="same rows"):
        bootstrap(Accuracy().score, [records, records.take(np.array([1, 0, 2, 3]))], rng())


def test_groups_are_drawn_whole() -> None:
    groups = np.array([5, 9, 5, 9, 9, 1])
    members = {group: sorted(np.flatnonzero(groups == group)) for group in (1, 5, 9)}
    sizes = set()
    for index in resamples(6, groups, rng(), 50):
        for group, rows in members.items():
            times = [int((index == row).sum()) for row in rows]
            assert len(set(times)) == 1, group
        sizes.add(len(index))
    assert len(sizes) > 3


def test_groups_of_like_rows_widen_the_interval() -> None:
    right = np.repeat(np.arange(40) % 4 > 0, 10)
    groups = np.repeat(np.arange(40), 10)
    alone = bootstrap(Accuracy().score, [rows_right(right)], rng()).interval("accuracy")
    grouped = bootstrap(Accuracy().score, [rows_right(right, groups)], rng())
    assert grouped.units == 40
    wide = grouped.interval("accuracy")
    assert wide.high - wide.low > 2 * (alone.high - alone.low)


def test_resamples_without_a_value_are_counted() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)
    records = Records("labels", np.arange(3), np.array([0, 1, 1]), np.array([0, 1, 1]), ("a", "b"), scores)
    found = bootstrap(RocAuc().score, [records], rng(), 500).interval("roc-auc")
    assert 100 < found.undefined < 220  # a third of the resamples has one class: (2/3)^3 + (1/3)^3
    assert found.value == found.low == found.high == 1
    nothing = bootstrap(Accuracy().score, [records.take(np.array([], int))], rng(), 5).interval("accuracy")
    assert math.isnan(nothing.low) and not nothing.degenerate
    assert nothing.undefined == 5


def test_json_has_null_for_what_is_not_defined() -> None:
    found = Interval(math.nan, 0.1, math.inf, 3).as_json()
    assert found == {"value": None, "low": 0.1, "high": None, "undefined": 3, "degenerate": False}


def test_group_numbers() -> None:
    assert group_numbers(None) is None
    numbers = group_numbers(["b", "a", "b"])
    assert numbers is not None
    assert numbers.tolist() == [1, 0, 1]
