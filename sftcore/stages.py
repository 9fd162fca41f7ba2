"""The stages of a run from the prepared rows on, each a function from plain values to plain values."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sftcore.data.augment import fresh_rows
from sftcore.data.encode import EncodedRows
from sftcore.data.ledger import Ledger
from sftcore.data.load import Loaded
from sftcore.data.randomness import generator
from sftcore.errors import SftcoreError
from sftcore.models.base import Base
from sftcore.models.calls import first_line
from sftcore.models.loading import load_model
from sftcore.preparing import Prepared
from sftcore.recipe import Recipe
from sftcore.registry import Registry
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.fingerprint import fingerprint
from sftcore.runs.folder import CHECKPOINTS, Run
from sftcore.runs.saving import save_model
from sftcore.task import TaskState

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sftcore.evaluation.before import Before
    from sftcore.evaluation.predict import Predicted
    from sftcore.training.arguments import Precision
    from sftcore.training.train import TrainResult

TEST_PRECISION = "fp32"
"""The test split is predicted in the precision in which the saved model loads, whatever training used."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine decides and the weights depend on."""

    threads: int
    precision: Precision


def choose_for_machine(recipe: Recipe, reporter: Reporter) -> Machine:
    """Pin the threads and choose the precision. Raises `RecipeError` for a precision that the machine lacks."""
    from sftcore.training.arguments import choose_device, choose_precision, pin_threads

    return Machine(pin_threads(), choose_precision(recipe, choose_device(), reporter))


def decisive_facts(recipe: Recipe, loaded: Loaded, base: Base, registry: Registry, machine: Machine) -> dict[str, Any]:
    """The run's fingerprint."""
    return fingerprint(
        recipe,
        data_sha256=loaded.fingerprint,
        base_sha256=base.sha256,
        threads=machine.threads,
        registry=registry,
        precision=machine.precision,
    )


def train_model(
    prepared: Prepared, model: PreTrainedModel, registry: Registry, run: Run, precision: Precision, reporter: Reporter
) -> TrainResult:
    """Train the model in place, going on from the newest whole checkpoint. Raises what `train` raises."""
    from sftcore.training.train import train

    recipe, state = prepared.recipe, prepared.state

    def features(epoch: int) -> EncodedRows:
        rows = fresh_rows(prepared.train_rows, recipe, epoch)
        return prepared.train if rows is prepared.train_rows else prepared.encode(rows)

    def validate(model: PreTrainedModel) -> Mapping[str, float]:
        predicted = prepared.predict(model, "validation", state, precision, generate=False)
        return _validation_scores(prepared, predicted)

    return train(
        recipe=recipe,
        model=model,
        tokenizer=prepared.tokenizer,
        task=recipe.task,
        state=state,
        features=features,
        evaluate=validate if len(prepared.validation) else None,
        folder=run.path / CHECKPOINTS,
        callbacks=registry.callbacks(recipe),
        reporter=reporter,
        precision=precision,
        log=run.log,
    )


def _validation_scores(prepared: Prepared, predicted: Predicted) -> dict[str, float]:
    """The metrics' values, and the loss, for early stopping, the best checkpoint and the log; of a task that generates,
    which would take too long, the loss and its perplexity."""
    from sftcore.evaluation.before import perplexity
    from sftcore.evaluation.score import records_of, score_all, scored_rows

    if prepared.recipe.task.generates:
        loss = predicted.loss
        return {} if loss is None else {"loss": loss, "perplexity": perplexity(loss) or math.inf}
    rows = prepared.splits.validation
    records = records_of(prepared.recipe.task, prepared.state, rows, predicted, scored_rows(predicted))
    values = score_all(prepared.recipe.all_metrics, records)
    return values if predicted.loss is None else {"loss": predicted.loss, **values}


def calibrate(prepared: Prepared, model: PreTrainedModel, precision: Precision, reporter: Reporter) -> TaskState:
    """The task's state, completed with the predictions of the validation split; new notes of the task are warnings."""
    rows, task = prepared.splits.validation, prepared.recipe.task
    predicted = prepared.predict(model, "validation", prepared.state, precision)
    state, told = task.calibrate(rows.values, predicted.predictions, prepared.state), task.notes(prepared.state)
    for note in task.notes(state):
        if note not in told:
            reporter.warning(note)
    return state


