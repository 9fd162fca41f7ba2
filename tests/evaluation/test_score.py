"""Scores of a split: names, tables, baselines, the verdict, mistakes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sftcore import Metric, PluginError, Prediction, Problem, RecipeError, Records, TextClassification
from sftcore.builtin.metrics import F1, Accuracy, LogLoss, Matthews, MeanAbsoluteError, Precision
from sftcore.data.rows import Rows
from sftcore.evaluation.baselines import Baseline
from sftcore.evaluation.mistakes import confident_mistakes, confused_pairs, confusion
from sftcore.evaluation.predict import Predicted
from sftcore.evaluation.score import (
    check_metrics,
    class_table,
    evaluate_split,
    metric_names,
    score_all,
    score_split,
    scored_rows,
)

NAMES = ("bad", "fair", "good")
METRICS = (Accuracy(), F1())


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def labels(right: float, rows: int = 600, seed: int = 0) -> Records:
    source = np.random.default_rng(seed)
    references = np.arange(rows) % 3
    wrong = source.random(rows) > right
    return Records("labels", np.arange(rows), np.where(wrong, (references + 1) % 3, references), references, NAMES)


def verdict(model: Records, *others: Records) -> dict[str, Any]:
    baselines = [Baseline(f"other{place}", "", records) for place, records in enumerate(others)]
    found: dict[str, Any] = score_split(METRICS, model, baselines, rng=rng())["verdict"]
    return found


def test_metrics_used_twice_have_names_of_their_own() -> None:
    assert metric_names([Accuracy(), F1()]) == ["accuracy", "f1"]
    assert metric_names([F1(average="micro"), F1()]) == ["f1-micro", "f1-macro"]
    binary = [F1(average="binary", positive=name) for name in ("bad", "good")]
    assert metric_names(binary) == ["f1-bad", "f1-good"]
    assert metric_names([F1(), F1()]) == ["f1", "f1-2"]
    scored = score_all([Accuracy(), F1(average="micro"), F1()], labels(0.8))
    assert {"accuracy", "f1-micro", "f1-micro.bad", "f1-macro", "f1-macro.good"} < set(scored)


def test_the_whole_of_it_is_json_and_says_what_it_was() -> None:
    model, other = labels(0.9), labels(0.6, seed=1)
    result = score_split(METRICS, model, [Baseline("tfidf", "words", other)], rng=rng(), left_out={"twins": 3})
    again = json.loads(json.dumps(result, allow_nan=False))
    assert again["rows"] == 600
    assert again["left_out"] == {"twins": 3}
    assert again["bootstrap"] == {"resamples": 1000, "level": 0.95, "unit": "rows", "units": 600}
    accuracy = again["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert accuracy["value"] == Accuracy().score(model)["accuracy"]
    difference = again["baselines"]["tfidf"]["differences"]["accuracy"]
    expected = accuracy["value"] - again["baselines"]["tfidf"]["metrics"]["accuracy"]["value"]
    assert difference["value"] == pytest.approx(expected)
    assert difference["low"] > 0
    assert np.sum(again["confusion"]["matrix"]) == 600
    assert again["confused_pairs"][0]["prediction"] == NAMES[(NAMES.index(again["confused_pairs"][0]["label"]) + 1) % 3]


def test_values_that_are_not_defined_are_null() -> None:
    records = replace(labels(1.0, 4), predictions=np.zeros(4, int), references=np.zeros(4, int))
    result = score_split([Precision()], records, rng=rng())
    assert result["metrics"]["precision.good"] == {
        **dict.fromkeys(("value", "low", "high")),
        "undefined": 1000,
        "degenerate": False,
    }
    assert result["classes"][2] == {
        "label": "good",
        "rows": 0,
        "predicted": 0,
        "precision": None,
        "recall": None,
        "f1": None,
    }


class Wordy(Accuracy, name="wordy"):
    """Share of `rows` that are right. Nothing else."""

    said: int = 0
    """0: the meaning is the docstring's."""

    def meaning(self) -> Any:
        """The docstring's, or no text at all."""
        return self.said or super().meaning()


def test_each_metric_says_what_it_measures() -> None:
    metrics = [F1(), F1(average="binary", positive="good"), Wordy()]

    result = score_split(metrics, labels(0.9), rng=rng(), resamples=3)

    assert result["meanings"] == {
        "f1-macro": "How rightly and completely a class is found; every class counts alike",
        "f1-binary-good": "How rightly and completely a class is found; of the class good",
        "wordy": "Share of rows that are right",
    }


