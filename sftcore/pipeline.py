"""The whole way of a recipe, as one function: `run`.

    load → preprocess → split → augment (train only) → fit → encode → train → calibrate → evaluate → seal

Every stage hands on a plain value; nothing reaches back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.clock import Clock
from sftcore.components import LossOptions, TaskState
from sftcore.data.augment import augment, fresh_rows
from sftcore.data.encode import EncodedRows, encode_rows, unknown_share
from sftcore.data.ledger import Ledger
from sftcore.data.load import Loaded, load_rows
from sftcore.data.preprocess import STAGE, preprocess
from sftcore.data.randomness import generator
from sftcore.data.rows import Rows, Splits
from sftcore.data.sightings import sighted
from sftcore.data.split import split_rows
from sftcore.models import Base, load_model, load_tokenizer, locate_base, merged
from sftcore.recipe import Recipe
from sftcore.recipe.locating import located
from sftcore.registry import Registry, discover
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.fingerprint import fingerprint
from sftcore.runs.folder import Run, open_run
from sftcore.runs.saving import save_model
from sftcore.runs.seal import seal

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.evaluation.predict import Predicted
    from sftcore.training.arguments import Precision
    from sftcore.training.train import TrainResult

TEST_PRECISION = "fp32"
"""The test split is predicted in the precision in which the saved model loads, whatever training used."""
UNKNOWN_TOKENS = 0.1
"""With a larger share of unknown tokens a warning asks whether the base fits the language."""


def run(
    recipe: Recipe | str | Path,
    *,
    runs: str | Path | None = None,
    fresh: bool = False,
    reporter: Reporter = SILENT,
) -> Run:
    """Carry out a recipe and return its sealed run.

    An unsealed run of that name goes on where it was; a sealed one of the same recipe is returned as it is.
    `fresh` starts the next run in any case; `runs` is the folder of all runs (default: SFTCORE_RUNS, else
    `runs`). Raises the errors of `sftcore.errors`.
    """
    clock, ledger, registry = Clock(), Ledger(), discover()
    recipe = recipe if isinstance(recipe, Recipe) else Recipe.read(recipe)

    with located(recipe), _stage("load", clock, reporter):
        loaded = load_rows(recipe, registry, ledger, reporter)
        base = locate_base(recipe)
        machine = _machine(recipe, reporter)
        decisive = _fingerprint(recipe, loaded, base, registry, machine)
    with located(recipe), open_run(recipe, runs, decisive, fresh=fresh, reporter=reporter) as run:
        if run.sealed:
            reporter.note(f"{run.path} is finished, and nothing that decides its result has changed")
            return run
        prepared = prepare(recipe, loaded, base, ledger, reporter, clock)
        run.write_json("ledger.json", ledger.as_json())
        reporter.result("ledger", ledger.as_json())
        with _stage("model", clock, reporter):
            model = load_model(recipe, base, recipe.task, prepared.state, prepared.tokenizer, reporter)
        with _stage("train", clock, reporter):
            trained = _train(prepared, model, registry, run, machine.precision, reporter)
            model = merged(model)
        with _stage("calibrate", clock, reporter):
            state = _calibrate(prepared, model, machine.precision)
        with _stage("evaluate", clock, reporter):
            predicted, scores = _evaluate(prepared, model, state, reporter)
        with _stage("save", clock, reporter):
            _save(prepared, model, state, predicted, scores, ledger, loaded, base, run, machine)
        run.write_json("metrics.json", {"test": scores, "training": _told(trained), "time": clock.as_json()})
        run.log({"event": "finished"})
        seal(run)
    registry.run_finished(run, recipe, reporter)
    return run


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything short of training: the rows of each split, what the task learned of them, and their features.

    `train_rows` are those of the train split and their static copies.
    """

    recipe: Recipe
    splits: Splits
    train_rows: Rows
    state: TaskState
    tokenizer: PreTrainedTokenizerBase
    train: EncodedRows
    validation: EncodedRows
    test: EncodedRows

    def encode(self, rows: Rows, ledger: Ledger | None = None, stage: str = "encode") -> EncodedRows:
        """Rows as features, as those of the splits were made."""
        return _encode(self.recipe, self.state, self.tokenizer, rows, ledger, stage)

    def predict(
        self, model: PreTrainedModel, split: str, state: TaskState, precision: str, reporter: Reporter = SILENT
    ) -> Predicted:
        """Predictions and loss of "validation" or "test"."""
        from sftcore.evaluation.predict import predict

        task = self.recipe.task
        return predict(
            model,
            task,
            state,
            getattr(self, split),
            getattr(self.splits, split),
            self.tokenizer,
            precision=precision,
            loss_function=task.loss_function(state, LossOptions()),
            reporter=reporter,
        )


