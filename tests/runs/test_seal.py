from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftcore.errors import RunError
from sftcore.runs import files
from sftcore.runs.folder import SUMS, Run, open_run
from sftcore.runs.seal import read_sums, seal
from sftcore.runs.verify import check_files, verify

NAMES = ["model/config.json", "model/step-1/model.safetensors", "empty", "with space.txt", "情感.json", "a\\b\nc"]


@pytest.fixture
def run(tmp_path: Path, make_recipe: Callable[..., Any]) -> Run:
    with open_run(make_recipe(), tmp_path, {"a": 1}) as run:
        for number, name in enumerate(NAMES):
            path = run.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * number)
        (run.path / f".torn.1{files.PART}").write_bytes(b"half")
        seal(run)
    return run


def test_every_file_is_sealed_in_the_form_of_sha256sum(run: Run) -> None:
    assert run.sealed
    sums = read_sums(run.path / SUMS)
    assert set(sums) == {*NAMES, "recipe.toml", "overrides.json", "lock.json", "log.jsonl"}
    assert list(sums) == sorted(sums, key=str.encode)
    assert shutil.which("sha256sum")
    done = subprocess.run(["sha256sum", "--strict", "-c", SUMS], cwd=run.path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK") == len(sums)
    assert check_files(run.path, sums) == []


def test_missing_changed_and_smuggled_files_are_all_told(run: Run) -> None:
    (run.path / "empty").unlink()
    (run.path / "model" / "config.json").write_bytes(b"y")
    (run.path / "model" / "pytorch_model.bin").write_bytes(b"z")
    with pytest.raises(RunError) as caught:
        verify(run)
    told = {Path(problem.where).name: problem.message for problem in caught.value.problems}
    assert set(told) == {"empty", "config.json", "pytorch_model.bin"}
    assert told["empty"] == "is missing"
    assert "has changed" in told["config.json"]


def test_a_users_own_file_is_no_damage(run: Run) -> None:
    (run.path / "notes.txt").write_text("mine")
    result = verify(run)
    assert result.extra == ("notes.txt",)
    assert result.outputs is None
    assert result.skipped == "the run has no predictions.parquet"


def test_one_flipped_bit_is_found(run: Run) -> None:
    path = run.path / "model/step-1/model.safetensors"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors"):
        verify(run)


def test_damaged_sums_are_named_with_their_line(run: Run) -> None:
    with open(run.path / SUMS, "a") as file:
        file.write("nonsense\n")
    with pytest.raises(RunError, match=rf"{SUMS}:{len(NAMES) + 5}"):
        verify(run)


def test_an_unfinished_run_is_not_verified(run: Run) -> None:
    (run.path / SUMS).unlink()
    with pytest.raises(RunError, match="not finished"):
        verify(run)
