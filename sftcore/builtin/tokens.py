"""Texts as token ids, fast, and padded batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

Tokens = tuple[list[list[int]], list[list[int]], list[int]]
"""Token ids and type ids of each row (type ids perhaps of the first row alone), and how many tokens were cut."""


def encode_fast(
    tokenizer: PreTrainedTokenizerBase, first: list[str], second: list[str] | None, max_length: int
) -> Tokens:
    """Encode whole rows with the library beneath, and again, truncated, those that are too long."""
    backend = cast(Any, tokenizer).backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    inputs: list[Any] = first if second is None else list(zip(first, second, strict=True))
    encodings = backend.encode_batch_fast(inputs)
    lost = [max(0, len(encoding) - max_length) for encoding in encodings]
    long = [number for number, tokens in enumerate(lost) if tokens]
    if long:
        backend.enable_truncation(max_length, strategy="longest_first", direction=tokenizer.truncation_side)
        cut = backend.encode_batch_fast([inputs[number] for number in long])
        for number, encoding in zip(long, cut, strict=True):
            encodings[number] = encoding
    typed = encodings if encodings and any(encodings[0].type_ids) else encodings[:1]
    return [encoding.ids for encoding in encodings], [encoding.type_ids for encoding in typed], lost


def encode_slowly(
    tokenizer: PreTrainedTokenizerBase, first: list[str], second: list[str] | None, max_length: int
) -> Tokens:
    """Encode with a tokenizer that is written in Python."""
    whole = tokenizer(first, second, truncation=False, padding=False, return_token_type_ids=True)
    cut = tokenizer(
        first, second, truncation="longest_first", max_length=max_length, padding=False, return_token_type_ids=True
    )
    pairs = zip(whole["input_ids"], cut["input_ids"], strict=True)
    return cut["input_ids"], cut["token_type_ids"], [len(long) - len(short) for long, short in pairs]


def padded(rows: Sequence[Sequence[int]], filling: int, left: bool) -> NDArray[np.int64]:
    """Rows of one length (n, longest), filled up on one side."""
    width = max(map(len, rows))
    result = np.full((len(rows), width), filling, np.int64)
    for number, row in enumerate(rows):
        result[number, slice(width - len(row), width) if left else slice(len(row))] = row
    return result


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills up a batch: the tokenizer's own, else its end token, else 0 (masked anyway)."""
    for number in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if number is not None:
            return int(number)
    return 0
