"""Chinese and English texts as tokens that answers are compared by, as in CMRC 2018 (Cui et al. 2019)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

CHARACTERS = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Ranges of what is written without spaces: Chinese characters and kana."""
TOKEN = re.compile(rf"[{CHARACTERS}]|[^\W_{CHARACTERS}]+")
"""A Chinese character, or a word of another script; punctuation and symbols are none."""


@lru_cache(maxsize=1 << 14)
def segments(text: str) -> tuple[str, ...]:
    """The tokens of a text in lower case, without punctuation: each Chinese character by itself, other words whole."""
    return tuple(TOKEN.findall(text.lower()))


def common_run(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest run of tokens that both have."""
    numbers: dict[str, int] = {}
    left, right = (np.array([numbers.setdefault(token, len(numbers)) for token in side]) for side in (first, second))
    longest = 0
    runs = np.zeros(len(right) + 1, np.int64)
    for token in left:
        runs[1:] = np.where(right == token, runs[:-1] + 1, 0)
        longest = max(longest, int(runs.max()))
    return longest


def run_f1(prediction: str, reference: str) -> float:
    """The F1 by the longest common run of tokens; of texts without tokens 1 if both are, else 0."""
    predicted, referred = segments(prediction), segments(reference)
    if not predicted or not referred:
        return float(not predicted and not referred)
    return 2 * common_run(predicted, referred) / (len(predicted) + len(referred))


def overlap_f1(prediction: str, references: Sequence[str]) -> float:
    """The F1 of the tokens that two texts share in any order, of several references the best; () is no answer."""
    return max(_overlap(segments(prediction), segments(reference)) for reference in references or ("",))


def _overlap(predicted: Sequence[str], referred: Sequence[str]) -> float:
    if not predicted or not referred:
        return float(not predicted and not referred)
    return 2 * (Counter(predicted) & Counter(referred)).total() / (len(predicted) + len(referred))
