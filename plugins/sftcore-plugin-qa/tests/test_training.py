from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore import LossOptions, Recipe, RecipeError, Run, evaluate, load_model, run
from sftcore.data.encode import encode_rows
from sftcore.data.rows import Rows
from sftcore.evaluation.predict import predict
from sftcore_plugin_qa import ExtractiveQA, ExtractiveQAState

NAMES = ["Broncos", "Panthers", "Denver", "Carolina", "Super Bowl", "champion", "北京", "首都", "城市", "人口"]
FILLER = ["the", "game", "was", "played", "in", "February", "and", "they", "did", "it", "at", "the", "Stadium"]


def squad(count: int, without: float = 0.3) -> dict[str, Any]:
    """Contexts of 5 to 30 words, most of which say who won: the question is always the same."""
    source, articles = random.Random(0), []
    for number in range(count):
        words = source.choices(FILLER, k=source.randint(4, 24))
        at, name, answered = source.randint(0, len(words)), source.choice(NAMES), source.random() >= without
        before = " ".join([*words[:at], *["won", "by"] * answered, ""])
        context = f"{before}{name} {' '.join(words[at:])} {number}"
        question = {
            "id": f"q{number}",
            "question": "Who won it?",
            "type": "odd" if number % 2 else "even",
            "is_impossible": not answered,
            "answers": [{"text": name, "answer_start": len(before)}] if answered else [],
        }
        articles.append({"title": f"t{number}", "paragraphs": [{"context": context, "qas": [question]}]})
    return {"version": "v2.0", "data": articles}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("squad") / "squad.json"
    path.write_text(json.dumps(squad(300), ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(tiny_bert: str, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = Recipe.from_toml(f"""
        name = "who-won"
        requires = ["sftcore-plugin-qa>=0.1"]
        model = {{ base = {json.dumps(tiny_bert)}, max_length = 32 }}
        data = {{ source = {json.dumps(str(data))}, near_duplicates = false }}

        [[preprocess]]
        use = "lowercase"

        [task]
        use = "extractive-qa"

        [train]
        max_steps = 120
        learning_rate = 3e-3
        per_device_train_batch_size = 16
        precision = "fp32"
    """)
    return run(recipe, runs=tmp_path_factory.mktemp("runs"))


@pytest.mark.filterwarnings("ignore:read the rows")
def test_a_tiny_model_learns_who_won_and_when_nobody_did(finished: Run) -> None:
    scores = json.loads((finished.path / "metrics.json").read_text("utf-8"))["test"]
    assert scores["metrics"]["exact-match"]["value"] > 0.5
    assert scores["metrics"]["token-f1"]["value"] > 0.5
    assert scores["baselines"]["no-answer"]["metrics"]["exact-match"]["value"] < 0.4
    assert scores["baselines"]["sliding-window"]["metrics"]["exact-match"]["value"] < 0.4
    assert set(scores["slices"]["answer"]) == {"answer", "no answer"}
    assert set(scores["slices"]["question type"]) == {"odd", "even"}
    lengths = scores["slices"]["answer length"]
    assert {"1 word", "2 to 3 words"} <= set(lengths)
    assert sum(part["rows"] for part in lengths.values()) == scores["slices"]["answer"]["answer"]["rows"]
    assert sum(part["rows"] for part in scores["slices"]["windows"].values()) == scores["rows"]
    assert scores["slices"]["answer"]["no answer"]["metrics"]["exact-match"] >= 0.5
    assert "SQuAD JSON: 300 articles, 300 contexts, 300 questions" in (finished.path / "ledger.json").read_text("utf-8")


def test_the_model_answers_in_the_words_of_the_text(finished: Run) -> None:
    model = load_model(finished)
    long = " ".join(FILLER * 5)
    rows = [
        {"question": "Who won it?", "context": f"the game was won by BRONCOS and they {long}"},
        {"question": "Who won it?", "context": f"{long} won by 北京 {long}"},
        {"question": "Who won it?", "context": long},
    ]
    first, second, third = model.predict(rows)
    assert (first.value, first.extra["start"], first.extra["end"]) == ("BRONCOS", 20, 27)
    assert second.value == "北京"
    assert second.feature > 0
    assert third.value == ""
    assert third.extra["no_answer"] == third.score


@pytest.mark.filterwarnings("ignore:read the rows")
def test_other_data_in_the_same_shape_can_be_scored(finished: Run, data: Path) -> None:
    scores = evaluate(finished, str(data))["scores"]
    assert scores["rows"] == 300
    assert scores["metrics"]["exact-match"]["value"] > 0.5


def test_recorded_logits_are_those_of_the_saved_model(finished: Run) -> None:
    import pyarrow.parquet as pq
    import torch
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(finished.model_path)
    model.train(False)
    for row in pq.read_table(finished.path / "predictions.parquet").to_pylist()[:8]:
        inputs = {name: torch.tensor([row[name]]) for name in ("input_ids", "token_type_ids")}
        with torch.inference_mode():
            outputs = model(**inputs)
        logits = torch.cat([outputs.start_logits[0], outputs.end_logits[0]])
        assert np.allclose(logits.numpy(), row["logits"], atol=1e-5)


# -- the loss --------------------------------------------------------------------------------------------------------


def features(tiny_bert: str, lengths: tuple[int, ...]) -> tuple[Any, Any, list[dict[str, Any]]]:
    """A tiny model with its head, its tokenizer, and a feature for each length."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    torch.manual_seed(1)
    model = AutoModelForQuestionAnswering.from_pretrained(tiny_bert)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    rows = []
    for length in lengths:
        context = " ".join([*(FILLER * 5)[: length - 1], "Denver"])
        answers = (
            {"text": ["Denver"], "answer_start": [len(context) - 6]} if length % 3 else {"text": [], "answer_start": []}
        )
        rows.append({"question": "Who won?", "context": context, "answers": answers})
    encoded = encode_rows(Rows.of(rows), ExtractiveQA(), ExtractiveQAState(), tokenizer, 96)
    return model, tokenizer, [encoded.feature(place) for place in range(len(encoded))]


def gradients(model: Any, batches: list[dict[str, Any]], items: int) -> tuple[float, np.ndarray]:
    model.zero_grad()
    loss_function, total = ExtractiveQA().loss_function(ExtractiveQAState(), LossOptions()), 0.0
    for batch in batches:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        loss = loss_function(model(**inputs), batch["labels"], num_items_in_batch=items)
        loss.backward()
        total += float(loss.detach())
    return total, np.concatenate(
        [weight.grad.ravel().numpy() for weight in model.parameters() if weight.grad is not None]
    )


def test_accumulated_gradients_are_those_of_the_whole_batch(tiny_bert: str) -> None:
    model, tokenizer, some = features(tiny_bert, (4, 11, 25, 40))
    task, found = ExtractiveQA(), []
    for size in (4, 2, 1):
        batches = [task.collate(some[start : start + size], tokenizer) for start in range(0, 4, size)]
        items = sum(int(batch["labels"].ne(-100).sum()) for batch in batches)
        found.append(gradients(model, batches, items))
    (loss, whole), *others = found
    assert np.abs(whole).max() > 1e-3
    for other_loss, other in others:
        assert other_loss == pytest.approx(loss, abs=1e-6)
        assert np.abs(other - whole).max() < 1e-6


def test_labels_are_not_smoothed_in_silence() -> None:
    tables = {"model": {"base": "x"}, "data": {"source": "absent.json"}, "task": {"use": "extractive-qa"}}
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict({**tables, "train": {"label_smoothing_factor": 0.1}})
    assert [problem.key for problem in caught.value.problems] == ["train.label_smoothing_factor"]


def test_the_loss_is_the_mean_cross_entropy_of_start_and_end(tiny_bert: str) -> None:
    import torch

    model, tokenizer, some = features(tiny_bert, (5, 20))
    batch = ExtractiveQA().collate(some, tokenizer)
    outputs = model(**{name: value for name, value in batch.items() if name != "labels"})
    loss = ExtractiveQA().loss_function(ExtractiveQAState(), LossOptions())
    by_hand = []
    for place, feature in enumerate(some):
        for side, label in zip(("start_logits", "end_logits"), feature["labels"], strict=True):
            real = outputs[side][place, : len(feature["input_ids"])]
            by_hand.append(float(-real.detach().log_softmax(-1)[label]))
    assert float(loss(outputs, batch["labels"]).detach()) == pytest.approx(np.mean(by_hand), abs=1e-5)
    own = [
        torch.nn.functional.cross_entropy(outputs[f"{side}_logits"][1:], batch["labels"][1:, column])
        for column, side in enumerate(("start", "end"))
    ]
    alone = {name: value[1:] for name, value in outputs.items()}
    assert float(loss(alone, batch["labels"][1:]).detach()) == pytest.approx(float(sum(own).detach()) / 2, abs=1e-6)


def test_features_that_do_not_count_change_nothing(tiny_bert: str) -> None:
    model, tokenizer, some = features(tiny_bert, (5, 20))
    masked = some[0] | {"labels": [-100, -100]}
    alone = ExtractiveQA().collate([some[1]], tokenizer)
    both = ExtractiveQA().collate([masked, some[1]], tokenizer)
    assert both["labels"].ne(-100).sum() == alone["labels"].ne(-100).sum() == 3
    (first, expected), (second, found) = (gradients(model, [batch], 3) for batch in (alone, both))
    assert second == pytest.approx(first, abs=1e-6)
    assert np.abs(found - expected).max() < 1e-6
    nothing, _ = gradients(model, [ExtractiveQA().collate([masked], tokenizer)], 3)
    assert nothing == 0


def test_the_loss_of_a_prediction_is_that_mean(tiny_bert: str) -> None:
    model, tokenizer, _ = features(tiny_bert, (5,))
    context = " ".join(FILLER * 4)
    answers = {"text": ["February"], "answer_start": [context.index("February")]}
    rows = Rows.of([{"question": "Who won?", "context": context, "answers": answers}])
    task, state = ExtractiveQA(), ExtractiveQAState()
    encoded = encode_rows(rows, task, state, tokenizer, 30)
    assert len(encoded) > 2
    loss = task.loss_function(state, LossOptions())
    predicted = predict(model, task, state, encoded, rows, tokenizer, loss_function=loss)
    by_feature = [
        predict(model, task, state, encoded.take(np.array([place])), rows, tokenizer, loss_function=loss).loss
        for place in range(len(encoded))
    ]
    assert predicted.loss == pytest.approx(np.mean([value for value in by_feature if value is not None]), abs=1e-5)


def test_padding_changes_no_output(tiny_bert: str) -> None:
    model, tokenizer, some = features(tiny_bert, (4, 40))
    model.train(False)
    task, state = ExtractiveQA(), ExtractiveQAState()
    _, together = task.outputs(model, _without_labels(task.collate(some, tokenizer)), state)
    _, (alone,) = task.outputs(model, _without_labels(task.collate(some[:1], tokenizer)), state)
    assert together[0].shape == alone.shape == (2, len(some[0]["input_ids"]))
    assert together[0].dtype == np.float32
    assert np.allclose(together[0], alone, atol=1e-5)


def _without_labels(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name != "labels"}
