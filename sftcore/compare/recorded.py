"""What a run scored, put together again from its predictions.parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.compare.reasons import Reason
from sftcore.evaluation.score import metric_names, score_all
from sftcore.models.calls import first_line
from sftcore.records import Prediction, Records
from sftcore.runs.predictions import FILE, GIVEN, read_predictions, recorded_facts, text_columns
from sftcore.runs.task_state import read_task_state

if TYPE_CHECKING:
    import pyarrow as pa

    from sftcore.components import Metric
    from sftcore.recipe import Recipe
    from sftcore.runs.folder import Run
    from sftcore.task import Task, TaskState

SAME = 1e-6
"""A value that is computed again may differ by this share: probabilities are recorded in float32."""
_NEEDED = ("row", "file", "file_row", "group", "model_input", "reference", "prediction", "score", "scores", "extra")


@dataclass(frozen=True, eq=False)
class Recorded:
    """A run's scored rows: `records` as its metrics saw them, `table` what else is known, in the same order; `label`
    names the run."""

    run: Run
    label: str
    recipe: Recipe
    records: Records
    table: pa.Table

    @cached_property
    def test(self) -> Mapping[str, Any]:
        """What metrics.json says of the test split."""
        return dict(self.run.metrics.get("test", {}))

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The recipe's metrics by the names that metrics.json has for them."""
        return dict(zip(metric_names(self.recipe.all_metrics), self.recipe.all_metrics, strict=True))

    @cached_property
    def again(self) -> dict[str, float]:
        """The values of all metrics, computed from the records."""
        return score_all(self.recipe.all_metrics, self.records)

    def value(self, name: str) -> float:
        """The value in metrics.json; NaN where it is not defined, or absent."""
        found = self.test.get("metrics", {}).get(name, {}).get("value")
        return float("nan") if found is None else float(found)

    def repeats(self, name: str) -> bool:
        """Whether the value computed again is the one in metrics.json, or neither is defined."""
        return bool(np.isclose(self.again.get(name, np.nan), self.value(name), rtol=SAME, atol=SAME, equal_nan=True))

    def texts(self) -> dict[str, list[str | None]]:
        """The texts that the model read, by role; {} where they are not recorded."""
        columns = text_columns(self.table, self.recipe.task)
        return {role: self.table[column].to_pylist() for role, column in columns.items()}

    def given_texts(self) -> dict[str, list[str | None]]:
        """The texts as they stand in the data, before preprocessing, by role."""
        return {role: self._given(role, texts) for role, texts in self.texts().items()}

    def _given(self, role: str, texts: list[str | None]) -> list[str | None]:
        if (column := f"{GIVEN}{role}") not in self.table.column_names:
            return texts
        before = self.table[column].to_pylist()
        return [text if old is None else old for old, text in zip(before, texts, strict=True)]


def read_recorded(run: Run, label: str) -> Recorded | Reason:
    """The rows that a run scored, or why they can't be had. Raises `RunError` for a damaged file."""
    if not (run.path / FILE).is_file():
        return Reason("no-predictions", {"run": label})
    table = read_predictions(run.path / FILE)
    if "reference" not in table.column_names:
        return Reason("no-texts", {"run": label})
    try:
        recipe = run.recipe()
        state = read_task_state(run.model_path, recipe.task)
        return _recorded(run, label, recipe, state, table)
    except Exception as error:  # a file was edited, or a guest's task wants more of a prediction than is recorded
        return Reason("not-readable", {"run": label, "why": first_line(error)})


def _recorded(run: Run, label: str, recipe: Recipe, state: TaskState, table: pa.Table) -> Recorded | Reason:
    """The scored rows of the table."""
    predicts = str(recorded_facts(table).get("predicts", recipe.task.predicts))
    references = _values(table["reference"].to_pylist(), predicts)
    known = np.array([one is not None for one in references], bool)  # empty where the test split is
    chosen = np.flatnonzero(known & table["scored"].to_numpy().astype(bool))
    if not len(chosen):
        return Reason("no-rows", {"run": label})
    table = _needed(table, recipe.task).take(chosen)
    groups = table["group"].to_numpy() if "group" in table.column_names else None
    given = _predictions(table, predicts), [references[place] for place in chosen]
    return Recorded(run, label, recipe, recipe.task.records(table["row"].to_numpy(), *given, state, groups), table)


def _needed(table: pa.Table, task: Task) -> pa.Table:
    """The table without what is most of it: logits and token ids."""
    names = (*_NEEDED, *text_columns(table, task).values())
    return table.select([name for name in table.column_names if name in names or name.startswith(GIVEN)])


def _predictions(table: pa.Table, predicts: str) -> list[Prediction]:
    def column(name: str) -> list[Any]:
        return table[name].to_pylist() if name in table.column_names else [None] * len(table)

    values = _values(column("prediction"), predicts)
    scores = [None if one is None else tuple(one) for one in column("scores")]
    extras = [None if one is None else json.loads(one) for one in column("extra")]
    rows = zip(values, column("score"), scores, extras, strict=True)
    return [Prediction(value, score, scores=each, extra=extra) for value, score, each, extra in rows]


def _values(column: Sequence[Any], predicts: str) -> list[Any]:
    """Values in the form of `Prediction.value`: lists as tuples, and what was written as JSON for its mixed shapes."""
    if predicts in ("label_sets", "scores", "spans") and any(isinstance(one, str) for one in column):
        column = [None if one is None else json.loads(one) for one in column]
    return [tuple(one) if isinstance(one, list) else one for one in column]
