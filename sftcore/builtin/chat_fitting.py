"""Conversations that are longer than the model reads, cut so that the answer stays whole where that can be."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from sftcore.builtin.chat import Example, Piece, ends_of
from sftcore.builtin.chat_templates import RefusalError, backend
from sftcore.builtin.conversations import ANSWERER
from sftcore.builtin.losses import NO_LABEL

if TYPE_CHECKING:
    from sftcore.builtin.chat_templates import Template
    from sftcore.builtin.conversations import Turn

Truncate: TypeAlias = Literal["prompt", "answer"]
Again: TypeAlias = Callable[[Sequence["Turn"]], tuple[Piece, Example]]
_LEAST_PROMPT = 4
"""An answer that is too long itself leaves one part in so many to its prompt."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """An example of at most so many tokens: the `turns` that were left out to get there, and whether the answer's end
    is missing."""

    example: Example
    turns: int = 0
    cut: bool = False


def fitted(template: Template, piece: Piece, example: Example, limit: int, again: Again, truncate: Truncate) -> Fitted:
    """The example cut to `limit` tokens.

    "prompt": first the oldest turns go, from one turn of the user to another, but those of the system; then, of the
    last turn before the answer, the beginning of its text; then whatever stands at the beginning, but for a start
    token. Only where a quarter of `limit` is left to the prompt, the end of the answer goes. "answer": the end goes.
    `again` makes piece and example of other turns.
    """
    if len(example) <= limit:
        return Fitted(example)
    if truncate == "answer":
        return Fitted(example.first(limit), cut=_loses_answer(example, limit))
    before = len(piece.turns)
    piece, example = _without_oldest(template, piece, example, limit, again)
    turns = before - len(piece.turns)
    most = limit - min(example.prompt, limit // _LEAST_PROMPT)
    cut = len(example) - example.prompt > most
    kept = example.first(example.prompt + most) if cut else example
    return Fitted(_without_beginning(template, piece, kept, len(kept) - limit), turns, cut)


def _loses_answer(example: Example, limit: int) -> bool:
    return bool((example.labels[max(limit, example.prompt) :] != NO_LABEL).any())


def _without_oldest(
    template: Template, piece: Piece, example: Example, limit: int, again: Again
) -> tuple[Piece, Example]:
    """The conversation from the first turn of the user on from which it is short enough, else from the last one."""
    turns = piece.turns
    lead = next((at for at, turn in enumerate(turns) if turn["role"] not in ("system", "developer")), 0)
    starts = [at for at in range(lead + 1, len(turns)) if turns[at]["role"] == "user"]
    if not starts:
        return piece, example

    def is_short(start: int) -> bool:
        text = template.render([*turns[:lead], *turns[start:]], prompt=not piece.learned)
        return len(backend(template.tokenizer).encode(text, add_special_tokens=False)) <= limit

    try:
        place = bisect_left(starts[:-1], True, key=is_short)
        return again([*turns[:lead], *turns[starts[place] :]])
    except RefusalError:  # a template that takes the whole conversation need not take a part of it
        return piece, example


def _without_beginning(template: Template, piece: Piece, example: Example, count: int) -> Example:
    """The example without `count` tokens of its prompt."""
    if count <= 0:
        return example
    start, end = _last_text(template, piece, example)
    if end - start >= count:
        return example.without(start, count)
    has_start = int(example.ids[0]) in template.specials and count < example.prompt
    return example.without(int(has_start), count)


def _last_text(template: Template, piece: Piece, example: Example) -> tuple[int, int]:
    """The tokens of the last turn's own text before the answer; an empty range where the template rewrote it."""
    asked = piece.turns[:-1] if piece.turns[-1]["role"] == ANSWERER else piece.turns
    content = asked[-1]["content"].strip()
    at = piece.text.rfind(content, 0, piece.prompt) if content else -1
    if at < 0:
        return 0, 0
    ends = ends_of(backend(template.tokenizer).encode(piece.text[: piece.prompt], add_special_tokens=False))
    first, last = np.searchsorted(ends, [at, at + len(content)], side="right").tolist()
    return first, last
