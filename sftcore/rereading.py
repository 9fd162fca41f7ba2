"""The test rows of a run, read from the data and encoded anew: what `sftcore verify` does without recorded inputs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import DataError, Problem, RunError
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.predictions import FILE, read_predictions, recorded_facts
from sftcore.runs.recompute import Outputs, compared
from sftcore.runs.verify import Reread, other_versions, require_agreement
from sftcore.serving import load_model
from sftcore.task import LossOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from sftcore.data.rows import Rows
    from sftcore.evaluation.predict import Predicted
    from sftcore.recipe import Recipe
    from sftcore.runs.folder import Run
    from sftcore.serving import Model

LOSS_TOLERANCE = 1e-4
"""How far the loss, a mean in float32, may be from the recorded one, as a share of it (at least of 1)."""


def reread(run: Run, folder: Path, reporter: Reporter = SILENT) -> Reread:
    """Read, preprocess and split the recipe's data once more, and let the reloaded model predict the test rows.

    `folder` is the recipe's: its relative places are relative to it. A model that writes texts is compared by its loss
    alone. Raises `DataError` where the data is not there or is not that of the run, and `RunError` where the test rows,
    the loss or the logits are not the recorded ones.
    """
    reporter.stage("verify", "data")
    rows, table = _test_rows(run, folder, reporter), read_predictions(run.path / FILE)
    if rows.ids.tolist() != table["row"].to_pylist():
        message = "the data gives another test split than the recorded one"
        raise RunError(Problem(message, where=str(run.path / FILE), advice=other_versions(run)))
    model = load_model(run)
    predicted = _predicted(model, rows, reporter)
    found = Reread(
        len(rows), predicted.loss, run.metrics.get("test", {}).get("loss"), _outputs(model, table, predicted)
    )
    if found.outputs:
        require_agreement(run, run.model_path, found.outputs)
    _require_loss(run, found)
    return found


def _test_rows(run: Run, folder: Path, reporter: Reporter) -> Rows:
    from sftcore.data.ledger import Ledger
    from sftcore.data.load import load_rows
    from sftcore.data.split import split_rows
    from sftcore.preparing import preprocessed
    from sftcore.registry import discover

    recipe, ledger = run.recipe(folder.absolute()), Ledger()
    loaded = load_rows(recipe, discover(), ledger, reporter)
    recorded = run.lock.get("fingerprint", {}).get("data", {}).get("sha256")
    if loaded.fingerprint != recorded:
        raise DataError(_other_data(recipe, folder, loaded.fingerprint, str(recorded)))
    return split_rows(loaded.rows, preprocessed(loaded.rows, recipe, ledger), recipe, ledger, SILENT).test


def _other_data(recipe: Recipe, folder: Path, found: str, recorded: str) -> Problem:
    places = ", ".join(recipe.data.locations)
    message = f"{places} is not the data of the run: SHA-256 {recorded[:12]}… was expected"
    return Problem(message, where=str(folder), value=f"{found[:12]}…", advice="give the folder that the recipe was in")


def _predicted(model: Model, rows: Rows, reporter: Reporter) -> Predicted:
    from sftcore.data.encode import encode_rows
    from sftcore.evaluation.predict import predict

    task, tokenizer = model.task, model.tokenizer
    encoded = encode_rows(rows, task, model.state, tokenizer, tokenizer.model_max_length)
    loss = task.loss_function(model.state, LossOptions())
    options: dict[str, Any] = {"loss_function": loss, "generate": False, "reporter": reporter}
    return predict(model.model, task, model.state, encoded, rows, tokenizer, **options)


def _outputs(model: Model, table: pa.Table, predicted: Predicted) -> Outputs | None:
    """How the logits compare; None where none are recorded."""
    if "logits" not in table.column_names:
        return None
    pairs = [
        (np.asarray(before, float), np.asarray(after.logits, np.float32).astype(float).ravel())
        for before, after in zip(table["logits"].to_pylist(), predicted.predictions, strict=True)
        if before is not None and after.logits is not None
    ]
    recorded, computed = [before for before, _ in pairs], [after for _, after in pairs]
    return compared(recorded, computed, recorded_facts(table), model.model.device.type) if pairs else None


def _require_loss(run: Run, found: Reread) -> None:
    if found.loss is None or found.recorded_loss is None:
        return
    allowed = LOSS_TOLERANCE * max(1.0, abs(found.recorded_loss))
    if not math.isclose(found.loss, found.recorded_loss, rel_tol=0.0, abs_tol=allowed):
        message = (
            f"the reloaded model's loss on the test rows is {found.loss:.6g}; {found.recorded_loss:.6g} is recorded"
        )
        raise RunError(Problem(message, where=str(run.model_path), advice=other_versions(run)))
