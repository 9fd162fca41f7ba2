"""Runs that are killed at random moments and started again by the same command, as a user would."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]

RECIPE = """
seed = {seed}

[model]
base = {base!r}
max_length = 32

[data]
source = {data!r}
near_duplicates = false

[[augment]]
use = "random-deletion"
every_epoch = true

[[augment]]
use = "random-swap"

[task]
use = "text-classification"

[train]
num_train_epochs = 10
learning_rate = 1e-3
per_device_train_batch_size = 8
gradient_accumulation_steps = 2
save_steps = 7
"""
KILLS, RUNS = 4, 5


def launch(recipe: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sftcore", "run", str(recipe), "--runs", str(recipe.parent / "runs")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(recipe: Path) -> tuple[bytes, str]:
    process = launch(recipe)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return (recipe.parent / "runs/killed/0001/model/model.safetensors").read_bytes(), output


def wait_for_training(process: subprocess.Popen[str], recipe: Path) -> None:
    """Until there is a checkpoint, or the process ends."""
    folder = recipe.parent / "runs/killed/0001/checkpoints"
    while process.poll() is None and not any(folder.glob("checkpoint-*")):
        time.sleep(0.02)


@pytest.fixture
def recipe(request: pytest.FixtureRequest, tiny_bert: str, sentiment_csv: str, tmp_path: Path) -> Path:
    path = tmp_path / "killed.toml"
    seed = getattr(request, "param", 1)
    path.write_text(RECIPE.format(seed=seed, base=tiny_bert, data=sentiment_csv), encoding="utf-8")
    return path


@pytest.fixture
def whole(recipe: Path, tmp_path: Path) -> bytes:
    """The weights of the run that nobody kills."""
    folder = tmp_path / "whole"
    folder.mkdir()
    copy = folder / recipe.name
    copy.write_bytes(recipe.read_bytes())
    return finish(copy)[0]


@pytest.mark.parametrize("recipe", range(1, RUNS + 1), indirect=True)
def test_a_run_killed_four_times_ends_with_the_weights_of_one_that_was_not(
    recipe: Path, whole: bytes, request: pytest.FixtureRequest
) -> None:
    source = random.Random(request.node.name)
    killed = 0
    for _ in range(KILLS):
        process = launch(recipe)
        wait_for_training(process, recipe)
        time.sleep(source.uniform(0, 4))
        process.kill()
        process.wait()
        killed += process.returncode == -signal.SIGKILL
    weights, _ = finish(recipe)
    print(f"killed {killed} of {KILLS} launches")
    assert killed
    assert weights == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_same_command_goes_on(recipe: Path, whole: bytes, number: int, code: int) -> None:
    process = launch(recipe)
    wait_for_training(process, recipe)
    process.send_signal(number)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert "the same command goes on" in output
    weights, output = finish(recipe)
    assert "going on after step" in output
    assert weights == whole


@pytest.mark.parametrize("harm", ["absent", "empty", "half", "flipped"])
def test_a_checkpoint_with_a_damaged_file_is_passed_over_for_the_one_before(
    recipe: Path, whole: bytes, harm: str
) -> None:
    process = launch(recipe)
    folder = recipe.parent / "runs/killed/0001/checkpoints"
    while process.poll() is None and len(list(folder.glob("checkpoint-*"))) < 2:
        time.sleep(0.02)
    process.kill()
    process.wait()
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    files = sorted(path for path in newest.iterdir() if path.is_file())
    damage(random.Random(harm).choice(files), harm)
    weights, output = finish(recipe)
    assert newest.name in output
    assert weights == whole


def damage(file: Path, harm: str) -> None:
    content = bytearray(file.read_bytes())
    if harm == "absent":
        file.unlink()
    elif harm == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))
    else:
        file.write_bytes(bytes(content[: len(content) // 2 if harm == "half" else 0]))
