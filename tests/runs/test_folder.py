from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftcore.errors import PluginError, RecipeError, ResourceError, RunError
from sftcore.recipe import Recipe
from sftcore.reporter import SilentReporter
from sftcore.runs import files, folder
from sftcore.runs.folder import Run, open_run
from sftcore.runs.locking import Lock, holder
from sftcore.runs.seal import seal

Make = Callable[..., Any]

OTHER_PROCESS = """
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
from sftcore.runs.folder import open_run
recipe = SimpleNamespace(name="sentiment", text="", overrides=(), resolved=dict)
with open_run(recipe, Path(sys.argv[1]), {"a": 1}, fresh=sys.argv[2] == "fresh") as run:
    if sys.argv[2] == "fork" and os.fork() == 0:
        print(os.getpid(), flush=True)
    elif sys.argv[2] != "fork":
        print(run.id, flush=True)
    time.sleep(float(sys.argv[3]))
"""


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(how: str = "", seconds: float = 60) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path), how, str(seconds)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def opened(recipe: Any, runs: Path, fingerprint: dict[str, Any], **options: Any) -> Run:
    with open_run(recipe, runs, fingerprint, **options) as run:
        return run


def finished(run: Run) -> Run:
    seal(run)
    return run


def test_a_new_run_holds_the_recipe_as_given_and_the_lock(tmp_path: Path, make_recipe: Make, fingerprint: Make) -> None:
    recipe = make_recipe()
    run = opened(recipe, tmp_path, fingerprint())
    assert run.path == tmp_path / "sentiment" / "0001"
    assert not run.resumed
    assert not run.sealed
    assert (run.path / "recipe.toml").read_bytes() == recipe.text.encode()
    assert json.loads((run.path / "overrides.json").read_text()) == ["train.learning_rate=5e-5"]
    lock = json.loads((run.path / "lock.json").read_text())
    assert lock["recipe"]["train"]["learning_rate"] == 5e-5
    assert lock["fingerprint"]["data"]["sha256"] == "a" * 64
    assert lock["environment"]["packages"]["torch"]["version"]
    assert (run.name, run.id, run.metrics) == ("sentiment", "0001", {})


def test_an_unsealed_run_goes_on(tmp_path: Path, make_recipe: Make, fingerprint: Make) -> None:
    first = opened(make_recipe(), tmp_path, fingerprint())
    left = first.path / f".lock.json.1{files.PART}"
    left.write_text("half")
    second = opened(make_recipe(texts=False), tmp_path, fingerprint())
    assert second.path == first.path
    assert second.resumed
    assert not left.exists()
    assert second.lock["recipe"]["report"] == {"texts": False}
    events = [json.loads(line)["event"] for line in (first.path / "log.jsonl").read_text().splitlines()]
    assert events == ["started", "resumed"]


def test_a_changed_fingerprint_names_each_key_with_old_and_new_value(
    tmp_path: Path, make_recipe: Make, fingerprint: Make
) -> None:
    opened(make_recipe(), tmp_path, fingerprint())
    changed = fingerprint(learning_rate=1e-4, data="b" * 64)
    changed["packages"] = {"torch": "2.13.0"}
    with pytest.raises(RunError) as caught:
        opened(make_recipe(), tmp_path, changed)
    assert caught.value.exit_code == 2
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert told.pop("") == "this run is not finished, and 4 things have changed that decide its result"
    assert told == {
        "recipe.train.learning_rate": "5e-05 → 0.0001",
        "data.sha256": "aaaaaaaaaaaa → bbbbbbbbbbbb",
        "packages.transformers": '"5.23.0" → absent',
        "packages.torch": 'absent → "2.13.0"',
    }
    assert "0002" in str(caught.value)
    assert "--fresh" in str(caught.value)
    assert [path.name for path in (tmp_path / "sentiment").glob("0*")] == ["0001"]


def test_fresh_starts_the_next_run(tmp_path: Path, make_recipe: Make, fingerprint: Make) -> None:
    opened(make_recipe(), tmp_path, fingerprint())
    assert opened(make_recipe(), tmp_path, fingerprint(), fresh=True).id == "0002"


def test_a_sealed_run_is_given_back_unless_something_changed(
    tmp_path: Path, make_recipe: Make, fingerprint: Make
) -> None:
    finished(opened(make_recipe(), tmp_path, fingerprint()))
    again = opened(make_recipe(), tmp_path, fingerprint())
    assert (again.id, again.sealed, again.resumed) == ("0001", True, False)
    following = opened(make_recipe(), tmp_path, fingerprint(learning_rate=1e-4))
    assert (following.id, following.sealed) == ("0002", False)


def test_nothing_is_written_to_a_sealed_run(tmp_path: Path, make_recipe: Make, fingerprint: Make) -> None:
    run = finished(opened(make_recipe(), tmp_path, fingerprint()))
    with pytest.raises(RunError, match="sealed"):
        run.log({"event": "late"})
    with pytest.raises(RunError, match=r"metrics\.json"):
        run.write_json("metrics.json", {})


