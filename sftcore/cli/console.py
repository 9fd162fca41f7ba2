"""The console: everything that a command prints goes through here.

Results go to stdout, what goes on to stderr; so `sftcore ... > file` keeps the result alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.text import Text

from sftcore.cli import signals, streams
from sftcore.cli.progress import Display, How, LiveDisplay, NoDisplay, PlainDisplay
from sftcore.cli.results import rendered
from sftcore.cli.text import clean
from sftcore.errors import Stopped

PLAIN_WIDTH = 100
LIBRARY_SILENCE = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Bars and chatter of the libraries would tear the display; whoever sets one of these has it."""


class Console:
    """A `Reporter` that prints, and the printing of results. Use it as a context manager.

    As long as it is open, what others print to stdout goes to stderr: a result is never mixed with it.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        streams.safe_streams()
        self.as_json = as_json
        self.prints = streams.first_process()
        self.warnings = 0
        self._quiet = quiet
        self._stdout: TextIO = sys.stdout
        self._out = _console(sys.stdout)
        self._display = self._new_display()
        self._shown: set[str] = set()
        self._redirection = redirect_stdout(sys.stderr)
        self._silenced: list[str] = []

    def __enter__(self) -> Self:
        self._silenced = [name for name in LIBRARY_SILENCE if name not in os.environ]
        os.environ.update({name: LIBRARY_SILENCE[name] for name in self._silenced})
        self._redirection.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenPipeError):
            self._display.close(_how(kind))
        self._redirection.__exit__(kind, error, trace)
        for name in self._silenced:
            os.environ.pop(name, None)

    def stage(self, name: str, detail: str = "") -> None:
        """Begin a stage; the one before is done. Raises KeyboardInterrupt if a signal came meanwhile."""
        signals.check()
        self._safely(self._display.stage, name, clean(detail))

    def note(self, text: str) -> None:
        """Tell a fact."""
        self._safely(self._display.note, clean(text))

    def warning(self, text: str) -> None:
        """Tell what may make the result worse or mislead; shown with `--quiet` too."""
        self.warnings += 1
        self._safely(self._display.note, clean(text), warning=True)

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Show how far the stage is. Raises KeyboardInterrupt if a signal came meanwhile."""
        signals.check()
        self._safely(self._display.progress, step, total, values)

    def result(self, title: str, value: Any) -> None:
        """Show a result once, in its own form where it has one; with `--json` or `--quiet` it waits for the end."""
        if not self.as_json and not self._quiet:
            self.show(title, value)

    def show(self, title: str, value: Any) -> None:
        """Show a result, unless one of that title was shown before."""
        if title not in self._shown:
            self._shown.add(title)
            self.print(rendered(title, value))

    def print(self, *parts: RenderableType | None) -> None:
        """Print to stdout; the open stage ends before it."""
        if not self.prints:
            return
        self._safely(self._display.finish_stage)
        for part in parts:
            if part is not None:
                self._safely(self._out.print, part)

    def line(self, text: str | Text) -> None:
        """Print one line to stdout as it is, never wrapped: a path, a command, a row of a file."""
        if self.prints:
            self._safely(self._display.finish_stage)
            self._safely(self._out.print, Text(text) if isinstance(text, str) else text, soft_wrap=True)

    def write(self, text: str) -> None:
        """Write text to stdout unchanged: a file's content."""
        if self.prints:
            self._safely(self._display.finish_stage)
            self._safely(self._write_to, self._stdout, text)

    def json(self, value: Any) -> None:
        """Write a value to stdout as JSON."""
        self.write(streams.as_json(value, self._stdout) + "\n")

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return self._stdout.isatty()

    @property
    def is_unicode(self) -> bool:
        """Whether stdout takes every character."""
        return streams.is_unicode(self._stdout)

    def _new_display(self) -> Display:
        if not self.prints:
            return NoDisplay()
        if self._quiet:
            return NoDisplay(self._error_line)
        console = _console(sys.stderr)
        if sys.stderr.isatty() and not console.is_dumb_terminal:
            return LiveDisplay(console)
        return PlainDisplay(self._error_line)

    def _error_line(self, text: str) -> None:
        self._write_to(streams.tidy(sys.stderr), f"{text}\n")

    @staticmethod
    def _write_to(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()

    def _safely(self, action: Any, *arguments: Any, **options: Any) -> None:
        """A reader who went away stops the printing, never the training."""
        try:
            action(*arguments, **options)
        except BrokenPipeError:
            for stream in (self._stdout, sys.stderr):
                if streams.is_broken(stream):
                    streams.silence(stream)


def _how(kind: type[BaseException] | None) -> How:
    """How the command ended, by the kind of its error."""
    if kind is None:
        return "done"
    return "stopped" if signals.received() or issubclass(kind, (KeyboardInterrupt, Stopped)) else "failed"


class _Rich(RichConsole):
    def on_broken_pipe(self) -> None:
        """Rich would end the process; here only the printing ends."""
        self.quiet = True
        streams.silence(self.file)  # type: ignore[arg-type]  # rich types its file as IO[str]


def _console(stream: TextIO) -> RichConsole:
    """Rich without guesses: no markup, no emoji codes, no highlighting in texts of the data."""
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return _Rich(file=streams.tidy(stream), width=width, markup=False, emoji=False, highlight=False)
