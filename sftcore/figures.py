"""Numbers, times and names as they are shown, on the terminal and on pages alike."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

SMALLEST = 0.0005
"""What is nearer to zero than this has no sign with three decimals."""
_JOINERS = "\u200c\u200d"
"""Zero-width letters that belong inside words (Persian) and emoji."""
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs by their category that fonts leave blank."""


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


def figure(value: Any, digits: int = 3) -> str:
    """A number with so many places; what is no number as it is; a number without a value as a dash."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    if not math.isfinite(value):
        return "-"
    if isinstance(value, int):
        return count(value)
    return f"{value:.{digits}f}" if 0.001 <= abs(value) < 1e5 or value == 0 else f"{value:.2g}"


def signed(value: float | None) -> str:
    """With its sign and three decimals; 0 where nothing is left of it but a sign."""
    return "-" if value is None else "0" if abs(value) < SMALLEST else f"{value:+.3f}"


def name(text: str) -> str:
    """The name of a class so that two that differ look different: what can't be seen of it by its code point.

    Spaces at its ends are ␠, other blanks and zero-width letters `⟨U+200B⟩`, no text at all is `""`; line ends and
    tabs inside are left to whoever shows it.
    """
    bare = text.strip().strip(_JOINERS)
    start = text.index(bare) if bare else len(text)
    end = start + len(bare)
    parts = (_seen(letter, inside=start <= place < end) for place, letter in enumerate(text))
    return "".join(parts) or '""'


def _seen(letter: str, *, inside: bool) -> str:
    if letter == " ":
        return letter if inside else "␠"
    if inside and (letter in _JOINERS or letter in "\n\r\t\u3000"):
        return letter
    unseen = letter in _BLANKS or unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Zs")
    return f"⟨U+{ord(letter):04X}⟩" if unseen else letter
