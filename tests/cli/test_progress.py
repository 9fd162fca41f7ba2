from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console as RichConsole

from sftcore.cli.progress import LiveDisplay, NoDisplay, PlainDisplay, fitted, progress_parts

VALUES = {
    "loss": 0.43127,
    "learning_rate": 2.1e-4,
    "tokens_per_second": 5120.4,
    "padding": 1.04,
    "eta": 83.0,
    "epoch": 0.42,
}


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def live(width: int = 100) -> tuple[LiveDisplay, StringIO, Time]:
    stream, clock = StringIO(), Time()
    console = RichConsole(
        file=stream, width=width, force_terminal=True, color_system=None, markup=False, highlight=False
    )
    return LiveDisplay(console, clock=clock), stream, clock


def plain() -> tuple[PlainDisplay, list[str], Time]:
    lines: list[str] = []
    clock = Time()
    return PlainDisplay(lines.append, clock=clock), lines, clock


def test_progress_tells_the_most_important_first() -> None:
    assert progress_parts(212, 502, VALUES) == [
        *("212/502", "42 %", "loss 0.431", "1:23 left", "5,120 tokens/s"),
        *("lr 2.1e-04", "padding 4 %", "epoch 0.42"),
    ]


def test_a_line_of_a_hundred_columns_holds_all_that_matters() -> None:
    display, stream, _ = live(100)
    display.stage("train", "")
    display.progress(1212, 5502, VALUES)
    for part in ("1,212/5,502", "22 %", "loss 0.431", "1:23 left", "5,120 tokens/s", "lr 2.1e-04", "padding 4 %"):
        assert part in stream.getvalue()


def test_before_the_first_step_there_is_no_padding() -> None:
    assert progress_parts(0, 21, {"padding": 0.0, "epoch": 0.0}) == ["0/21", "0 %", "epoch 0.00"]


def test_progress_without_a_known_end_counts() -> None:
    assert progress_parts(1200, 0, {"accuracy": 0.9}) == ["1,200", "accuracy 0.900"]


@pytest.mark.parametrize("width", [10, 20, 40, 60, 200])
def test_progress_fits_the_width(width: int) -> None:
    line = fitted(progress_parts(212, 502, VALUES), width)
    assert line.startswith("212/502")
    assert cell_len(line) <= width


@pytest.mark.parametrize("width", [40, 60, 100])
def test_nothing_that_is_live_is_wider_than_the_terminal(width: int) -> None:
    display, stream, clock = live(width)
    display.stage("train", "中文评论的情感分类，三个类别，一个很长的说明" * 3)
    display.note("负面评论比正面评论多得多，这一点值得注意" * 4)
    display.progress(212, 502, VALUES)
    clock.now += 1
    display.progress(213, 502, VALUES)
    display.close("done")
    shown = stream.getvalue().replace("\x1b[2K", "\n").replace("\x1b[1A", "\n").replace("\r", "\n")
    assert "213/502" in shown
    assert max(map(cell_len, shown.replace("\x1b[?25l", "").replace("\x1b[?25h", "").split("\n"))) <= width


def last_screen(stream: StringIO) -> list[str]:
    """What stays after everything that was live is erased."""
    lines = [""]
    for part in stream.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "").split("\n"):
        text = part
        while "\x1b[2K" in text or "\x1b[1A" in text:
            before, _, after = text.partition("\x1b[")
            lines[-1] = lines[-1] + before.replace("\r", "") if not after.startswith("2K") else ""
            if after.startswith("1A"):
                lines.pop()
            text = after[2:]
        lines[-1] += text.replace("\r", "")
        lines.append("")
    return [line.rstrip() for line in lines if line.strip()]


def test_what_is_done_stays_with_its_notes_and_time() -> None:
    display, stream, clock = live()
    display.stage("load", "reviews.csv")
    display.note("240 rows")
    display.note("3 rows are odd", warning=True)
    clock.now += 2
    display.stage("train", "")
    display.progress(1, 10, VALUES)
    clock.now += 65
    display.close("failed")
    assert last_screen(stream) == [
        *("✓ load         reviews.csv 2.0 s", "    240 rows", "  ! 3 rows are odd"),
        "✗ train         1 min 05 s",
    ]


def test_plain_lines_come_every_ten_seconds_or_ten_percent() -> None:
    display, lines, clock = plain()
    display.stage("train", "1,000 steps")
    for step in range(1, 1001):
        clock.now += 0.1
        display.progress(step, 1000, {"loss": 1.0})
    display.close("done")
    assert len(lines) == 12
    assert lines[0] == "train: 1,000 steps"
    assert lines[1].startswith("  100/1,000  10 %  loss 1.000")
    assert lines[-2].startswith("  1,000/1,000  100 %")
    assert lines[-1] == "  train done, 1 min 40 s"


def test_plain_lines_of_slow_steps_come_every_ten_seconds() -> None:
    display, lines, clock = plain()
    display.stage("train", "")
    for step in range(1, 61):
        clock.now += 1
        display.progress(step, 100_000, {})
    assert len(lines) == 1 + 6


def test_plain_lines_of_a_fast_stage_are_few() -> None:
    display, lines, clock = plain()
    display.stage("predict", "")
    for step in range(1, 101):
        clock.now += 0.001
        display.progress(step, 100, {})
    display.close("done")
    assert lines == ["predict", "  100/100  100 %"]


def test_a_second_progress_in_one_stage_starts_anew() -> None:
    display, lines, clock = plain()
    display.stage("train", "")
    display.progress(10, 10, {})
    clock.now += 20
    display.progress(5, 10, {})
    assert lines[1:] == ["  10/10  100 %", "  5/10  50 %"]


def test_a_failed_stage_says_so_in_plain_lines() -> None:
    display, lines, _ = plain()
    display.stage("train", "")
    display.close("failed")
    assert lines[-1] == "  train failed, 0.0 s"


def test_a_stopped_stage_has_not_failed() -> None:
    display, lines, _ = plain()
    display.stage("train", "")
    display.close("stopped")
    assert lines[-1] == "  train stopped, 0.0 s"
    on_terminal, stream, _ = live()
    on_terminal.stage("train", "")
    on_terminal.close("stopped")
    assert last_screen(stream) == ["– train"]


@pytest.mark.parametrize(("write", "expected"), [(True, ["warning: careful"]), (False, [])])
def test_quiet_tells_warnings_alone(write: bool, expected: list[str]) -> None:
    lines: list[str] = []
    teller: Callable[[str], None] | None = lines.append if write else None
    display = NoDisplay(teller)
    display.stage("load", "x")
    display.note("a fact")
    display.note("careful", warning=True)
    display.progress(1, 2, {})
    display.close("done")
    assert lines == expected
