from __future__ import annotations

import io
import json
import os
import sys
from typing import cast

import pytest

from sftcore.cli.console import LIBRARY_SILENCE, Console
from sftcore.cli.progress import LiveDisplay


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "COLUMNS", "NO_COLOR", "FORCE_COLOR", *LIBRARY_SILENCE):
        monkeypatch.delenv(name, raising=False)


def terminals(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[Terminal, Terminal]:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return out, err


def tell(console: Console) -> None:
    with console:
        console.stage("load", "reviews.csv")
        console.note("240 rows")
        console.warning("odd")
        console.progress(1, 2, {"loss": 0.5})
        console.result("plan", {"seed": 42})


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Console())
    shown = capsys.readouterr()
    assert shown.out == "\nPlan\n  seed  42\n"
    assert shown.err == "load: reviews.csv\n  240 rows\n  warning: odd\n"


def test_quiet_leaves_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Console(quiet=True))
    assert capsys.readouterr() == ("", "warning: odd\n")


def test_with_json_stdout_holds_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(as_json=True)
    tell(console)
    with console:
        print("a library prints")
        console.json({"loss": float("nan"), "text": "消极"})
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"loss": None, "text": "消极"}
    assert "a library prints" in shown.err


def test_only_the_first_process_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RANK", "1")
    console = Console()
    tell(console)
    console.json({})
    console.line("x")
    assert capsys.readouterr() == ("", "")


def test_a_result_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        console.result("plan", {"seed": 42})
        console.show("plan", {"seed": 42})
    assert capsys.readouterr().out.count("Plan") == 1


def test_on_a_terminal_stages_are_live_and_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = terminals(monkeypatch, COLUMNS="80")
    tell(Console())
    assert "\x1b[32m✓" in err.getvalue()
    assert "1/2" in err.getvalue()
    assert "seed" in out.getvalue() and "load" not in out.getvalue()


def test_no_color_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    _, err = terminals(monkeypatch, COLUMNS="80", NO_COLOR="1")
    tell(Console())
    assert "✓" in err.getvalue()
    assert "\x1b[32m" not in err.getvalue()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    _, err = terminals(monkeypatch, TERM="dumb")
    tell(Console())
    assert err.getvalue().startswith("load: reviews.csv\n")
    assert "\x1b" not in err.getvalue()


def test_texts_of_the_data_steer_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        console.note("[bold]not markup[/bold] :smile: \x1b[31mred\x07\u202e")
        console.print("[red]x[/red]")
    shown = capsys.readouterr()
    assert shown.err == "  [bold]not markup[/bold] :smile: \ufffd[31mred\ufffd\ufffd\n"
    assert shown.out == "[red]x[/red]\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_no_encoding_makes_it_fail(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    with Console() as console:
        console.line("消极 → ✓ 🙂 \udc80")
        console.json({"label": "消极"})
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "-> + \\U0001f642 \\udc80" in text
    assert json.loads(text.partition("\n")[2]) == {"label": "消极"}


def test_a_reader_who_goes_away_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        tell(Console())
        with Console() as console:
            console.line("nobody reads this")
            console.json({})


def test_a_path_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    path = "runs/" + "long/" * 60
    with Console() as console:
        console.line(path)
    assert capsys.readouterr().out == f"{path}\n"


def test_libraries_keep_silent_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    with Console():
        assert os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] == "1"
        assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"
    assert "HF_HUB_DISABLE_PROGRESS_BARS" not in os.environ
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"


def test_a_stage_ends_before_a_result_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Terminal()
    monkeypatch.setattr(sys, "stdout", both)
    monkeypatch.setattr(sys, "stderr", both)
    monkeypatch.setenv("TERM", "xterm")
    with Console() as console:
        assert isinstance(console._display, LiveDisplay)
        console.stage("load", "x")
        console.result("plan", {"seed": 42})
        console.stage("train", "y")
    text = cast(str, both.getvalue())
    assert text.index("✓") < text.index("Plan") < text.rindex("train")
