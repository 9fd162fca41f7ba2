from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("job.py")


def _load() -> ModuleType:
    specification = importlib.util.spec_from_file_location("training_job", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["training_job"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def job_module() -> ModuleType:
    """The script job.py as a module."""
    return sys.modules.get("training_job") or _load()


@pytest.fixture
def make_job(job_module: ModuleType, tiny_bert: str) -> Callable[..., Any]:
    """Makes a job on the tiny model: `make_job(count=44, problem_type=..., dropout=...)`."""

    def make(**settings: Any) -> Any:
        return job_module.Job(tiny_bert, **settings)

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices are quicker so, and workers run beside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
