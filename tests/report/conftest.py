"""Run folders for tests of what is shown of runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report.builder import make_run


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder in the test's own folder: `made(kind="texts", texts=False)`."""
    return lambda **changes: make_run(tmp_path, **changes)
