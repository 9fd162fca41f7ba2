"""Logits of other shapes than one a class: a value a token, two of them, rows of several features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore import Encoded, Output, Prediction, Recipe, RunError, Task, TextClassification
from sftcore.data.encode import encode_rows
from sftcore.data.rows import Origins, Rows
from sftcore.evaluation.predict import predict
from sftcore.runs.folder import Run, open_run
from sftcore.runs.predictions import FILE, read_predictions, recorded_facts, recorded_inputs, write_predictions
from sftcore.runs.recompute import _is_tie, _without_padding
from sftcore.runs.seal import seal
from sftcore.runs.verify import verify

WINDOW = 12
ROWS = [{"text": "word " * (1 + 5 * number % 37)} for number in range(20)]

MakeTokenRun = Callable[..., Run]


class Windows(TextClassification, name="windows-here"):
    """Start and end logits of windows of twelve tokens; the one in the middle is recorded."""

    auto_class = "AutoModelForQuestionAnswering"
    logits_from = ("start_logits", "end_logits")

    @property
    def predicts(self) -> Any:
        return "texts"

    def encode(self, rows: Sequence[Any], tokenizer: Any, state: Any, max_length: int) -> Encoded:
        found = [(row, ids[at : at + WINDOW]) for row, ids in enumerate(_ids(rows, tokenizer)) for at in _starts(ids)]
        windows = [[tokenizer.cls_token_id, *ids] for _, ids in found]
        types = [[0, 0, *[1] * (len(ids) - 2)] for ids in windows]
        columns = {"input_ids": windows, "token_type_ids": types}
        return Encoded(columns, parents=[row for row, _ in found])

    def outputs(self, model: Any, batch: dict[str, Any], state: Any) -> tuple[Any, list[np.ndarray]]:
        outputs = model(**batch)
        parts = [getattr(outputs, name).float().cpu().numpy() for name in self.logits_from]
        masks = batch["attention_mask"].bool().numpy()
        return outputs, [np.stack([part[row][mask] for part in parts]) for row, mask in enumerate(masks)]

    def decode(self, row: Any, outputs: Sequence[Output], state: Any) -> Prediction:
        best = len(outputs) // 2
        return Prediction("", 0.5, logits=outputs[best].logits.ravel().tolist(), feature=best)

    def reference(self, row: Any, state: Any) -> Any:
        return ("",)


class Tags(Windows, name="tags-here"):
    """Three classes for each token of the first window."""

    auto_class = "AutoModelForTokenClassification"
    logits_from = ("logits",)

    def decode(self, row: Any, outputs: Sequence[Output], state: Any) -> Prediction:
        return Prediction("", logits=outputs[0].logits.ravel().tolist())

    def encode(self, rows: Sequence[Any], tokenizer: Any, state: Any, max_length: int) -> Encoded:
        return Encoded({"input_ids": [ids[:WINDOW] for ids in _ids(rows, tokenizer)]})


def _ids(rows: Sequence[Any], tokenizer: Any) -> Any:
    return tokenizer([row["text"] for row in rows], add_special_tokens=False)["input_ids"]


def _starts(ids: Sequence[int]) -> range:
    return range(0, len(ids), WINDOW - 3)


@pytest.fixture
def make_token_run(tiny_bert: str, tmp_path: Path) -> MakeTokenRun:
    """Makes a finished run of an untrained model and one of the tasks above."""

    def make(task: Task) -> Run:
        import torch
        import transformers
        from transformers import AutoTokenizer

        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        auto = getattr(transformers, task.auto_class)
        model = auto.from_pretrained(tiny_bert, num_labels=2 if "Question" in task.auto_class else 3).eval()
        table = 'model = {base = "x"}\ndata = {source = "y.csv"}\ntask = {use = "text-classification"}\nname = "z"\n'
        recipe, rows, state = Recipe.from_toml(table), Rows.of(ROWS), task.state_class()
        encoded = encode_rows(rows, task, state, tokenizer, 64)
        predicted = predict(model, task, state, encoded, rows, tokenizer, tokens_per_batch=100)
        with open_run(recipe, tmp_path, {"recipe": recipe.resolved()}) as run:
            model.save_pretrained(run.model_path)
            tokenizer.save_pretrained(run.model_path)
            write_predictions(
                run.path / FILE,
                rows=rows,
                origins=Origins((), ()),
                task=task,
                labels=(),
                encoded=encoded,
                predictions=predicted.predictions,
                references=predicted.references,
                scored=np.ones(len(rows), bool),
                precision="fp32",
            )
            seal(run)
        return run

    return make


@pytest.mark.parametrize("task", [Windows(), Tags()], ids=lambda task: task.name)
def test_values_a_token_are_recomputed_without_padding(make_token_run: MakeTokenRun, task: Task) -> None:
    run = make_token_run(task)
    result = verify(run)
    assert result.outputs is not None
    assert result.outputs.rows == 20
    assert result.outputs.max_difference < 1e-5
    assert result.outputs.near_ties == 0
    table = read_predictions(run.path / FILE)
    assert len({len(logits) for logits in table["logits"].to_pylist()}) > 5
    assert recorded_facts(table)["logits_from"] == list(task.logits_from)
    assert recorded_facts(table)["generates"] is False


def test_the_recorded_inputs_are_those_of_the_feature_that_the_prediction_is_of(make_token_run: MakeTokenRun) -> None:
    """A row whose best window is not its first would differ, were the first one recorded."""
    table = read_predictions(make_token_run(Windows()).path / FILE)
    counts, lengths = table["features"].to_pylist(), [len(row["input_ids"]) for row in recorded_inputs(table)]
    assert max(counts) == 4
    assert [len(logits) for logits in table["logits"].to_pylist()] == [2 * length for length in lengths]
    shorter = [length < WINDOW + 1 for length, count in zip(lengths, counts, strict=True) if count > 1]
    assert any(shorter)
    assert not all(shorter)


def test_other_weights_are_found(make_token_run: MakeTokenRun) -> None:
    from safetensors.numpy import load_file, save_file

    run = make_token_run(Windows())
    weights = load_file(run.model_path / "model.safetensors")
    weights["qa_outputs.bias"] = weights["qa_outputs.bias"] + np.float32(0.01)
    save_file(weights, run.model_path / "model.safetensors", metadata={"format": "pt"})
    (run.path / "SHA256SUMS").unlink()
    seal(run)
    with pytest.raises(RunError, match=r"differ from the recorded ones by up to 0\.01"):
        verify(run)


def test_padding_is_cut_only_from_values_a_token() -> None:
    classes = np.array([1.0, 2.0, 3.0])
    assert _without_padding([classes], 3, 2, left=False) is not classes
    assert _without_padding([classes], 3, 2, left=False).tolist() == [1, 2, 3]
    tokens = np.arange(8.0).reshape(4, 2)
    assert _without_padding([tokens], 4, 2, left=False).tolist() == [0, 1, 2, 3]
    assert _without_padding([tokens], 4, 2, left=True).tolist() == [4, 5, 6, 7]
    start, end = np.arange(4.0), np.arange(4.0) + 10
    assert _without_padding([start, end], 6, 3, left=False).tolist() == [0, 1, 2, 10, 11, 12]


def test_a_tie_is_two_tokens_of_one_score_where_the_texts_part() -> None:
    import torch

    def scores(*rows: list[float]) -> list[torch.Tensor]:
        return [torch.tensor([row]) for row in rows]

    same, near, far = [0.0, 9.0, 1.0], [9.0, 9.0 - 5e-5, -torch.inf], [9.0, 8.99, 0.0]
    assert _is_tie([1, 0, 2], [1, 1, 0], scores(same, near, far))
    assert not _is_tie([1, 0, 2], [1, 1, 0], scores(same, far, near))
    assert not _is_tie([1, 0], [1], scores(same, near))
    assert not _is_tie([0, 1], [2, 1], scores(near, near))
