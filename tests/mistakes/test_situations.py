"""Mistakes that take more than a changed file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sftcore.cli import main
from tests.mistakes.form import call, in_form, leftovers, marked, run_folders
from tests.mistakes.kit import add, data, plugin, put, shouting, source, table, unseal


def test_all_mistakes_at_once_and_no_more_than_25_lines(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add("".join(f"key_{number} = 1\n" for number in range(20)))(home)
    put('name = "tiny"', 'nmae = "tiny"')(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    blocks = in_form(capsys.readouterr().err)
    assert [block[0] for block in blocks[:2]] == ["recipe.toml:1  nmae", "recipe.toml:16  train.key_0"]
    assert re.fullmatch(r"… and \d+ more", blocks[-1][0])
    assert main(["run", "recipe.toml", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["exit_code"], len(error["problems"])) == ("RecipeError", 2, 21)


def test_the_mended_recipe_runs_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake that shows late leaves no run behind that would be in the way of the mended recipe."""
    data(table().replace("positive", "neutral").replace("negative", "neutral"))(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    data(table())(home)
    put("max_steps = 2", "max_steps = 1")(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 0
    assert run_folders(home) == {"runs/tiny/0001"}
    assert "not finished" not in capsys.readouterr().err


def test_a_run_in_use(
    home: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, home / "runs")
    unseal(home)
    with open(home / "runs/tiny/0001/.lock", "a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    blocks = in_form(capsys.readouterr().err)
    assert blocks[0][0] == "runs/tiny/0001"
    assert "in use by another process" in blocks[0][1]
    assert "--fresh" in blocks[0][2]


def test_a_learning_rate_that_blows_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add('learning_rate = 1e20\noptim = "sgd"\nmax_grad_norm = 0.0\nprecision = "fp32"\nsave_strategy = "no"\n')(home)
    put("max_steps = 2", "max_steps = 6")(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 3
    told = capsys.readouterr().err
    first = in_form("\n".join(line for line in told.splitlines() if "weights of the head" not in line))[0]
    assert first[0] == "recipe.toml:16  train.learning_rate"
    assert marked(first) == "1e20"
    assert "nan" in first[3]
    assert "lower train.learning_rate" in first[4]
    assert run_folders(home) == set()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, 4, "No space left on device"),
        (errno.EDQUOT, 4, "Disk quota exceeded"),
        (errno.EROFS, 2, "read-only file system"),
        (errno.EACCES, 2, "permission denied"),
    ],
)
def test_a_disk_that_takes_nothing(
    number: int, code: int, said: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = os.mkdir

    def refuse(path: Any, *rest: Any, **more: Any) -> None:
        if ".starting-" in os.fspath(path):
            raise OSError(number, os.strerror(number), os.fspath(path))
        make(path, *rest, **more)

    monkeypatch.setattr(os, "mkdir", refuse)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == code
    first = in_form(capsys.readouterr().err)[0]
    assert first[0] == "runs/tiny/0001"
    assert said.lower() in first[1].lower()
    assert len(first) == 3
    assert run_folders(home) == set()


def test_a_disk_that_is_full_at_the_first_checkpoint(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import Trainer

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("saving failed") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Trainer, "_save_checkpoint", full)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 4
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "the disk is full" in told
    assert run_folders(home) == set()


def test_a_full_disk_at_predict_leaves_the_old_file(
    home: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, home / "runs")
    (home / "p.csv").write_text("old")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert call(home, monkeypatch, ("predict", "tiny", "--text", "good", "--out", "p.csv")) == 4
    first = in_form(capsys.readouterr().err)[0]
    assert first[0] == "p.csv"
    assert "No space left" in first[1]
    assert (home / "p.csv").read_text() == "old"
    assert leftovers(home) == []


def test_an_unreadable_file(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "reviews.csv":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    assert in_form(capsys.readouterr().err) == [["reviews.csv", "  can't be read: Permission denied"]]


def test_doubts_about_labels_and_language_are_warnings(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"𠀀𠀁𠀂 𠀃𠀄 {chr(0x20100 + number)},{'好' if number % 2 else 'good'}" for number in range(30)]
    rows += [f"𠀀𠀁 {chr(0x20200 + number)},Good" for number in range(10)]
    data("text,label\n" + "\n".join(rows))(home)
    source('"reviews.csv"\nnear_duplicates = false')(home)
    assert call(home, monkeypatch, ("check", "recipe.toml")) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "'Good' and 'good' count as different classes" in told
    assert "The tokenizer does not know" in told and "made for this language" in told


@pytest.mark.parametrize(("limit", "warned"), [(4, True), (32, False)])
def test_many_cut_rows_are_a_warning(
    limit: int, warned: bool, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put("max_length = 32", f"max_length = {limit}")(home)
    assert call(home, monkeypatch, ("check", "recipe.toml")) == 0
    told = capsys.readouterr().out
    assert ("of the training rows are cut at 4" in told.partition("Fine")[0]) == warned


def test_the_traceback_is_there_for_those_who_ask(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for change in shouting("import sys; sys.exit(7)"):
        change(home)
    monkeypatch.setenv("SFTCORE_TRACEBACK", "1")
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.index("Traceback") < told.index("the plugin shouty 1.0 raised SystemExit: 7")


def test_a_broken_plugin_that_is_not_asked_for_harms_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("raise RuntimeError('boom')\n")(home)
    assert call(home, monkeypatch, ("check", "recipe.toml", "--shape")) == 0
    assert "boom" not in capsys.readouterr().err
