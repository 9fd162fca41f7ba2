"""Texts as token ids, fast, and padded batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sftcore import Feature

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

Tokens = tuple[list[list[int]], list[list[int]], list[int]]
"""Token ids and type ids of each row (type ids perhaps of the first row alone), and how many tokens were cut."""


def encode_fast(
    tokenizer: PreTrainedTokenizerBase, first: list[str], second: list[str] | None, max_length: int
) -> Tokens:
    """Encode whole rows with the library beneath, and again, truncated, those that are too long."""
    inputs: list[Any] = first if second is None else list(zip(first, second, strict=True))
    encodings, lost = fast_encodings(tokenizer, inputs, max_length)
    typed = encodings if encodings and any(encodings[0].type_ids) else encodings[:1]
    return [encoding.ids for encoding in encodings], [encoding.type_ids for encoding in typed], lost


def fast_encodings(
    tokenizer: PreTrainedTokenizerBase, inputs: list[Any], max_length: int, *, with_places: bool = False
) -> tuple[list[Any], list[int]]:
    """The `tokenizers.Encoding` of each text or pair of texts, and how many tokens were cut of it.

    Their `offsets` are those of the text only `with_places`.
    """
    backend = cast(Any, tokenizer).backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    encode = backend.encode_batch if with_places else backend.encode_batch_fast
    encodings = encode(inputs)
    lost = [max(0, len(encoding) - max_length) for encoding in encodings]
    long = [number for number, tokens in enumerate(lost) if tokens]
    if long:
        backend.enable_truncation(max_length, strategy="longest_first", direction=tokenizer.truncation_side)
        cut = encode([inputs[number] for number in long])
        for number, encoding in zip(long, cut, strict=True):
            encodings[number] = encoding
    return encodings, lost


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


def padded_inputs(features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """The features' `input_ids` (and `token_type_ids` where they have them) padded, and their attention mask.

    All (features, longest) int64, filled up on the tokenizer's padding side.
    """
    import torch

    left = tokenizer.padding_side == "left"
    ids = padded([feature["input_ids"] for feature in features], padding_id(tokenizer), left)
    lengths = np.array([len(feature["input_ids"]) for feature in features])[:, None]
    places = np.arange(ids.shape[1])
    mask = places >= ids.shape[1] - lengths if left else places < lengths
    batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if "token_type_ids" in features[0]:
        types = padded([feature["token_type_ids"] for feature in features], tokenizer.pad_token_type_id, left)
        batch["token_type_ids"] = torch.from_numpy(types)
    return batch


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills up a batch: the tokenizer's own, else its end token, else 0 (masked anyway)."""
    for number in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if number is not None:
            return int(number)
    return 0
