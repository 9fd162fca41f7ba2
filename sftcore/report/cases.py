"""Single rows of the data as they are shown: texts in marked pieces, shortened where they are long."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sftcore.report.words import Words

LONG = 600
"""Characters from which on an excerpt of a text is shown, and the text folded."""
MOST = 4_000
"""Characters from which on even the folded text is an excerpt, only a longer one."""
ROOM = 300_000
"""Bytes of folded texts in a section; those of later rows are left out, so that the page stays small."""
FIRST_TURNS, LAST_TURNS = 3, 7
"""Of a longer conversation so many turns at its beginning and at its end are shown."""
AROUND = 90
"""Characters of an excerpt on either side of what is marked."""
MOST_COMPARED = 20_000
"""Words up to which texts are compared; of longer ones the beginnings are."""
_WORD = re.compile(r"\s+|[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|\w+|[^\w\s]")
ELLIPSIS = " … "
_MARKS = {"equal": "", "delete": "del", "insert": "ins"}


class Piece(NamedTuple):
    """A part of a text: how it is marked ("", "del", "ins", "right", "said", "both"), and a name to stand behind it."""

    mark: str
    text: str
    name: str = ""


class Shown(NamedTuple):
    """A text as it is shown: its name, an excerpt, and more of it ([] where the excerpt is all): the whole of it, or of
    a very long text a longer excerpt (`cut`)."""

    name: str
    pieces: list[Piece]
    more: list[Piece]
    cut: bool = False


def shown(name: str, pieces: Iterable[Piece]) -> Shown:
    """The pieces; where they are long, what is marked in them and what stands around it."""
    every = [piece for piece in pieces if piece.text]
    size = sum(len(piece.text) for piece in every)
    if size <= LONG:
        return Shown(name, every, [])
    more = every if size <= MOST else _excerpt(every, MOST // 4)
    return Shown(name, _excerpt(every, AROUND), more, size > MOST)


def within_room(rows: Iterable[Sequence[Shown]]) -> Iterator[list[Shown]]:
    """The texts of one row after another, of which only so many can be unfolded as there is room for."""
    left = ROOM
    for texts in rows:
        left -= sum(len(piece.text.encode()) for one in texts for piece in one.more)
        yield [one if left >= 0 else one._replace(more=[]) for one in texts]


def changes(before: str, after: str) -> list[Piece]:
    """Both texts in one: what only the first has is "del", what only the second has "ins", by words; Chinese by
    characters."""
    from rapidfuzz.distance import Indel

    old, new = (_WORD.findall(text)[:MOST_COMPARED] for text in (before, after))
    pieces = []
    for step in Indel.opcodes(old, new):
        gone, come = old[step.src_start : step.src_end], new[step.dest_start : step.dest_end]
        pieces.append(Piece(_MARKS[step.tag], "".join(gone if step.tag == "equal" else gone + come)))
    return list(_gathered(pieces))


def marked(text: str, spans: Sequence[tuple[int, int, str, str]]) -> list[Piece]:
    """The text in pieces, spans (start, end, mark, name) marked; of those that overlap, the one that begins first."""
    pieces, at = [], 0
    for start, end, mark, name in sorted(spans):
        if at <= start < end <= len(text):
            pieces += [Piece("", text[at:start]), Piece(mark, text[start:end], name)]
            at = end
    return [*pieces, Piece("", text[at:])]


def passages(text: str, right: Sequence[str], said: str, place: tuple[int, int] | None = None) -> list[Piece]:
    """The text with the first of the right passages that it holds marked, and the one that the model said.

    `place` is where the model found its passage; without it, the first place that has its words.
    """
    found = next(((at, at + len(one)) for one in right if one and (at := text.find(one)) >= 0), None)
    if place is None and said and (at := text.find(said)) >= 0:
        place = (at, at + len(said))
    borders = sorted({0, len(text), *(found or ()), *(place or ())})
    spans = {"right": found or (0, 0), "said": place or (0, 0)}
    pieces = []
    for start, end in pairwise(borders):
        marks = [name for name, (first, last) in spans.items() if first <= start and end <= last]
        pieces.append(Piece("both" if len(marks) > 1 else "".join(marks), text[start:end]))
    return pieces


def turns(given: Any, words: Words) -> Iterator[Shown]:
    """What a model was asked: a text, the turns of a chat (of a long one those at both ends), or texts by role."""
    given = parsed(given)
    if isinstance(given, str):
        yield shown("", [Piece("", given)])
    elif isinstance(given, Mapping):
        yield from (shown(role_name(str(role), words), [Piece("", str(text))]) for role, text in given.items() if text)
    else:
        every = list(given or ())
        between = len(every) - FIRST_TURNS - LAST_TURNS
        yield from (_turn(one, words) for one in (every[:FIRST_TURNS] if between > 1 else every))
        if between > 1:
            yield Shown("", [Piece("", words("cases.turns", n=words.count(between)))], [])
            yield from (_turn(one, words) for one in every[-LAST_TURNS:])


def _turn(turn: Any, words: Words) -> Shown:
    role, text = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else ("", turn)
    return shown(role_name(str(role), words), [Piece("", str(text))])


def role_name(role: str, words: Words) -> str:
    """The name of a task's role, or of who speaks in a chat, in the page's language where it is known."""
    key = f"cases.{role}"
    return words(key) if key in words else role


def parsed(value: Any) -> Any:
    """A value of a column that holds lists or tables as JSON, where it does not hold them as such."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _gathered(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces with deletions before the insertions that stand for them, not one word of each in turn: those between
    which there is nothing but white space are one change."""
    changed: dict[str, str] = {"del": "", "ins": ""}
    for place, piece in enumerate(pieces):
        between = not piece.mark and piece.text.isspace() and 0 < place < len(pieces) - 1
        if piece.mark:
            changed[piece.mark] += piece.text
        elif between and all(changed.values()):
            changed = {mark: text + piece.text for mark, text in changed.items()}
        else:
            yield from (Piece(mark, text) for mark, text in changed.items() if text)
            changed = {"del": "", "ins": ""}
            yield piece
    yield from (Piece(mark, text) for mark, text in changed.items() if text)


def _excerpt(pieces: Sequence[Piece], around: int) -> list[Piece]:
    """What is marked, with so many characters around it, six times as many in all; the beginning where nothing is."""
    if not any(piece.mark for piece in pieces):
        text = "".join(piece.text for piece in pieces)
        return [Piece("", f"{text[: 4 * around]}{ELLIPSIS}")]
    kept: list[Piece] = []
    room = 6 * around
    for place, piece in enumerate(pieces):
        text = piece.text[:room] if piece.mark else _shortened(piece.text, around, place == 0, place + 1 == len(pieces))
        kept.append(piece._replace(text=text))
        room -= len(text)
        if room <= 0:
            return [*kept, Piece("", ELLIPSIS)]
    return kept


def _shortened(text: str, around: int, first: bool, last: bool) -> str:
    """What stands between two marked pieces, before the first or after the last."""
    if len(text) <= around + (0 if first or last else around):
        return text
    return f"{'' if first else text[:around]}{ELLIPSIS}{'' if last else text[-around:]}"
