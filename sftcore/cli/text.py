"""Numbers, times and texts as they are shown."""

from __future__ import annotations

import math
import platform
import re

from sftcore.figures import count as count
from sftcore.figures import duration as duration
from sftcore.figures import figure as figure
from sftcore.figures import plural as plural
from sftcore.figures import share as share

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text of the data, without what would steer the terminal: control characters and changes of direction."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str, length: int = 200) -> str:
    """The beginning of a text on one line."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


def last_part(text: str, length: int) -> str:
    """The end of a path or place, which tells more than its beginning."""
    return text if len(text) <= length else f"…{text[1 - length :]}"


def remaining(seconds: float) -> str:
    """`0:07`, `3:05`, `2:14:00`: as a clock, short and of a steady width."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes}:{whole:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def versions() -> str:
    """What a bug report needs: sftcore, Python and the libraries, none of them imported."""
    parts = [f"{name} {installed(name)}" for name in ("torch", "transformers", "datasets")]
    return f"sftcore {installed('sftcore')} (Python {platform.python_version()}, {', '.join(parts)})"


def installed(distribution: str) -> str:
    """The installed version of a distribution."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
