"""Where errors end: each becomes problems in the one form of errors, and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from sftcore.cli import COMMANDS, signals
from sftcore.cli.blame import TRACEBACK, plugins_fault
from sftcore.cli.streams import as_json, first_process, is_broken, safe_streams, say, silence, tidy
from sftcore.errors import Problem, ResourceError, SftcoreError, Stopped, UsageError, did_you_mean, render
from sftcore.resources import out_of_disk, out_of_memory

REPORT = "https://github.com/sftcore/sftcore/issues"
NO_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}


def end(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell the error and return the exit code; whatever is not a mistake that the user can mend is a bug, 1.

    What follows a signal follows from it: libraries turn interruptions into errors of their own.
    """
    number = signals.received()
    if number and not isinstance(error, Stopped):
        error = KeyboardInterrupt()
    if isinstance(error, SystemExit) and not plugins_fault(error):
        return _exit_code(error)
    unread = [stream for stream in (sys.stdout, sys.stderr) if is_broken(stream)]
    for stream in unread:
        silence(stream)
    if unread and isinstance(error, BrokenPipeError):
        return 141
    safe_streams()
    known = mendable(error, arguments)
    code = known.exit_code if known else _code(error, number)
    if "--json" in arguments:
        say(as_json({"error": _as_json(error, known, code)}, sys.stdout), sys.stdout)
    _tell(error, known, code)
    return code


def mendable(error: BaseException, arguments: Sequence[str] = ()) -> SftcoreError | None:
    """The error as one that the user can mend, or None where it is a bug or an interruption."""
    if isinstance(error, SftcoreError):
        return error
    if isinstance(error, click.ClickException):
        return _usage(error, next((word for word in arguments if word in COMMANDS), ""))
    return _resource(error) or _rights(error) or plugins_fault(error)


def _usage(error: click.ClickException, verb: str) -> SftcoreError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else f"sftcore {verb}".strip()
    option = getattr(error, "option_name", "")
    message = error.message or error.format_message()
    if isinstance(error, click.NoSuchOption) and context:
        names = [name for parameter in context.command.get_params(context) for name in parameter.opts]
        long = (name for name in names if name.startswith("--"))
        message = f"no such option{did_you_mean(option, long)}"
    elif isinstance(error, click.BadParameter):
        option = error.param.opts[0] if isinstance(error.param, click.Option) else ""
        message = error.format_message() if isinstance(error, click.MissingParameter) else error.message
    message = message[:1].lower() + message[1:].rstrip(".")
    return UsageError(Problem(message, where=command, key=option, advice=f"see {command} --help"))


def _resource(error: BaseException) -> SftcoreError | None:
    full = out_of_disk(error)
    if full is not None:
        place = os.fspath(full.filename) if isinstance(full, OSError) and full.filename else ""
        return ResourceError(
            Problem("no space left on the disk", where=str(place), advice="make room, then repeat the command")
        )
    if out_of_memory(error) is not None:
        advice = (
            "a smaller train.per_device_train_batch_size with more train.gradient_accumulation_steps gives the same "
            "steps in less memory; a smaller model.max_length helps too"
        )
        return ResourceError(Problem("out of memory", advice=advice))
    return None


def _rights(error: BaseException) -> SftcoreError | None:
    if not isinstance(error, OSError) or error.errno not in NO_RIGHTS or not error.filename:
        return None
    return UsageError(Problem((error.strerror or "no access").lower(), where=str(error.filename)))


def _code(error: BaseException, number: int | None) -> int:
    return 128 + (number or signal.SIGINT) if isinstance(error, (KeyboardInterrupt, click.Abort)) else 1


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    say(error.code, sys.stderr)
    return 1


def _as_json(error: BaseException, known: SftcoreError | None, code: int) -> dict[str, Any]:
    kind = type(known or error).__name__
    if known:
        return {"kind": kind, "exit_code": code, "problems": [problem.as_json() for problem in known.problems]}
    return {"kind": kind, "exit_code": code, "problems": [{"message": str(error) or kind}]}


def _tell(error: BaseException, known: SftcoreError | None, code: int) -> None:
    if known and os.environ.get(TRACEBACK):
        _say_trace(error)
    if known and (first_process() or code != 2):
        say(render(known.problems), tidy(sys.stderr))
    elif code in (130, 143):
        say("stopped", sys.stderr)
    elif not known:
        _say_trace(error)
        say(f"\nThis is a bug of ours or of a plugin; please report it with the lines above:\n{REPORT}", sys.stderr)


def _say_trace(error: BaseException) -> None:
    say("".join(traceback.format_exception(error)).rstrip("\n"), sys.stderr)
