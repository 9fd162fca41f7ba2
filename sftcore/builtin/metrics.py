"""Metrics of classification and regression, scored from records.

Nothing here needs the confusion matrix: counts of each class come from one `numpy.bincount`, so that thousands
of resamples cost seconds. A value that is not defined on the records given is NaN, never 0 in silence; each
metric says when that is. A prediction of class -1 stands for a row that could not be predicted: it is wrong,
and counts for no class.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from sftcore import Metric, PredictionKind, Records
from sftcore.builtin.counting import (
    NAN,
    SMALLEST_PROBABILITY,
    Counts,
    Floats,
    confidences,
    correlation,
    counts,
    mean_of,
    one_against_rest,
    per_class,
    positive_class,
    predicted_numbers,
    ranks,
    ratio,
    required_scores,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Average = Literal["macro", "micro", "weighted", "binary"]
AVERAGES = {
    "macro": "every class counts alike",
    "micro": "every row counts alike",
    "weighted": "classes count by their rows",
    "binary": "of the second class",
}
"""What an average comes to, in words."""


class Accuracy(Metric, name="accuracy"):
    """Share of rows that are predicted rightly.

    Of label sets, only those that are right in every class. NaN without rows.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels", "label_sets")

    def score(self, records: Records) -> dict[str, float]:
        """`{"accuracy": …}`."""
        right = records.predictions == records.references
        if records.kind == "label_sets":
            right = right.all(1)
        return {self.name: mean_of(right.astype(np.float64))}


class _ByClass(Metric):
    """Base of metrics that are a ratio of counts of each class, averaged."""

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels", "label_sets")
    average: Average = "macro"
    """macro: the mean of the classes; micro: all decisions together; weighted: classes by their rows in the
    references; binary: the class `positive` alone."""
    positive: str = ""
    """The class that "binary" speaks of; default: the second of two."""

    @model_validator(mode="after")
    def _positive_is_for_binary(self) -> Self:
        if self.positive and self.average != "binary":
            raise ValueError('positive is only for average = "binary"')
        return self

    def meaning(self) -> str:
        """With what the average comes to, or the class that it is of."""
        average = f"of the class {self.positive}" if self.positive else AVERAGES[self.average]
        return f"{super().meaning()}; {average}"

    def score(self, records: Records) -> dict[str, float]:
        """The average under the metric's name, and each class under `name.label`."""
        found = counts(records)
        above, below = self._ratio(found)
        values = ratio(above, below)
        return per_class(self.name, records, self._averaged(values, found, records), values)

    def _averaged(self, values: Floats, found: Counts, records: Records) -> float:
        if self.average == "micro":
            above, below = self._ratio(Counts(*(np.atleast_1d(column.sum()) for column in found)))
            return float(ratio(above, below)[0])
        if self.average == "binary":
            return float(values[positive_class(records, self.positive)])
        seen = found.predicted + found.referred > 0
        weights = found.referred[seen] if self.average == "weighted" else None
        return mean_of(np.nan_to_num(values[seen]), weights)

    @abstractmethod
    def _ratio(self, found: Counts) -> tuple[Floats, Floats]:
        """What is divided by what, each (k,)."""


class Precision(_ByClass, name="precision"):
    """Of the rows predicted as a class, the share that is of it.

    NaN for a class that was never predicted; the macro and weighted averages count it as 0 where the references
    have it (scikit-learn's convention) and leave out classes that neither side has.
    """

    def _ratio(self, found: Counts) -> tuple[Floats, Floats]:
        return found.right, found.predicted


class Recall(_ByClass, name="recall"):
    """Of the rows of a class, the share that was predicted as it.

    NaN for a class that the references lack; the macro average counts it as 0 where it was predicted
    (scikit-learn's convention) and leaves out classes that neither side has.
    """

    def _ratio(self, found: Counts) -> tuple[Floats, Floats]:
        return found.right, found.referred


