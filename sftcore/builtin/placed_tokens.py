"""Texts as tokens that know where they stand in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sftcore import ModelError, Problem
from sftcore.builtin.tokens import fast_encodings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase


class PlacedTokens(NamedTuple):
    """The n tokens of a text: ids, type ids, the ranges of the text that they stand for (n, 2), and how many more the
    text has. An empty range: the token stands for nothing of the text."""

    ids: list[int]
    types: list[int]
    places: NDArray[np.int32]
    lost: int


def placed_tokens(texts: list[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[PlacedTokens]:
    """The tokens of each text, at most `max_length`.

    Raises `sftcore.ModelError` for a tokenizer that does not say where a token stands.
    """
    if not getattr(tokenizer, "is_fast", False):
        message = "its tokenizer does not tell where in the text a token stands, which finding entities needs"
        raise ModelError(
            Problem(message, key="model.base", advice="take a base with a fast tokenizer (tokenizer.json)")
        )
    encodings, lost = fast_encodings(tokenizer, texts, max_length, with_places=True)
    rows = zip(texts, encodings, lost, strict=True)
    return [PlacedTokens(one.ids, one.type_ids, _places(text, one), more) for text, one, more in rows]


def _places(text: str, encoding: Any) -> NDArray[np.int32]:
    """The range of the text that each token stands for, without blanks at its ends; empty for special tokens."""
    places = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    places[np.array(encoding.special_tokens_mask, bool)] = 0
    for token, (start, end) in enumerate(places.tolist()):
        piece = text[start:end]
        if piece[:1].isspace() or piece[-1:].isspace():
            start += len(piece) - len(piece.lstrip())
            places[token] = start, max(start, start + len(piece.strip()))
    return places
