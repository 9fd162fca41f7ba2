"""The task text-classification with a real tokenizer: encoding, targets, batches, the pipeline."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from sftcore import DataError, TextClassification, TextClassificationState
from sftcore.builtin.tokens import padding_id
from tests.builtin.classes import MULTI, REGRESSION, SINGLE, rows


@pytest.fixture(scope="module")
def tokenizer(minilm: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(minilm)


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
