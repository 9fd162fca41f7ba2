"""The Trainer, with whole checkpoints, evaluation that leaves no trace, and numbers checked before each step."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging

from sftcore.training import checkpoints
from sftcore.training.batching import Collate, EpochRows
from sftcore.training.guards import Signals, all_finite, not_finite, nothing_counts
from sftcore.training.progress import Tally

STATE = "trainer_state.json"
TALLY = "tally.json"
_ARGUMENTS = "training_args.bin"
_SKIPPED_STEPS = 20
"""So many steps in a row may be skipped by the scaler of fp16 before that is an error."""

Evaluate = Callable[[PreTrainedModel], Mapping[str, float]]


@contextmanager
def preserved_randomness() -> Iterator[None]:
    """The global generators of Python, NumPy and torch are after the block as they were before."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Saving weights shows no progress bar of transformers' own."""
    shown = logging.is_progress_bar_enabled()
    switches: tuple[Callable[[], None], ...] = (logging.disable_progress_bar, logging.enable_progress_bar)
    switches[0]()
    try:
        yield
    finally:
        switches[int(shown)]()


class SFTTrainer(Trainer):
    """A Trainer whose checkpoints are whole, whose validation is the caller's, and which stops at numbers that are
    not finite. It overrides methods that transformers documents for this, and `_save_checkpoint`,
    `_get_output_dir`, `_get_grad_norm` and `_determine_best_metric`, for which there is no other place."""

    def __init__(
        self,
        *,
        model: PreTrainedModel,
        args: TrainingArguments,
        rows: EpochRows,
        collate: Collate,
        loss: Callable[..., Any] | None,
        evaluate: Evaluate | None,
        callbacks: list[TrainerCallback],
        signals: Signals,
        tally: Tally,
        keep: int | None,
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            train_dataset=rows,
            # Never read: `evaluate` below does without; but the Trainer wants one where it is to evaluate.
            eval_dataset=rows if evaluate else None,
            data_collator=collate,
            compute_loss_func=loss,
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        self.tally, self.saved_step = tally, -1
        self.core = model
        self._rows, self._collate, self._validate, self._signals, self._keep = rows, collate, evaluate, signals, keep
        self._folder = Path(str(args.output_dir))
        self._stage: Path | None = None
        self._losses: list[torch.Tensor] = []
        self._counts: list[tuple[torch.Tensor, int]] = []
        self._items: torch.Tensor | int | None = None
        self._skipped = 0
        self._parameters = model.num_parameters(exclude_embeddings=True)
        self.model_accepts_loss_kwargs = loss is None and self._divides_by_items()

    # One step

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | int | None]:
        """The batches of one optimizer step and the number of labels that count in it, which is kept."""
        batches, self._items = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, self._items

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Forward and backward for one batch, whose loss and tokens are kept until the step is complete."""
        self._counts.append(_tokens(inputs))
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._losses.append(loss)
        return loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of one batch, of what the task makes of it for this model."""
        made = self._collate.task.inputs(self.core, inputs)
        return super().compute_loss(model, made, return_outputs, num_items_in_batch)

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        """The norm of the gradients, checked: it is asked for once a step, right before the optimizer's."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[no-untyped-call]  # not annotated
        self._check_step(norm)
        return norm

    def _check_step(self, norm: Any) -> None:
        """Count the step; raises `sftcore.TrainingError` if loss or gradient are not finite or no label counted."""
        real = [tokens for tokens, _ in self._counts]
        items = torch.as_tensor(-1 if self._items is None else self._items)
        numbers = [*self._losses, torch.as_tensor(norm), items, *real]
        values = torch.stack([number.detach().to(self.args.device, torch.float32) for number in numbers]).tolist()
        count = len(self._losses)
        losses, gradient, labels, tokens = values[:count], values[count], values[count + 1], values[count + 2 :]
        processed = sum(size for _, size in self._counts)
        self._losses, self._counts = [], []
        self._check_finite(losses, gradient, labels)
        self.tally.add(sum(losses), int(sum(tokens)), processed)

    def _check_finite(self, losses: list[float], gradient: float, labels: float) -> None:
        step = self.state.global_step + 1
        if labels == 0:
            raise nothing_counts(step, self._row_ids())
        what = f"the loss is {sum(losses)}" if not all_finite(losses) else ""
        if not what and not all_finite([gradient]):
            self._skipped += 1
            tolerated = _SKIPPED_STEPS if self.args.fp16 else 0
            what = f"the norm of the gradients is {gradient}" if self._skipped > tolerated else ""
        elif not what:
            self._skipped = 0
        if what:
            precision = "fp32" if self.args.mixed_precision == "no" else str(self.args.mixed_precision)
            raise not_finite(what, step, self._get_learning_rate(), self._row_ids(), precision)

    def _row_ids(self) -> list[int]:
        """Ids of the rows of the step at hand."""
        size = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        steps = -(-len(self._rows) // size)
        return self._rows.row_ids(self.state.global_step % steps * size, size)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """As in the Trainer, without counting the parameters again at each step."""
        return 6 * _processed(inputs) * self._parameters

    def _divides_by_items(self) -> bool:
        """Whether the model's own loss is a sum over `num_items_in_batch`: tried, since signatures do not tell."""
        if not self.model_accepts_loss_kwargs:
            return False
        batch = self._collate([self._rows[0]])
        placed = {name: value.to(self.args.device) for name, value in batch.items()}
        inputs = self._collate.task.inputs(self.core, placed)
        training = self.core.training
        self.core.train(False)
        with torch.no_grad(), preserved_randomness():
            first, second = (self.core(**inputs, num_items_in_batch=torch.tensor(n)).loss.item() for n in (1, 4))
        self.core.train(training)
        return bool(second < first / 2)

    # Validation, and what is said of training

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Validate by the caller's function; training goes on as if it had not been called."""
        assert self._validate is not None
        training = self.core.training
        with preserved_randomness(), torch.no_grad():
            values = self._validate(self.core)
        self.core.train(training)
        metrics = {f"{metric_key_prefix}_{name}": float(value) for name, value in values.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self._signals.agree(self.args)
        if self.control.should_training_stop or self._signals.received is not None:
            self.control.should_save = True
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether these weights are the best so far; then they are saved."""
        best = bool(super()._determine_best_metric(metrics, trial))
        if best:
            self.control.should_save = True
        return best

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log; losses are those of our own count, which goes on in a resumed run."""
        if "train_runtime" in logs:
            logs = {"train_loss": self._over_processes(self.tally.mean_loss)}
        elif "loss" in logs:
            logs["loss"] = self._over_processes(self.tally.close_window())
        super().log(logs, start_time)

    def _over_processes(self, value: float) -> float:
        """The mean of the processes' values."""
        if self.args.world_size <= 1:
            return value
        return float(self.accelerator.gather(torch.tensor([value], device=self.args.device)).mean().item())

    # Checkpoints

    def _get_output_dir(self, trial: Any) -> str:
        """Where a checkpoint is written: beside its place."""
        return str(self._stage or self._folder)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Save all that resuming needs: whole, or not at all."""
        self._refuse_not_finite()
        self._stage = self._folder / f"{checkpoints.STAGING}{self.state.global_step}"
        try:
            if self.args.should_save:
                shutil.rmtree(self._stage, ignore_errors=True)
                self._stage.mkdir(parents=True)
            self.accelerator.wait_for_everyone()
            with _without_bars():
                super()._save_checkpoint(model, trial)
            # The Trainer notes a path of this machine; ours is known by its step.
            self.state.best_model_checkpoint = None
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self._publish(self._stage)
            self.accelerator.wait_for_everyone()
        finally:
            if self.args.should_save:
                shutil.rmtree(self._stage, ignore_errors=True)
            self._stage = None
        self.saved_step = self.state.global_step

    def _publish(self, stage: Path) -> None:
        staged = stage / f"checkpoint-{self.state.global_step}"
        (staged / _ARGUMENTS).unlink(missing_ok=True)
        self.state.save_to_json(str(staged / STATE))
        (staged / TALLY).write_text(json.dumps(self.tally.as_json()), encoding="utf-8")
        checkpoints.publish(staged, self._folder)
        checkpoints.rotate(self._folder, self._keep, self.state.best_global_step)

    def _refuse_not_finite(self) -> None:
        """Raise `sftcore.TrainingError` rather than save weights that are not finite."""
        bad = next((name for name, weight in self.core.named_parameters() if not bool(weight.isfinite().all())), "")
        if bad:
            step, what = self.state.global_step, f"the weights of {bad} are not finite"
            raise not_finite(what, step, self._get_learning_rate(), [], str(self.args.mixed_precision))


def _processed(inputs: Mapping[str, Any]) -> int:
    """Tokens in a batch, padding included; 0 where it has no `input_ids`."""
    return int(inputs["input_ids"].numel()) if "input_ids" in inputs else 0


def _tokens(inputs: Mapping[str, Any]) -> tuple[torch.Tensor, int]:
    """Real tokens of a batch (a scalar, left on its device) and tokens with padding."""
    processed = _processed(inputs)
    mask = inputs.get("attention_mask")
    real = torch.tensor(processed) if mask is None or mask.dim() != 2 else mask.sum()
    return real, processed
