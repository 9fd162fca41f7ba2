"""When to say that a text has no answer: the threshold of SQuAD 2.0 (Rajpurkar et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST = 5
"""With fewer validation rows of either kind the threshold stays 0: so few would fit noise."""


def best_threshold(margins: Sequence[float], answered: Sequence[float], unanswered: Sequence[float]) -> float:
    """The threshold that gives the highest sum of scores.

    Row i scores `answered[i]` where it gets its best span, as long as `margins[i]` is at most the threshold, else
    `unanswered[i]`. Rows of equal margin stay together. The threshold lies halfway between two margins, or 1 beyond the
    last; of equally good ones the nearest to 0 (0 itself where it is as good) is taken.
    """
    values, inverse = np.unique(np.asarray(margins, np.float64), return_inverse=True)
    if not len(values):
        return 0.0
    gains = np.bincount(inverse, np.asarray(answered) - np.asarray(unanswered), len(values))
    totals = np.concatenate([[0.0], np.cumsum(gains)])
    best = np.flatnonzero(totals >= totals.max() - 1e-9)
    bounds = np.concatenate([[values[0] - 2], values, [values[-1] + 2]])
    # between bounds[k] and bounds[k + 1] every threshold gives totals[k]; 0 is taken where it lies in such a gap
    candidates = [
        0.0 if _holds_zero(bounds, place) else float(bounds[place : place + 2].mean()) for place in best.tolist()
    ]
    return min(candidates, key=lambda value: (abs(value), value))


def _holds_zero(bounds: np.ndarray, place: int) -> bool:
    low = -np.inf if place == 0 else bounds[place]
    high = np.inf if place == len(bounds) - 2 else bounds[place + 1]
    return bool(low <= 0 < high)
