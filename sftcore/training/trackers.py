"""`[train] report_to`: transformers' own callbacks for experiment trackers, kept from doing any harm.

A tracker gets what log.jsonl gets while training, the training arguments and the model's configuration. It decides
nothing: what it raises is told once and costs the run nothing, and the random generators are after it as before.
"""

from __future__ import annotations

import io
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from sftcore.models.calls import first_line
from sftcore.training.trainer import preserved_randomness

if TYPE_CHECKING:
    from sftcore.recipe.schema import Recipe
    from sftcore.recipe.train import Tracker
    from sftcore.reporter import Reporter

PROJECT = "sftcore"
"""The project (trackio, W&B) or experiment (MLflow) of all runs, unless the tracker's own variable names another."""
STATE = "trackers.json"
"""Beside the checkpoints, and gone with them: how the trackers know the run again when it is resumed."""

_QUIET = {"WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
"""W&B would print into the display, and send what the command prints to its server."""
_NO_TEXTS = {"WANDB_CONSOLE": "off", "WANDB_DISABLE_GIT": "true", "WANDB_DISABLE_CODE": "true"}
"""Without texts in reports nothing goes along that may hold some: output, uncommitted changes, code."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which run this is, for trackers: the folder of its checkpoints, and what was kept of it there.

    `token` keeps runs apart that have the same number in other folders; `mlflow` is the id that MLflow gave.
    """

    folder: Path
    token: str
    mlflow: str = ""

    @classmethod
    def of(cls, folder: Path) -> Place:
        """The place of the run whose checkpoints lie in `folder`."""
        try:
            kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
            token, mlflow = str(kept["token"]), str(kept["mlflow"])
        except (OSError, ValueError, KeyError, TypeError):
            token, mlflow = uuid.uuid4().hex[:8], ""
        return cls(folder, token, mlflow)

    @property
    def name(self) -> str:
        """What the run is called in a tracker: `sentiment-0001-3f2a9c1b`."""
        run = self.folder.parent
        return f"{run.parent.name}-{run.name}-{self.token}"

    @property
    def all_events(self) -> Path:
        """The folder of TensorBoard's files of all runs: the run's own is sealed in the end."""
        given = os.environ.get("TENSORBOARD_LOGGING_DIR")
        return Path(given).expanduser() if given else self.folder.parent.parent.parent / "tensorboard"

    @property
    def events(self) -> Path:
        """The folder of TensorBoard's files of this run."""
        return self.all_events / self.folder.parent.parent.name / self.folder.parent.name

    def keep(self, mlflow: str = "") -> None:
        """Write down how the run is known again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{STATE}.part"
        part.write_text(json.dumps({"token": self.token, "mlflow": mlflow or self.mlflow}), encoding="utf-8")
        part.replace(self.folder / STATE)


class Guarded(TrainerCallback):
    """Hands events on to a tracker's callback. The first that fails is told, and none follows it."""

    def __init__(self, tracker: Tracker, place: Place, reporter: Reporter) -> None:
        self.tracker, self.place = tracker, place
        self._reporter = reporter
        self._callback: Any = None
        self._works, self._theirs = True, False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Open the tracker's run."""

        def begin() -> None:
            self._callback, self._theirs = _callback(self.tracker, self.place, state), _is_active(self.tracker)
            self._callback.on_train_begin(args, state, control, **keywords)
            if self.tracker == "mlflow":
                self.place.keep(sys.modules["mlflow"].active_run().info.run_id)

        self._safely(begin)
        if self._works:
            self._reporter.note(_where(self.tracker, self.place))

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **keywords: Any
    ) -> None:
        """Hand on a line of the log."""
        self._safely(lambda: self._callback.on_log(args, state, control, logs=dict(logs or {}), **keywords))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any) -> None:
        """Tell of a checkpoint: some trackers can be told to keep them."""
        self._safely(lambda: self._callback.on_save(args, state, control, **keywords))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **keywords: Any
    ) -> None:
        """Tell that training has ended."""
        self._safely(lambda: self._callback.on_train_end(args, state, control, **keywords))

    def close(self, failed: bool) -> None:
        """End the tracker's run, however training ended; one that was open before is its owner's."""
        if self._callback is not None and not self._theirs:
            self._safely(lambda: _close(self.tracker, self._callback, failed), always=True)

    def _safely(self, action: Callable[[], None], always: bool = False) -> None:
        if not (self._works or always):
            return
        try:
            with preserved_randomness(), redirect_stdout(io.StringIO()):  # what they print, `_where` says
                action()
        except (Exception, SystemExit) as error:  # whatever happens to a tracker must not cost the run
            if self._works:
                why = first_line(error if isinstance(error, Exception) else RuntimeError("it wanted to exit"))
                what = f"{self.tracker} failed ({why}): it gets no more of this run, which goes on"
                self._reporter.warning(what)
            self._works = False


