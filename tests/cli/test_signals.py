"""Ctrl-C and SIGTERM outside training: never lost, never an error of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftcore.builtin.preprocessors.characters import Lowercase
from sftcore.cli import main, signals

RECIPE = """
[model]
base = {base!r}
[data]
source = {data!r}
[[preprocess]]
use = "lowercase"
[task]
use = "text-classification"
"""
BOTH = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@pytest.fixture
def run(tiny_bert: str, sentiment_csv: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "r.toml"
    path.write_text(RECIPE.format(base=tiny_bert, data=sentiment_csv), encoding="utf-8")
    return ["run", str(path), "--runs", str(tmp_path / "runs")]


def preprocess_by(action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def edits(self: Lowercase, text: str) -> list[Any]:
        action()
        return []

    monkeypatch.setattr(Lowercase, "edits", edits)


@BOTH
def test_a_signal_that_is_swallowed_stops_at_the_next_stage(
    number: signal.Signals,
    code: int,
    run: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Dying:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    preprocess_by(Dying, monkeypatch)
    before = [signal.getsignal(each) for each in signals.NUMBERS]
    assert main(run) == code
    shown = capsys.readouterr().err
    assert "\n  preprocess stopped, " in shown and shown.endswith("\nstopped\n")
    assert "split" not in shown
    assert "Traceback" not in shown and "ignored" not in shown
    assert [signal.getsignal(each) for each in signals.NUMBERS] == before
    assert signals.received() is None


@BOTH
def test_what_a_library_makes_of_a_signal_is_a_stop(
    number: signal.Signals,
    code: int,
    run: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt as error:
            raise RuntimeError("the library failed") from error

    preprocess_by(fail, monkeypatch)
    assert main([*run, "--json"]) == code
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["exit_code"] == code
    assert shown.err.endswith("stopped\n") and "Traceback" not in shown.err


def test_a_signal_lost_in_the_last_stage_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(arguments: list[str]) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            return 0
        return 1

    monkeypatch.setattr("sftcore.cli._invoke", swallow)
    assert main(["run"]) == 143


def test_a_forked_worker_dies_of_a_signal_as_ever() -> None:
    with signals.heeded():
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM
        assert signals.received() is None


def test_sigterm_before_training_ends_a_process_without_a_traceback(
    run: list[str], environment: Callable[..., dict[str, str]]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sftcore", *run], env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "load\n"
    process.terminate()
    rest = process.stderr.read()
    assert process.wait(60) == 143
    assert rest.endswith("stopped\n") and "Traceback" not in rest
