"""A finished run's model, used from Python: rows out are rows in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.components import Drop
from sftcore.data.incoming import read_rows
from sftcore.errors import DataError, Problem, RunError, did_you_mean, placed
from sftcore.records import Prediction
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.folder import Run
from sftcore.runs.loading import load_saved
from sftcore.runs.task_state import read_task_state
from sftcore.task import LossOptions, Task, TaskState

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

        A row is a text (where the task needs no more), or a dict by role, by the recipe's column names, or in a shape
        that the task knows. A row that preprocessing drops, or whose text is None, comes back with value None and the
        reason. A task that generates writes its answers greedily. Raises `DataError`, with the row number from 1,
        where a role is missing or is no text, and for one row alone.
        """
        if isinstance(rows, (str, bytes, Mapping)):
            kind = "dict" if isinstance(rows, Mapping) else "text"
            raise DataError(Problem(f"a list of rows was expected, not one {kind}", advice=f"give a list: [{kind}]"))
        ready = self._ready(read_rows(self.recipe, list(rows), self.columns, reporter))
        kept = [number for number, row in enumerate(ready) if not isinstance(row, Drop)]
        values = [dict(row) for row in ready if not isinstance(row, Drop)]
        found = self._predict(values, kept, tokens_per_batch, precision, reporter) if kept else []
        by_row = dict(zip(kept, found, strict=True))
        return [
            Prediction(None, reason=row.reason) if isinstance(row, Drop) else by_row[number]
            for number, row in enumerate(ready)
        ]

    def _ready(self, rows: Sequence[dict[str, Any] | Drop]) -> list[dict[str, Any] | Drop]:
        """The rows after the recipe's preprocessing, less those that the task can't read."""
        from sftcore.data.preprocess import preprocess_rows

        flaws = ["" if isinstance(row, Drop) else self.task.check_input(row) for row in rows]
        rows = [Drop(flaw) if flaw else row for row, flaw in zip(rows, flaws, strict=True)]
        done = iter(preprocess_rows([row for row in rows if not isinstance(row, Drop)], self.recipe))
        return [row if isinstance(row, Drop) else next(done) for row in rows]

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
        try:
            encoded = encode_rows(rows, self.task, self.state, self.tokenizer, self.tokenizer.model_max_length)
        except DataError as error:
            raise self._with_row(error, rows) from error
        predicted = predict(
            self.model,
            self.task,
            self.state,
            encoded,
            rows,
            self.tokenizer,
            tokens_per_batch=tokens_per_batch,
            rows_per_batch=self.recipe.train.per_device_eval_batch_size,
            precision=precision,
            reporter=reporter,
        )
        return predicted.predictions

    def _with_row(self, error: DataError, rows: Rows) -> DataError:
        """What the task says of the first row that it refuses by itself, with the row's number from 1; else the error
        as it is."""
        from sftcore.data.encode import encode_rows

        for place, number in enumerate(rows.ids.tolist()):
            row = rows.take(np.array([place]))
            try:
                encode_rows(row, self.task, self.state, self.tokenizer, self.tokenizer.model_max_length)
            except DataError as one:
                return DataError(*(replace(problem, row=number + 1) for problem in one.problems))
        return error


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
    {...}, "scores": ...}`, scores as in metrics.json without baselines; `training_rows` in `data` counts the rows that
    the run was trained on (the same words; None: not known), and a warning tells of them. Raises `DataError` for rows
    that can't be read, columns that are not there and labels that the model does not know.
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
    recipe, task = reading(model.recipe, columns or {}), model.task
    trained_on = run.lock.get("fingerprint", {}).get("data", {}).get("sha256")
    table = read_table(source, Path.cwd(), encoding, discover(), reporter, trained_on, recipe)
    with placed(source):
        rows = preprocess(_usable(rows_from_table(table, recipe, targets=True), recipe, ledger), recipe, ledger)
    known = _training_rows(run, rows, task, reporter)
    reporter.stage("evaluate")
    with _known_labels(model, rows, source):
        encoded = encode_rows(rows, task, model.state, model.tokenizer, model.tokenizer.model_max_length, ledger)
    predicted = predict(
        model.model,
        task,
        model.state,
        encoded,
        rows,
        model.tokenizer,
        rows_per_batch=recipe.train.per_device_eval_batch_size,
        loss_function=task.loss_function(model.state, LossOptions()),
        reporter=reporter,
    )
    rng = generator("bootstrap", recipe.seed)
    scores = evaluate_split(task, model.state, recipe.all_metrics, rows, predicted, rng, reporter=reporter)
    data = {"source": source, "rows": len(table), "training_rows": known}
    return {"data": data, "ledger": ledger.as_json(), "scores": scores}


def _training_rows(run: Run, rows: Rows, task: Task, reporter: Reporter) -> int | None:
    """How many of these rows the run was trained on, told as a warning where there are any; None where it recorded no
    training rows."""
    from sftcore.runs.train_rows import trained_on

    found = trained_on(run.path, rows, task.roles)
    if found is None:
        reporter.note("which of these rows the run was trained on is not known: it keeps no hashes of its rows")
        return None
    number = int(found.sum())
    if number:
        some = f"{number:,} of {len(rows):,} rows were" if number > 1 else f"1 of {len(rows):,} rows was"
        reporter.warning(f"{some} among the training rows: what is measured of them says nothing about new texts")
    return number


def _require_roles(task: Task, columns: Mapping[str, str]) -> None:
    """Raise `DataError` for roles that the task does not have."""
    unknown = [role for role in columns if role not in task.roles]
    if unknown:
        wrong = (f"the task has no role {role!r}{did_you_mean(role, task.roles)}" for role in unknown)
        raise DataError(*(Problem(message, key="columns") for message in wrong))


def reading(recipe: Recipe, columns: Mapping[str, str]) -> Recipe:
    """The recipe with other columns for some roles. Raises `DataError` for a role that the task does not have."""
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
                target = next((name for name, role in model.task.roles.items() if role.target), "ROLE")
                advice = f"{known}mend the data, leave such rows out, or read another column (--column {target}=NAME)"
                number = None if row is None else row + 1
                raise DataError(replace(problem, where=source, row=number, key="", advice=advice)) from error
        raise


def _usable(rows: Rows, recipe: Recipe, ledger: Ledger) -> Rows:
    """The rows that have what the task needs; the others go to the ledger with their reasons."""
    from sftcore.data.load import row_flaw, write_drops

    flaws = [row_flaw(row, recipe, targets=True) for row in rows.values]
    write_drops(ledger, "check", flaws, rows.ids.tolist())
    return rows.take(np.array([not flaw for flaw in flaws], bool))


def _run_of(text: str | Path) -> str | Path:
    path = Path(text)
    return path.parent if path.name == "model" and (path.parent / "lock.json").is_file() else text
