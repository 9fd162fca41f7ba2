"""Experiment trackers: they get the figures, decide nothing, and cost the run nothing when they fail."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from sftcore.training.trackers import STATE, Place

SHORT = {"num_train_epochs": 1.0, "save_strategy": "steps", "save_steps": 4.0, "logging_steps": 1.0}


class Crash(TrainerCallback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        if state.global_step == self._step:
            raise KeyboardInterrupt


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a folder, by tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), purge_orphaned_data=True)
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


class FakeTracker(TrainerCallback):
    """In place of transformers' callback for a tracker: notes what it is told, draws numbers, fails when it is to."""

    told: list[tuple[str, Any]]
    fails: str

    def _event(self, name: str, value: Any = None) -> None:
        type(self).told.append((name, value))
        torch.rand(7)
        if name == type(self).fails:
            raise RuntimeError("the server is on fire\nand more")

    def on_train_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        seen = {name: os.environ.get(name) for name in ("WANDB_RUN_ID", "WANDB_PROJECT", "WANDB_DISABLE_GIT")}
        self._event("begin", {"name": args.run_name, "project": args.project, **seen})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **keywords: Any) -> None:
        self._event("log", (state.global_step, dict(logs)))
        logs.clear()

    def on_save(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        self._event("save", state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        self._event("end")


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stand-in of the module wandb and of transformers' callback for it."""
    module: Any = ModuleType("wandb")
    module.run = None
    module.finished = []

    def finish(exit_code: int = 0) -> None:
        module.finished.append(exit_code)
        module.run = None

    class Tracker(FakeTracker):
        told: list[tuple[str, Any]] = []
        fails = ""

        def on_train_begin(self, *args: Any, **keywords: Any) -> None:
            module.run = module.run or SimpleNamespace(url="https://wandb.test/run", dir="")
            super().on_train_begin(*args, **keywords)

    module.finish, module.tracker = finish, Tracker
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "wandb", Tracker)
    return module


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The checkpoints' folder of a run."""
    return tmp_path / "runs" / "mood" / "0001" / "checkpoints"


def test_tensorboard_gets_what_the_log_gets(make_job: Callable[..., Any], job_module: ModuleType, place: Path) -> None:
    log: list[dict[str, Any]] = []
    told = job_module.Told()
    make_job().train(place, report_to="tensorboard", validate=True, log=log.append, reporter=told, **SHORT)
    shown = scalars(place.parents[2] / "tensorboard" / "mood" / "0001")
    expected = [(line["step"], pytest.approx(line["loss"])) for line in log if "loss" in line]
    assert len(expected) == 11
    assert shown["train/loss"] == expected
    assert shown["eval/accuracy"] == [
        (line["step"], pytest.approx(line["eval_accuracy"])) for line in log if "eval_accuracy" in line
    ]
    assert any(f"tensorboard --logdir {place.parents[2] / 'tensorboard'}" in note for note in told.notes)
    assert not told.warnings


def test_a_resumed_run_goes_on_in_the_same_curve(make_job: Callable[..., Any], place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_job().train(place, report_to="tensorboard", callbacks=[Crash(7)], **SHORT)
    token = Place.of(place).token
    make_job().train(place, report_to="tensorboard", **SHORT)
    shown = scalars(place.parents[2] / "tensorboard" / "mood" / "0001")
    assert [step for step, _ in shown["train/loss"]] == list(range(1, 12)), "steps 5 to 7 are there once"
    assert Place.of(place).token == token


def test_a_run_of_the_same_number_hides_the_one_that_came_to_nothing(make_job: Callable[..., Any], place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_job().train(place, report_to="tensorboard", callbacks=[Crash(3)], **SHORT)
    make_job().train(place, report_to="tensorboard", **SHORT)
    shown = scalars(place.parents[2] / "tensorboard" / "mood" / "0001")
    assert [step for step, _ in shown["train/loss"]] == list(range(1, 12))


def test_the_weights_are_those_without_trackers(make_job: Callable[..., Any], place: Path, wandb: Any) -> None:
    alone, watched = make_job(), make_job()
    alone.train(place.parents[3] / "alone", **SHORT)
    watched.train(place, report_to=("tensorboard", "wandb"), **SHORT)
    assert len([name for name, _ in wandb.tracker.told if name == "log"]) >= 11, "it drew numbers at every step"
    expected, found = alone.weights(), watched.weights()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("fails", ["begin", "log", "save", "end"])
def test_a_tracker_that_raises_costs_nothing_and_is_told_once(
    fails: str, make_job: Callable[..., Any], job_module: ModuleType, place: Path, wandb: Any
) -> None:
    told, log = job_module.Told(), list[dict[str, Any]]()
    wandb.tracker.fails = fails
    result = make_job().train(place, report_to="wandb", reporter=told, log=log.append, **SHORT)
    assert result.global_step == 11
    assert sum("loss" in line for line in log) == 11, "what a tracker does to the figures is its own business"
    failed = "wandb failed (the server is on fire): it gets no more of this run, which goes on"
    assert told.warnings == [failed]
    assert wandb.tracker.told[-1][0] == fails
    assert wandb.finished == [0], "its run is closed all the same"


def test_a_tracker_that_can_not_be_made_costs_nothing(
    make_job: Callable[..., Any], job_module: ModuleType, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> TrainerCallback:
        sys.exit("no key")

    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "trackio", make)
    told = job_module.Told()
    assert make_job().train(place, report_to="trackio", reporter=told, **SHORT).global_step == 11
    assert len(told.warnings) == 1
    assert told.warnings[0].startswith("trackio failed (")


def test_the_run_has_a_name_and_what_it_reads_is_given_back(
    make_job: Callable[..., Any], place: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    before = dict(os.environ)
    make_job().train(place, report_to="wandb", **SHORT)
    token = Place.of(place).token
    name, begun = wandb.tracker.told[0]
    assert name == "begin"
    assert begun == {
        "name": f"mood-0001-{token}",
        "project": "sftcore",
        "WANDB_RUN_ID": token,
        "WANDB_PROJECT": "mine",
        "WANDB_DISABLE_GIT": None,
    }
    assert dict(os.environ) == before
    assert json.loads((place / STATE).read_text()) == {"token": token, "mlflow": ""}


def test_without_texts_nothing_goes_along_that_may_hold_some(
    make_job: Callable[..., Any], place: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DISABLE_GIT", "false")
    make_job().train(place, report_to=("tensorboard", "wandb"), texts=False, **SHORT)
    assert wandb.tracker.told[0][1]["WANDB_DISABLE_GIT"] == "true"
    events = b"".join(path.read_bytes() for path in (place.parents[2] / "tensorboard").rglob("*") if path.is_file())
    assert b"output_dir" in events, "the arguments are there"
    assert not [word for word in ("wonderful", "terrible", "camera") if word.encode() in events]


def test_a_run_that_was_open_before_stays_open(make_job: Callable[..., Any], place: Path, wandb: Any) -> None:
    wandb.run = theirs = SimpleNamespace(url="", dir="here")
    make_job().train(place, report_to="wandb", **SHORT)
    assert wandb.run is theirs
    assert not wandb.finished


def test_a_training_that_ends_early_closes_its_runs_as_failed(
    make_job: Callable[..., Any], place: Path, wandb: Any
) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_job().train(place, report_to="wandb", callbacks=[Crash(3)], **SHORT)
    assert wandb.finished == [1]


def test_mlflow_goes_on_in_the_run_that_it_numbered(
    make_job: Callable[..., Any], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = ModuleType("mlflow")
    given = defaultdict[str, list[Any]](list)
    module.active_run = lambda: given["open"][-1] if given["open"] else None
    module.end_run = lambda status: given["ended"].append((status, given["open"].pop()))

    class Tracker(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
            number = os.environ.get("MLFLOW_RUN_ID") or f"run-{len(given['ids'])}"
            given["ids"].append((number, os.environ["MLFLOW_EXPERIMENT_NAME"]))
            given["open"].append(SimpleNamespace(info=SimpleNamespace(run_id=number)))

    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "mlflow", Tracker)
    with pytest.raises(KeyboardInterrupt):
        make_job().train(place, report_to="mlflow", callbacks=[Crash(7)], **SHORT)
    make_job().train(place, report_to="mlflow", **SHORT)
    assert given["ids"] == [("run-0", "sftcore"), ("run-0", "sftcore")]
    assert [status for status, _ in given["ended"]] == ["FAILED", "FINISHED"]


def test_other_processes_than_the_first_report_nothing(
    make_job: Callable[..., Any], place: Path, wandb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    make_job().train(place, report_to="wandb", **SHORT)
    assert not wandb.tracker.told
