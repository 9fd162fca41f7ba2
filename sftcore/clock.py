"""The stages of a run: told as they begin, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sftcore.reporter import SILENT, Reporter


class Clock:
    """Wall and processor seconds by stage, added up where a stage comes more than once."""

    def __init__(self, reporter: Reporter = SILENT) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self._reporter = reporter

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell the reporter that the stage begins, and count what happens inside, also when it fails."""
        self._reporter.stage(name)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            spent = self.stages.setdefault(name, {"wall_seconds": 0.0, "cpu_seconds": 0.0})
            spent["wall_seconds"] += time.perf_counter() - wall
            spent["cpu_seconds"] += time.process_time() - cpu

    def as_json(self) -> dict[str, dict[str, float]]:
        """Seconds by stage, rounded to milliseconds."""
        return {name: {unit: round(value, 3) for unit, value in spent.items()} for name, spent in self.stages.items()}
