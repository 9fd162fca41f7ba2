"""Training from encoded rows to trained weights, going on from the newest whole checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import EarlyStoppingCallback, PreTrainedModel, TrainerCallback, TrainerState

from sftcore.data.encode import EncodedRows
from sftcore.errors import RecipeError, did_you_mean
from sftcore.models.attention import training_attention
from sftcore.reporter import SILENT, Reporter
from sftcore.task import Task, TaskState
from sftcore.training import checkpoints
from sftcore.training.arguments import (
    Plan,
    Precision,
    choose_device,
    describe,
    make_plan,
    training_arguments,
    warmup_steps,
)
from sftcore.training.batching import Collate, EpochRows
from sftcore.training.guards import Signals, StopAtSignal, resources
from sftcore.training.loss import training_loss
from sftcore.training.progress import Progress, Tally
from sftcore.training.trackers import named, trackers
from sftcore.training.trainer import STATE, TALLY, Evaluate, SFTTrainer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.recipe.schema import Recipe


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What training did, over all its sessions.

    `train_loss` is the mean over all steps; `log_history` the Trainer's; `seconds` the time in training steps,
    validation and saving; `tokens` the real ones and `padding` processed tokens to real ones; `best_step` the
    step with the best validation metric (None: not asked for) and `loaded_step` the one whose weights the model
    has; `resumed_from` the step of the checkpoint that this session began with (None: from the start); `flos`
    floating-point operations; `choices` what was chosen for the machine.
    """

    global_step: int
    epochs: float
    train_loss: float
    log_history: list[dict[str, Any]]
    seconds: float
    tokens: int
    padding: float
    best_step: int | None
    loaded_step: int
    resumed_from: int | None
    stopped_early: bool
    flos: float
    choices: Mapping[str, Any]


class _EarlyStopping(EarlyStoppingCallback):
    """Transformers' own, without its warning about how the best weights come back: `train` loads them."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        """Nothing to warn of."""


def train(
    *,
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    state: TaskState,
    features: Callable[[int], EncodedRows],
    evaluate: Evaluate | None,
    folder: Path,
    callbacks: list[TrainerCallback],
    reporter: Reporter = SILENT,
    precision: Precision = "fp32",
    log: Callable[[dict[str, Any]], None] | None = None,
) -> TrainResult:
    """Train the model in place; it ends with the last weights, or the best where the recipe asks for them.

    `features(epoch)` gives the encoded training rows of an epoch (the same object each time where nothing is
    fresh); `evaluate(model)` the validation metrics by plain name, "loss" among them; `folder` is the run's
    checkpoints folder; `log` gets each line of the log. Threads are the caller's to pin (`pin_threads`).

    Raises `sftcore.RecipeError`, `TrainingError` (loss or gradient not finite, nothing to learn from),
    `ResourceError` (memory, disk) and `Stopped` (a signal came; a checkpoint was saved).
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    size = recipe.train.per_device_train_batch_size
    rows = _epoch_rows(recipe, features, world)
    loss = training_loss(recipe, task, state, rows.encoded)
    batches = len(rows) if recipe.train.tokens_per_batch else -(-len(rows) // size)
    plan = make_plan(recipe, batches, validates=evaluate is not None, world_size=world)
    tally, device = Tally(), choose_device()
    with (
        Signals() as signals,
        resources(folder, size, recipe.train.gradient_accumulation_steps, recipe.train.tokens_per_batch),
        _own_cache(model),
        training_attention(model, device, int(rows.encoded.lengths.max(initial=0))) as attention,
        trackers(recipe, folder, reporter) as reporting,
    ):
        args = training_arguments(recipe, plan, folder, device=device, precision=precision)
        named(args, reporting)
        trainer = SFTTrainer(
            model=model,
            args=args,
            rows=rows,
            collate=Collate(task, tokenizer),
            loss=loss,
            evaluate=_checked(recipe, plan, evaluate) if evaluate else None,
            callbacks=[
                *_early_stopping(recipe),
                *callbacks,
                *reporting,
                Progress(tally, reporter, log),
                StopAtSignal(signals, reporter),
            ],
            signals=signals,
            tally=tally,
            keep=recipe.train.save_total_limit,
        )
        choices = {**describe(args, plan), "attention": attention}
        _announce(choices, recipe, model, reporter)
        _warn_of_warmup(recipe, plan, reporter)
        resumed = _go(trainer, folder, reporter)
        signals.stop(trainer.state.global_step, plan.max_steps)
        loaded = _load_best(trainer, plan, folder, reporter)
    return _result(trainer, plan, resumed, loaded, choices)


def _epoch_rows(recipe: Recipe, features: Callable[[int], EncodedRows], world: int) -> EpochRows:
    train = recipe.train
    step_rows = train.per_device_train_batch_size * train.gradient_accumulation_steps * world
    return EpochRows(features, seed=recipe.seed, step_rows=step_rows, tokens_per_batch=train.tokens_per_batch)


@contextmanager
def _own_cache(model: PreTrainedModel) -> Iterator[None]:
    """The Trainer turns the model's cache off, and leaves it so: the saved model would write slowly."""
    config: Any = model.config
    own = getattr(config, "use_cache", None)
    try:
        yield
    finally:
        if own is not None:
            config.use_cache = own


def _early_stopping(recipe: Recipe) -> list[TrainerCallback]:
    patience = recipe.train.early_stopping_patience
    return [_EarlyStopping(patience)] if patience else []


def _checked(recipe: Recipe, plan: Plan, evaluate: Evaluate) -> Evaluate:
    """The caller's validation, which must give the metric that tells the best weights."""

    def checked(model: PreTrainedModel) -> Mapping[str, float]:
        values = evaluate(model)
        if plan.best_metric and plan.best_metric not in values:
            message = f"validation gives no {plan.best_metric}{did_you_mean(plan.best_metric, values)}"
            raise RecipeError(recipe.problem("train.metric_for_best_model", message))
        return values

    return checked


def _announce(choices: Mapping[str, Any], recipe: Recipe, model: PreTrainedModel, reporter: Reporter) -> None:
    device = choices["device_name"] or choices["device"]
    threads = f", {choices['threads']} threads" if choices["device"] == "cpu" else ""
    processes = f", {choices['processes']} processes" if choices["processes"] > 1 else ""
    reporter.note(
        f"training {_weights(recipe, model)}on {device}{threads}{processes} in {choices['precision']} "
        f"with {choices['optimizer']} and {choices['attention']} attention: "
        f"{choices['steps']} step{'s' * (choices['steps'] != 1)}, {choices['steps_per_epoch']} an epoch"
    )


def _warn_of_warmup(recipe: Recipe, plan: Plan, reporter: Reporter) -> None:
    steps = warmup_steps(recipe, plan)
    if recipe.train.lr_scheduler_type != "constant" and steps >= plan.max_steps:
        reporter.warning(f"training is all warm-up: train.warmup_steps is {steps} of {plan.max_steps} steps")


def _weights(recipe: Recipe, model: PreTrainedModel) -> str:
    """With an adapter, how many weights are trained."""
    adapter = recipe.model.adapter
    if adapter is None:
        return ""
    trained, total = model.num_parameters(only_trainable=True), model.num_parameters()
    return f"{trained:,} of {total:,} weights (adapter {adapter.use}) "


def _go(trainer: SFTTrainer, folder: Path, reporter: Reporter) -> int | None:
    """Train, from the newest whole checkpoint where there is one; returns its step."""
    checkpoint = _shared(trainer, folder, reporter)
    if checkpoint is None:
        trainer.train()
    else:
        state = TrainerState.load_from_json(str(checkpoint / STATE))
        trainer.saved_step = state.global_step
        reporter.note(f"going on after step {state.global_step} of {state.max_steps}")
        for name, value in json.loads((checkpoint / TALLY).read_text(encoding="utf-8")).items():
            setattr(trainer.tally, name, value)
        if _finished(state):
            # Trainer would run one more step of a training that a callback had stopped.
            trainer.state = state
            trainer._load_from_checkpoint(str(checkpoint))
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint))
    if trainer.saved_step != trainer.state.global_step:
        trainer._save_checkpoint(trainer.core, None)
    return None if checkpoint is None else checkpoints.step_of(checkpoint)


