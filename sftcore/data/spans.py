"""Edits of a text, and where a span of it lies afterwards.

An edit replaces `text[start:end]`. Every character of the new text *stands for* characters of the old one: a
character that was kept for itself, one of a replacement for all that was replaced, an inserted one for none.
Several rewrites in a row compose; `PositionMap` follows positions through them in both directions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from sftcore.components import Edit
from sftcore.errors import PluginError, Problem

Status: TypeAlias = Literal["exact", "trimmed", "grown", "lost"]

MOST_GROWTH = 2
"""Characters by which a span may grow and still be trained on."""


def checked_edits(
    text: str, edits: Iterable[Edit | tuple[int, int, str]], component: str = "a component"
) -> list[Edit | tuple[int, int, str]]:
    """The edits that change something, in a list.

    Raises `PluginError`, naming the component, where they are not `(start, end, replacement)` with
    0 ≤ start ≤ end ≤ len(text), ascending and disjoint (one may begin where the one before ends), or write what is no
    Unicode text.
    """
    kept: list[Edit | tuple[int, int, str]] = []
    length, previous = len(text), 0
    for edit in edits:
        try:
            start, end, replacement = edit
            in_order = previous <= start <= end <= length
        except (TypeError, ValueError):
            raise _breach(component, edit, "is not (start, end, replacement)") from None
        if not in_order:
            raise _breach(component, edit, _disorder(start, end, previous, length))
        if type(replacement) is not str or type(start) is not int or type(end) is not int:
            raise _breach(component, edit, "is not two integers and a text")
        if has_lone_surrogates(replacement) and not has_lone_surrogates(text):
            raise _breach(component, edit, "writes a lone surrogate, which no tokenizer can read")
        if text[start:end] != replacement:
            kept.append(edit)
        previous = end
    return kept


def has_lone_surrogates(text: str) -> bool:
    """Whether the text holds half of a character of UTF-16, which can't be encoded."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _disorder(start: int, end: int, previous: int, length: int) -> str:
    if start > end:
        return "ends before it starts"
    if start < 0 or end > length:
        return f"is outside the text of {length} characters"
    return f"starts before {previous}, where the edit before it ends"


def _breach(component: str, edit: object, breach: str) -> PluginError:
    advice = "edits are (start, end, replacement): half-open, ascending, disjoint, in code points of the text given"
    return PluginError(Problem(f"{component}: the edit {str(edit)[:80]} {breach}", advice=advice))


def apply(text: str, edits: Iterable[Edit | tuple[int, int, str]], component: str = "a component") -> str:
    """The text after the edits, the same object where they change nothing. Raises as `checked_edits` does."""
    return joined(text, checked_edits(text, edits, component))


def joined(text: str, edits: Sequence[Edit | tuple[int, int, str]]) -> str:
    """The text after edits that are known to be in order."""
    if not edits:
        return text
    pieces: list[str] = []
    at = 0
    for start, end, replacement in edits:
        pieces += (text[at:start], replacement)
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


@dataclass(frozen=True, slots=True)
class MappedSpan:
    """Where a span lies after the edits, and how true it stayed.

    exact: it stands for the same characters · trimmed: for fewer, at an end · grown: for others besides,
    `growth` of them · lost: nothing of it is left (then start = end = -1).
    """

    start: int
    end: int
    status: Status
    growth: int = 0

    @property
    def trainable(self) -> bool:
        """Whether a model may learn from it: not lost, and grown by at most 2 characters."""
        return self.status != "lost" and self.growth <= MOST_GROWTH


LOST = MappedSpan(-1, -1, "lost")


class Step(tuple[Edit, ...]):
    """The edits of one rewrite; a step that many rows share is made once."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PositionMap:
    """Positions of a text of `length` characters through the `steps` of edits made on it, one list a rewrite.

    It keeps the edits alone: rows keep their maps, and tables of positions would take far more room than the texts.
    """

    length: int
    steps: tuple[Step, ...] = field(default=(), repr=False)

    def then(self, edits: Iterable[Edit | tuple[int, int, str]]) -> PositionMap:
        """The map with one more rewrite, by edits of the latest text."""
        step = edits if isinstance(edits, Step) else Step(Edit(*edit) for edit in edits)
        return PositionMap(self.length, (*self.steps, step)) if step else self

    def since(self, step: int) -> PositionMap:
        """The map that begins with the text as it was after so many steps."""
        return PositionMap(self.length + sum(map(_growth, self.steps[:step])), self.steps[step:])

    def map_span(self, start: int, end: int) -> MappedSpan:
        """Where `original[start:end]` went: from the first to the last character that stands for any of it.

        What was inserted at its border stays outside. An empty span, or one outside the text, is lost.
        """
        if not 0 <= start < end <= self.length:
            return LOST
        marks = self._marks(start, end)
        first = marks.find(1)
        if first < 0:
            return LOST
        last = marks.rfind(1)
        low, high = self._before(first, first + 1)[0][0], self._before(last, last + 1)[-1][1]
        growth = max(0, start - low) + max(0, high - end)
        if growth:
            return MappedSpan(first, last + 1, "grown", growth)
        return MappedSpan(first, last + 1, "exact" if (low, high) == (start, end) else "trimmed")

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The least range of the original text that holds all that the characters `[start, end)` stand for.

        Where they stand for nothing (an insertion, or start = end) the range is empty, at the place of what
        stands before. Raises IndexError for a range outside the present text.
        """
        length = self.length + sum(map(_growth, self.steps))
        if not 0 <= start <= end <= length:
            raise IndexError(f"[{start}, {end}) is outside the text of {length} characters")
        real = self._before(start, end)
        if real:
            return real[0][0], real[-1][1]
        ahead = self._before(0, start)
        place = ahead[-1][1] if ahead else 0
        return place, place

    def _before(self, start: int, end: int) -> list[tuple[int, int]]:
        """The ranges of the original text that the characters `[start, end)` stand for, ascending."""
        ranges = [(start, end)] if start < end else []
        for edits in reversed(self.steps):
            ranges = _replaced(edits, ranges)
        return ranges

    def _marks(self, start: int, end: int) -> bytes:
        """A byte a character of the present text: 1 where it stands for any of `original[start:end]`."""
        marks = bytes(start) + b"\1" * (end - start) + bytes(self.length - end)
        for edits in self.steps:
            pieces: list[bytes] = []
            at = 0
            for low, high, replacement in edits:
                mark = b"\1" if marks.find(1, low, high) >= 0 else b"\0"
                pieces += (marks[at:low], mark * len(replacement))
                at = high
            pieces.append(marks[at:])
            marks = b"".join(pieces)
        return marks


