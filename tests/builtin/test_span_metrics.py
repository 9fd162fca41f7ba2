"""Entities found, counted and resampled."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sftcore import (
    EntityF1,
    EntityPrecision,
    EntityRecall,
    Prediction,
    Records,
)
from sftcore.evaluation.intervals import bootstrap
from tests.builtin.entities import STATE, TASK, row_of


def records(predictions: Sequence[Any], references: Sequence[Any], labels: tuple[str, ...] = ("LOC", "PER")) -> Records:
    columns = [np.empty(len(predictions), object) for _ in range(2)]
    for place, pair in enumerate(zip(predictions, references, strict=True)):
        columns[0][place], columns[1][place] = pair
    return Records("spans", np.arange(len(predictions)), *columns, labels)


A, B, C = (0, 4, "PER"), (9, 15, "LOC"), (9, 14, "LOC")
FOUND = records([(A, B), (A,), (), (C,)], [(A, B), (), (A,), (B,)])


def test_entities_count_with_both_ends_and_label() -> None:
    # right: A and B of the first row; predicted 4, referred 4; of LOC 1 of 2 and 2, of PER 1 of 2 and 2
    for metric in (EntityF1(), EntityPrecision(), EntityRecall()):
        name = metric.name
        assert metric.score(FOUND) == {name: 0.5, f"{name}.LOC": 0.5, f"{name}.PER": 0.5}
    other = records([((0, 4, "LOC"),), (A, A)], [(A,), (A,)])
    assert EntityPrecision().score(other) == {
        "entity-precision": 0.5,
        "entity-precision.LOC": 0,
        "entity-precision.PER": 1,
    }
    assert EntityRecall().score(other)["entity-recall"] == 0.5


def test_what_is_not_defined_is_nan() -> None:
    none = records([(), ()], [(), ()])
    assert all(math.isnan(value) for value in EntityF1().score(none).values())
    found = EntityF1().score(records([(A,)], [()]))
    assert (found["entity-f1"], found["entity-f1.PER"]) == (0, 0)
    assert math.isnan(found["entity-f1.LOC"])
    assert math.isnan(EntityF1().score(records([], []))["entity-f1"])
    assert EntityF1().score(records([None], [(A,)]))["entity-f1"] == 0


def test_labels_are_those_that_are_seen_where_none_are_named() -> None:
    assert EntityF1().score(records(FOUND.predictions, FOUND.references, ())) == EntityF1().score(FOUND)
    metric = EntityF1().build(labels=("LOC", "PER"))
    metric.add_batch(predictions=[[list(A), list(B)], [list(A)]], references=[[list(A), list(B)], []])
    assert metric.compute() == pytest.approx({"entity-f1": 0.8, "entity-f1.LOC": 1, "entity-f1.PER": 2 / 3})


def test_a_thousand_resamples_of_a_thousand_rows_take_little() -> None:
    rng = np.random.default_rng(0)
    rows = [
        tuple((int(n), int(n) + 3, "PER" if n % 2 else "LOC") for n in rng.integers(0, 60, 4)) for _ in range(2_000)
    ]
    metric, made = EntityF1(), records(rows[:1_000], rows[1_000:])
    result = bootstrap(metric.score, [made], rng, times=20)
    by_hand = [
        (len({*left} & {*right}), len({*left}) + len({*right}))
        for left, right in zip(made.predictions, made.references, strict=True)
    ]
    expected = 2 * sum(right for right, _ in by_hand) / sum(all_ for _, all_ in by_hand)
    assert result.values["entity-f1"][0] == pytest.approx(expected)
    began = time.process_time()
    bootstrap(metric.score, [made], rng, times=1_000)
    assert time.process_time() - began < 8


def test_records_are_tuples_in_the_given_text() -> None:
    references = [TASK.reference(row_of("John left", ("John", "PER")), STATE), []]
    predictions = [Prediction(references[0], 0.5), Prediction(None, reason="dropped")]
    made = TASK.records(np.array([4, 9]), predictions, references, STATE)
    assert made.references.tolist() == [((0, 4, "PER"),), ()]
    assert made.predictions.tolist() == [((0, 4, "PER"),), ()]
    assert made.labels == ("LOC", "PER")
    assert made.scores is not None
    assert made.scores.shape == (2, 1)
    assert EntityF1().score(made)["entity-f1"] == 1
