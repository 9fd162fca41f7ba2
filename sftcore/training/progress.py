"""How far training is: counted over all its sessions, told a few times a second, logged line by line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

if TYPE_CHECKING:
    from sftcore.reporter import Reporter

INTERVAL = 0.5
"""Seconds between two reports."""


@dataclass(slots=True)
class Tally:
    """What training has done so far; saved with every checkpoint, so that sessions add up.

    `window_*` count since the last line of the log: a resumed run logs the same curve.
    """

    loss: float = 0.0
    steps: int = 0
    window_loss: float = 0.0
    window_steps: int = 0
    tokens: int = 0
    processed: int = 0
    seconds: float = 0.0

    def add(self, loss: float, tokens: int, processed: int) -> None:
        """One optimizer step: its loss, real tokens, and tokens with padding."""
        self.loss += loss
        self.window_loss += loss
        self.steps += 1
        self.window_steps += 1
        self.tokens += tokens
        self.processed += processed

    def close_window(self) -> float:
        """The mean loss since the last line of the log."""
        mean = self.window_loss / max(1, self.window_steps)
        self.window_loss, self.window_steps = 0.0, 0
        return mean

    @property
    def padding(self) -> float:
        """Processed tokens to real ones."""
        return self.processed / max(1, self.tokens)

    @property
    def mean_loss(self) -> float:
        """Mean loss of all steps."""
        return self.loss / max(1, self.steps)

    def as_json(self) -> dict[str, Any]:
        """The counters by name."""
        return asdict(self)


class Progress(TrainerCallback):
    """Tells a reporter how training goes, and a log its lines."""

    def __init__(self, tally: Tally, reporter: Reporter, log: Callable[[dict[str, Any]], None] | None) -> None:
        self._tally, self._reporter, self._log = tally, reporter, log
        self._values: dict[str, Any] = {}
        self._told = self._began = self._resumed = 0.0
        self._first_step = self._first_tokens = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Start the clocks."""
        self._began = self._resumed = time.monotonic()
        self._first_step, self._first_tokens = state.global_step, self._tally.tokens
        self._tell(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Tell, unless it was told less than half a second ago."""
        self._count_time()
        if self._resumed - self._told >= INTERVAL or state.global_step >= state.max_steps:
            self._tell(state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Count what the last step's validation and saving took."""
        self._count_time()

    def _count_time(self) -> None:
        now = time.monotonic()
        self._tally.seconds += now - self._resumed
        self._resumed = now

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **keywords: Any
    ) -> None:
        """Write a line of the log."""
        if not state.is_world_process_zero:
            return
        self._values |= {name: logs[name] for name in ("loss", "learning_rate") if name in logs}
        if self._log is not None:
            self._log({"step": state.global_step, **logs})

    def _tell(self, state: TrainerState) -> None:
        if not state.is_world_process_zero:
            return
        self._told = time.monotonic()
        elapsed, done = self._told - self._began, state.global_step - self._first_step
        values = self._values | {"epoch": round(state.epoch or 0.0, 3), "padding": self._tally.padding}
        if done and elapsed:
            values["tokens_per_second"] = (self._tally.tokens - self._first_tokens) / elapsed
            values["eta"] = (state.max_steps - state.global_step) * elapsed / done
        self._reporter.progress(state.global_step, state.max_steps, values)
