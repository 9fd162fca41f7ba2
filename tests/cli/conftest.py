"""What the tests of the command line share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEERING = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "RANK", "SFTCORE_RUNS")

Environment = Callable[..., dict[str, str]]
Sftcore = Callable[..., subprocess.CompletedProcess[str]]


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in STEERING}
    path = os.pathsep.join(part for part in (more.pop("PYTHONPATH", ""), str(ROOT)) if part)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", **more}


@pytest.fixture
def environment() -> Environment:
    """The environment with sftcore on the path and nothing that changes how it prints."""
    return _environment


@pytest.fixture
def sftcore() -> Sftcore:
    """`python -m sftcore` as a user calls it; its streams are no terminals."""

    def call(*arguments: str, cwd: Path = ROOT, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sftcore", *arguments],
            cwd=cwd,
            env=_environment(**env),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=300,
            check=False,
        )

    return call
