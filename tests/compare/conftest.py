"""Run folders as a run would write them, without a model: rows, what was said of them, and the scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore.records import Prediction
from sftcore.runs.folder import Run

MakeRun = Callable[..., Run]

CLASSES = 'task = { use = "text-classification" }'
TEXTS = 'task = { use = "seq2seq" }\nmetrics = [{ use = "exact-match" }, { use = "token-f1" }]'
NUMBERS = 'task = { use = "text-classification", problem_type = "regression" }'
TABLE = """
{top}
seed = {seed}
model = {{ base = "some/model", max_length = 16 }}
data = {{ source = "rows.csv" }}
{more}
"""
LOG = [
    {"step": 10, "loss": 1.5, "epoch": 1.0},
    {"step": 10, "eval_loss": 1.25, "eval_accuracy": 0.5},
    {"step": 20, "loss": 0.75},
    {"step": 20, "eval_loss": 1.0, "eval_accuracy": 0.75},
    {"event": "finished"},
]


def answers(count: int, right: float, seed: int, names: Sequence[str] = ("bad", "good", "so-so")) -> list[Prediction]:
    """Predictions of rows whose classes are `names` in turn, a share of them right, each with its probabilities."""
    rng = np.random.default_rng(seed)
    said = []
    for row in range(count):
        wrong = rng.random() > right
        chosen = (row + (1 + int(rng.integers(len(names) - 1)) if wrong else 0)) % len(names)
        scores = np.full(len(names), 0.1)
        scores[chosen] += float(rng.uniform(0.2, 0.6))
        scores /= scores.sum()
        said.append(Prediction(names[chosen], float(scores[chosen]), scores=tuple(scores.tolist())))
    return said


def classes(count: int, names: Sequence[str] = ("bad", "good", "so-so")) -> list[dict[str, Any]]:
    """Rows of a class each, in turn."""
    return [{"text": f"row number {row}", "label": names[row % len(names)]} for row in range(count)]


@pytest.fixture
def write_run(tmp_path: Path) -> MakeRun:
    """Writes a sealed run of `name`, the next of it, and gives it back; see `_write`."""

    def write(name: str, rows: Sequence[dict[str, Any]], said: Sequence[Prediction], **options: Any) -> Run:
        return _write(tmp_path / "runs", name, rows, said, **options)

    return write


def _write(
    runs: Path,
    name: str,
    rows: Sequence[dict[str, Any]],
    said: Sequence[Prediction],
    *,
    top: str = CLASSES,
    more: str = "",
    seed: int = 42,
    ids: Sequence[int] | None = None,
    groups: Sequence[str] | None = None,
    data: str = "d" * 64,
    given: Sequence[dict[str, Any]] | None = None,
    resamples: int = 40,
) -> Run:
    from sftcore import Recipe
    from sftcore.data.encode import EncodedRows
    from sftcore.data.randomness import generator
    from sftcore.data.rows import Origins, Rows
    from sftcore.evaluation.predict import Predicted
    from sftcore.evaluation.score import records_of, score_split
    from sftcore.runs.folder import open_run
    from sftcore.runs.predictions import FILE, write_predictions
    from sftcore.runs.seal import seal
    from sftcore.runs.task_state import write_task_state

    table = Rows.of(rows, ids, groups)
    recipe = Recipe.from_toml(f'name = "{name}"\n' + TABLE.format(top=top, seed=seed, more=more))
    task, count = recipe.task, len(rows)
    state = task.fit(table.values)
    predicted = Predicted(list(said), [task.reference(row, state) for row in table.values], loss=0.5)
    records = records_of(task, state, table, predicted, np.arange(count))
    rng = generator("bootstrap", seed)
    scores = score_split(recipe.all_metrics, records, rng=rng, resamples=resamples) | {"loss": 0.5}
    made = {"data": {"sha256": data}, "packages": {"torch": "2.9"}, "recipe": recipe.resolved()}
    with open_run(recipe, runs, made, fresh=True) as run:
        run.model_path.mkdir()
        write_task_state(run.model_path, task, state)
        run.write_json("metrics.json", {"test": scores, "training": {"seconds": 12.0, "global_step": 20}})
        for event in LOG:
            run.log(event)
        places = np.arange(count)
        tokens = [[1, 2]] * count
        write_predictions(
            run.path / FILE,
            rows=table,
            origins=Origins(("rows.csv",), (0,)),
            task=task,
            labels=task.label_names(state),
            encoded=EncodedRows({"input_ids": tokens}, places, table.ids, places, places < 0, row_count=count),
            predictions=predicted.predictions,
            references=predicted.references,
            scored=places >= 0,
            precision="fp32",
            texts=recipe.report.texts,
            given=None if given is None else Rows.of(given, ids),
        )
        seal(run)
    return run


def rewrite_lock(run: Run, change: Callable[[dict[str, Any]], None]) -> None:
    """Change lock.json behind the run's back."""
    lock = json.loads((run.path / "lock.json").read_text(encoding="utf-8"))
    change(lock)
    (run.path / "lock.json").write_text(json.dumps(lock), encoding="utf-8")


def without_column(run: Run, name: str) -> None:
    """A predictions.parquet as it was before there was this column."""
    import pyarrow.parquet as pq

    path = run.path / "predictions.parquet"
    pq.write_table(pq.read_table(path).drop_columns([name]), path)