def test_a_meaning_that_is_no_text_shows_before_training() -> None:
    task = TextClassification()
    state = task.fit([{"text": "", "label": name} for name in NAMES])

    with pytest.raises(PluginError, match="wordy: meaning returned int, not a text"):
        check_metrics([Accuracy(), Wordy(said=1)], task, state)


def test_no_metric_is_asked_about_no_rows() -> None:
    class Asks(Metric, name="asks"):
        """Needs scores, which no rows have."""

        understands = ("labels",)

        def score(self, records: Records) -> dict[str, float]:
            raise ValueError("this metric needs the scores of the classes")

    nothing = labels(1.0).take(np.array([], np.int64))
    result = score_split([Asks(), Accuracy()], nothing, rng=rng())
    assert [found["value"] for found in result["metrics"].values()] == [None, None]
    assert result["verdict"]["beats_baselines"] is None


def test_verdict_beats() -> None:
    found = verdict(labels(0.9), labels(0.4), labels(0.7, seed=1))
    assert found["beats_baselines"] is True
    assert found["against"] == "other1"
    assert "beats both baselines; hardest is other1: accuracy 0.892 against 0.707" in found["sentence"]
    assert found["advice"] == []


def test_verdict_does_not_beat() -> None:
    found = verdict(labels(0.8), labels(0.8, seed=1))
    assert found["beats_baselines"] is False
    assert "does NOT beat the baseline other0" in found["sentence"]
    assert any("train longer" in advice for advice in found["advice"])
    worse = verdict(labels(0.6), labels(0.9, seed=1))
    assert "is WORSE than" in worse["sentence"]


def test_verdict_claims_no_interval_where_the_resamples_agree() -> None:
    perfect = labels(1.0, 2)
    wrong = replace(perfect, predictions=(perfect.references + 1) % 3)
    result = score_split(METRICS, perfect, [Baseline("other", "", wrong)], rng=rng())
    assert result["metrics"]["accuracy"] == {"value": 1, "low": 1, "high": 1, "undefined": 0, "degenerate": True}
    sentence = result["verdict"]["sentence"]
    assert "accuracy 1.000 against 0.000 (no interval of the gain: the resamples agree)" in sentence
    same = verdict(perfect, perfect)["sentence"]
    assert "(no interval of the gain: the resamples agree that the two are the same)" in same


def test_verdict_names_the_metrics_that_disagree() -> None:
    model = labels(0.9)
    rare = replace(model, predictions=np.where(model.references == 2, 1, model.references))
    often = np.array([0, 1] * 285 + [2] * 30)
    model, other = (replace(rare, references=often, predictions=often) for _ in range(2))
    model = replace(model, predictions=np.where(often == 2, 0, often))
    wrong = np.arange(600) % 10 == 0
    other = replace(other, predictions=np.where(wrong & (often < 2), 1 - often, often))
    found = verdict(model, other)
    assert found["beats_baselines"] is True
    assert "It is WORSE by f1 (against other0)" in found["sentence"]
    assert "Not so" not in found["sentence"]


def test_verdict_names_what_is_worse_where_the_main_metric_tells_nothing_apart() -> None:
    often = np.array([0, 1] * 285 + [2] * 30)
    wrong = np.arange(600) % 20 == 0
    model = Records("labels", np.arange(600), np.where(often == 2, 0, often), often, NAMES)
    other = replace(model, predictions=np.where(wrong & (often < 2), 1 - often, often))
    found = verdict(model, other)
    assert found["beats_baselines"] is False
    assert found["sentence"].startswith("The model does NOT beat")
    assert found["sentence"].endswith("It is WORSE by f1 (against other0).")


def test_verdict_where_less_is_better_and_where_nothing_is_there() -> None:
    references = np.arange(200.0)
    model = Records("scores", np.arange(200), references + 0.1, references)
    other = replace(model, predictions=references + np.where(np.arange(200) % 2, 3.0, 2.0))
    found = score_split([MeanAbsoluteError()], model, [Baseline("tfidf", "", other)], rng=rng())
    assert found["verdict"]["beats_baselines"] is True
    assert found["baselines"]["tfidf"]["differences"]["mean-absolute-error"]["high"] < 0
    assert "classes" not in found
    assert score_split(METRICS, labels(0.5), rng=rng())["verdict"]["beats_baselines"] is None


def test_verdict_leaves_out_what_is_not_defined() -> None:
    model = labels(0.9)
    constant = replace(model, predictions=np.zeros(600, int))
    names = [Baseline("majority", "", constant), Baseline("tfidf", "", labels(0.7, seed=1))]
    metrics = [Matthews(), Accuracy()]
    found = score_split(metrics, model, names, rng=rng())["verdict"]
    assert found["beats_baselines"] is True
    assert found["sentence"].startswith("The model beats the baseline tfidf: matthews")
    assert "Not so" not in score_split(metrics[::-1], model, names, rng=rng())["verdict"]["sentence"]
    alone = score_split(metrics, model, names[:1], rng=rng())["verdict"]
    assert alone["beats_baselines"] is None
    assert "matthews is not defined" in alone["sentence"]


