"""The task text-classification: the thresholds of label sets."""

from __future__ import annotations

import numpy as np

from sftcore import Prediction, TextClassificationState
from sftcore.builtin.probabilities import best_threshold
from tests.builtin.classes import MULTI, SINGLE


def test_thresholds_are_those_of_the_highest_f1_on_validation() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    truth = rng.random((200, 2)) < [0.2, 0.5]
    scores = np.clip(0.15 * truth + 0.3 * rng.random((200, 2)), 0, 1)
    names = ("a", "b")
    data = [{"text": "", "label": [n for n, yes in zip(names, row, strict=True) if yes]} for row in truth]
    predictions = [Prediction((), scores=tuple(row)) for row in scores.tolist()]
    state = MULTI.calibrate(data, predictions, TextClassificationState(labels=names))
    for column, threshold in enumerate(state.thresholds):
        reached = f1_score(truth[:, column], scores[:, column] >= threshold)
        others = [f1_score(truth[:, column], scores[:, column] >= other) for other in np.linspace(0.05, 0.95, 91)]
        assert reached >= max(others)
        assert 0.05 <= threshold <= 0.95
    assert SINGLE.calibrate(data, predictions, TextClassificationState(labels=names)).thresholds == ()


def test_too_few_rows_keep_the_middle_threshold_and_equals_stay_near_it() -> None:
    scores = np.linspace(0, 1, 40)
    assert best_threshold(scores, scores > 0.92) == 0.5
    assert best_threshold(np.array([0.0] * 10 + [1.0] * 10), np.arange(20) >= 10) == 0.5
    assert best_threshold(np.full(10, 0.2), np.arange(10) >= 5) <= 0.2


def test_nothing_to_calibrate_with() -> None:
    state = TextClassificationState(labels=("a", "b"))
    assert MULTI.calibrate([], [], state) == state
