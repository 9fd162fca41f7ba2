from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sftcore.errors import RunError
from sftcore.runs.folder import Run
from sftcore.runs.predictions import _array, read_predictions, recorded_facts, recorded_inputs

MakeRun = Callable[..., Run]

LOWERCASE = '[[preprocess]]\nuse = "lowercase"\n'


def test_each_row_tells_what_was_read_said_and_expected(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path, LOWERCASE)
    table = read_predictions(run.path / "predictions.parquet")
    assert table.num_rows == 24
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["row"], first["file"], first["file_row"]) == (0, "reviews.csv", 1)
    assert first["text"] == first["model_input"] == first["text"].lower()
    assert first["reference"] == "negative"
    assert first["prediction"] in {"negative", "neutral", "positive"}
    assert first["score"] == pytest.approx(max(first["scores"]), abs=1e-6)
    logits = np.asarray(first["logits"])
    assert np.exp(logits) / np.exp(logits).sum() == pytest.approx(first["scores"], abs=1e-6)
    assert first["features"] == 1
    assert table["scored"].to_pylist() == [True, True, True, False] * 6
    assert set(table["reason"].to_pylist()) == {""}
    assert str(table.schema.field("input_ids").type) == "list<element: int32>"
    assert recorded_facts(table) == {
        "precision": "fp32",
        "texts": True,
        "predicts": "labels",
        "labels": ["negative", "neutral", "positive"],
        "auto_class": "AutoModelForSequenceClassification",
        "logits_from": ["logits"],
        "generates": False,
    }


def test_the_text_before_preprocessing_is_kept_where_it_was_another(tmp_path: Path, make_run: MakeRun) -> None:
    changed = read_predictions(make_run(tmp_path / "a", LOWERCASE).path / "predictions.parquet")
    given, text = changed["given_text"].to_pylist(), changed["text"].to_pylist()
    assert [one.lower() for one in given] == text
    assert given[0].isupper()
    same = read_predictions(make_run(tmp_path / "b").path / "predictions.parquet")
    assert "given_text" not in same.column_names


def test_the_recorded_ids_are_those_of_the_saved_tokenizer(tmp_path: Path, make_run: MakeRun) -> None:
    from transformers import AutoTokenizer

    run = make_run(tmp_path)
    table = read_predictions(run.path / "predictions.parquet")
    tokenizer = AutoTokenizer.from_pretrained(run.model_path)
    texts = table["model_input"].to_pylist()
    assert recorded_inputs(table) == [{"input_ids": tokenizer(text, truncation=True)["input_ids"]} for text in texts]


def test_without_texts_nothing_reveals_one(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path, LOWERCASE + "[report]\ntexts = false\n")
    table = read_predictions(run.path / "predictions.parquet")
    names = ["row", "file", "file_row", "reference", "prediction", "score", "scores", "logits", "scored", "reason"]
    assert table.column_names == names
    assert recorded_inputs(table) == []
    words = {b"excellent", b"EXCELLENT", b"terrible", b"TERRIBLE"}
    everything = b"".join(path.read_bytes() for path in run.path.glob("*.parquet"))
    assert not [word for word in words if word in everything]


def test_numbers_and_label_sets_have_columns_of_their_own_type(tmp_path: Path, make_run: MakeRun) -> None:
    task = '[task]\nuse = "text-classification"\nproblem_type = "{}"\n'
    numbers = make_run(tmp_path / "a", task.format("regression"))
    table = read_predictions(numbers.path / "predictions.parquet")
    assert str(table.schema.field("reference").type) == "double"
    sets = make_run(tmp_path / "b", task.format("multi_label_classification"))
    table = read_predictions(sets.path / "predictions.parquet")
    assert table["reference"][1].as_py() == ["box", "neutral"]


def test_values_of_mixed_shape_become_json() -> None:
    assert _array([{"a": 1}, "b", None]).to_pylist() == ['{"a": 1}', '"b"', "null"]
    assert _array([{}, {}]).to_pylist() == ["{}", "{}"]
    assert _array([("a", "b"), ()]).to_pylist() == [["a", "b"], []]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    with pytest.raises(RunError, match=r"predictions\.parquet"):
        read_predictions(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match="can't be read"):
        read_predictions(path)