def test_advice_speaks_of_the_majority_and_of_few_rows() -> None:
    mixed = labels(0.4, 60)
    constant = replace(mixed, predictions=np.zeros(60, int))
    for model, one in ((constant, True), (mixed, False)):
        result = score_split(METRICS, model, [Baseline("majority", "", constant)], rng=rng())["verdict"]
        assert result["beats_baselines"] is False
        assert any("class_weights" in advice for advice in result["advice"]) is one
        assert any("60 scored rows" in advice for advice in result["advice"])


def test_advice_on_numbers_does_not_speak_of_classes() -> None:
    references = np.arange(60.0)
    model = Records("scores", np.arange(60), np.full(60, 3.0), references)
    found = score_split([MeanAbsoluteError()], model, [Baseline("majority", "", model)], rng=rng())["verdict"]
    assert found["advice"]
    assert not any("class" in advice for advice in found["advice"])


def test_a_test_without_mistakes_is_too_easy() -> None:
    perfect, weak = labels(1.0), labels(0.8)
    found = verdict(perfect, perfect)
    assert found["beats_baselines"] is False
    assert "other0 makes no mistake in 600 rows" in found["advice"][0]
    assert not any("train longer" in advice for advice in found["advice"])
    worse = verdict(weak, perfect)["advice"]
    assert "train longer" in worse[0] and not any("too easy" in advice for advice in worse)
    for wrong, easy in ((3, True), (4, False)):
        others = (perfect.references + 1) % 3
        baseline = replace(perfect, predictions=np.where(np.arange(600) < wrong, others, perfect.references))
        found = verdict(perfect, baseline)
        assert found["beats_baselines"] is not easy
        assert any("3 mistakes in 600 rows" in advice for advice in found["advice"]) is easy


def test_settings_that_do_not_fit_the_labels_show_before_training() -> None:
    task = TextClassification()
    state = task.fit([{"text": "", "label": name} for name in NAMES])
    check_metrics([*METRICS, LogLoss()], task, state)
    wrong = F1(average="binary", positive="godo")
    with pytest.raises(RecipeError, match="f1 does not fit the labels") as caught:
        check_metrics([Accuracy(), wrong], task, state)
    assert caught.value.problems[0].key == "metrics.1"
    with pytest.raises(RecipeError, match="elsewhere"):
        check_metrics([wrong], task, state, lambda key, message: Problem(message, where="elsewhere"))

    class Spans(TextClassification, name="spans-here"):
        """Predicts what nothing can be made up for."""

        @property
        def predicts(self) -> Any:
            """Spans."""
            return "spans"

    check_metrics([wrong], Spans(), state)
    numbers = TextClassification(problem_type="regression")
    check_metrics(numbers.default_metrics(), numbers, numbers.state_class())


def predicted_rows() -> tuple[Rows, Predicted]:
    values = [{"text": f"text {n}", "label": NAMES[n % 3]} for n in range(9)]
    rows = Rows.of(values, ids=range(100, 109), groups=["x", "y", "z"] * 3)
    predictions = [
        Prediction(NAMES[n % 2], 0.5 + n / 20, tuple(np.eye(3)[n % 2].tolist()), (0.0,) * 3) for n in range(9)
    ]
    references: list[Any] = [row["label"] for row in values]
    references[8] = None
    return rows, Predicted(predictions, references, loss=0.5, seconds=1.0)


def test_evaluate_split_scores_one_of_each_twin_group() -> None:
    rows, predicted = predicted_rows()
    task = TextClassification()
    state = task.fit(rows.values)
    keep = np.ones(9, bool)
    keep[[0, 8]] = False
    assert scored_rows(predicted, keep).tolist() == [1, 2, 3, 4, 5, 6, 7]
    result = evaluate_split(task, state, METRICS, rows, predicted, rng(), train=rows.values, keep=keep)
    json.dumps(result, allow_nan=False)
    assert result["rows"] == 7
    assert result["left_out"] == {"twins": 1, "without_label": 1}
    assert result["loss"] == 0.5
    assert result["bootstrap"]["unit"] == "groups"
    assert result["bootstrap"]["units"] == 3
    assert set(result["baselines"]) == {"majority", "tfidf"}
    assert [mistake["row_id"] for mistake in result["mistakes"]] == [105, 104, 103, 102]
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(3 / 7)
    assert evaluate_split(task, state, METRICS, rows, predicted, rng())["baselines"] == {}


