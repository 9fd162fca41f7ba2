"""When an extracted passage is the one that was asked for: the overlap of words, as in CUAD (Hendrycks et al. 2021)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MATCHES_FROM = 0.5
"""The Jaccard index from which CUAD takes a passage for found."""
UNFOUND = -np.inf
_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_CLEANED = str.maketrans({**dict.fromkeys(".,;:，。；：、"), "/": " "})


def tokens(text: str) -> frozenset[str]:
    """The words of a text, each once: lower case, without full stops, commas, semicolons and colons, parted at slashes;
    a Chinese character is a word."""
    return frozenset(_TOKEN.findall(text.lower().translate(_CLEANED)))


def jaccard(left: str, right: str) -> float:
    """The share of the words of both that they have in common (Jaccard 1912); 1 where both have none."""
    one, other = tokens(left), tokens(right)
    return len(one & other) / len(one | other) if one or other else 1.0


def matched(candidates: Sequence[tuple[str, float]], references: Sequence[str]) -> tuple[list[float], list[float]]:
    """At which score each reference is found, and at which score each wrong passage is given.

    A reference is found by a candidate whose Jaccard index with it is at least 0.5, at the highest score of these
    (`-inf`: by none); a candidate that finds nothing is wrong.
    """
    words = [tokens(reference) for reference in references]
    found, wrong = [UNFOUND] * len(words), []
    for text, score in candidates:
        own = tokens(text)
        hits = [place for place, other in enumerate(words) if len(own & other) >= MATCHES_FROM * len(own | other) > 0]
        for place in hits:
            found[place] = max(found[place], score)
        wrong += [] if hits else [score]
    return found, wrong


def padded(rows: Iterable[Sequence[float]]) -> Floats:
    """Rows of different lengths as (n, longest), filled with NaN."""
    listed = list(rows)
    result = np.full((len(listed), max(map(len, listed), default=0)), np.nan)
    for number, row in enumerate(listed):
        result[number, : len(row)] = row
    return result


def precision_and_recall(found: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    """Precision and recall at every threshold, from the highest to the lowest, (t,) and (t,).

    `found` holds the score at which each reference is found (-inf: never), `wrong` that of each wrong passage, of any
    shape; NaN is no value. At a threshold, precision is found / (found + wrong) and recall found / references; where a
    lower threshold has the better precision, that one counts, so that precision never rises with recall.
    """
    found, wrong = found[~np.isnan(found)], wrong[~np.isnan(wrong)]
    hits, misses = np.sort(found[np.isfinite(found)]), np.sort(wrong)
    thresholds = np.unique(np.concatenate([hits, misses]))[::-1]
    right = len(hits) - np.searchsorted(hits, thresholds, side="left")
    given = right + len(misses) - np.searchsorted(misses, thresholds, side="left")
    precision = np.maximum.accumulate((right / given)[::-1])[::-1] if len(given) else np.zeros(0)
    return precision, right / max(1, len(found))
