"""Streams that take every text: no encoding, no closed pipe and no value without a JSON form makes a command fail."""

from __future__ import annotations

import json
import os
import re
import select
import sys
from typing import Any, TextIO, cast

from sftcore.runs.files import plain

_BLANKS = re.compile(r"[ ]+(?=\n|\Z)")
PLAIN_SYMBOLS = str.maketrans("│⏎␣✓✗·–×█▒▌─−•", "| _+x--x#%|--*") | str.maketrans({"…": "...", "±": "+-", "→": "->"})


def safe_streams() -> None:
    """What an encoding lacks is written as an escape in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def is_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding takes every character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith(("utf", "cp65001"))


class _Tidy:
    """A stream that drops blanks at the ends of lines, and writes symbols in ASCII where its encoding has no others."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._symbols = stream, is_unicode(stream)

    def write(self, text: str) -> int:
        """Write the text; tables pad their lines, which nobody wants in a file."""
        tidy = text if self._stream.isatty() else _BLANKS.sub("", text)
        return self._stream.write(tidy if self._symbols else tidy.translate(PLAIN_SYMBOLS))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def tidy(stream: TextIO) -> TextIO:
    """The stream, without blanks at the ends of lines and without symbols that its encoding lacks."""
    return cast(TextIO, _Tidy(stream))


def first_process() -> bool:
    """Whether this process is the one that prints: rank 0, or the only one."""
    return os.environ.get("RANK", "0") in ("", "0")


def is_broken(stream: TextIO) -> bool:
    """Whether the stream is a pipe that nobody reads any more."""
    try:
        stream.flush()
        return hasattr(select, "poll") and bool(_events(stream.fileno()) & select.POLLERR)
    except BrokenPipeError:
        return True
    except (OSError, ValueError):
        return False


def _events(descriptor: int) -> int:
    poll = select.poll()
    poll.register(descriptor, 0)
    return next((events for _, events in poll.poll(0)), 0)


def silence(stream: TextIO) -> None:
    """Let the stream end in nothing, so that the flush at exit does not complain."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def say(text: str, stream: TextIO) -> None:
    """Print the text; a reader who went away, or a full disk behind the stream, misses it."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        silence(stream)


def as_json(value: Any, stream: TextIO | None = None) -> str:
    """The value as JSON text that every JSON reader takes: NaN and infinities become null."""
    return json.dumps(
        plain(value), ensure_ascii=stream is not None and not is_unicode(stream), indent=2, allow_nan=False
    )