def test_a_second_process_is_told_who_holds_the_run(
    tmp_path: Path, make_recipe: Make, other: Callable[..., subprocess.Popen[str]]
) -> None:
    process = other()
    assert process.stdout is not None
    assert process.stdout.readline() == "0001\n"
    with pytest.raises(RunError, match=f"in use by process {process.pid} on "):
        opened(make_recipe(), tmp_path, {"a": 1})
    assert opened(make_recipe(), tmp_path, {"a": 1}, fresh=True).id == "0002"


def test_the_lock_ends_with_a_killed_process(
    tmp_path: Path, make_recipe: Make, other: Callable[..., subprocess.Popen[str]]
) -> None:
    process = other()
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert opened(make_recipe(), tmp_path, {"a": 1}).resumed


def test_processes_that_start_at_once_get_ids_of_their_own(
    tmp_path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    processes = [other("fresh", 0) for _ in range(6)]
    ids = sorted(process.communicate()[0].strip() for process in processes)
    assert ids == [f"{number:04d}" for number in range(1, 7)]


def test_a_worker_that_survives_its_killed_parent_does_not_hold_the_run(
    tmp_path: Path, make_recipe: Make, other: Callable[..., subprocess.Popen[str]]
) -> None:
    process = other("fork")
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    try:
        os.kill(worker, 0)
        assert opened(make_recipe(), tmp_path, {"a": 1}).resumed
    finally:
        os.kill(worker, signal.SIGKILL)


def test_a_file_system_without_locks_still_refuses_a_living_holder(
    tmp_path: Path, make_recipe: Make, other: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    process = other()
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(RunError, match=f"process {process.pid}"):
        opened(make_recipe(), tmp_path, {"a": 1})
    process.kill()
    process.wait()
    reporter = Warnings()
    assert opened(make_recipe(), tmp_path, {"a": 1}, reporter=reporter).resumed
    assert "no file locks" in reporter.texts[0]


def test_what_others_put_into_the_folder_is_left_alone(tmp_path: Path, make_recipe: Make) -> None:
    opened(make_recipe(), tmp_path, {"a": 1})
    foreign = tmp_path / "sentiment" / "0003"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    (tmp_path / "sentiment" / "keep.txt").write_text("mine")
    reporter = Warnings()
    assert opened(make_recipe(), tmp_path, {"a": 1}, reporter=reporter).id == "0001"
    assert "0003 is no run" in reporter.texts[0]
    assert opened(make_recipe(), tmp_path, {"a": 1}, fresh=True).id == "0004"
    assert (foreign / "notes.txt").read_text() == "mine"
    assert (tmp_path / "sentiment" / "keep.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["", '{"fingerprint": ', "[]", "{}", '{"fingerprint": 3}'])
def test_a_damaged_lock_is_said_to_be_so(tmp_path: Path, make_recipe: Make, content: str) -> None:
    run = opened(make_recipe(), tmp_path, {"a": 1})
    (run.path / "lock.json").write_text(content)
    with pytest.raises(RunError, match=r"(?s)0001/lock\.json.*\n  is damaged") as caught:
        opened(make_recipe(), tmp_path, {"a": 1})
    assert "--fresh" in str(caught.value)
    assert opened(make_recipe(), tmp_path, {"a": 1}, fresh=True).id == "0002"


def test_a_folder_that_a_killed_process_had_begun_is_made_anew(tmp_path: Path, make_recipe: Make) -> None:
    begun = tmp_path / "sentiment" / f"{folder.STARTING}0001"
    begun.mkdir(parents=True)
    (begun / "recipe.toml").write_text("half")
    run = opened(make_recipe(), tmp_path, {"a": 1})
    assert run.id == "0001"
    assert not begun.exists()


@pytest.mark.parametrize(("owner", "name"), [(folder, "environment"), (Run, "log")])
def test_a_failure_while_it_begins_leaves_no_run(
    tmp_path: Path, make_recipe: Make, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("it fails")

    monkeypatch.setattr(owner, name, fails)
    with pytest.raises(RuntimeError):
        opened(make_recipe(), tmp_path, {"a": 1})
    assert [path.name for path in (tmp_path / "sentiment").iterdir()] == [".lock"]


def test_a_lock_that_can_t_name_its_holder_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ResourceError):
            Lock(tmp_path).acquire()
    Lock(tmp_path).acquire().release()


def test_a_torn_last_line_of_the_log_is_cut_off(tmp_path: Path, make_recipe: Make) -> None:
    run = opened(make_recipe(), tmp_path, {"a": 1})
    run.log({"event": "loss", "loss": float("nan"), "text": "好"})
    with open(run.path / "log.jsonl", "ab") as file:
        file.write(b'{"event": "lo')
    opened(make_recipe(), tmp_path, {"a": 1})
    events = [json.loads(line) for line in (run.path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["started", "loss", "resumed"]
    assert (events[1]["loss"], events[1]["text"]) == (None, "好")


def test_runs_are_found_by_folder_and_by_name(tmp_path: Path, make_recipe: Make) -> None:
    for name in ("sentiment", "sentiment", "topics"):
        opened(make_recipe(name), tmp_path, {"a": 1}, fresh=True)
    assert Run.find("sentiment", tmp_path).id == "0002"
    assert Run.find("sentiment/0001", tmp_path).id == "0001"
    assert Run.find(tmp_path / "sentiment").id == "0002"
    assert Run.find(tmp_path / "topics" / "0001").name == "topics"
    with pytest.raises(RunError, match="did you mean sentiment"):
        Run.find("sentimnt", tmp_path)
    with pytest.raises(RunError, match="sentiment, topics"):
        Run.find("zzz", tmp_path)
    with pytest.raises(RunError, match="SFTCORE_RUNS"):
        Run.find("sentiment", tmp_path / "nowhere")


def test_a_plugin_that_is_gone_is_named_with_the_lock(tmp_path: Path, make_recipe: Make) -> None:
    run = opened(make_recipe(), tmp_path, {"plugins": {"gone-thing": {"version": "1.2"}}})
    steps = [{"use": "gone-thing:mask", "width": 3}, {"use": "sftcore:lowercase"}]
    run.lock["recipe"] = {"task": {"use": "gone-thing:mood"}, "preprocess": steps}
    with pytest.raises(PluginError) as caught:
        run.recipe()
    (problem,) = caught.value.problems
    assert problem.where == str(run.path / "lock.json")
    assert "needs the plugin gone-thing, which is not installed" in problem.message
    assert problem.advice == 'pip install "gone-thing==1.2"'


def test_a_finished_run_needs_none_of_its_trackers(
    tmp_path: Path, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(make_recipe(), tmp_path, {"a": 1})
    tables = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    run.lock["recipe"] = tables | {"train": {"report_to": ["mlflow"], "seed": 1}}
    monkeypatch.setattr("sftcore.recipe.misfits.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match="seed"):
        run.recipe()
    del run.lock["recipe"]["train"]["seed"]
    assert run.recipe().train.trackers == ()


@pytest.mark.parametrize(
    "changes",
    [
        'train = { save_strategy = "epoch", eval_strategy = "no" }',
        'train = { save_strategy = "no", max_steps = 2 }',
        'data.source = { train = "a.csv", validation = "b.csv", test = "c.csv" }',
        "data.split = { train = 0.5, validation = 0, test = 0.5 }",
    ],
)
def test_defaults_in_a_run_s_recipe_are_not_taken_for_wishes(tmp_path: Path, changes: str) -> None:
    source = "" if "data.source" in changes else 'data.source = "a.csv"\n'
    task = 'task = { use = "text-classification" }\nmodel = { base = "m" }\n'
    recipe = Recipe.from_toml(f"{source}{task}{changes}\n", tmp_path)
    with open_run(recipe, tmp_path, {}) as run:
        assert run.recipe().resolved() == recipe.resolved()


def test_runs_lie_where_the_environment_says(
    tmp_path: Path, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_run(make_recipe(), None, {}) as run:
        assert run.path == Path("runs/sentiment/0001")
    monkeypatch.setenv("SFTCORE_RUNS", str(tmp_path / "elsewhere"))
    with open_run(make_recipe(), None, {}) as run:
        assert run.path == tmp_path / "elsewhere" / "sentiment" / "0001"


def test_a_run_copied_elsewhere_keeps_its_name(tmp_path: Path, make_recipe: Make) -> None:
    run = opened(make_recipe(), tmp_path / "runs", {"a": 1})
    run.path.rename(tmp_path / "best")
    assert (Run.find(tmp_path / "best").name, Run.find(tmp_path / "best").id) == ("sentiment", "0001")


def test_the_other_processes_of_a_launch_follow_the_first(
    tmp_path: Path, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(make_recipe(), tmp_path, {"a": 1})
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(folder, "_OPENED", iter([7, 7]))
    found: list[Run] = []
    monkeypatch.setenv("RANK", "1")
    follower = threading.Thread(target=lambda: found.append(opened(make_recipe(), tmp_path, {"a": 1})))
    follower.start()
    time.sleep(0.2)
    assert not found
    monkeypatch.setenv("RANK", "0")
    first = opened(make_recipe(), tmp_path, {"a": 1})
    follower.join(10)
    assert (found[0].path, found[0].resumed, found[0].writes) == (first.path, True, False)
    found[0].log({"event": "unheard"})
    found[0].write_json("metrics.json", {})
    seal(found[0])
    assert "unheard" not in (first.path / "log.jsonl").read_text()
    assert not first.sealed
    assert not first.metrics
    seal(first)
    found[0].log({"event": "unheard, and no error"})
    assert holder(first.path / ".lock")["launch"].endswith(" 7")
