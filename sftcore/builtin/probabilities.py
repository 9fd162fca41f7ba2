"""From logits to probabilities, and from probabilities to decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sftcore import Prediction

FEWEST_POSITIVES = 5
"""A label with fewer validation rows keeps the threshold 0.5."""
THRESHOLDS = (0.05, 0.95)
"""Between which a threshold lies."""


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of exclusive classes (k,) from logits (k,)."""
    powers = np.exp(logits - logits.max())
    return cast("NDArray[np.float64]", powers / powers.sum())


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of independent classes (k,) from logits (k,)."""
    return 0.5 * (1 + np.tanh(logits / 2))


def score_matrix(predictions: Sequence[Prediction], size: int) -> NDArray[np.float32] | None:
    """Scores (n, size), NaN for rows without; None where no row has any."""
    if not any(prediction.scores for prediction in predictions):
        return None
    return np.array([prediction.scores or (np.nan,) * size for prediction in predictions], np.float32)


def best_threshold(scores: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> float:
    """The threshold in [0.05, 0.95] of highest F1 (n,), (n,); 0.5 where fewer than 5 rows are true."""
    positives = int(truth.sum())
    if positives < FEWEST_POSITIVES:
        return 0.5
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    candidates = np.append((ordered[:-1] + ordered[1:]) / 2, 0.5)
    candidates = np.unique(np.clip(candidates, *THRESHOLDS))
    given = len(scores) - np.searchsorted(ordered[::-1], candidates, side="left")
    right = np.append(0, np.cumsum(truth[order]))[given]
    f1 = 2 * right / (given + positives)
    best = candidates[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])
