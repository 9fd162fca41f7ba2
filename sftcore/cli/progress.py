"""What goes on, as it goes on: a live region on a terminal, sparing plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sftcore.cli.text import count, duration, figure, remaining, share

SHOWN_NOTES = 6
BAR_WIDTHS = (24, 16, 8)
REFRESH_EVERY = 0.1
LINE_EVERY = 10.0
LEAST_BETWEEN_LINES = 2.0
SIGNS = {"done": "✓", "open": "·", "failed": "✗", "stopped": "–"}
STYLES = {"done": "green", "failed": "red", "stopped": "yellow"}

Clock = Callable[[], float]
How: TypeAlias = Literal["done", "failed", "stopped"]


class Display(Protocol):
    """Shows stages, notes and progress."""

    def stage(self, name: str, detail: str) -> None:
        """End the open stage and begin another."""

    def note(self, text: str, *, warning: bool = False) -> None:
        """Tell a fact or a warning of the stage."""

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Tell how far the stage is."""

    def finish_stage(self) -> None:
        """End the open stage."""

    def close(self, how: How) -> None:
        """End the open stage, the last."""


def progress_parts(step: int, total: int, values: Mapping[str, Any]) -> list[str]:
    """What there is to say of the progress, the most important first."""
    parts = [f"{count(step)}/{count(total)}", share(step, total)] if total else [count(step)]
    for name, show in _SHOWN.items():
        if values.get(name) is not None:
            parts.append(show(values[name]))
    rest = (name for name in values if name not in _SHOWN)
    return [part for part in (*parts, *(f"{name} {figure(values[name])}" for name in rest)) if part]


_SHOWN: dict[str, Callable[[Any], str]] = {
    "loss": lambda value: f"loss {figure(value)}",
    "eta": lambda value: f"{remaining(value)} left",
    "tokens_per_second": lambda value: f"{count(value)} tokens/s",
    "learning_rate": lambda value: f"lr {value:.1e}",
    "padding": lambda value: f"padding {100 * (value - 1):.0f} %" if value >= 1 else "",
    "epoch": lambda value: f"epoch {value:.2f}",
}


def fitted(parts: list[str], width: int) -> str:
    """As many parts as fit, from the first on, two spaces between them."""
    line = ""
    for part in parts:
        longer = f"{line}  {part}" if line else part
        if cell_len(longer) > width:
            break
        line = longer
    return line


class LiveDisplay:
    """The stage that is open, its last notes and its progress; what is done scrolls away above them.

    No thread draws it: forking data workers and timing stay undisturbed.
    """

    def __init__(self, console: RichConsole, *, clock: Clock = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._live: Live | None = None
        self._stage: tuple[str, str] | None = None
        self._notes: list[Text] = []
        self._progress: tuple[int, int, Mapping[str, Any]] | None = None
        self._began = self._drawn = 0.0

    def stage(self, name: str, detail: str) -> None:
        """Begin a stage; the one before stays above with its time."""
        self.finish_stage()
        self._stage, self._began = (name, detail), self._clock()
        self._draw()

    def note(self, text: str, *, warning: bool = False) -> None:
        """Tell it below its stage."""
        line = Text.assemble(("  ! ", "bold yellow"), text) if warning else Text(f"    {text}", style="dim")
        if self._stage is None:
            self._console.print(line)
            return
        self._notes.append(line)
        self._draw()

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Redraw, at most ten times a second."""
        first, self._progress = self._progress is None, (step, total, values)
        if first or self._clock() - self._drawn >= REFRESH_EVERY:
            self._draw()

    def finish_stage(self) -> None:
        """Leave the stage with its notes and time."""
        self._finish("done")

    def close(self, how: How) -> None:
        """Leave the last stage, marked by how it ended."""
        self._finish(how)

    def _finish(self, how: How) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._stage is not None:
            self._console.print(self._head(how, STYLES[how]))
            for line in self._notes:
                self._console.print(line)
        self._stage, self._notes, self._progress = None, [], None

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        parts: list[RenderableType] = [self._head("open", "cyan"), *self._notes[-SHOWN_NOTES:]]
        if self._progress is not None:
            parts.append(self._bar(*self._progress))
        self._live.update(Group(*parts), refresh=True)
        self._drawn = self._clock()

    def _head(self, how: str, style: str) -> Table:
        name, detail = self._stage or ("", "")
        took = self._clock() - self._began
        line = Table.grid(expand=False, padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, min_width=12)
        line.add_column(overflow="fold")
        line.add_column(no_wrap=True)
        shown = duration(took) if how != "open" and took >= 0.1 else ""
        line.add_row(Text(SIGNS[how], style=style), Text(name, style="bold"), Text(detail), Text(shown, style="dim"))
        return line

    def _bar(self, step: int, total: int, values: Mapping[str, Any]) -> Padding:
        """The figures, and before them a bar of one of a few widths where there is room: it must not dance."""
        width = self._console.width - 2
        text = fitted(progress_parts(step, total, values), width)
        room = width - cell_len(text) - 2
        wide = next((length for length in BAR_WIDTHS if total > 0 and length <= room), 0)
        line = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total or 1, step, wide, complete_style="cyan", finished_style="cyan")
        line.add_row(*([bar] if wide else []), Text(text))
        return Padding.indent(line, 2)


class PlainDisplay:
    """Lines for a file or a pipe: a stage's beginning, its notes, its progress every ten seconds or ten percent."""

    def __init__(self, write: Callable[[str], None], *, clock: Clock = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._stage = ""
        self._began = self._told = 0.0
        self._told_step = 0

    def stage(self, name: str, detail: str) -> None:
        """Write its name."""
        self.finish_stage()
        self._stage, self._began, self._told, self._told_step = name, self._clock(), self._clock(), 0
        self._write(f"{name}: {detail}" if detail else name)

    def note(self, text: str, *, warning: bool = False) -> None:
        """Write it at once."""
        self._write(f"  warning: {text}" if warning else f"  {text}")

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Write a line where ten seconds or ten percent went by."""
        if step < self._told_step:
            self._told_step = 0
        since, gone = self._clock() - self._told, step - self._told_step
        tenth = total > 0 and gone >= total / 10 and since >= LEAST_BETWEEN_LINES
        if gone and (since >= LINE_EVERY or tenth or (step == total and total > 0)):
            self._told, self._told_step = self._clock(), step
            self._write(f"  {'  '.join(progress_parts(step, total, values))}")

    def finish_stage(self) -> None:
        """Write the time of a stage of a second or more."""
        self._end("done")

    def close(self, how: How) -> None:
        """Write the end of the last stage."""
        self._end(how)

    def _end(self, how: How) -> None:
        took = self._clock() - self._began
        if self._stage and (took >= 1 or how != "done"):
            self._write(f"  {self._stage} {how}, {duration(took)}")
        self._stage = ""


class NoDisplay:
    """Shows nothing but warnings (`--quiet`), or nothing at all (a process that does not print)."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write

    def stage(self, name: str, detail: str) -> None:
        """Nothing."""

    def note(self, text: str, *, warning: bool = False) -> None:
        """A warning is told."""
        if warning and self._write is not None:
            self._write(f"warning: {text}")

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        """Nothing."""

    def finish_stage(self) -> None:
        """Nothing."""

    def close(self, how: How) -> None:
        """Nothing."""
