"""A finished run's model, used from Python: rows out are rows in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.components import Drop, LossOptions, Role, Task, TaskState
from sftcore.errors import DataError, Problem, RunError, did_you_mean, nearest, placed
from sftcore.records import Prediction
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.folder import Run
from sftcore.runs.loading import load_saved
from sftcore.runs.task_state import read_task_state

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.data.ledger import Ledger
    from sftcore.data.rows import Rows
    from sftcore.recipe import Recipe

TOKENS_PER_BATCH = 8192
"""Tokens a batch, padding included."""


@dataclass(frozen=True, repr=False)
class Model:
    """A run's model with all that predicting needs: recipe (its preprocessing), task, state and tokenizer.

    `columns` (role → name) are those that rows call otherwise than the recipe does; see `reading`.
    """

    recipe: Recipe
    state: TaskState
    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    columns: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        labels = f", {len(self.labels)} labels" if self.labels else ""
        return f"<sftcore Model {self.recipe.name!r}: {self.task.name}{labels}>"

    @property
    def task(self) -> Task:
        """The task that the model was trained for."""
        return self.recipe.task

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of `Prediction.scores`; () where there are no classes."""
        return self.task.label_names(self.state)

    def reading(self, columns: Mapping[str, str]) -> Model:
        """The model, reading these columns (role → name) in place of its recipe's.

        Raises `DataError` for a role that the task does not have.
        """
        _require_roles(self.task, columns)
        return replace(self, columns=dict(columns))

    def predict(
        self,
        rows: Iterable[str | Mapping[str, Any]],
        *,
        tokens_per_batch: int = TOKENS_PER_BATCH,
        precision: str = "fp32",
        reporter: Reporter = SILENT,
    ) -> list[Prediction]:
        """One prediction a row, in the order of the rows.

        A row is a text (where the task reads one), or a dict by role or by the recipe's column names. A row
        that preprocessing drops, or whose text is None, comes back with value None and the reason. Raises
        `DataError`, with the row number from 1, where a role is missing or is no text, and for one row alone.
        """
        if isinstance(rows, (str, bytes, Mapping)):
            kind = "dict" if isinstance(rows, Mapping) else "text"
            raise DataError(Problem(f"a list of rows was expected, not one {kind}", advice=f"give a list: [{kind}]"))
        ready = self._ready([read_row(self.recipe, row, at, self.columns) for at, row in enumerate(rows, start=1)])
        kept = [number for number, row in enumerate(ready) if not isinstance(row, Drop)]
        values = [dict(row) for row in ready if not isinstance(row, Drop)]
        found = self._predict(values, kept, tokens_per_batch, precision, reporter) if kept else []
        by_row = dict(zip(kept, found, strict=True))
        return [
            Prediction(None, reason=row.reason) if isinstance(row, Drop) else by_row[number]
            for number, row in enumerate(ready)
        ]

    def _ready(self, rows: Sequence[dict[str, Any] | Drop]) -> list[dict[str, Any] | Drop]:
        """The rows after the recipe's preprocessing. A role that some rows have, all of them need."""
        from sftcore.data.preprocess import preprocess_rows

        used = {name for row in rows if not isinstance(row, Drop) for name in row}
        ready = [row if isinstance(row, Drop) else _without_gaps(row, used) for row in rows]
        done = iter(preprocess_rows([row for row in ready if not isinstance(row, Drop)], self.recipe))
        return [row if isinstance(row, Drop) else next(done) for row in ready]

    def _predict(
        self,
        values: list[dict[str, Any]],
        numbers: Sequence[int],
        tokens_per_batch: int,
        precision: str,
        reporter: Reporter,
    ) -> Sequence[Prediction]:
        from sftcore.data.encode import encode_rows
        from sftcore.data.rows import Rows
        from sftcore.evaluation.predict import predict

        rows = Rows.of(values, ids=numbers)
        encoded = encode_rows(rows, self.task, self.state, self.tokenizer, self.tokenizer.model_max_length)
        predicted = predict(
            self.model,
            self.task,
            self.state,
            encoded,
            rows,
            self.tokenizer,
            tokens_per_batch=tokens_per_batch,
            precision=precision,
            reporter=reporter,
        )
        return predicted.predictions


