"""When two written answers are the same, and how much they share: the rules of SQuAD (Rajpurkar et al. 2016)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
NO_ANSWER = ("",)
"""The references of a question that has no answer in its text, as `()` is."""


@lru_cache(maxsize=1 << 16)
def normalized(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, white space as single blanks."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def acceptable(references: Sequence[str]) -> tuple[str, ...]:
    """The references that say something after `normalized`; `("",)` where none does: there is no answer."""
    return tuple(filter(normalized, references)) or NO_ANSWER


def exact_match(prediction: str, references: Sequence[str]) -> float:
    """1 where the normalized prediction is one of the normalized references, else 0."""
    return float(normalized(prediction) in map(normalized, acceptable(references)))


def token_f1(prediction: str, references: Sequence[str]) -> float:
    """The F1 of the words that the prediction shares with a reference, each as often as both have it; the best one.

    Where the references say that there is no answer: 1 for an empty prediction, else 0.
    """
    words = normalized(prediction).split()
    return max(overlap_f1(words, normalized(reference).split()) for reference in acceptable(references))


def overlap_f1(predicted: Sequence[str], referred: Sequence[str]) -> float:
    """The F1 of two bags of tokens; of empty ones 1 if both are, else 0."""
    if not predicted or not referred:
        return float(not predicted and not referred)
    shared = (Counter(predicted) & Counter(referred)).total()
    return 2 * shared / (len(predicted) + len(referred))
