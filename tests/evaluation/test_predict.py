"""Prediction by length with a real model: order, loss, precision, and what it leaves untouched."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sftcore import LossOptions, TextClassification
from sftcore.data.encode import EncodedRows, encode_rows
from sftcore.data.rows import Rows
from sftcore.evaluation.predict import length_batches, predict
from sftcore.preparing import Prepared
from sftcore.recipe.train import Train
from sftcore.reporter import SilentReporter

TASK = TextClassification()
DATA = [{"text": "word " * (1 + 7 * number % 23), "label": "abc"[number % 3]} for number in range(40)]
STATE = TASK.fit(DATA)


@pytest.fixture(scope="module")
def loaded(tiny_bert: str) -> tuple[Any, Any, EncodedRows]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert, **TASK.config(STATE))
    return model, tokenizer, encode_rows(Rows.of(DATA), TASK, STATE, tokenizer, 64)


def logits(predicted: Any) -> np.ndarray:
    return np.array([prediction.logits for prediction in predicted.predictions])


def test_rows_come_back_in_order_with_the_exact_loss(loaded: Any) -> None:
    import torch

    model, tokenizer, encoded = loaded
    loss = TASK.loss_function(STATE, LossOptions(class_weights=(0.5, 1.0, 2.0)))
    predicted = predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer, tokens_per_batch=100, loss_function=loss)
    model.eval()
    one_by_one = []
    for number in range(len(DATA)):
        with torch.no_grad():
            one_by_one.append(model(**row_batch(encoded, number, tokenizer)).logits[0])
    expected = torch.stack(one_by_one)
    assert np.abs(logits(predicted) - expected.numpy()).max() < 1e-5
    labels = torch.tensor([STATE.numbers[row["label"]] for row in DATA])
    assert predicted.loss == pytest.approx(float(loss({"logits": expected}, labels)), rel=1e-5)
    assert predicted.items == 40
    assert predicted.references == [row["label"] for row in DATA]
    assert predicted.tokens == encoded.lengths.sum()
    assert predicted.tokens <= predicted.padded_tokens < 1.3 * predicted.tokens


def row_batch(encoded: EncodedRows, number: int, tokenizer: Any) -> dict[str, Any]:
    batch = TASK.collate([encoded.feature(number)], tokenizer)
    batch.pop("labels")
    return batch


def test_the_model_and_the_random_generators_are_left_as_they_were(loaded: Any) -> None:
    import random

    import torch

    model, tokenizer, encoded = loaded
    model.train()
    model.bert.embeddings.eval()
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer)
    assert model.training
    assert model.bert.encoder.training
    assert not model.bert.embeddings.training
    assert torch.get_rng_state().equal(before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]
    again = predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer)
    assert (logits(first) == logits(again)).all()
    assert all(parameter.requires_grad for parameter in model.parameters())
    model(input_ids=torch.ones(1, 4, dtype=torch.long)).logits.sum().backward()


def test_the_task_decodes_without_the_targets(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer, encoded = loaded
    seen: list[Any] = []
    decode = TextClassification.decode

    def spy(task: TextClassification, row: Any, *rest: Any) -> Any:
        seen.append(set(row))
        return decode(task, row, *rest)

    monkeypatch.setattr(TextClassification, "decode", spy)
    predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer)
    assert seen == [{"text"}] * len(DATA)


def test_half_precision_is_near(loaded: Any) -> None:
    model, tokenizer, encoded = loaded
    full = predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer)
    half = predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer, precision="bf16")
    gap = np.abs(logits(full) - logits(half)).max()
    assert 0 < gap < 0.05
    with pytest.raises(KeyError):
        predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer, precision="int3")


def test_several_features_a_row_and_rows_without_any(loaded: Any) -> None:
    model, tokenizer, encoded = loaded

    class Widest(TextClassification, name="widest"):
        """Counts the features that it is given."""

        def decode(self, row: Any, outputs: Any, state: Any) -> Any:
            """The usual, with the number of features."""
            from dataclasses import replace

            return replace(super().decode(row, outputs, state), extra=len(outputs))

    windows = encoded.take(np.array([0, 1, 3, 3]))
    rows = [{"text": row["text"]} for row in DATA[:4]]
    predicted = predict(model, Widest(), STATE, windows, rows, tokenizer)
    assert [prediction.extra for prediction in predicted.predictions] == [1, 1, None, 2]
    assert predicted.predictions[2].reason
    assert predicted.predictions[2].value is None
    assert predicted.references == [None] * 4


def test_progress_is_told_and_nothing_is_predicted_of_nothing(loaded: Any) -> None:
    model, tokenizer, encoded = loaded
    seen = []

    class Listener:
        def progress(self, step: int, total: int, values: Any) -> None:
            seen.append((step, total))

    predict(model, TASK, STATE, encoded, Rows.of(DATA), tokenizer, tokens_per_batch=200, reporter=Listener())
    assert seen[-1][0] == seen[-1][1] == len(seen) > 1
    empty = predict(model, TASK, STATE, encoded.take(np.array([], int)), [], tokenizer)
    assert (empty.predictions, empty.loss) == ([], None)


def test_the_recipe_says_how_many_rows_are_evaluated_at_once(loaded: Any) -> None:
    model, tokenizer, encoded = loaded
    steps = []

    class Listener(SilentReporter):
        def progress(self, step: int, total: int, values: Any) -> None:
            steps.append(total)

    recipe: Any = SimpleNamespace(task=TASK, train=Train(per_device_eval_batch_size=3))
    splits: Any = SimpleNamespace(test=Rows.of(DATA))
    prepared = Prepared(recipe, splits, splits.test, STATE, tokenizer, encoded, encoded, encoded)
    prepared.predict(model, "test", STATE, "fp32", Listener())
    assert steps[0] == -(-len(encoded) // 3)


def test_batches_keep_to_the_budget_and_hold_every_feature_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 500)
    batches = list(length_batches(lengths, 300, 16))
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert all(len(batch) * lengths[batch].max() <= 300 and len(batch) <= 16 for batch in batches)
    assert lengths[batches[0]].max() == lengths.max()
    assert [len(batch) for batch in length_batches(np.array([900, 5]), 300)] == [1, 1]
