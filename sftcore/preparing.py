"""From loaded rows to features: everything that a run and `sftcore check` have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from sftcore.clock import Clock
from sftcore.data.augment import augment
from sftcore.data.encode import TRAIN_STAGE, EncodedRows, encode_rows, unknown_share
from sftcore.data.ledger import Ledger
from sftcore.data.load import Loaded
from sftcore.data.preprocess import FOR_TARGET, NEEDS_TARGET, STAGE, preprocess
from sftcore.data.rows import Ids, Rows, Splits
from sftcore.data.sightings import sighted
from sftcore.data.split import split_rows
from sftcore.data.untargeted import needs_targets
from sftcore.errors import Problem
from sftcore.models.base import Base
from sftcore.models.loading import load_tokenizer
from sftcore.recipe import Recipe
from sftcore.reporter import SILENT, Reporter
from sftcore.task import LossOptions, TaskState

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.evaluation.predict import Predicted

CUT_ROWS = 0.3
"""With a larger share of rows cut a warning names the key that says where."""
UNKNOWN_TOKENS = 0.1
"""With a larger share of unknown tokens a warning asks whether the base fits the language."""


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

    @property
    def calibrates(self) -> bool:
        """Whether the validation split completes the task's state."""
        return self.recipe.task.calibrates and len(self.splits.validation) > 0

    def encode(self, rows: Rows, ledger: Ledger | None = None, stage: str = "encode") -> EncodedRows:
        """Rows as features, as those of the splits were made."""
        return _encode(self.recipe, self.state, self.tokenizer, rows, ledger, stage)

    def predict(
        self,
        model: PreTrainedModel,
        split: str,
        state: TaskState,
        precision: str,
        reporter: Reporter = SILENT,
        *,
        generate: bool = True,
        places: Ids | None = None,
    ) -> Predicted:
        """Predictions and loss of "validation" or "test", or of the rows at these places of it.

        `generate=False`: of a task that generates the loss alone.
        """
        from sftcore.evaluation.predict import predict

        task, rows = self.recipe.task, getattr(self.splits, split)
        rows = rows if places is None else rows.take(places)
        return predict(
            model,
            task,
            state,
            getattr(self, split) if places is None else self.encode(rows),
            rows,
            self.tokenizer,
            rows_per_batch=self.recipe.train.per_device_eval_batch_size,
            precision=precision,
            loss_function=task.loss_function(state, LossOptions()),
            generate=generate,
            reporter=reporter,
        )


def prepare(
    recipe: Recipe, loaded: Loaded, base: Base, ledger: Ledger, reporter: Reporter = SILENT, clock: Clock | None = None
) -> Prepared:
    """Preprocess, split, augment, fit and encode. Raises `sftcore.DataError` and what components raise."""
    clock = clock or Clock(reporter)
    with clock.stage("preprocess"):
        processed = preprocessed(loaded.rows, recipe, ledger)
        _warn_of_targets(ledger, reporter)
    with clock.stage("split"):
        splits = split_rows(loaded.rows, processed, recipe, ledger, reporter)
    train_rows = splits.train
    if recipe.augment:
        with clock.stage("augment"):
            train_rows = augment(splits.train, recipe, ledger)
    sight = sighted(splits[:3], recipe.task.roles, loaded.origins)
    with sight, clock.stage("encode"):
        state = _fit(recipe, splits.train, reporter)
        tokenizer = load_tokenizer(recipe, base, _texts(recipe, splits.train))
        for said in needs_targets(recipe.task, splits.train.values, state, tokenizer):
            reporter.warning(f"{said}: rows to predict have none, so nothing can be predicted with this task")
        encode = partial(_encode, recipe, state, tokenizer)
        train = encode(train_rows, ledger, TRAIN_STAGE)
        _warn_of_unknown(train, tokenizer, reporter)
        _warn_of_cut(ledger, reporter)
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


def preprocessed(rows: Rows | dict[str, Rows], recipe: Recipe, ledger: Ledger) -> Rows | dict[str, Rows]:
    """The rows, or those of each split of the source, after the recipe's steps."""
    if isinstance(rows, Rows):
        return preprocess(rows, recipe, ledger)
    return {name: preprocess(part, recipe, ledger, f"{STAGE} {name}") for name, part in rows.items()}


def _fit(recipe: Recipe, rows: Rows, reporter: Reporter) -> TaskState:
    """What the task learns of the training rows; metrics that don't fit it are refused here, not after training."""
    from sftcore.evaluation.score import check_metrics

    state = recipe.task.fit(rows.values)
    check_metrics(recipe.all_metrics, recipe.task, state, partial(_of_metric, recipe))
    for note in recipe.task.notes(state):
        reporter.warning(note)
    return state


def _of_metric(recipe: Recipe, key: str, message: str) -> Problem:
    """A problem of a metric: at its table, or at the task that brought it where the recipe names none."""
    if recipe.metrics:
        return recipe.problem(key, message)
    return recipe.problem("task.use", f"a default metric of {recipe.task.name}: {message}", "or name other [[metrics]]")


def _encode(
    recipe: Recipe, state: TaskState, tokenizer: Any, rows: Rows, ledger: Ledger | None, stage: str
) -> EncodedRows:
    ledger = ledger if len(rows) else None  # a split that the recipe does without
    return encode_rows(rows, recipe.task, state, tokenizer, tokenizer.model_max_length, ledger, stage)


def _warn_of_targets(ledger: Ledger, reporter: Reporter) -> None:
    """Rows that a step leaves out for what their target says, and steps that rows to predict, which have no targets,
    could not pass."""
    for entry in ledger:
        for step, number in entry.details.get(FOR_TARGET, {}).items():
            rows = f"{number:,} of {entry.rows_in:,} rows"
            said = f"{step.partition(' ')[2]} drops {rows} for their target, which rows to predict don't have"
            reporter.warning(f"{said}: such rows will be predicted, and nothing that is measured tells how well")
        for step, said in entry.details.get(NEEDS_TARGET, {}).items():
            reporter.warning(
                f"{step.partition(' ')[0]}: {said}: rows to predict have none, so nothing can be predicted with this "
                'step; in it, take the role by row.get("…") and let a row pass that has none'
            )


def _warn_of_unknown(encoded: EncodedRows, tokenizer: PreTrainedTokenizerBase, reporter: Reporter) -> None:
    share = unknown_share(encoded, tokenizer)
    if share > UNKNOWN_TOKENS:
        reporter.warning(f"the tokenizer does not know {share:.0%} of the tokens: is the base made for this language?")


def _warn_of_cut(ledger: Ledger, reporter: Reporter) -> None:
    entry = ledger.find("encode train")
    cut = entry.details.get("truncated_rows", 0) / max(1, entry.rows_in) if entry else 0.0
    if entry and cut > CUT_ROWS:
        limit = entry.details["max_length"]
        reporter.warning(f"{cut:.0%} of the training rows are cut at {limit} tokens: model.max_length says where")


def _texts(recipe: Recipe, rows: Rows) -> Iterator[str]:
    """What a tokenizer is trained on: the task's texts of the training rows."""
    return chain.from_iterable(map(recipe.task.corpus, rows.values))
