"""The task `clause-classification`: kinds of clauses, and which predictions somebody has to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, cast

import numpy as np
from pydantic import Field

from sftcore import (
    F1,
    Accuracy,
    Metric,
    Output,
    Prediction,
    Records,
    Row,
    TaskState,
    TextClassification,
    TextClassificationState,
)
from sftcore_plugin_legal.review import Curve
from sftcore_plugin_legal.review_metrics import AUTOMATIC, THRESHOLD, CoverageAtPrecision

FEWEST_ROWS = 20
"""With fewer validation rows above the threshold the precision that it reached says little."""


class ClauseClassificationState(TextClassificationState):
    """What `text-classification` keeps, and the threshold of the review queue.

    `review_threshold`: the score from which a prediction goes without review; None before calibration, and where no
    threshold reaches the wanted precision on the validation split. `review_precision`, `review_coverage` and
    `review_rows`: the precision that it reached there (without a threshold: the best of any), the share and the number
    of validation rows above it.
    """

    review_threshold: float | None = None
    review_precision: float | None = None
    review_coverage: float | None = None
    review_rows: int | None = None


class ClauseClassification(TextClassification, name="clause-classification"):
    """Tell of what kind a clause is: one kind a clause or several; and which clauses somebody has to look at.

    A prediction is marked for review unless its score reaches a threshold, which is chosen on the validation split so
    that at least `wanted_precision` of the predictions above it are right there. The model is an ordinary
    text-classification model; the threshold is kept with it.
    """

    state_class: ClassVar[type[TaskState]] = ClauseClassificationState

    problem_type: Literal["single_label_classification", "multi_label_classification"] = "single_label_classification"
    """As in transformers: one kind a clause, or any number of kinds a clause."""
    wanted_precision: float = Field(default=0.9, gt=0, le=1)
    """The share of predictions without review that has to be right."""

    def default_metrics(self) -> Sequence[Metric]:
        """Macro- and micro-F1 (as in LexGLUE, Chalkidis et al. 2022), accuracy, and coverage at precision."""
        return (F1(), F1(average="micro"), Accuracy(), CoverageAtPrecision(precision=self.wanted_precision))

    @property
    def calibrates(self) -> bool:
        """Always: the threshold of the review queue is chosen, and the labels' thresholds where there are several."""
        return True

    def calibrate(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], state: TaskState
    ) -> ClauseClassificationState:
        """Choose the labels' thresholds (several labels a row), then the lowest threshold for going without review.

        On the validation rows at least `wanted_precision` of the predictions from it on are right; of label sets, a
        prediction is right where every label is.
        """
        state = _own(super().calibrate(rows, predictions, state))
        decided = [self._decided(row, prediction, state) for row, prediction in zip(rows, predictions, strict=True)]
        references = [self.reference(row, state) for row in rows]
        known = [number for number, reference in enumerate(references) if reference is not None]
        scores = np.array([_score(decided[number]) for number in known], np.float64)
        right = np.array([decided[number].value == references[number] for number in known], np.bool_)
        curve = Curve(scores, right)
        point = curve.at_precision(self.wanted_precision)
        if point is None:
            best = curve.best_precision()
            return state.model_copy(update={"review_precision": best if np.isfinite(best) else None, "review_rows": 0})
        found = {
            "review_threshold": point.threshold,
            "review_precision": point.precision,
            "review_coverage": point.coverage,
            "review_rows": point.rows,
        }
        return state.model_copy(update=found)

    def _decided(self, row: Row, prediction: Prediction, state: TaskState) -> Prediction:
        """The prediction as the state decides it, whose thresholds are newer than those that it was made with."""
        if prediction.logits is None or self.is_single:
            return prediction
        return super().decode(row, [Output(np.array(prediction.logits))], state)

    def notes(self, state: TaskState) -> Sequence[str]:
        """Those of text-classification, and what is to be known of the threshold once it was looked for."""
        own, notes = _own(state), list(super().notes(state))
        if own.review_rows is None:
            return notes
        if own.review_threshold is None:
            best = "" if own.review_precision is None else f" (the best is {own.review_precision:.3f})"
            notes.append(
                f"no threshold reaches the precision {self.wanted_precision:g} on the validation split{best}: every "
                "prediction is marked for review"
            )
        elif own.review_rows < FEWEST_ROWS:
            notes.append(
                f"only {own.review_rows} validation rows lie above the threshold for review: their precision "
                f"({own.review_precision:.3f}) says little of new rows"
            )
        return notes

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The prediction, with `extra = {"review": …, "threshold": …}`: whether somebody has to look at it.

        Without a threshold (null) everything is for review.
        """
        prediction, threshold = super().decode(row, outputs, state), _own(state).review_threshold
        sure = threshold is not None and prediction.score is not None and prediction.score >= threshold
        return replace(prediction, extra={"review": not sure, "threshold": threshold})

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[object],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Those of text-classification; `extra` says of each row whether it goes without review, and from which score.

        It is empty before calibration, and for a baseline, which has no threshold.
        """
        records, own = super().records(row_ids, predictions, references, state, groups), _own(state)
        said = [prediction.extra for prediction in predictions]
        if own.review_rows is None or not any(said):
            return records
        automatic = np.array([0.0 if extra is None else float(not extra["review"]) for extra in said])
        return replace(
            records, extra={AUTOMATIC: automatic, THRESHOLD: np.full(len(said), _number(own.review_threshold))}
        )


def _own(state: TaskState) -> ClauseClassificationState:
    return cast(ClauseClassificationState, state)


def _score(prediction: Prediction) -> float:
    return _number(prediction.score)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