def _without_gaps(row: dict[str, Any], used: set[str]) -> dict[str, Any] | Drop:
    absent = sorted(used - row.keys())
    return Drop(f"{absent[0]} is missing") if absent else row


def find_run(run: Run | str | Path, runs: str | Path | None = None) -> Run:
    """The finished run that `load_model` would load. Raises `RunError` where there is none, or it is not finished."""
    found = run if isinstance(run, Run) else Run.find(_run_of(run), runs)
    if not found.sealed:
        advice = "sftcore run with its recipe goes on with it"
        raise RunError(Problem("the run is not finished: it has no model yet", str(found.path), advice=advice))
    return found


def load_model(run: Run | str | Path, runs: str | Path | None = None) -> Model:
    """The model of a finished run: a `Run`, a run folder (or the `model` in it), or a run's name (its newest run).

    Raises `RunError` where there is no such run, or it is not finished or damaged; `PluginError` where a plugin
    that its recipe uses is not installed.
    """
    found = find_run(run, runs)
    recipe = found.recipe()
    state = read_task_state(found.model_path, recipe.task)
    model, tokenizer = load_saved(found.model_path, recipe.task.auto_class)
    return Model(recipe, state, tokenizer, model)


def evaluate(
    run: Run | str | Path,
    source: str,
    *,
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """A run's metrics on other data, read with the recipe's columns and preprocessed as its own was.

    `source` is what `[data] source` can name, relative to the current folder; `encoding` is detected where it is
    not given; `columns` (role → name) say what is called otherwise than in the recipe. The recipe's filters, sample
    and split don't apply: every row that has its text and its target is scored. Returns `{"data": {...}, "ledger":
    {...}, "scores": ...}`, scores as in metrics.json without baselines. Raises `DataError` for rows that can't be
    read, columns that are not there and labels that the model does not know.
    """
    from sftcore.data.encode import encode_rows
    from sftcore.data.ledger import Ledger
    from sftcore.data.load import read_table, rows_from_table
    from sftcore.data.preprocess import preprocess
    from sftcore.data.randomness import generator
    from sftcore.evaluation.predict import predict
    from sftcore.evaluation.score import evaluate_split
    from sftcore.registry import discover

    reporter.stage("load")
    run = find_run(run)
    model, ledger = load_model(run), Ledger()
    recipe, task = _reading(model.recipe, columns or {}), model.task
    trained_on = run.lock.get("fingerprint", {}).get("data", {}).get("sha256")
    table = read_table(source, Path.cwd(), encoding, discover(), reporter, trained_on)
    with placed(source):
        rows = preprocess(_usable(rows_from_table(table, recipe, targets=True), recipe, ledger), recipe, ledger)
    reporter.stage("evaluate")
    with _known_labels(model, rows, source):
        encoded = encode_rows(rows, task, model.state, model.tokenizer, model.tokenizer.model_max_length, ledger)
    loss = task.loss_function(model.state, LossOptions())
    predicted = predict(
        model.model, task, model.state, encoded, rows, model.tokenizer, loss_function=loss, reporter=reporter
    )
    rng = generator("bootstrap", recipe.seed)
    scores = evaluate_split(task, model.state, recipe.all_metrics, rows, predicted, rng, reporter=reporter)
    return {"data": {"source": source, "rows": len(table)}, "ledger": ledger.as_json(), "scores": scores}


def _require_roles(task: Task, columns: Mapping[str, str]) -> None:
    """Raise `DataError` for roles that the task does not have."""
    unknown = [role for role in columns if role not in task.roles]
    if unknown:
        wrong = (f"the task has no role {role!r}{did_you_mean(role, task.roles)}" for role in unknown)
        raise DataError(*(Problem(message, key="columns") for message in wrong))


def _reading(recipe: Recipe, columns: Mapping[str, str]) -> Recipe:
    """The recipe with other columns for some roles."""
    if not columns:
        return recipe
    _require_roles(recipe.task, columns)
    data = recipe.data.model_copy(update={"columns": {**recipe.data.columns, **columns}})
    return recipe.model_copy(update={"data": data})


@contextmanager
def _known_labels(model: Model, rows: Rows, source: str) -> Iterator[None]:
    """Let a complaint of the task about a value of other data say in which row it stands, and what the model knows."""
    from sftcore.data.sightings import first_row

    try:
        yield
    except DataError as error:
        for problem in error.problems:
            row = None if problem.value is None else first_row(rows, model.task.roles, problem.value)
            if row is not None or problem.key.startswith("task."):  # the settings of a finished model stand
                known = f"the model knows {', '.join(model.labels[:12])}; " if model.labels else ""
                target = next(name for name, role in model.task.roles.items() if role.target)
                advice = f"{known}mend the data, leave such rows out, or read another column (--column {target}=NAME)"
                number = None if row is None else row + 1
                raise DataError(replace(problem, where=source, row=number, key="", advice=advice)) from error
        raise


def _usable(rows: Rows, recipe: Recipe, ledger: Ledger) -> Rows:
    """The rows that have what the task needs; the others go to the ledger with their reasons."""
    from sftcore.data.load import row_flaw

    flaws = [row_flaw(row, recipe, targets=True) for row in rows.values]
    kept = np.flatnonzero([not flaw for flaw in flaws])
    ids = {flaw: [number for number, found in enumerate(flaws) if found == flaw] for flaw in set(flaws) - {""}}
    ledger.add("check", len(rows), len(kept), {flaw: len(found) for flaw, found in ids.items()}, examples=ids)
    return rows.take(kept)


def _run_of(text: str | Path) -> str | Path:
    path = Path(text)
    return path.parent if path.name == "model" and (path.parent / "lock.json").is_file() else text


def read_row(
    recipe: Recipe, row: Any, number: int, columns: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any] | Drop:
    """A row to predict by role, without targets; `Drop` where a required text is None.

    `columns` (role → key of the row) come before the recipe's.
    """
    inputs = {name: role for name, role in recipe.task.roles.items() if not role.target}
    if isinstance(row, str):
        row = {next(iter(inputs)): row}
        named = dict.fromkeys(inputs, "")
    elif isinstance(row, Mapping):
        named = _columns(recipe, inputs, row, columns)
    else:
        raise DataError(Problem(f"a text or a dict was expected, not {type(row).__name__}", row=number))
    read = {name: row.get(named[name] or name) for name in inputs}
    _require(recipe, inputs, named, row, number)
    missing = [name for name, role in inputs.items() if role.required and _is_missing(read[name])]
    if missing:
        return Drop(f"{missing[0]} is missing")
    return {
        name: _checked(name, role, read[name], number) for name, role in inputs.items() if not _is_missing(read[name])
    }


def _columns(
    recipe: Recipe, inputs: Mapping[str, Role], row: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, str]:
    """The key of each role in the row: as given, else the recipe's where the row has all that it needs of them."""
    named = {name: given.get(name) or recipe.data.columns.get(name, name) for name in inputs}
    needed = [name for name, role in inputs.items() if role.required and name not in given]
    return named if all(named[name] in row for name in needed) else {name: given.get(name, name) for name in inputs}


def _require(
    recipe: Recipe, inputs: Mapping[str, Role], columns: Mapping[str, str], row: Mapping[str, Any], number: int
) -> None:
    problems = []
    for name, role in inputs.items():
        if role.required and (columns[name] or name) not in row:
            own = recipe.data.columns.get(name, name)
            column = columns[name] if columns[name] != name else own
            place = f"in the recipe's data: {column}" if column == own else f"column {column}"
            wanted = name if column == name else f"{name} ({place})"
            keys = [str(key) for key in row]
            meant = did_you_mean(name if nearest(name, keys) else column, keys)
            advice = f"call it {name}, or say which column it is: --column {name}=NAME"
            problems.append(Problem(f"{wanted} is missing{meant}", row=number, key=name, advice=advice))
    if problems:
        raise DataError(*problems)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _checked(name: str, role: Role, value: Any, number: int) -> Any:
    """The value as the model's data are read: text stays text, lone surrogates are replaced."""
    if role.kind != "text":
        return value
    if not isinstance(value, str):
        message = f"a text was expected, not {type(value).__name__}"
        raise DataError(Problem(message, row=number, key=name, value=repr(value)))
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