def _growth(edits: Step) -> int:
    """By how many characters a rewrite makes the text longer."""
    return sum(len(edit.replacement) - (edit.end - edit.start) for edit in edits)


def _replaced(edits: Step, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of the text before a rewrite that ranges of the text after it stand for.

    Both are ascending; what touches becomes one. An insertion stands for nothing.
    """
    found: list[tuple[int, int]] = []
    pieces = _pieces(edits)
    piece = next(pieces)
    for start, end in ranges:
        while piece.stop <= start:
            piece = next(pieces)
        while True:
            low, high = piece.replaced(start, end)
            if found and low <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], high))
            elif low < high:
                found.append((low, high))
            if piece.stop >= end:
                break
            piece = next(pieces)
    return found


class _Piece(NamedTuple):
    """`[start, stop)` of the text after a rewrite: kept from `old` on, or in place of `[old, old_stop)`."""

    start: int
    stop: int
    old: int
    old_stop: int | None = None

    def replaced(self, start: int, end: int) -> tuple[int, int]:
        """What the part of the piece that lies in `[start, end)` stands for."""
        if self.old_stop is not None:
            return self.old, self.old_stop
        return self.old + max(start, self.start) - self.start, self.old + min(end, self.stop) - self.start


def _pieces(edits: Step) -> Iterator[_Piece]:
    """The text after a rewrite, piece by piece; the last is endless."""
    old = new = 0
    for start, end, replacement in edits:
        if start > old:
            yield _Piece(new, new + start - old, old)
        new += start - old
        if replacement:
            yield _Piece(new, new + len(replacement), start, end)
        new, old = new + len(replacement), end
    yield _Piece(new, sys.maxsize, old)


def least_edit(old: str, new: str) -> Step:
    """One edit that makes `new` of `old`, without what both begin and end with; none where they are equal."""
    if old == new:
        return Step()
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return Step([Edit(head, len(old) - tail, new[head : len(new) - tail])])


def read_spans(value: Any) -> list[tuple[int, int]]:
    """The spans of a role that protects a text, in any of three forms; [] for None.

    `[[start, end], …]` · `[{"start": …, "end": …, …}, …]` · SQuAD's `{"text": […], "answer_start": […]}`.
    Raises ValueError for any other.
    """
    try:
        if isinstance(value, Mapping):
            ends = value.get("answer_end") or [
                start + len(text) for start, text in zip(value["answer_start"], value["text"], strict=True)
            ]
            return [(int(start), int(end)) for start, end in zip(value["answer_start"], ends, strict=True)]
        return [_pair(span) for span in value or ()]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"not a list of spans: {str(value)[:80]}") from error


def _pair(span: Any) -> tuple[int, int]:
    start, end = (span["start"], span["end"]) if isinstance(span, Mapping) else span
    return int(start), int(end)


def write_spans(value: Any, mapped: Sequence[MappedSpan]) -> Any:
    """The value with its spans where they are now; one that can't be trained on lies at (-1, -1).

    SQuAD's form keeps its texts (they are the original answers) and gains `answer_end` and `status`; spans
    written as tables gain `status`.
    """
    places = [(span.start, span.end) if span.trainable else (-1, -1) for span in mapped]
    if isinstance(value, Mapping):
        starts, ends = [start for start, _ in places], [end for _, end in places]
        return {**value, "answer_start": starts, "answer_end": ends, "status": [span.status for span in mapped]}
    return [
        {**old, "start": start, "end": end, "status": span.status} if isinstance(old, Mapping) else [start, end]
        for old, (start, end), span in zip(value or (), places, mapped, strict=True)
    ]


def move_spans(value: Any, text: str, edits: Iterable[Edit | tuple[int, int, str]]) -> Any:
    """The spans of a role, in their form, where they are after these edits of the text that they lie in.

    One that can't be trained on any more lies at (-1, -1). Raises as `checked_edits` and `read_spans` do.
    """
    positions = PositionMap(len(text)).then(checked_edits(text, edits))
    return write_spans(value, [positions.map_span(*span) for span in read_spans(value)])
