"""Questions with their contexts as features: windows of tokens that overlap, where a context is too long for one.

A feature is laid out as the tokenizer lays out a pair of texts, question first. Each text is tokenised once, however
many questions are about it; the result is the same as that of calling the tokenizer with `truncation="only_second"`,
`stride` and `return_overflowing_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from sftcore import DataError, ModelError, Problem, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

    Numbers = NDArray[np.int32]

DEFAULT_STRIDE = 128
LEAST_ROOM = 2
"""Tokens of the context that have to fit beside the longest question."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a context a feature holds.

    `first` is the position in the feature of the first token of the context; `offsets` (m, 2) int32: which characters
    of the context each of its m tokens stands for, half-open; `null` the position whose logits stand for "no answer":
    the [CLS] token, or the first one where there is none.
    """

    first: int
    offsets: Numbers
    null: int


class Tokens(NamedTuple):
    """A text's tokens: ids (n,) and the characters that each stands for (n, 2)."""

    ids: Numbers
    offsets: Numbers


@dataclass(frozen=True, slots=True)
class Frame:
    """How a tokenizer puts two texts together: the special tokens around them (k,), and all type ids.

    `types` are those of: what stands before, the question, what stands between, the context, what stands behind.
    """

    before: Numbers
    between: Numbers
    after: Numbers
    types: tuple[Numbers, int, Numbers, int, Numbers]
    null: int

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, question: str, context: str) -> Frame:
        """The frame, seen from an example. Raises `sftcore.DataError` if the tokenizer reads nothing of a text."""
        encoding = backend_of(tokenizer).encode(question, context)
        sides = np.array([-1 if side is None else side for side in encoding.sequence_ids])
        places = [np.flatnonzero(sides == side) for side in (0, 1)]
        for text, found in zip((question, context), places, strict=True):
            if not len(found):
                raise DataError(Problem("the tokenizer reads nothing of this text", key="model.base", value=text[:80]))
        (start, end), (second, last) = ((int(found[0]), int(found[-1]) + 1) for found in places)
        ids, types = np.array(encoding.ids, np.int32), np.array(encoding.type_ids, np.int32)
        before, between, after = ids[:start], ids[end:second], ids[last:]
        kinds = (types[:start], int(types[start]), types[end:second], int(types[second]), types[last:])
        return cls(before, between, after, kinds, _null_position(tokenizer, before, after))

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)

    def ids(self, question: Numbers, part: Numbers) -> Numbers:
        """The token ids of a feature."""
        return np.concatenate([self.before, question, self.between, part, self.after])

    def type_ids(self, question: int, part: int) -> Numbers:
        """The type ids of a feature with so many tokens of the question and of the context."""
        before, first, between, second, after = self.types
        filled = np.full(question, first, np.int32), np.full(part, second, np.int32)
        return np.concatenate([before, filled[0], between, filled[1], after])

    def window(self, question: int, offsets: Numbers) -> Window:
        """What is remembered of a feature with so many tokens of the question and this part of the context."""
        size = self.size + question + len(offsets)
        null = self.null if self.null >= 0 else size + self.null
        return Window(len(self.before) + question + len(self.between), offsets, null)


@dataclass(frozen=True, slots=True)
class Room:
    """How the tokens of a feature are shared out; all numbers count tokens.

    `capacity` is what question and context have together; the question gets at most `question`; neighbouring windows
    share `stride` (None: 128, or half of what the context has where that is less).
    """

    capacity: int
    question: int
    stride: int | None

    @classmethod
    def of(cls, frame: Frame, max_length: int, question: int, stride: int | None) -> Room:
        """Raises `sftcore.RecipeError` where there is no room, or a stride that would leave no step."""
        capacity = max_length - frame.size
        room = cls(capacity, min(question, capacity // 2), stride)
        least = capacity - room.question
        if room.question < 1 or least < LEAST_ROOM:
            message = f"model.max_length = {max_length} leaves no room for a context beside a question"
            raise RecipeError(Problem(message, key="model.max_length", value=str(max_length)))
        if stride is not None and stride >= least:
            message = f"windows that share {stride} tokens would not get on: beside a long question {least} fit"
            advice = "give a smaller stride, or a larger model.max_length"
            raise RecipeError(Problem(message, key="task.stride", value=str(stride), advice=advice))
        return room

    def windows(self, question: int, context: int) -> list[tuple[int, int]]:
        """Which tokens of a context each window holds, half-open; the last window may be shorter than the others."""
        room = self.capacity - question
        stride = min(DEFAULT_STRIDE, room // 2) if self.stride is None else self.stride
        starts = range(0, max(1, context - stride), room - stride)
        return [(start, min(start + room, context)) for start in starts]


def backend_of(tokenizer: PreTrainedTokenizerBase) -> Any:
    """The tokenizer in Rust, without truncation and padding, which alone knows where its tokens stand.

    Raises `sftcore.ModelError` for a tokenizer that is written in Python.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not getattr(tokenizer, "is_fast", False) or backend is None:
        message = "extractive question answering needs a fast tokenizer: others do not say where their tokens stand"
        raise ModelError(Problem(message, key="model.base", advice="take a base that has a tokenizer.json"))
    backend.no_truncation()
    backend.no_padding()
    return backend


def remembering_tokens(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], Tokens]:
    """A function that tokenises a text without special tokens, each text once."""
    backend, known = backend_of(tokenizer), cast("dict[str, Tokens]", {})

    def tokens(text: str) -> Tokens:
        found = known.get(text)
        if found is None:
            encoding = backend.encode(text, add_special_tokens=False)
            offsets = np.array(encoding.offsets, np.int32).reshape(-1, 2)
            found = known[text] = Tokens(np.array(encoding.ids, np.int32), offsets)
        return found

    return tokens


def _null_position(tokenizer: PreTrainedTokenizerBase, before: Numbers, after: Numbers) -> int:
    """Where "no answer" is read: the position of [CLS], from the end (negative) where it stands behind the texts."""
    number = tokenizer.cls_token_id
    if number is None or number in before:
        return 0 if number is None else int(np.flatnonzero(before == number)[0])
    found = np.flatnonzero(after == number)
    return int(found[0]) - len(after) if len(found) else 0