def _shared(trainer: SFTTrainer, folder: Path, reporter: Reporter) -> Path | None:
    """The checkpoint to go on from, found by the first process for all."""
    from accelerate.utils import broadcast_object_list

    found = [checkpoints.newest_whole(folder, reporter) if trainer.is_world_process_zero() else None]
    return broadcast_object_list(found)[0] if trainer.args.world_size > 1 else found[0]


def _finished(state: TrainerState) -> bool:
    """Whether all steps are done, or early stopping or another callback had ended the training."""
    stored: Any = state.stateful_callbacks
    control = stored.get("TrainerControl", {}).get("args", {})
    return state.global_step >= state.max_steps or bool(control.get("should_training_stop"))


def _load_best(trainer: SFTTrainer, plan: Plan, folder: Path, reporter: Reporter) -> int:
    """Load the best weights where that is asked for; returns the step whose weights the model has."""
    _unwrap(trainer)
    step, best = trainer.state.global_step, trainer.state.best_global_step
    if not plan.load_best or best in (None, step):
        return step
    checkpoint = folder / f"checkpoint-{best}"
    reason = checkpoints.fault(checkpoint)
    if reason:
        reporter.warning(f"the best weights, of step {best}, are damaged ({reason}): the last ones are taken")
        return step
    trainer._load_from_checkpoint(str(checkpoint))
    reporter.note(f"the best weights are those of step {best}: {plan.best_metric} {trainer.state.best_metric:.4f}")
    return best


def _unwrap(trainer: SFTTrainer) -> None:
    """Leave the model as it was given: accelerate had put its autocast around `forward`.

    Its own `unwrap_model` takes the decorators of transformers off with it.
    """
    given = vars(trainer.core)
    original = given.pop("_original_forward", None)
    if original is not None:
        del given["forward"]
        if getattr(original, "__func__", None) is not type(trainer.core).forward:
            given["forward"] = original
    given.pop("_is_accelerate_prepared", None)
    trainer.accelerator.free_memory()


def _result(
    trainer: SFTTrainer, plan: Plan, resumed: int | None, loaded: int, choices: Mapping[str, Any]
) -> TrainResult:
    state, tally = trainer.state, trainer.tally
    return TrainResult(
        global_step=state.global_step,
        epochs=float(state.epoch or 0.0),
        train_loss=tally.mean_loss,
        log_history=list(state.log_history),
        seconds=tally.seconds,
        tokens=tally.tokens,
        padding=tally.padding,
        best_step=state.best_global_step if plan.best_metric else None,
        loaded_step=loaded,
        resumed_from=resumed,
        stopped_early=state.global_step < plan.max_steps,
        flos=float(state.total_flos),
        choices=choices,
    )
