"""Conversations as token ids, and which of the tokens count in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from sftcore.builtin.chat_templates import RefusalError, Template, backend
from sftcore.builtin.conversations import ANSWERER
from sftcore.builtin.losses import NO_LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sftcore.builtin.conversations import Turn

LossOn: TypeAlias = Literal["assistant", "last", "all"]


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one feature.

    `text[:prompt]` is what comes before the answer; `learned` are the ranges of `text` that the model is to write,
    ascending, the last one from `prompt` on; none where the answer is yet to come.
    """

    turns: Sequence[Turn]
    text: str
    prompt: int
    learned: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One feature: `ids` (n,) and `labels` (n,), -100 where a token does not count; `ids[:prompt]` come before the
    answer, and the last run of labels begins at `prompt`."""

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    prompt: int

    def __len__(self) -> int:
        return len(self.ids)

    def without(self, start: int, count: int) -> Example:
        """The example without `count` tokens of its prompt, from `start` on."""
        rest = np.r_[0:start, start + count : len(self.ids)]
        return Example(self.ids[rest], self.labels[rest], self.prompt - count)

    def first(self, count: int) -> Example:
        """The first tokens of the example."""
        return Example(self.ids[:count], self.labels[:count], min(self.prompt, count))


def pieces_of(template: Template, turns: Sequence[Turn], loss_on: LossOn) -> list[Piece]:
    """The text of a conversation with the ranges that count: one piece, or one for each turn to be learned.

    A turn of the assistant is what the template writes after the prompt for it, `render(turns[:i], prompt=True)`, in
    `render(turns[:i + 1])`; what `{% generation %}` marks, where the template has such marks. A template that writes
    earlier turns otherwise once others follow (Qwen3 leaves out their reasoning) gives a piece for each of them, as it
    is when the model is to write it. Raises `RefusalError` where the template does not take the conversation, or does
    not go on from its own prompt.
    """
    if turns[-1]["role"] != ANSWERER:
        text = template.render(turns, prompt=True)
        return [Piece(turns, text, len(text), ())]
    if template.marks and loss_on != "all":
        return [_marked(template, turns, loss_on)]
    last = len(turns) - 1
    asked = [at for at, turn in enumerate(turns) if turn["role"] == ANSWERER] if loss_on == "assistant" else [last]
    each = [_piece(template, turns[: at + 1]) for at in asked]
    whole = each[-1]
    if loss_on == "all":
        return [replace(whole, learned=((0, whole.prompt), *whole.learned))]
    if all(whole.text.startswith(piece.text) for piece in each):
        return [replace(whole, learned=tuple(span for piece in each for span in piece.learned))]
    return each


def _piece(template: Template, turns: Sequence[Turn]) -> Piece:
    """A conversation of which the last turn counts."""
    prompt, text = template.render(turns[:-1], prompt=True), template.render(turns)
    _require_prompt(text, prompt)
    return Piece(turns, text, len(prompt), ((len(prompt), len(text)),))


def _require_prompt(text: str, prompt: str) -> None:
    if not text.startswith(prompt):
        at = next((at for at, (one, other) in enumerate(zip(text, prompt, strict=False)) if one != other), len(text))
        begun = f"{prompt[max(0, at - 10) :][:30]!r} and {text[max(0, at - 10) :][:30]!r}"
        raise RefusalError("its prompt for an answer is not how it begins one", f": {begun}")


def _marked(template: Template, turns: Sequence[Turn], loss_on: LossOn) -> Piece:
    """A conversation whose template marks what counts."""
    text, marks = template.marked(turns)
    prompt = template.render(turns[:-1], prompt=True)
    _require_prompt(text, prompt)
    last = [mark for mark in marks if mark[1] > len(prompt)]
    if len(last) != 1:
        raise RefusalError(f"it marks {len(last)} parts of the last turn by generation, not one")
    return Piece(turns, text, last[0][0], tuple(marks) if loss_on == "assistant" else tuple(last))


def tokenized(template: Template, pieces: Sequence[Piece]) -> list[Example]:
    """The pieces as tokens, each text at once, with nothing added that the template does not write but an end token
    where it has none for the last turn.

    The prompt's tokens are those that it has by itself, as when the model is asked to go on: where the whole text
    reads otherwise (a token across the border), prompt and answer are read one after the other.
    """
    encode: Any = backend(template.tokenizer)
    encode.no_padding()
    encode.no_truncation()
    whole = encode.encode_batch([piece.text for piece in pieces], add_special_tokens=False)
    prompts = encode.encode_batch_fast([piece.text[: piece.prompt] for piece in pieces], add_special_tokens=False)
    return [_example(template, *parts) for parts in zip(pieces, whole, prompts, strict=True)]


def _example(template: Template, piece: Piece, whole: Any, prompt: Any) -> Example:
    size = len(prompt.ids)
    ids, ends = np.array(whole.ids, np.int64), ends_of(whole)
    if whole.ids[:size] != prompt.ids:
        parts = [piece.text[: piece.prompt], piece.text[piece.prompt :]]
        asked, said = backend(template.tokenizer).encode_batch(parts, add_special_tokens=False)
        ids = np.array(asked.ids + said.ids, np.int64)
        ends = np.concatenate([ends_of(asked), ends_of(said) + piece.prompt])
    counts = np.zeros(len(ids) + 1, bool)
    last = 0
    for start, end in piece.learned:
        first = size if start == piece.prompt else int(np.searchsorted(ends, start, side="right"))
        last = _last(template, piece, ids, ends, first, (start, end))
        counts[first:last] = True
    if piece.learned and (last == 0 or int(ids[last - 1]) not in template.specials):
        ids = np.append(ids[:last], template.ends[-1])
        counts[last] = True
    counts[[0, size - 1]] = False  # nothing predicts the first; the token before the answer parts it from what counts
    counts = counts[: len(ids)]
    return Example(ids, np.where(counts, ids, NO_LABEL), size)


def ends_of(encoding: Any) -> NDArray[np.int64]:
    """Where in the text each token ends. Some tokenizers leave blanks out of where a token begins, none of its end."""
    ends = np.array([end for _, end in encoding.offsets], np.int64)
    return np.maximum.accumulate(ends) if len(ends) else ends


def _last(
    template: Template, piece: Piece, ids: NDArray[np.int64], ends: NDArray[np.int64], first: int, span: tuple[int, int]
) -> int:
    """Where the tokens end that count of a turn: behind its end token, not with the line break that may follow it."""
    start, end = span
    said = start + len(piece.text[start:end].rstrip())
    stripped = int(np.searchsorted(ends, said, side="right"))
    if stripped > first and int(ids[stripped - 1]) in template.specials:
        return stripped
    last = int(np.searchsorted(ends, end, side="right"))
    follows = template.marks and last < len(ids) and int(ids[last]) in template.ends
    return last + follows
