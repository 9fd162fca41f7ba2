from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from sftcore.errors import ResourceError, Stopped, TrainingError
from sftcore.training import checkpoints
from sftcore.training.guards import Signals, not_finite, resources


def test_a_signal_is_noted_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == signal.SIGTERM
        with pytest.raises(Stopped) as caught:
            signals.stop(3, 10)
    assert caught.value.exit_code == 143
    assert "after step 3 of 10" in str(caught.value)
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_signal_stops_nothing() -> None:
    with Signals() as signals:
        signals.agree(SimpleNamespace(world_size=1))  # type: ignore[arg-type]  # all that it asks for
        signals.stop(3, 10)


def test_processes_agree_on_the_device_that_they_train_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def reduced(flag: torch.Tensor, op: Any) -> None:
        seen.append(flag.device.type)
        raise InterruptedError

    monkeypatch.setattr(torch.distributed, "all_reduce", reduced)
    with Signals() as signals, pytest.raises(InterruptedError):
        signals.agree(SimpleNamespace(world_size=2, device=torch.device("meta")))  # type: ignore[arg-type]  # as above
    assert seen == ["meta"]  # NCCL refuses tensors that are not on its GPU


def test_another_thread_installs_no_handlers() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with Signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


MEMORY = [
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried …"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("DataLoader worker (pid 4242) is killed by signal: Killed."),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
DISK = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/0"),
    Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_out_of_memory_is_told_with_the_batch_to_try(error: Exception) -> None:
    with pytest.raises(ResourceError, match="per_device_train_batch_size = 16") as caught, resources(Path("x"), 32, 1):
        raise error
    assert caught.value.exit_code == 4


def test_out_of_memory_with_batches_of_tokens_is_told_with_fewer_of_them() -> None:
    with pytest.raises(ResourceError, match=r"set train\.tokens_per_batch = 2048"), resources(Path("x"), 32, 1, 4096):
        raise MemoryError


def test_out_of_memory_with_one_row_has_other_advice() -> None:
    with pytest.raises(ResourceError, match="activation_checkpointing"), resources(Path("x"), 1, 1):
        raise MemoryError


@pytest.mark.parametrize("error", DISK, ids=str)
def test_a_full_disk_is_told(error: Exception) -> None:
    with pytest.raises(ResourceError, match="disk is full"), resources(Path("x"), 32, 1):
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), resources(Path("x"), 32, 1):
        raise KeyError("a bug")
    with pytest.raises(TrainingError), resources(Path("x"), 32, 1):
        raise not_finite("the loss is nan", 3, 1e-3, [], "fp32")


def test_what_is_not_finite_is_told_with_step_rate_rows_and_advice() -> None:
    text = str(not_finite("the loss is nan", 12, 5e-5, list(range(20)), "bf16"))
    assert "step 12, learning rate 5e-05" in text
    assert "rows 1, 2, 3, 4, 5, 6, 7, 8 …" in text
    assert "fp32" in text


@pytest.mark.parametrize("where", ["torch.save", "os.fsync"])
def test_a_full_disk_leaves_older_checkpoints_alone(
    where: str, make_job: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*values: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings = {"num_train_epochs": 1.0, "save_steps": 4.0}

    class FillDisk(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
            if state.global_step == 5:
                monkeypatch.setattr(torch if where == "torch.save" else os, where.split(".")[1], full)

    with pytest.raises(ResourceError, match="disk is full"):
        make_job().train(tmp_path, callbacks=[FillDisk()], **settings)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]
    assert not checkpoints.fault(tmp_path / "checkpoint-4")
    assert make_job().train(tmp_path, **settings).resumed_from == 4
