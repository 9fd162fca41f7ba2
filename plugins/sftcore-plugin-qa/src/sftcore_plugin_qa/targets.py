"""What a window is to answer: the tokens of an answer that lies in it, nothing, or something that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]

Range = tuple[int, int]

NO_ANSWER: Range = (-1, -1)
"""The window holds no answer."""
UNKNOWN: Range = (-100, -100)
"""It is not known whether the window holds an answer: it does not count in the loss."""
BROKEN = "answer broken by preprocessing"
NO_WINDOW = "answer in no window"
TOO_LONG = "answer longer than max_answer_length"


class Targets(NamedTuple):
    """First and last token of the answer of each window (in the context's tokens), `NO_ANSWER` or `UNKNOWN`.

    `flaw`: why nothing of the row can be learned, or "". `shortest`: tokens of the shortest answer, 0 without one.
    """

    windows: list[Range]
    flaw: str = ""
    shortest: int = 0


def window_targets(spans: Sequence[Range], offsets: Numbers, windows: Sequence[Range]) -> Targets:
    """The targets of a row's windows; its answers are `spans` of characters, (-1, -1) for one whose place was lost.

    A window answers with the first of the answers that lies in it as a whole. One without any is a window without an
    answer, as in Devlin et al. (2019), even if it holds a part of an answer that another window has as a whole. Not
    known is a window without an answer in a row that lost the place of one, or that holds a part of an answer that no
    window has as a whole.
    """
    if not spans:
        return Targets([NO_ANSWER] * len(windows))
    lost = any(start < 0 for start, _ in spans)
    ranges = [found for start, end in spans if start >= 0 and (found := token_range(start, end, offsets)) is not None]
    homeless = [one for one in ranges if not any(_within(one, window) for window in windows)]
    targets = [_target(window, ranges, homeless, lost) for window in windows]
    shortest = min((last - first + 1 for first, last in ranges), default=0)
    if any(target[0] >= 0 for target in targets):
        return Targets(targets, "", shortest)
    flaw = BROKEN if all(start < 0 for start, _ in spans) else NO_WINDOW
    return Targets([UNKNOWN] * len(windows), flaw, shortest)


def token_range(start: int, end: int, offsets: Numbers) -> Range | None:
    """First and last token that stand for any of the characters `[start, end)`; None if none does."""
    first = int(np.searchsorted(offsets[:, 1], start, side="right"))
    last = int(np.searchsorted(offsets[:, 0], end, side="left")) - 1
    return (first, last) if first <= last else None


def surplus(kinds: Sequence[Range], contents: Sequence[Numbers], ratio: float) -> list[bool]:
    """Which windows without an answer are more than `ratio` for each window with one.

    Those that stay are drawn by a hash of their token ids: the same windows give the same draw, wherever they stand.
    """
    answered = sum(kind[0] >= 0 for kind in kinds)
    empty = [place for place, kind in enumerate(kinds) if kind == NO_ANSWER]
    drawn = sorted(empty, key=lambda place: _drawn(contents[place]))
    result = [False] * len(kinds)
    for place in drawn[int(ratio * answered) :]:
        result[place] = True
    return result


def _drawn(ids: Numbers) -> bytes:
    return blake2b(ids.astype("<i4").tobytes(), digest_size=16).digest()


def _target(window: Range, ranges: Sequence[Range], homeless: Sequence[Range], lost: bool) -> Range:
    inside = next((one for one in ranges if _within(one, window)), None)
    if inside is not None:
        return inside
    touched = any(first < window[1] and window[0] <= last for first, last in homeless)
    return UNKNOWN if lost or touched else NO_ANSWER


def _within(answer: Range, window: Range) -> bool:
    return window[0] <= answer[0] and answer[1] < window[1]