def prepare(
    recipe: Recipe, loaded: Loaded, base: Base, ledger: Ledger, reporter: Reporter = SILENT, clock: Clock | None = None
) -> Prepared:
    """Preprocess, split, augment, fit and encode. Raises `sftcore.DataError` and what components raise."""
    clock = clock or Clock()
    with _stage("preprocess", clock, reporter):
        processed = _preprocess(loaded.rows, recipe, ledger)
    with _stage("split", clock, reporter):
        splits = split_rows(loaded.rows, processed, recipe, ledger, reporter)
    with _stage("augment", clock, reporter):
        train_rows = augment(splits.train, recipe, ledger)
    sight = sighted(splits[:3], recipe.task.roles, loaded.origins)
    with sight, _stage("encode", clock, reporter):
        state = _fit(recipe, splits.train, reporter)
        tokenizer = load_tokenizer(recipe, base, _texts(recipe, splits.train))
        encode = partial(_encode, recipe, state, tokenizer)
        train = encode(train_rows, ledger, "encode train")
        _warn_of_unknown(train, tokenizer, reporter)
        return Prepared(
            recipe=recipe,
            splits=splits,
            train_rows=train_rows,
            state=state,
            tokenizer=tokenizer,
            train=train,
            validation=encode(splits.validation, ledger, "encode validation"),
            test=encode(splits.test, ledger, "encode test"),
        )


def _preprocess(rows: Rows | dict[str, Rows], recipe: Recipe, ledger: Ledger) -> Rows | dict[str, Rows]:
    if isinstance(rows, Rows):
        return preprocess(rows, recipe, ledger)
    return {name: preprocess(part, recipe, ledger, f"{STAGE} {name}") for name, part in rows.items()}


def _fit(recipe: Recipe, rows: Rows, reporter: Reporter) -> TaskState:
    """What the task learns of the training rows; metrics that don't fit it are refused here, not after training."""
    from sftcore.evaluation.score import check_metrics

    state = recipe.task.fit(rows.values)
    check_metrics(recipe.all_metrics, recipe.task, state, recipe.problem)
    for note in recipe.task.notes(state):
        reporter.warning(note)
    return state


def _encode(
    recipe: Recipe, state: TaskState, tokenizer: Any, rows: Rows, ledger: Ledger | None, stage: str
) -> EncodedRows:
    ledger = ledger if len(rows) else None  # a split that the recipe does without
    return encode_rows(rows, recipe.task, state, tokenizer, tokenizer.model_max_length, ledger, stage)


def _warn_of_unknown(encoded: EncodedRows, tokenizer: PreTrainedTokenizerBase, reporter: Reporter) -> None:
    share = unknown_share(encoded, tokenizer)
    if share > UNKNOWN_TOKENS:
        reporter.warning(f"the tokenizer does not know {share:.0%} of the tokens: is the base made for this language?")


