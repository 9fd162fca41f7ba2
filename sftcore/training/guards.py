"""What must not happen in silence: numbers that are not finite, signals, a full disk or memory."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from sftcore.errors import Problem, ResourceError, SftcoreError, Stopped, TrainingError
from sftcore.resources import out_of_disk, out_of_memory

if TYPE_CHECKING:
    from sftcore.reporter import Reporter


class Signals:
    """Within the block, SIGINT and SIGTERM are only noted in `received`; a second one ends the process at once."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Elsewhere than in the main thread (a notebook's worker, a server) Python allows no handlers.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = number

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def agree(self, args: TrainingArguments) -> None:
        """Let all processes know of a signal that one of them got, so that they stop at the same step."""
        if args.world_size > 1:
            import torch

            flag = torch.tensor(self.received or 0, device=args.device)  # NCCL takes nothing from elsewhere
            torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
            self.received = int(flag) or None

    def stop(self, step: int, total: int) -> None:
        """Raise `sftcore.Stopped` if a signal was received."""
        if self.received is not None:
            name = signal.Signals(self.received).name
            message = f"stopped by {name} after step {step} of {total}; a checkpoint is saved"
            raise Stopped(self.received, Problem(message, advice="the same command goes on from there"))


class StopAtSignal(TrainerCallback):
    """Saves at the end of the step in which a signal came, then raises `sftcore.Stopped`; and saves where a
    callback ends the training, so that the last weights are always kept. It comes after all other callbacks."""

    def __init__(self, signals: Signals, reporter: Reporter) -> None:
        self._signals, self._reporter = signals, reporter

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Ask for a checkpoint."""
        self._signals.agree(args)
        if self._signals.received is not None:
            self._reporter.note("stopping: saving a checkpoint")
        if self._signals.received is not None or control.should_training_stop:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any) -> None:
        """Stop once it is saved."""
        self._signals.stop(state.global_step, state.max_steps)


def not_finite(what: str, step: int, learning_rate: float, row_ids: Sequence[int], precision: str) -> TrainingError:
    """The error for a loss or gradient that is not finite."""
    advice = ["lower train.learning_rate", "raise train.warmup_steps", "keep train.max_grad_norm above 0"]
    advice += ['try train.precision = "fp32"'] if precision != "fp32" else []
    message = f"{what} at step {step}, learning rate {learning_rate:.3g}{_rows(row_ids)}; no checkpoint holds it"
    advice[-1] += "; then start anew with --fresh"
    return TrainingError(Problem(message, key="train.learning_rate", advice=", or ".join(advice)))


def nothing_counts(step: int, row_ids: Sequence[int]) -> TrainingError:
    """The error for a step in which no label counts in the loss."""
    message = f"nothing to learn from: no label of step {step} counts in the loss{_rows(row_ids)}"
    return TrainingError(Problem(message, key="model.max_length", advice="raise model.max_length, or check the labels"))


def _rows(row_ids: Sequence[int]) -> str:
    if not row_ids:
        return ""
    shown = ", ".join(str(row + 1) for row in row_ids[:8])
    return f", rows {shown}{' …' if len(row_ids) > 8 else ''} of the data"


def all_finite(values: Sequence[float]) -> bool:
    """Whether every number is finite."""
    return all(map(math.isfinite, values))


@contextmanager
def resources(folder: Path, batch: int, accumulation: int, tokens: int | None = None) -> Iterator[None]:
    """Turn running out of memory or disk into a `sftcore.ResourceError`; checkpoints that stand stay as they are.

    A batch has so many rows, or at most so many `tokens` where that is given.
    """
    try:
        yield
    except SftcoreError:
        raise
    except Exception as error:
        if out_of_disk(error):
            advice = "make room on that disk; the same command goes on from the last checkpoint"
            raise ResourceError(Problem("the disk is full", where=str(folder), advice=advice)) from error
        if out_of_memory(error):
            raise ResourceError(_memory(batch, accumulation, tokens)) from error
        raise


def _memory(batch: int, accumulation: int, tokens: int | None) -> Problem:
    key, size = ("train.tokens_per_batch", tokens) if tokens else ("train.per_device_train_batch_size", batch)
    advice = "set train.activation_checkpointing = true, lower model.max_length, or take a smaller model"
    if size > 1:
        advice = (
            f"set {key} = {size // 2} and train.gradient_accumulation_steps = {accumulation * 2}: "
            f"{'about ' if tokens else ''}the same steps in about half the memory; or lower model.max_length"
        )
    return Problem("out of memory", key=key, value=str(size), advice=advice)
