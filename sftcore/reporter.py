"""How the library tells what it does without printing: a narrow interface that the command line implements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Reporter(Protocol):
    """Receives what a run has to tell. `SILENT` is used from Python unless another is given."""

    def stage(self, name: str, detail: str = "") -> None:
        """A stage of the pipeline begins."""

    def note(self, text: str) -> None:
        """A fact that the user should see: a choice that was made, a count."""

    def warning(self, text: str) -> None:
        """Something that may make the result worse or mislead."""

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Training or prediction went on; `values` may hold loss, learning_rate, tokens_per_second, padding, eta."""

    def result(self, title: str, value: Any) -> None:
        """A result to show: "ledger", "metrics", "plan", ... with its plain value."""


class SilentReporter:
    """Tells nothing."""

    def stage(self, name: str, detail: str = "") -> None: ...

    def note(self, text: str) -> None: ...

    def warning(self, text: str) -> None: ...

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None: ...

    def result(self, title: str, value: Any) -> None: ...


SILENT: Reporter = SilentReporter()


class Relay:
    """Hands everything on to another reporter; base of those that keep some of it, or hold it back."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def stage(self, name: str, detail: str = "") -> None:
        self._reporter.stage(name, detail)

    def note(self, text: str) -> None:
        self._reporter.note(text)

    def warning(self, text: str) -> None:
        self._reporter.warning(text)

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        self._reporter.progress(step, total, values)

    def result(self, title: str, value: Any) -> None:
        self._reporter.result(title, value)
