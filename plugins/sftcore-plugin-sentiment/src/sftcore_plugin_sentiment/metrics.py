"""Metrics for classes that have an order: how far off, and how often entirely the wrong way."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from sftcore import DataError, Labels, Metric, PredictionKind, Problem, Records, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Ordinal(Metric):
    """What metrics over ordered classes share."""

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels",)
    greater_is_better: ClassVar[bool] = False
    order: Labels | None = None
    """The class names from worst to best; default: the order of the task's labels, which `sentiment` keeps so."""

    def _ranks(self, records: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ranks of predictions and references, 0 for the worst class; a row without a prediction (-1) stays -1."""
        if self.order is None:
            return records.predictions, records.references
        ranks = _rank_by_number(self.order, records.labels, self.name)
        return ranks[records.predictions], ranks[records.references]

    def score(self, records: Records) -> dict[str, float]:
        """The metric's value under its name; NaN without rows or with fewer than two classes."""
        best = len(records.labels) - 1
        if best < 1 or not len(records):
            return {self.name: float("nan")}
        return {self.name: self._mean(*self._ranks(records), best)}

    @abstractmethod
    def _mean(self, predictions: NDArray[np.int64], references: NDArray[np.int64], best: int) -> float:
        """The value from ranks between 0 and `best` (n,), (n,); at least one row."""


class OrdinalMAE(_Ordinal, name="ordinal-mae"):
    """How many steps from worst to best a prediction is off, on average: 0 is perfect.

    The mean distance in ranks. With negative, neutral, positive: negative taken for positive counts 2, for neutral 1. A
    row that could not be predicted counts as far off as can be. Smaller is better.
    """

    def _mean(self, predictions: NDArray[np.int64], references: NDArray[np.int64], best: int) -> float:
        import numpy as np

        furthest = np.maximum(references, best - references)
        return float(np.where(predictions < 0, furthest, abs(predictions - references)).mean())


class OppositeRate(_Ordinal, name="opposite-rate"):
    """Share of rows where the worst class is taken for the best, or the reverse. Smaller is better."""

    def _mean(self, predictions: NDArray[np.int64], references: NDArray[np.int64], best: int) -> float:
        return float(((abs(predictions - references) == best) & (predictions >= 0)).mean())


def _rank_by_number(order: tuple[str, ...], labels: tuple[str, ...], metric: str) -> NDArray[np.int64]:
    """The rank of each class number, and -1 for class -1.

    Raises `DataError` where the order does not name each label once.
    """
    problems = [
        Problem(f"{name!r} is not a class{did_you_mean(name, labels)}", key=f"{metric}.order")
        for name in order
        if name not in labels
    ]
    missing = [name for name in labels if name not in order]
    if len(set(order)) < len(order):
        problems.append(Problem("the order names a class twice", key=f"{metric}.order"))
    if missing:
        problems.append(Problem(f"the order leaves out {', '.join(missing)}", key=f"{metric}.order"))
    if problems:
        raise DataError(*problems)
    import numpy as np

    return np.array([*(order.index(name) for name in labels), -1], dtype=np.int64)  # class -1 is the last
