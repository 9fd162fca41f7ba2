from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from sftcore.cli import COMMANDS, failures, main
from sftcore.errors import DataError, Problem, RecipeError, ResourceError, Stopped, TrainingError


def wrapped(inner: BaseException) -> BaseException:
    try:
        raise RuntimeError("the library failed") from inner
    except RuntimeError as error:
        return error


@pytest.fixture(autouse=True)
def first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RecipeError(Problem("unknown key", where="r.toml", line=3)), 2, "r.toml:3\n  unknown key\n"),
        (DataError("empty"), 2, "  empty\n"),
        (TrainingError("the loss is not finite"), 3, "  the loss is not finite\n"),
        (ResourceError("full"), 4, "  full\n"),
        (Stopped(15, "saved at step 20"), 143, "  saved at step 20\n"),
        (Stopped(2, "saved at step 20"), 130, "  saved at step 20\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), 4, "runs/x\n  no space left on the disk\n"),
        (wrapped(OSError(errno.ENOSPC, "No space left on device")), 4, "  no space left on the disk\n"),
        (wrapped(Exception("I/O error: No space left on device (os error 28)")), 4, "  no space left on the disk\n"),
        (MemoryError(), 4, "  out of memory\n"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 4, "  out of memory\n"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 4, "  out of memory\n"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "runs\n  permission denied\n"),
    ],
)
def test_errors_that_can_be_mended(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.end(error, []) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(told)
    assert "Traceback" not in shown.err


def test_anything_else_is_a_bug_with_traceback_and_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.end(wrapped(ValueError("odd")), []) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "ValueError: odd" in shown
    assert shown.endswith(f"{failures.REPORT}\n")


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """A pipe whose reader went away."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        yield stream
        stream.flush()


@pytest.mark.parametrize("verb", COMMANDS)
def test_no_command_minds_that_nobody_reads_its_error(
    verb: str, unread: TextIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", unread)
    assert main([verb, "--nothing-of-that-name", "--json"]) == 2
    assert capsys.readouterr().err.startswith(f"sftcore {verb}")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("empty"), 2),
        (TrainingError("the loss is not finite"), 3),
        (Stopped(15, "saved at step 20"), 143),
        (KeyboardInterrupt(), 130),
        (SystemExit("why"), 1),
        (ValueError("odd"), 1),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141),
    ],
)
def test_the_exit_code_is_that_of_the_error_though_nobody_reads(
    error: BaseException, code: int, unread: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", unread)
    monkeypatch.setattr(sys, "stderr", unread)
    assert failures.end(error, ["run", "r.toml", "--json"]) == code


@pytest.mark.parametrize(("arguments", "code"), [(["run", "absent.toml", "--json"], 2), (["schema"], 0)])
def test_a_stream_that_is_not_there_is_none_to_print_to(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(arguments) == code


def test_a_closed_pipe_that_is_not_stdout_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.end(BrokenPipeError(errno.EPIPE, "a worker went away"), []) == 1
    assert "a worker went away" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (3, 3), ("why", 1)])
def test_an_exit_keeps_its_code(code: object, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.end(SystemExit(code), []) == expected
    assert capsys.readouterr().err == ("why\n" if code == "why" else "")


def test_with_json_every_problem_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem(f"mistake {number}", where="r.toml", line=number) for number in range(1, 41)]
    assert failures.end(RecipeError(*problems), ["run", "r.toml", "--json"]) == 2
    shown = capsys.readouterr()
    assert [problem["line"] for problem in json.loads(shown.out)["error"]["problems"]] == list(range(1, 41))
    assert "more" in shown.err.splitlines()[-1]


def test_with_json_a_bug_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.end(ValueError("odd"), ["--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error == {"kind": "ValueError", "exit_code": 1, "problems": [{"message": "odd"}]}


def test_other_processes_leave_the_users_mistakes_to_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert failures.end(DataError("empty"), []) == 2
    assert capsys.readouterr().err == ""
    assert failures.end(TrainingError("the loss is not finite"), []) == 3
    assert "not finite" in capsys.readouterr().err
