"""The task with a real tokenizer: labels, encoding, loss, decoding, thresholds, and a plugin's subclass of it."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sftcore import DataError, Labels, LossOptions, Output, Prediction, TextClassification, TextClassificationState
from sftcore.builtin.probabilities import best_threshold
from sftcore.builtin.tokens import padding_id

SINGLE = TextClassification()
MULTI = TextClassification(problem_type="multi_label_classification")
REGRESSION = TextClassification(problem_type="regression")


class Mood(TextClassification, name="mood"):
    """What a plugin writes: default labels, nothing else."""

    labels: Labels = ("bad", "good")


def rows(*labels: Any) -> list[dict[str, Any]]:
    return [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]


@pytest.fixture(scope="module")
def tokenizer(minilm: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(minilm)


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


TEXTS = ["I love it", "Terrible, would not buy again!", "ok " * 60, "unbelievably " * 30]


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_encoding_is_that_of_the_tokenizer_and_counts_what_is_cut(tokenizer: Any, paired: bool, side: str) -> None:
    private = pickle.loads(pickle.dumps(tokenizer))
    private.truncation_side = side
    data = [{"text": text} | ({"text_pair": "and " * 10 + text} if paired else {}) for text in TEXTS]
    encoded = SINGLE.encode(data, private, TextClassificationState(labels=("a", "b")), 32)
    second = [row["text_pair"] for row in data] if paired else None
    expected = private(TEXTS, second, truncation="longest_first", max_length=32, padding=False)
    whole = private(TEXTS, second, truncation=False, padding=False)
    assert encoded.columns["input_ids"] == expected["input_ids"]
    assert encoded.lost_tokens == [max(0, len(ids) - 32) for ids in whole["input_ids"]]
    assert encoded.lost_tokens[2] > 0
    assert set(encoded.columns) == ({"input_ids", "token_type_ids"} if paired else {"input_ids"})
    if paired:
        assert encoded.columns["token_type_ids"] == expected["token_type_ids"]


def test_a_tokenizer_written_in_python_encodes_the_same(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state = TextClassificationState(labels=("a", "b"))
    data = [{"text": text, "text_pair": "so"} for text in TEXTS]
    fast = SINGLE.encode(data, tokenizer, state, 32)
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    assert SINGLE.encode(data, tokenizer, state, 32) == fast


def test_targets(tokenizer: Any) -> None:
    def targets(task: TextClassification, *labels: Any) -> Any:
        state = TextClassificationState(labels=() if task is REGRESSION else ("a", "b", "1"))
        return task.encode(rows(*labels), tokenizer, state, 16).columns.get("labels")

    assert targets(SINGLE, "b", "a", 1) == [1, 0, 2]
    assert targets(MULTI, "b|1", [], "a") == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert targets(REGRESSION, "4.5", 2) == [4.5, 2.0]
    assert targets(SINGLE, "b", None) is None
    (edge,) = targets(REGRESSION, -100)
    assert edge != -100
    assert edge == pytest.approx(-100, abs=1e-4)


def test_a_label_unknown_to_the_state_is_refused_before_training(tokenizer: Any) -> None:
    state = SINGLE.fit(rows("a", "b"))
    with pytest.raises(DataError, match="the training rows do not have: 'c'"):
        SINGLE.encode(rows("a", "c"), tokenizer, state, 16)
    with pytest.raises(DataError, match="'c'"):
        SINGLE.reference({"text": "", "label": "c"}, state)


@pytest.mark.parametrize("side", ["right", "left"])
def test_batches_are_those_of_the_library(tokenizer: Any, side: str) -> None:
    from transformers import DataCollatorWithPadding

    private = pickle.loads(pickle.dumps(tokenizer))
    private.padding_side = side
    data = [{"text": text, "text_pair": "so so", "label": "ab"[number % 2]} for number, text in enumerate(TEXTS)]
    columns = SINGLE.encode(data, private, SINGLE.fit(data), 32).columns
    features = [{name: column[row] for name, column in columns.items()} for row in range(len(data))]
    batch = SINGLE.collate(features, private)
    expected = DataCollatorWithPadding(private)([dict(feature) for feature in features])
    assert set(batch) == set(expected)
    for name, tensor in batch.items():
        assert tensor.equal(expected[name]), name


def accumulated(task: TextClassification, split: int, options: LossOptions) -> Any:
    """The gradient of a linear model over 16 rows in `split` parts."""
    import torch

    torch.manual_seed(0)
    classes = 1 if task is REGRESSION else 3
    inputs, weight = torch.randn(16, 5), torch.zeros(5, classes, requires_grad=True)
    if task is SINGLE:
        labels = torch.arange(16) % 3
    else:
        labels = torch.rand(16) * 5 if task is REGRESSION else (torch.rand(16, 3) > 0.5).float()
    loss = task.loss_function(TextClassificationState(), options)
    total = labels.ne(-100).sum()
    for part, target in zip(inputs.chunk(split), labels.chunk(split), strict=True):
        loss({"logits": part @ weight}, target, num_items_in_batch=total).backward()
    return weight.grad, float(loss({"logits": inputs @ weight}, labels).detach()), (inputs @ weight).detach(), labels


@pytest.mark.parametrize("task", [SINGLE, MULTI, REGRESSION], ids=lambda task: task.problem_type)
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 2.0)])
def test_accumulation_is_exact(task: TextClassification, weights: tuple[float, ...] | None) -> None:
    options = LossOptions(None if task is REGRESSION else weights, 0.1)
    whole, *_ = accumulated(task, 1, options)
    for split in (2, 4, 8):
        assert (accumulated(task, split, options)[0] - whole).abs().max() < 1e-6 * whole.abs().max()


def test_plain_losses_are_those_of_transformers() -> None:
    from torch.nn import functional

    for task, expected in (
        (SINGLE, functional.cross_entropy),
        (MULTI, functional.binary_cross_entropy_with_logits),
        (REGRESSION, lambda logits, labels: functional.mse_loss(logits.squeeze(-1), labels)),
    ):
        _, loss, logits, labels = accumulated(task, 1, LossOptions())
        assert loss == pytest.approx(float(expected(logits, labels)), rel=1e-6)


def test_loss_is_computed_in_single_precision() -> None:
    import torch

    loss = SINGLE.loss_function(TextClassificationState(), LossOptions())
    value = loss({"logits": torch.zeros(2, 3, dtype=torch.bfloat16)}, torch.tensor([0, -100]))
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(math.log(3))


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


def test_thresholds_are_those_of_the_highest_f1_on_validation() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth = rng.random((200, 2)) < [0.2, 0.5]
    scores = np.clip(0.15 * truth + 0.3 * rng.random((200, 2)), 0, 1)
    names = ("a", "b")
    data = [{"text": "", "label": [n for n, yes in zip(names, row, strict=True) if yes]} for row in truth]
    predictions = [Prediction((), scores=tuple(row)) for row in scores.tolist()]
    state = MULTI.calibrate(data, predictions, TextClassificationState(labels=names))
    for column, threshold in enumerate(state.thresholds):
        reached = f1_score(truth[:, column], scores[:, column] >= threshold)
        others = [f1_score(truth[:, column], scores[:, column] >= other) for other in np.linspace(0.05, 0.95, 91)]
        assert reached >= max(others)
        assert 0.05 <= threshold <= 0.95
    assert SINGLE.calibrate(data, predictions, TextClassificationState(labels=names)).thresholds == ()


def test_too_few_rows_keep_the_middle_threshold_and_equals_stay_near_it() -> None:
    scores = np.linspace(0, 1, 40)
    assert best_threshold(scores, scores > 0.92) == 0.5
    assert best_threshold(np.array([0.0] * 10 + [1.0] * 10), np.arange(20) >= 10) == 0.5
    assert best_threshold(np.full(10, 0.2), np.arange(10) >= 5) <= 0.2


def test_model_input_and_baseline_text() -> None:
    assert SINGLE.model_input({"text": "a"}) == "a"
    pair = {"text": "a", "text_pair": "b"}
    assert SINGLE.model_input(pair) == pair
    assert SINGLE.features_text(pair) == "a\nb"
    assert SINGLE.pipeline == "text-classification"


@pytest.mark.parametrize("task", [SINGLE, MULTI, REGRESSION], ids=lambda task: task.problem_type)
def test_the_pipeline_gives_our_scores(task: TextClassification, tiny_bert: str) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    from sftcore.data.encode import encode_rows
    from sftcore.data.rows import Rows
    from sftcore.evaluation.predict import predict

    data = [{"text": text, "text_pair": "so", "label": label} for text, label in zip(TEXTS, "1213", strict=True)]
    state = task.fit(data)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert, model_max_length=32)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert, **task.config(state))
    model = task.prepare_model(model, tokenizer, state).eval()
    table = Rows.of(data)
    predicted = predict(model, task, state, encode_rows(table, task, state, tokenizer, 32), table, tokenizer)
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    for row, prediction in zip(data, predicted.predictions, strict=True):
        scores = {found["label"]: found["score"] for found in pipe(task.model_input(row), top_k=None, truncation=True)}
        if task is REGRESSION:
            assert scores["score"] == pytest.approx(prediction.value, abs=1e-5)
        else:
            assert [scores[label] for label in state.labels] == pytest.approx(prediction.scores, abs=1e-5)


def test_a_model_without_padding_token_gets_one(tokenizer: Any) -> None:
    class Model:
        class config:
            pad_token_id = None

    assert SINGLE.prepare_model(Model(), tokenizer, TextClassificationState()).config.pad_token_id == 0
    private = pickle.loads(pickle.dumps(tokenizer))
    private.pad_token = None
    private.eos_token = "[SEP]"
    assert padding_id(private) == private.convert_tokens_to_ids("[SEP]")
    private.eos_token = None
    assert padding_id(private) == 0


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


def test_nothing_to_calibrate_with() -> None:
    state = TextClassificationState(labels=("a", "b"))
    assert MULTI.calibrate([], [], state) == state