def _texts(recipe: Recipe, rows: Rows) -> Iterator[str]:
    """What a tokenizer is trained on: the input texts of the training rows."""
    roles = [name for name, role in recipe.task.roles.items() if role.kind == "text" and not role.target]
    return (value[role] for value in rows.values for role in roles if value.get(role))


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine decides and the weights depend on."""

    threads: int
    precision: Precision


def _machine(recipe: Recipe, reporter: Reporter) -> Machine:
    from sftcore.training.arguments import choose_device, choose_precision, pin_threads

    return Machine(pin_threads(), choose_precision(recipe, choose_device(), reporter))


def _fingerprint(recipe: Recipe, loaded: Loaded, base: Base, registry: Registry, machine: Machine) -> dict[str, Any]:
    return fingerprint(
        recipe,
        data_sha256=loaded.fingerprint,
        base_sha256=base.sha256,
        threads=machine.threads,
        registry=registry,
        precision=machine.precision,
    )


def _train(
    prepared: Prepared, model: PreTrainedModel, registry: Registry, run: Run, precision: Precision, reporter: Reporter
) -> TrainResult:
    from sftcore.training.train import train

    recipe, state = prepared.recipe, prepared.state

    def features(epoch: int) -> EncodedRows:
        rows = fresh_rows(prepared.train_rows, recipe, epoch)
        return prepared.train if rows is prepared.train_rows else prepared.encode(rows)

    def validate(model: PreTrainedModel) -> Mapping[str, float]:
        return _validation_scores(prepared, prepared.predict(model, "validation", state, precision))

    return train(
        recipe=recipe,
        model=model,
        tokenizer=prepared.tokenizer,
        task=recipe.task,
        state=state,
        features=features,
        evaluate=validate if len(prepared.validation) else None,
        folder=run.path / "checkpoints",
        callbacks=registry.callbacks(recipe),
        reporter=reporter,
        precision=precision,
        log=run.log,
    )


def _validation_scores(prepared: Prepared, predicted: Predicted) -> dict[str, float]:
    """The metrics' values, and the loss, for early stopping, the best checkpoint and the log."""
    from sftcore.evaluation.score import records_of, score_all, scored_rows

    rows = prepared.splits.validation
    records = records_of(prepared.recipe.task, prepared.state, rows, predicted, scored_rows(predicted))
    values = score_all(prepared.recipe.all_metrics, records)
    return values if predicted.loss is None else {"loss": predicted.loss, **values}


def _calibrate(prepared: Prepared, model: PreTrainedModel, precision: Precision) -> TaskState:
    """The task's state, completed with the predictions of the validation split."""
    rows, task = prepared.splits.validation, prepared.recipe.task
    if not (task.calibrates and len(rows)):
        return prepared.state
    predicted = prepared.predict(model, "validation", prepared.state, precision)
    return task.calibrate(rows.values, predicted.predictions, prepared.state)


def _evaluate(
    prepared: Prepared, model: PreTrainedModel, state: TaskState, reporter: Reporter
) -> tuple[Predicted, dict[str, Any]]:
    """Predictions of the test split, read this once, and everything that is said of them."""
    from sftcore.evaluation.score import evaluate_split

    recipe, splits = prepared.recipe, prepared.splits
    if not len(splits.test):
        reporter.warning("there is no test split: nothing says how good the model is (data.split.test gives it one)")
    predicted = prepared.predict(model, "test", state, TEST_PRECISION, reporter)
    scores = evaluate_split(
        recipe.task,
        state,
        recipe.all_metrics,
        splits.test,
        predicted,
        generator("bootstrap", recipe.seed),
        train=splits.train.values,
        keep=splits.test_twins,
        reporter=reporter,
    )
    return predicted, scores


def _save(
    prepared: Prepared,
    model: PreTrainedModel,
    state: TaskState,
    predicted: Predicted,
    scores: dict[str, Any],
    ledger: Ledger,
    loaded: Loaded,
    base: Base,
    run: Run,
    machine: Machine,
) -> None:
    from sftcore.runs.predictions import FILE, write_predictions

    recipe, splits = prepared.recipe, prepared.splits
    if not run.writes:
        return
    save_model(
        run,
        recipe,
        model,
        prepared.tokenizer,
        state,
        scores,
        rows={name: len(getattr(splits, name)) for name in ("train", "validation", "test")},
        dropped=sum((Counter(entry.dropped) for entry in ledger), Counter()),
        precision=machine.precision,
        base_commit=base.commit,
    )
    write_predictions(
        run.path / FILE,
        rows=splits.test,
        origins=loaded.origins,
        task=recipe.task,
        labels=recipe.task.label_names(state),
        encoded=prepared.test,
        predictions=predicted.predictions,
        references=predicted.references,
        scored=splits.test_twins,
        precision=TEST_PRECISION,
        texts=recipe.report.texts,
    )


def _told(trained: TrainResult) -> dict[str, Any]:
    """What metrics.json says of the training; its history is in log.jsonl."""
    told = asdict(trained)
    del told["log_history"]
    return told


@contextmanager
def _stage(name: str, clock: Clock, reporter: Reporter) -> Iterator[None]:
    reporter.stage(name)
    with clock.stage(name):
        yield