def evaluate_base(
    prepared: Prepared, base: Base, state: TaskState, model: PreTrainedModel, reporter: Reporter
) -> Before:
    """What the base model says of the test split, loaded again as it was before training and put beside `model`.

    It has the same new weights, and the same adapter, as at the start: they are drawn from the recipe's seed. What
    goes wrong is told in the result's note: by now the model is trained.
    """
    from sftcore.evaluation.before import MOST_ROWS, Before, rows_to_answer
    from sftcore.evaluation.score import scored_rows

    recipe, began = prepared.recipe, time.perf_counter()
    kind = "the base model, before training" if base.path else "the model before training: random weights"
    try:
        untrained: Any = load_model(recipe, base, recipe.task, prepared.state, prepared.tokenizer, SILENT)
        untrained.to(model.device)
        known = prepared.predict(untrained, "test", state, TEST_PRECISION, generate=False)
        scored = scored_rows(known, prepared.splits.test_twins)
        places = rows_to_answer(scored, generator("generations", recipe.seed))
        answered = prepared.predict(untrained, "test", state, TEST_PRECISION, reporter, places=places)
    except Exception as error:  # whatever happens to the base must not cost the trained model
        why = first_line(error) if recipe.report.texts else type(error).__name__  # an error may quote a row
        return Before(kind, note=f"the base model could not be evaluated: {why}")
    limit = f"it wrote answers to {len(places)} of {len(scored):,} rows (more than {MOST_ROWS} take too long)"
    note = f"the base model is not compared by metrics: {limit}" if len(places) < len(scored) else ""
    return Before(kind, places, answered.predictions, known.loss, time.perf_counter() - began, note)


def evaluate_test(
    prepared: Prepared, model: PreTrainedModel, state: TaskState, reporter: Reporter, before: Before | None = None
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
        before=before,
        texts=recipe.report.texts,
        reporter=reporter,
    )
    return predicted, scores


def save_trained(
    run: Run,
    prepared: Prepared,
    model: PreTrainedModel,
    state: TaskState,
    scores: dict[str, Any],
    *,
    ledger: Ledger,
    base: Base,
    machine: Machine,
) -> None:
    """Write model/ and train_rows.parquet. Raises `ResourceError` (disk full)."""
    from sftcore.runs.train_rows import FILE, write_train_rows

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
        ledger=ledger.as_json(),
        precision=machine.precision,
        base=base,
    )
    if recipe.report.texts:
        write_train_rows(run.path / FILE, splits.train, recipe.task.roles)


def save_predicted(
    run: Run, prepared: Prepared, model: PreTrainedModel, state: TaskState, predicted: Predicted, loaded: Loaded
) -> None:
    """Write predictions.parquet: the test split. Raises `ResourceError` (disk full)."""
    from sftcore.runs.predictions import FILE, generation_facts, write_predictions

    recipe, splits = prepared.recipe, prepared.splits
    if not run.writes:
        return
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
        generation=generation_facts(model) if recipe.task.generates else None,
        given=None if any(step.redacts for step in recipe.preprocess) else loaded.together,
    )


def save_generations(run: Run, prepared: Prepared, predicted: Predicted, before: Before | None) -> None:
    """Write generations.jsonl: some scored test rows with what the model wrote `before` and after training. Nothing is
    written of a task that does not generate, nor where the report shows no texts."""
    from sftcore.evaluation.before import sample
    from sftcore.evaluation.score import scored_rows
    from sftcore.runs.generations import FILE, write_generations

    recipe, splits = prepared.recipe, prepared.splits
    if before is None or not (run.writes and recipe.report.texts):
        return
    asked = before.places if len(before.places) else scored_rows(predicted, splits.test_twins)
    places = sample(asked, generator("generations", recipe.seed, "shown"))
    if len(places):
        write_generations(run.path / FILE, recipe.task, splits.test, places, predicted, before)


def make_report(run: Run, reporter: Reporter) -> None:
    """Write report.html from what the folder holds by now. Whatever goes wrong with it is told, logged and said on the
    page, and never costs the run."""
    if not run.writes:
        return
    try:
        from sftcore.report import charts
        from sftcore.report.page import write_report

        failures = write_report(run.path)
        if not charts.available():
            reporter.note("report.html has tables in place of charts: pip install 'sftcore[report]' draws them")
    except Exception as error:  # a page, even one that finds the disk full, is no reason to lose a trained model
        failures = (_excused(run, error),)
    for failure in failures:
        reporter.warning(f"report.html is not whole: {failure}")
        run.log({"event": "report", "failed": failure})


def _excused(run: Run, error: Exception) -> str:
    """Put a page that says why in the report's place; gives what it says: an error may quote a row of the data."""
    from sftcore.report.excuse import write_excuse

    texts = run.lock.get("recipe", {}).get("report", {}).get("texts", True)
    why = first_line(error) if texts else type(error).__name__
    with suppress(SftcoreError):
        write_excuse(run.path / "report.html", f"{run.name}/{run.id}", why)
    return why


def told(trained: TrainResult) -> dict[str, Any]:
    """What metrics.json says of the training; its history is in log.jsonl."""
    facts = asdict(trained)
    del facts["log_history"]
    return facts
