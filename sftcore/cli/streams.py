"""Streams that take every text: no encoding, no closed pipe and no value without a JSON form makes a command fail."""

from __future__ import annotations

import json
import math
import os
import re
import select
import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, TextIO, cast

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


def as_json(value: Any, stream: TextIO | None = None) -> str:
    """The value as JSON text that every JSON reader takes: NaN and infinities become null."""
    return json.dumps(
        plain(value), ensure_ascii=stream is not None and not is_unicode(stream), indent=2, allow_nan=False
    )


def plain(value: Any) -> Any:
    """The value with nothing but what JSON knows."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if hasattr(value, "as_json"):
        return plain(value.as_json())
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)
