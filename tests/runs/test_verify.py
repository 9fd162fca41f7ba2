from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore.errors import RunError
from sftcore.runs.folder import SUMS, Run
from sftcore.runs.predictions import read_predictions, recorded_inputs
from sftcore.runs.recompute import _batches, compared
from sftcore.runs.seal import seal
from sftcore.runs.verify import verify

MakeRun = Callable[..., Run]


def test_the_reloaded_model_gives_the_recorded_logits(tmp_path: Path, make_run: MakeRun) -> None:
    result = verify(make_run(tmp_path))
    assert result.outputs is not None
    assert result.outputs.rows == 24
    assert result.outputs.max_difference < 1e-5
    assert result.outputs.near_ties == 0
    assert result.files > 8
    assert result.as_json()["outputs"]["precision"] == "fp32"


def test_bf16_is_held_to_its_own_tolerance(tmp_path: Path, make_run: MakeRun) -> None:
    result = verify(make_run(tmp_path, precision="bf16"))
    assert result.outputs is not None
    assert 0 < result.outputs.max_difference <= result.outputs.tolerance == pytest.approx(8e-2)


def test_pairs_are_read_as_pairs(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path, paired=True)
    first = recorded_inputs(read_predictions(run.path / "predictions.parquet"))[0]
    assert set(first) == {"input_ids", "token_type_ids"}
    assert 0 < sum(first["token_type_ids"]) < len(first["input_ids"])
    result = verify(run)
    assert result.outputs is not None
    assert result.outputs.max_difference < 1e-5


def test_other_weights_under_a_true_seal_are_found(tmp_path: Path, make_run: MakeRun) -> None:
    from safetensors.numpy import load_file, save_file

    run = make_run(tmp_path)
    weights = load_file(run.model_path / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + np.float32(0.01)
    save_file(weights, run.model_path / "model.safetensors", metadata={"format": "pt"})
    (run.path / SUMS).unlink()
    seal(run)
    with pytest.raises(RunError, match=r"differ from the recorded ones by up to 0\.01; 1e-05 was expected"):
        verify(run)


def rewritten(run: Run, facts: dict[str, Any], **columns: Any) -> Run:
    """The run with other facts and columns in predictions.parquet, under a true seal."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = run.path / "predictions.parquet"
    table = pq.read_table(path)
    known = {**json.loads(table.schema.metadata[b"sftcore"]), **facts}
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table.replace_schema_metadata({b"sftcore": json.dumps(known).encode()}), path)
    (run.path / SUMS).unlink()
    seal(run)
    return run


def test_of_an_edited_record_it_is_said_what_is_wrong_with_it(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path, paired=True)
    assert verify(rewritten(run, {"precision": None})).skipped.endswith("with what it was recorded (precision)")
    for facts, columns, message in (
        ({"precision": "fp32", "auto_class": "AutoNothing"}, {}, "has no class AutoNothing"),
        ({"auto_class": "AutoModelForSequenceClassification", "logits_from": ["other"]}, {}, "gives no other, which"),
        ({"logits_from": ["logits"]}, {"input_ids": [[1]] * 24}, "in row 1 is not of one length"),
    ):
        with pytest.raises(RunError, match=message):
            verify(rewritten(run, facts, **columns))


def test_without_inputs_the_files_are_verified_and_the_rest_is_said(tmp_path: Path, make_run: MakeRun) -> None:
    result = verify(make_run(tmp_path, "[report]\ntexts = false\n"))
    assert result.outputs is None
    assert "report.texts" in result.skipped


def test_disagreements_within_the_tolerance_are_near_ties() -> None:
    recorded = np.array([[1.0, 1.01], [0.0, 3.0]])
    facts = {"precision": "bf16", "predicts": "labels"}
    outputs = compared(recorded, recorded + np.array([[0.02, 0.0], [0.0, 0.0]]), facts, "cpu")
    assert (outputs.near_ties, outputs.agree) == (1, True)
    assert not compared(recorded, recorded + 1.0, facts, "cpu").agree
    sets = compared(np.array([[0.01, -2.0]]), np.array([[-0.01, -2.0]]), facts | {"predicts": "label_sets"}, "cpu")
    assert sets.near_ties == 1
    numbers = compared(np.array([[0.01]]), np.array([[-0.01]]), facts | {"predicts": "scores"}, "cpu")
    assert numbers.near_ties == 0


def test_batches_hold_every_row_once_and_no_more_tokens_than_allowed() -> None:
    lengths = np.random.default_rng(0).integers(1, 9000, 300).tolist()
    batches = list(_batches(lengths))
    assert sorted(row for batch in batches for row in batch) == list(range(300))
    assert all(len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= 8192 for batch in batches)
