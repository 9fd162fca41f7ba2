"""Runs in processes of their own: stopped by signals, killed, and in pairs."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sftcore.training import checkpoints

SCRIPT = Path(__file__).with_name("job.py")
ROOT = SCRIPT.parents[2]
SETTINGS: dict[str, Any] = {
    "num_train_epochs": 2.0,
    "save_steps": 3.0,
    "fresh": True,
    "gradient_accumulation_steps": 2,
    "validate": True,
}


def command(model: str, folder: Path, **settings: Any) -> list[str]:
    folder.mkdir(exist_ok=True)
    return [sys.executable, str(SCRIPT), json.dumps({"model": model, "folder": str(folder), **SETTINGS, **settings})]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def finish(arguments: list[str]) -> dict[str, torch.Tensor]:
    process = start(arguments)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    folder = Path(json.loads(arguments[-1])["folder"])
    return load_file(folder / "weights.safetensors")


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[-1] == str(step):
            return
    raise AssertionError("the training ended before that step")


@pytest.fixture(scope="module")
def uninterrupted(
    tiny_bert: str, job_module: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, torch.Tensor]:
    return trained(job_module, tiny_bert, tmp_path_factory.mktemp("whole"))


def trained(job_module: ModuleType, model: str, folder: Path) -> dict[str, torch.Tensor]:
    """The weights after training, or going on, in this process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    job = job_module.Job(model)
    job.train(folder / "checkpoints", **SETTINGS)
    torch.set_num_threads(before)
    weights: dict[str, torch.Tensor] = job.weights()
    return weights


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on(
    number: signal.Signals,
    tiny_bert: str,
    job_module: ModuleType,
    uninterrupted: dict[str, torch.Tensor],
    tmp_path: Path,
) -> None:
    arguments = command(tiny_bert, tmp_path, slow=0.4)
    process = start(arguments)
    wait_for_step(process, 4)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name} after step" in errors
    (newest, *_) = checkpoints.checkpoints(tmp_path / "checkpoints")
    assert checkpoints.step_of(newest) in (4, 5)
    assert not checkpoints.fault(newest)
    assert same(trained(job_module, tiny_bert, tmp_path), uninterrupted)


def test_a_signal_to_the_whole_group_stops_workers_in_order_too(tiny_bert: str, tmp_path: Path) -> None:
    process = start(command(tiny_bert, tmp_path, slow=0.4, dataloader_num_workers=2))
    wait_for_step(process, 4)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


def test_a_second_signal_ends_at_once(tiny_bert: str, tmp_path: Path) -> None:
    process = start(command(tiny_bert, tmp_path, slow=20))
    wait_for_step(process, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments_the_weights_are_the_same(
    seed: int, tiny_bert: str, uninterrupted: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    source, kills = random.Random(seed), 0
    arguments = command(tiny_bert, tmp_path, slow=0.05, save_steps=1.0)
    for _ in range(6):
        process = start(arguments)
        wait_for_step(process, source.randint(1, 12)) if kills == 0 else time.sleep(source.uniform(3, 9))
        time.sleep(source.uniform(0, 0.3))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills > 1
    assert same(finish(command(tiny_bert, tmp_path, save_steps=1.0)), uninterrupted)


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_two_processes_resume_to_the_same_weights(tiny_bert: str, tmp_path: Path) -> None:
    def paired(folder: str, **settings: Any) -> list[str]:
        _, script, table = command(tiny_bert, tmp_path / folder, **settings)
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
        return [*launcher, script, table]

    whole = finish(paired("whole"))
    process = start(paired("cut", dies=4))
    process.communicate(timeout=240)
    assert process.returncode != 0
    found = checkpoints.checkpoints(tmp_path / "cut" / "checkpoints")
    assert [checkpoints.step_of(path) for path in found] == [3]
    assert same(finish(paired("cut")), whole)
