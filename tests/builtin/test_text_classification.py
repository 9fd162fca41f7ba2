"""The task text-classification: labels, rows, predictions, and a plugin's subclass of it."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sftcore import DataError, Output, Prediction, TextClassification, TextClassificationState
from tests.builtin.classes import MULTI, REGRESSION, SINGLE, Mood, rows


def test_labels_are_those_of_the_training_rows_numbers_in_their_order() -> None:
    assert SINGLE.fit(rows("b", "a", "b")).labels == ("a", "b")
    state = SINGLE.fit(rows(10, "9", 1.0, "10", "x"))
    assert state.labels == ("1", "9", "10", "x")
    assert state.counts == (1, 1, 2, 1)
    assert MULTI.fit(rows("joy|anger", ["fear", "joy"], "")).labels == ("anger", "fear", "joy")


def test_state_survives_json() -> None:
    state = MULTI.fit(rows("a|b", "b")).model_copy(update={"thresholds": (0.25, 0.5)})
    assert TextClassificationState.model_validate_json(state.model_dump_json()) == state
    assert pickle.loads(pickle.dumps(state)).numbers == {"a": 0, "b": 1}


def test_labels_listed_but_absent_are_counted_as_none() -> None:
    state = TextClassification(labels=("neg", "neu", "pos")).fit(rows("neg", "pos", "pos"))
    assert state.labels == ("neg", "neu", "pos")
    assert state.counts == (1, 0, 2)


def test_labels_that_are_not_listed_are_named_with_counts_and_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        Mood().fit(rows("good", "bad", "goood", "goood", "unsure"))
    (problem,) = caught.value.problems
    assert "'goood' (2 rows; did you mean good?), 'unsure' (1 row)" in problem.message
    assert 'task.labels = ["bad", "good", "goood", "unsure"]' in problem.advice
    assert problem.key == "task.labels"


@pytest.mark.parametrize(
    ("task", "labels", "word"),
    [
        (SINGLE, ["pos"] * 3, "one class only: all 3 training rows have the label 'pos'"),
        (Mood(), ["good"] * 2, "one class only"),
        (MULTI, ["a|b", "b|a"], "'a, b'"),
        (MULTI, ["", ""], "'no label'"),
        (REGRESSION, ["3", 3.0], "one value only"),
        (SINGLE, [], "no training row has a label"),
    ],
)
def test_nothing_to_tell_apart(task: TextClassification, labels: list[Any], word: str) -> None:
    with pytest.raises(DataError, match=word):
        task.fit(rows(*labels))


def test_a_class_of_one_row_is_fine() -> None:
    assert SINGLE.fit(rows("a", "a", "b")).counts == (2, 1)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"labels": ["a", "a"]}, "twice"),
        ({"labels": ["a"]}, "at least two"),
        ({"labels": ["a", " "]}, "empty"),
        ({"labels": ["a", "b"], "problem_type": "regression"}, "no labels"),
        ({"problem_type": "ranking"}, "problem_type"),
        ({"separator": ""}, "separator"),
    ],
)
def test_settings_that_do_not_fit(table: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        TextClassification.from_table(table)


@pytest.mark.parametrize(
    ("task", "row", "reason"),
    [
        (SINGLE, {"text": "hi", "label": "a"}, ""),
        (SINGLE, {"text": "hi"}, ""),
        (SINGLE, {"text": "hi", "label": 0}, ""),
        (SINGLE, {"text": " \n", "label": "a"}, "text is empty"),
        (SINGLE, {"text": None, "label": "a"}, "text is empty"),
        (SINGLE, {"text": 3, "label": "a"}, "text is no text"),
        (SINGLE, {"text": "hi", "text_pair": "", "label": "a"}, "text_pair is empty"),
        (SINGLE, {"text": "hi", "label": None}, "label is missing"),
        (SINGLE, {"text": "hi", "label": "  "}, "label is missing"),
        (SINGLE, {"text": "hi", "label": ["a", "b"]}, "label is a list, but the task has one label a row"),
        (MULTI, {"text": "hi", "label": ""}, ""),
        (MULTI, {"text": "hi", "label": ["a"]}, ""),
        (MULTI, {"text": "hi", "label": None}, "label is missing"),
        (MULTI, {"text": "hi", "label": 0.5}, "label is no list of names"),
        (REGRESSION, {"text": "hi", "label": "4.5"}, ""),
        (REGRESSION, {"text": "hi", "label": "four"}, "label is not a number"),
        (REGRESSION, {"text": "hi", "label": ""}, "label is missing"),
        (REGRESSION, {"text": "hi", "label": "nan"}, "label is not finite"),
    ],
)
def test_rows_are_checked(task: TextClassification, row: dict[str, Any], reason: str) -> None:
    assert task.check_row(row) == reason


def test_strata() -> None:
    assert SINGLE.stratum({"text": "", "label": 1}) == "1"
    assert MULTI.stratum({"text": "", "label": "b|a"}) == ("a", "b")
    assert REGRESSION.stratum({"text": "", "label": 1}) is None
    assert SINGLE.stratum({"text": ""}) is None


def test_model_config() -> None:
    config = Mood().config(Mood().fit(rows("bad", "good")))
    assert config == {
        "num_labels": 2,
        "id2label": {0: "bad", 1: "good"},
        "label2id": {"bad": 0, "good": 1},
        "problem_type": "single_label_classification",
    }
    assert REGRESSION.config(REGRESSION.fit(rows(1, 2)))["num_labels"] == 1


def test_default_metrics_understand_the_predictions() -> None:
    for task in (SINGLE, MULTI, REGRESSION):
        assert task.default_metrics()
        assert all(task.predicts in metric.understands for metric in task.default_metrics())


def test_decoding() -> None:
    state = TextClassificationState(labels=("a", "b"))
    single = SINGLE.decode({}, [Output(np.array([0.0, math.log(3)], np.float32))], state)
    assert single.value == "b"
    assert single.score == pytest.approx(0.75)
    assert single.scores == pytest.approx((0.25, 0.75))
    output = [Output(np.array([-math.log(3), math.log(4)]))]
    multi = MULTI.decode({}, output, state)
    assert multi.value == ("b",)
    assert multi.score == pytest.approx(0.75)
    assert multi.scores == pytest.approx((0.25, 0.8))
    lower = state.model_copy(update={"thresholds": (0.2, 0.9)})
    assert MULTI.decode({}, output, lower).value == ("a",)
    assert REGRESSION.decode({}, [Output(np.array([4.25]))], TextClassificationState()).value == 4.25
    huge = SINGLE.decode({}, [Output(np.array([1000.0, -1000.0]))], state)
    assert huge.scores == (1.0, 0.0)


def test_records() -> None:
    state = TextClassificationState(labels=("a", "b"))
    predictions = [Prediction("b", 0.9, (0.1, 0.9)), Prediction(None, reason="dropped")]
    records = SINGLE.records(np.array([7, 9]), predictions, ["a", "b"], state)
    assert records.predictions.tolist() == [1, -1]
    assert records.references.tolist() == [0, 1]
    assert records.scores is not None
    assert np.isnan(records.scores[1]).all()
    sets = MULTI.records(np.arange(2), [Prediction(("a", "b")), Prediction(())], [("b",), ()], state)
    assert sets.predictions.tolist() == [[True, True], [False, False]]
    assert sets.references.tolist() == [[False, True], [False, False]]
    numbers = REGRESSION.records(np.arange(1), [Prediction(1.5)], [2.0], TextClassificationState())
    assert (numbers.kind, numbers.predictions.tolist(), numbers.scores) == ("scores", [1.5], None)


def test_references() -> None:
    state = TextClassificationState(labels=("a", "b"))
    assert SINGLE.reference({"label": " a"}, state) == "a"
    assert MULTI.reference({"label": "b|a|b"}, state) == ("a", "b")
    assert REGRESSION.reference({"label": "4.5"}, TextClassificationState()) == 4.5
    assert SINGLE.reference({"text": "no label"}, state) is None
    with pytest.raises(DataError, match="expected a number"):
        REGRESSION.reference({"label": "many"}, TextClassificationState())


def test_model_input_and_baseline_text() -> None:
    assert SINGLE.model_input({"text": "a"}) == "a"
    pair = {"text": "a", "text_pair": "b"}
    assert SINGLE.model_input(pair) == pair
    assert SINGLE.features_text(pair) == "a\nb"
    assert SINGLE.pipeline == "text-classification"


def test_labels_of_a_plugin_are_roles_and_names_like_any_other() -> None:
    assert {name for name, role in Mood().roles.items() if role.target} == {"label"}
    assert Mood().label_names(Mood().fit(rows("bad", "good"))) == ("bad", "good")
    assert Mood.from_table({"labels": ["x", "y"]}).table() == {
        "use": "mood",
        "labels": ["x", "y"],
        "problem_type": "single_label_classification",
        "separator": "|",
    }


def test_importing_tasks_and_metrics_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sftcore.builtin import metrics, text_classification; from sftcore.evaluation import score; "
    )
    code += (
        "print([n for n in ('torch', 'transformers', 'datasets', 'evaluate', 'sklearn', 'pandas') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