class F1(_ByClass, name="f1"):
    """How rightly and completely a class is found.

    Precision and recall in one: their harmonic mean, 2·right / (predicted + referred). NaN for a class that neither
    side has; averages leave it out. 0 for a class that is there but never found.
    """

    def _ratio(self, found: Counts) -> tuple[Floats, Floats]:
        return 2 * found.right, found.predicted + found.referred


class Matthews(Metric, name="matthews"):
    """How far predictions and labels agree beyond chance: 1 is perfect, 0 is chance.

    Matthews' correlation coefficient for any number of classes (Gorodkin 2004). NaN where predictions or references
    have one class alone.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels",)

    def score(self, records: Records) -> dict[str, float]:
        """`{"matthews": …}`."""
        right, predicted, referred = counts(records)
        rows = len(records)
        above = right.sum() * rows - predicted @ referred
        below = (rows**2 - predicted @ predicted) * (rows**2 - referred @ referred)
        return {self.name: float(above / np.sqrt(below)) if below > 0 else NAN}


class _ByScore(Metric):
    """Base of metrics of a ranking by score, each class against the rest."""

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels", "label_sets")
    needs_scores: ClassVar[bool] = True
    average: Literal["macro", "weighted"] = "macro"
    """macro: the mean of the classes; weighted: classes by their rows in the references."""

    def score(self, records: Records) -> dict[str, float]:
        """The average under the metric's name, and each class under `name.label`.

        Of two exclusive classes only the second counts, as is usual.
        """
        scores, truth = one_against_rest(records)
        values = np.array([self._ranked(scores[:, k], truth[:, k]) for k in range(scores.shape[1])])
        if records.kind == "labels" and len(values) == 2:
            return per_class(self.name, records, float(values[1]), values)
        defined = np.isfinite(values)
        weights = truth.sum(0)[defined].astype(np.float64) if self.average == "weighted" else None
        return per_class(self.name, records, mean_of(values[defined], weights), values)

    @abstractmethod
    def _ranked(self, scores: Floats, truth: NDArray[np.bool_]) -> float:
        """The value of one class."""


class RocAuc(_ByScore, name="roc-auc"):
    """How often a row of a class is scored above one of the rest: 0.5 is chance, 1 is perfect.

    The area under the ROC curve; ties count half. NaN for a class that all rows or no rows have; averages leave it out.
    """

    def _ranked(self, scores: Floats, truth: NDArray[np.bool_]) -> float:
        positives = int(truth.sum())
        negatives = len(truth) - positives
        if not positives or not negatives or np.isnan(scores).any():
            return NAN
        above = ranks(scores)[truth].sum() - positives * (positives + 1) / 2
        return float(above / (positives * negatives))


class AveragePrecision(_ByScore, name="average-precision"):
    """How far the rows of a class are scored above the rest: 1 is perfect.

    The mean of the precisions at each rise of recall, which is the area under the precision-recall curve, in steps. NaN
    for a class that no row has; averages leave it out.
    """

    def _ranked(self, scores: Floats, truth: NDArray[np.bool_]) -> float:
        if not truth.any() or np.isnan(scores).any():
            return NAN
        order = np.argsort(-scores, kind="stable")
        last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
        found = np.cumsum(truth[order])[last_of_ties]
        return float(np.diff(found, prepend=0) @ (found / (last_of_ties + 1)) / found[-1])


class QuadraticKappa(Metric, name="quadratic-kappa"):
    """Agreement beyond chance, near misses counting less: 1 is perfect, 0 is chance.

    Cohen's kappa with quadratic weights, for labels whose order has a meaning. Rows that could not be predicted are
    left out. NaN where predictions and references are one and the same class throughout.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels",)

    def score(self, records: Records) -> dict[str, float]:
        """`{"quadratic-kappa": …}`."""
        predictions, references = predicted_numbers(records)
        if not len(predictions):
            return {self.name: NAN}
        observed = np.mean((predictions - references) ** 2)
        by_chance = predictions.var() + references.var() + (predictions.mean() - references.mean()) ** 2
        return {self.name: float(1 - observed / by_chance) if by_chance > 0 else NAN}


