"""Numbers, times and texts as they are shown."""

from __future__ import annotations

import math
import platform
import re
from typing import Any

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


def count(number: float) -> str:
    """`38,158`."""
    return f"{number:,.0f}"


def plural(number: int, singular: str, several: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{count(number)} {singular if number == 1 else several or singular + 's'}"


def share(part: float, whole: float) -> str:
    """`12 %`; shares that are small but there never look like none."""
    if not whole or not math.isfinite(part / whole):
        return ""
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else "<0.1 %" if percent < 0.05 else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 14 min`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def remaining(seconds: float) -> str:
    """`0:07`, `3:05`, `2:14:00`: as a clock, short and of a steady width."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes}:{whole:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def figure(value: Any, digits: int = 3) -> str:
    """A number with so many places; what is no number as it is; a number without a value as a dash."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    if not math.isfinite(value):
        return "-"
    if isinstance(value, int):
        return count(value)
    return f"{value:.{digits}f}" if 0.001 <= abs(value) < 1e5 or value == 0 else f"{value:.2g}"


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
