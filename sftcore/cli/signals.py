"""SIGINT and SIGTERM while a command runs: they raise KeyboardInterrupt, and are remembered where that gets lost.

Training has a handler of its own inside (`sftcore.training.guards.Signals`), which saves a checkpoint first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

NUMBERS = (signal.SIGINT, signal.SIGTERM)
_received: list[int] = []


def received() -> int | None:
    """The first signal that came since the command began, or None."""
    return _received[0] if _received else None


def check() -> None:
    """Raise KeyboardInterrupt if a signal came: its own may have been swallowed, in a `__del__` or by a library."""
    if _received:
        raise KeyboardInterrupt


@contextmanager
def heeded() -> Iterator[None]:
    """Within the block the signals are heeded; after it everything is as it was."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers there
        yield
        return
    process, unraisable = os.getpid(), sys.unraisablehook

    def note(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a forked worker, which a pool ends by SIGTERM
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _received.append(number)
        raise KeyboardInterrupt

    def ignored(error: UnraisableHookArgs) -> None:
        if not (_received and issubclass(error.exc_type, KeyboardInterrupt)):  # `check` raises it again
            unraisable(error)

    before = {number: signal.signal(number, note) for number in NUMBERS}
    sys.unraisablehook = ignored
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)
        _received.clear()


def ignore() -> None:
    """Let no further signal disturb the telling of the first."""
    if threading.current_thread() is threading.main_thread():
        for number in NUMBERS:
            signal.signal(number, signal.SIG_IGN)