class _OfNumbers(Metric):
    """Base of metrics of numbers; of labels, the number is the place in the order of the labels."""

    understands: ClassVar[tuple[PredictionKind, ...]] = ("scores",)

    def score(self, records: Records) -> dict[str, float]:
        """The value under the metric's name; rows that could not be predicted are left out."""
        predictions, references = predicted_numbers(records)
        return {self.name: self._compared(predictions, references) if len(predictions) else NAN}

    @abstractmethod
    def _compared(self, predictions: Floats, references: Floats) -> float:
        """The value for at least one row."""


class MeanAbsoluteError(_OfNumbers, name="mean-absolute-error"):
    """How far the number is off, on average, in its unit: 0 is perfect.

    The mean distance from the reference; of labels, in places of their order. NaN without rows.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("scores", "labels")
    greater_is_better: ClassVar[bool] = False

    def _compared(self, predictions: Floats, references: Floats) -> float:
        return float(np.abs(predictions - references).mean())


class MeanSquaredError(_OfNumbers, name="mean-squared-error"):
    """How far the number is off, squared and then averaged: 0 is perfect.

    The mean squared distance from the reference, in its unit squared. NaN without rows.
    """

    greater_is_better: ClassVar[bool] = False

    def _compared(self, predictions: Floats, references: Floats) -> float:
        return float(((predictions - references) ** 2).mean())


class Pearson(_OfNumbers, name="pearson"):
    """How well predictions follow the references along a line: 1 is perfect, 0 is no relation.

    Pearson's correlation coefficient. NaN where either side is constant.
    """

    def _compared(self, predictions: Floats, references: Floats) -> float:
        return correlation(predictions, references)


class Spearman(_OfNumbers, name="spearman"):
    """How well predictions put rows into the order of the references: 1 is perfect, 0 is no relation.

    Spearman's rank correlation coefficient. NaN where either side is constant.
    """

    def _compared(self, predictions: Floats, references: Floats) -> float:
        return correlation(ranks(predictions), ranks(references))


class LogLoss(Metric, name="log-loss"):
    """How surprised the model is by the right answer, on average: 0 is never.

    The mean negative log-probability of the reference, in nats; of label sets, the mean over all decisions.
    Probabilities are kept 1.2e-7 away from 0 and 1. NaN without rows, or where a row could not be predicted.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels", "label_sets")
    needs_scores: ClassVar[bool] = True
    greater_is_better: ClassVar[bool] = False

    def score(self, records: Records) -> dict[str, float]:
        """`{"log-loss": …}`."""
        scores = np.clip(required_scores(records), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        if records.kind == "labels":
            chosen = scores[np.arange(len(records)), records.references]
        else:
            chosen = np.where(records.references, scores, 1 - scores).ravel()
        return {self.name: mean_of(-np.log(chosen))}


class ExpectedCalibrationError(Metric, name="expected-calibration-error"):
    """How far the model's confidence is from how often it is right, on average: 0 is perfect.

    Averaged over bins of like confidence (expected calibration error, Guo et al. 2017). The confidence is the score of
    the predicted class. Rows that could not be predicted are left out. NaN where none is left.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels",)
    needs_scores: ClassVar[bool] = True
    greater_is_better: ClassVar[bool] = False
    bins: int = Field(default=15, ge=1, le=1000)
    """How many bins of equal width between 0 and 1."""

    def score(self, records: Records) -> dict[str, float]:
        """`{"expected-calibration-error": …}`."""
        confidence, right = confidences(records)
        if not len(right):
            return {self.name: NAN}
        which = np.minimum((confidence * self.bins).astype(np.int64), self.bins - 1)
        return {self.name: float(np.abs(np.bincount(which, confidence - right, self.bins)).sum() / len(right))}


COMPONENTS: tuple[type[Metric], ...] = (
    Accuracy,
    Precision,
    Recall,
    F1,
    Matthews,
    RocAuc,
    AveragePrecision,
    QuadraticKappa,
    MeanAbsoluteError,
    MeanSquaredError,
    Pearson,
    Spearman,
    LogLoss,
    ExpectedCalibrationError,
)
"""The metrics that the core offers."""
