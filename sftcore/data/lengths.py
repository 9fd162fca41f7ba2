"""How long rows are in tokens, and how many are cut: a histogram that is small enough for the ledger."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 24
"""Bins of equal width; what is longer than 99 of 100 is counted in one more."""


def length_histogram(lengths: NDArray[Any], lost: NDArray[Any], parents: NDArray[Any]) -> dict[str, Any]:
    """Features by their length in tokens, before they were cut.

    `lengths` (n,) and `parents` (n,), the row of each, are those of the features; `lost` (rows,) counts the tokens of
    each row that no feature holds. They are added to the length of a row that is one feature; of a row in several
    windows, each window counts with its own length. Gives::

        width    tokens a bin, whole: bin i holds the lengths from i * width + 1 to (i + 1) * width
        counts   features by bin, at most 24 bins
        cut      of these, how many are of rows that lost tokens; missing where none did
        over     features that are longer than the last bin

    {} where there are no features.
    """
    if not len(lengths):
        return {}
    alone = np.bincount(parents, minlength=len(lost))[parents] == 1
    whole = lengths + np.where(alone, lost[parents], 0)
    width = max(1, ceil(float(np.percentile(whole, 99)) / BINS))
    bins = np.minimum((whole - 1) // width, BINS)
    size = int(min(bins.max(), BINS - 1)) + 1
    counts, cut = np.bincount(bins, minlength=BINS + 1), np.bincount(bins[lost[parents] > 0], minlength=BINS + 1)
    found: dict[str, Any] = {"width": width, "counts": counts[:size].tolist(), "over": int(counts[BINS])}
    return {**found, "cut": cut[:size].tolist()} if cut.any() else found