def test_class_table_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    records = labels(0.7)
    precision, recall, f1, support = precision_recall_fscore_support(records.references, records.predictions)
    for place, row in enumerate(class_table(records)):
        expected = (precision[place], recall[place], f1[place], support[place])
        assert (row["precision"], row["recall"], row["f1"], row["rows"]) == pytest.approx(expected)


def test_confusion_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix

    records = labels(0.7)
    assert (confusion(records) == confusion_matrix(records.references, records.predictions)).all()
    unpredicted = replace(records, predictions=np.where(np.arange(600) < 10, -1, records.predictions))
    assert confusion(unpredicted).sum() == 590


def test_pairs_of_label_sets() -> None:
    references = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1]], bool)
    predictions = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 1]], bool)
    records = Records("label_sets", np.arange(3), predictions, references, NAMES)
    assert confused_pairs(records) == [{"label": "bad", "prediction": "fair", "rows": 2, "share": 1.0}]
    assert class_table(records)[1]["precision"] == pytest.approx(1 / 3)
    predicted = [Prediction(("fair",), 0.9), Prediction(("fair",), 0.95), Prediction(("fair", "good"), 0.99)]
    found = confident_mistakes(records, predicted, [("bad",), ("bad",), ("fair", "good")])
    assert [mistake["row_id"] for mistake in found] == [1, 0]
    assert found[0] == {"row_id": 1, "label": ["bad"], "prediction": ["fair"], "score": 0.95}


def test_the_farthest_numbers_come_first() -> None:
    records = Records("scores", np.arange(3), np.array([1.0, 2.0, 5.0]), np.array([1.5, 2.0, 1.0]))
    found = confident_mistakes(records, [Prediction(v) for v in (1.0, 2.0, 5.0)], [1.5, 2.0, 1.0])
    assert [(mistake["row_id"], mistake["error"]) for mistake in found] == [(2, 4.0), (0, 0.5)]
    assert confused_pairs(records) == []


def test_a_metric_that_breaks_its_contract_shows_before_training() -> None:
    class Nameless(Metric, name="nameless"):
        """Gives a value of another name."""

        understands = ("labels",)

        def score(self, records: Records) -> dict[str, float]:
            """A number of no name that is asked for."""
            return {"other": 1.0}

    class Wordy(Nameless, name="wordy"):
        """Gives no number."""

        def score(self, records: Records) -> Any:
            """A text."""
            return {"wordy": "good"}

    task = TextClassification()
    state = task.fit([{"text": "", "label": name} for name in NAMES])
    with pytest.raises(PluginError, match=r"the metric nameless: score returned 'other'; .* 'nameless'"):
        check_metrics([Accuracy(), Nameless()], task, state)
    with pytest.raises(PluginError, match="the metric wordy: score returned str for 'wordy'"):
        check_metrics([Wordy()], task, state)
    with pytest.raises(PluginError, match="nameless"):
        score_all([Nameless()], labels(0.8, 6))


def scored(predictions: list[Prediction], *metrics: Metric) -> dict[str, Any]:
    rows = Rows.of([{"text": "x", "label": NAMES[0]} for _ in predictions])
    predicted = Predicted(predictions, [NAMES[0]] * len(predictions))
    task = TextClassification(labels=NAMES)
    state = task.fit([{"text": "x", "label": name} for name in NAMES])
    return evaluate_split(task, state, metrics, rows, predicted, rng())


def test_rows_without_a_score_are_left_out_of_the_calibration_and_that_is_said() -> None:
    sure = Prediction(NAMES[0], 0.9, (0.9, 0.05, 0.05))
    found = scored([sure, Prediction(None, reason="dropped"), sure, Prediction(NAMES[1])], *METRICS)
    assert found["calibration_error"] == pytest.approx(0.1)
    assert found["calibration_rows"] == 2
    assert found["notes"] == ["the calibration leaves out 2 of 4 rows, which have no score"]
    whole = scored([sure, sure], *METRICS)
    assert (whole["calibration_rows"], whole["notes"]) == (2, [])


def test_metrics_that_need_scores_are_not_defined_without_any_and_that_is_said() -> None:
    found = scored([Prediction(NAMES[0]), Prediction(None, reason="dropped")], Accuracy(), LogLoss())
    assert found["metrics"]["accuracy"]["value"] == 0.5
    assert found["metrics"]["log-loss"]["value"] is None
    assert found["notes"] == ["log-loss: not defined, since the predictions come without scores of the classes"]
    assert "calibration_error" not in found
