"""Review queues: which predictions are sure enough to go unread, and how many of them are right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sftcore import Records

Floats = NDArray[np.float64]


class Operating(NamedTuple):
    """A point on the curve of coverage against precision: rows with at least the score `threshold` go unread.

    `coverage` is their share of all rows, `precision` the share of them that is right, `rows` how many they are.
    """

    threshold: float
    coverage: float
    precision: float
    rows: int


def confidence(records: Records) -> Floats:
    """How sure each prediction is (n,): the score of the class; of label sets that of the least certain decision.

    NaN for a row that could not be predicted. Raises ValueError where the records have no scores.
    """
    if records.scores is None:
        raise ValueError("this metric needs the scores of the classes, but the records hold only predictions")
    scores = np.asarray(records.scores, np.float64)
    if records.kind == "label_sets":
        return np.asarray(np.where(records.predictions, scores, 1 - scores).min(1, initial=1.0), np.float64)
    predicted = np.where(records.predictions < 0, 0, records.predictions)
    chosen = scores[np.arange(len(scores)), predicted]
    return np.asarray(np.where(records.predictions < 0, np.nan, chosen), np.float64)


def is_right(records: Records) -> NDArray[np.bool_]:
    """Which predictions are right (n,); a label set has to be right in every class."""
    right = np.asarray(records.predictions == records.references, np.bool_)
    return np.asarray(right.all(1)) if records.kind == "label_sets" else right


class Curve:
    """Coverage against precision over all thresholds, from scores (n,) and whether each row is right (n,).

    Rows without a score (NaN) are never sure: they count among all rows and are never covered.
    """

    def __init__(self, scores: Floats, right: NDArray[np.bool_]) -> None:
        self.rows = len(scores)
        known = np.isfinite(scores)
        order = np.argsort(-scores[known], kind="stable")
        self._scores = scores[known][order]
        last = [len(order) - 1] if len(order) else []
        self._ends = np.append(np.flatnonzero(np.diff(self._scores)), last).astype(np.int64)  # the last of equal scores
        self._right = np.cumsum(right[known][order])[self._ends]

    def at_precision(self, wanted: float) -> Operating | None:
        """The point of most coverage whose precision is at least `wanted`; None where there is none."""
        reached = np.flatnonzero(self._right >= wanted * (self._ends + 1) - 1e-9)
        if not len(reached):
            return None
        last = int(reached[-1])
        return self._point(last, self._between(last))

    def best_precision(self) -> float:
        """The highest precision of any threshold; NaN without rows."""
        return float((self._right / (self._ends + 1)).max()) if len(self._ends) else float("nan")

    def _between(self, last: int) -> float:
        """A threshold halfway between the last score that is covered and the next, so that rounding moves nothing.

        Where all are covered it is the lowest: a row that is less sure than any that was seen is not to be trusted.
        """
        end = self._ends[last]
        return float(self._scores[end : end + 2].mean())

    def _point(self, place: int, threshold: float) -> Operating:
        rows = int(self._ends[place]) + 1
        return Operating(threshold, rows / self.rows, float(self._right[place]) / rows, rows)