@contextmanager
def trackers(recipe: Recipe, folder: Path, reporter: Reporter) -> Iterator[list[Guarded]]:
    """The callbacks of the recipe's trackers, whose runs are closed after the block; in the first process alone.

    `folder` is that of the run's checkpoints.
    """
    if not recipe.train.trackers or os.environ.get("RANK", "0") not in ("", "0"):
        yield []
        return
    place = Place.of(folder)
    opened = [Guarded(tracker, place, reporter) for tracker in recipe.train.trackers]
    failed = True
    with _environment(_variables(recipe, place)):
        place.keep()
        try:
            yield opened
            failed = False
        finally:
            for tracker in opened:
                tracker.close(failed)


def _variables(recipe: Recipe, place: Place) -> dict[str, str]:
    """What the trackers read of the environment; what the user has set there stands, but for texts."""
    wanted = _QUIET | {
        "WANDB_PROJECT": PROJECT,
        "WANDB_RUN_ID": place.token,
        "WANDB_RESUME": "allow",
        "MLFLOW_EXPERIMENT_NAME": PROJECT,
        **({"MLFLOW_RUN_ID": place.mlflow} if place.mlflow else {}),
    }
    variables = {name: value for name, value in wanted.items() if not os.environ.get(name)}
    return variables if recipe.report.texts else variables | _NO_TEXTS


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def named(arguments: TrainingArguments, opened: list[Guarded]) -> None:
    """Write into the arguments what the run is called, where the callbacks read it."""
    if opened:
        arguments.run_name = opened[0].place.name
        arguments.project = _project()


def _callback(tracker: Tracker, place: Place, state: TrainerState) -> TrainerCallback:
    """Transformers' callback. TensorBoard hides what an earlier session logged after the step that is gone on from."""
    from transformers.integrations import integration_utils

    make: Any = integration_utils.INTEGRATION_TO_CALLBACK[tracker]
    if tracker != "tensorboard":
        return cast(TrainerCallback, make())
    from torch.utils.tensorboard import SummaryWriter

    first = state.global_step + bool(state.global_step)
    return cast(TrainerCallback, make(SummaryWriter(str(place.events), purge_step=first)))


def _is_active(tracker: Tracker) -> bool:
    """Whether a run of the tracker was open before ours (a notebook's)."""
    module: Any = sys.modules.get(tracker)
    if tracker == "wandb":
        return module.run is not None
    return tracker == "mlflow" and module.active_run() is not None


def _close(tracker: Tracker, callback: Any, failed: bool) -> None:
    module: Any = sys.modules.get(tracker)
    if tracker == "tensorboard" and callback.tb_writer is not None:
        callback.tb_writer.close()
    elif tracker == "wandb" and module.run is not None:
        module.finish(exit_code=int(failed))
    elif tracker == "mlflow" and module.active_run() is not None:
        module.end_run("FAILED" if failed else "FINISHED")
    elif tracker == "trackio" and callback._initialized:
        module.finish()


def _where(tracker: Tracker, place: Place) -> str:
    """Where the run is looked at."""
    if tracker == "tensorboard":
        return f"tensorboard: the figures are in {place.events}; tensorboard --logdir {place.all_events}"
    if tracker == "wandb":
        run = sys.modules["wandb"].run
        return f"wandb: {run.url or run.dir}"
    look = "mlflow ui" if tracker == "mlflow" else f"trackio show --project {_project()}"
    return f"{tracker}: the run is called {place.name}; {look}"


def _project() -> str:
    """The project in trackio, whose variable transformers does not read."""
    return os.environ.get("TRACKIO_PROJECT") or PROJECT
