from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sftcore_plugin_qa")

from sftcore import Prediction
from sftcore_plugin_legal.contracts import ContractQA
from sftcore_plugin_qa import ExtractiveQAState

STATE = ExtractiveQAState(answered=2, unanswered=1, no_answer_threshold=0.0)


def prediction(value: str, *best: tuple[str, float]) -> Prediction:
    shown = [{"text": text, "start": 0, "end": len(text), "score": score} for text, score in best]
    return Prediction(value, 0.5, extra={"n_best": shown, "no_answer": 0.5, "margin": 0.0, "start": None, "end": None})


def test_whole_documents_are_what_the_defaults_are_made_for() -> None:
    task = ContractQA()
    assert (task.max_answer_length, task.negative_windows) == (256, 1.0)
    assert [metric.name for metric in task.default_metrics()] == [
        "cuad-aupr",
        "precision-at-80-recall",
        "precision-at-90-recall",
        "span-jaccard",
        "exact-match",
        "token-f1",
    ]
    assert all("texts" in metric.understands for metric in task.default_metrics())


def test_records_hold_at_which_score_each_reference_is_found() -> None:
    task = ContractQA()
    predictions = [
        prediction("", ("the laws of Delaware", 0.4), (" ", 0.3), ("nothing", 0.1)),
        prediction("x", ("x", 0.9)),
        prediction("", ("y", 0.2)),
    ]
    references: list[Any] = [("the laws of Delaware", "notice of thirty days"), ("x",), ()]
    records = task.records(np.arange(3), predictions, references, STATE)
    assert records.extra["found_at"].tolist()[0] == [0.4, -math.inf]
    assert records.extra["found_at"][1, 0] == 0.9
    assert np.isnan(records.extra["found_at"][2]).all()
    assert records.extra["wrong_at"][0, 0] == 0.1
    assert records.extra["wrong_at"][2, 0] == 0.2
    values = [metric.score(records) for metric in task.default_metrics()]
    # given from the surest: x, Delaware, y (wrong), nothing (wrong); three references, two of them found
    assert values[0] == {"cuad-aupr": pytest.approx(2 / 3)}
    assert values[1] == {"precision-at-80-recall": 0.0}
    assert records.take(np.array([1, 1])).extra["found_at"][:, 0].tolist() == [0.9, 0.9]


def test_a_baseline_has_its_one_prediction() -> None:
    records = ContractQA().records(np.arange(2), [Prediction("x", 0.7), Prediction("", 1.0)], [("x",), ()], STATE)
    assert records.extra["found_at"].tolist()[0] == [0.7]
    assert records.extra["wrong_at"].size == 0


def test_without_rows_there_are_no_values() -> None:
    records = ContractQA().records(np.arange(0), [], [], STATE)
    assert all(math.isnan(next(iter(metric.score(records).values()))) for metric in ContractQA().default_metrics())
