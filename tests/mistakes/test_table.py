"""The mistakes of newcomers, each through the true command line: one form, one place, nothing half-written.

Every case says what is done to a folder that works, and what must then be told: the place in the first line, the
part that carets mark, and the words that help. That the form holds (exit code, no traceback, at most 6 lines a
problem and 25 in all, carets under what is meant, no new run folder) is checked for all of them alike.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mistakes.form import call, in_form, leftovers, marked, run_folders
from tests.mistakes.in_data import DATA
from tests.mistakes.in_model import MODEL
from tests.mistakes.in_plugins import PLUGIN
from tests.mistakes.in_recipe import LINE, SHAPE
from tests.mistakes.in_runs import RUNS
from tests.mistakes.kit import ROOT, Mistake

MISTAKES = [*SHAPE, *LINE, *DATA, *MODEL, *PLUGIN, *RUNS]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_is_told_in_the_form_of_the_contract(
    mistake: Mistake,
    home: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if mistake.needs_run:
        shutil.copytree(request.getfixturevalue("finished"), home / "runs")
    for change in mistake.changes:
        change(home)
    before = run_folders(home)
    capsys.readouterr()
    assert call(home, monkeypatch, mistake.command) == mistake.code
    told = capsys.readouterr().err
    first = in_form(told)[0]
    assert first[0] == mistake.place
    assert marked(first) == mistake.mark, told
    for part in mistake.said:
        assert part in told
    assert run_folders(home) == before
    assert leftovers(home) == []


def test_the_names_of_the_cases_differ() -> None:
    names = [mistake.name for mistake in MISTAKES]
    assert len(set(names)) == len(names) >= 100


SEPARATELY = [
    "unquoted Chinese key",
    "recipe saved as GBK",
    "misspelt recipe",
    "missing plugin in requires",
    "misspelt run",
]


@pytest.mark.parametrize("name", SEPARATELY)
def test_the_same_in_a_process_of_its_own(name: str, home: Path) -> None:
    mistake = next(each for each in MISTAKES if each.name == name)
    if mistake.needs_run:
        (home / "runs/tiny/0001").mkdir(parents=True)
        (home / "runs/tiny/0001/lock.json").write_text("{}")
    for change in mistake.changes:
        change(home)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "sftcore", *mistake.command]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == mistake.code
    assert done.stdout == ""
    told = "\n".join(line for line in done.stderr.splitlines() if not line.startswith(("load", "  load")))
    first = in_form(told)[0]
    assert first[0] == mistake.place
    assert marked(first) == mistake.mark
