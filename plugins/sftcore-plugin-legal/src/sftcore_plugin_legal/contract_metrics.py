"""Metrics of passages that are looked for in contracts, as in CUAD (Hendrycks et al. 2021, arXiv 2103.06268)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from sftcore import Records, TextMetric
from sftcore_plugin_legal.span_matching import (
    MATCHES_FROM,
    UNFOUND,
    Floats,
    jaccard,
    matched,
    precision_and_recall,
)

FOUND, WRONG = "found_at", "wrong_at"
"""Columns of `Records.extra` (n, …): at which score each reference is found, and each wrong passage given; see
`span_matching.matched`."""


class SpanJaccard(TextMetric, name="span-jaccard"):
    """Share of the words that passage and reference have in common.

    The mean Jaccard index. The best of several references counts. Where there is no answer, an empty prediction scores
    1, and where one side alone is empty the row scores 0. `.matched` is the share of rows with at least 0.5, which CUAD
    takes for found. Words are compared in lower case and without . , ; : and a Chinese character is a word. NaN without
    rows.
    """

    suffixes: ClassVar[tuple[str, ...]] = ("", ".matched")

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """The index, and whether it is at least 0.5."""
        best = max(jaccard(prediction, reference) for reference in references or ("",))
        return best, float(best >= MATCHES_FROM)


class _OfCurve(TextMetric):
    """Base of metrics of the curve of precision over recall.

    A passage finds a reference if its Jaccard index with it is at least 0.5. Passages are given from the surest on;
    precision is the share of the given ones that find something, recall the share of references found. `contract-qa`
    brings several candidates a row; of other tasks the one predicted passage counts, by its score. NaN where no row has
    an answer, or without scores.
    """

    needs_scores: ClassVar[bool] = True

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """How many references there are, how many the prediction finds, and whether it is given and finds none."""
        found, wrong = matched([(prediction, 0.0)] if prediction else [], [each for each in references if each])
        return len(found), sum(score > UNFOUND for score in found), len(wrong)

    def score(self, records: Records) -> dict[str, float]:
        """The value under the metric's name."""
        found, wrong = records.extra.get(FOUND), records.extra.get(WRONG)
        if found is None or wrong is None:
            found, wrong = self._of_predictions(records)
        if not np.any(~np.isnan(found)):
            return {self.name: float("nan")}
        return {self.name: self._of_curve(*precision_and_recall(found, wrong))}

    def _of_predictions(self, records: Records) -> tuple[Floats, Floats]:
        """The columns `FOUND` and `WRONG` of records that have one passage a row, and its score."""
        if records.scores is None or not len(records):
            return np.zeros(0), np.zeros(0)
        scores = np.asarray(records.scores, np.float64)[:, 0]
        wanted, found, wrong = self.kept_values.of(records.predictions, records.references).astype(np.int64).T
        unfound = np.full(int((wanted - found).sum()), UNFOUND)
        return np.concatenate([np.repeat(scores, found), unfound]), np.repeat(scores, wrong)

    @abstractmethod
    def _of_curve(self, precision: Floats, recall: Floats) -> float:
        """The value of a curve: precision falls where recall rises, (t,) and (t,)."""


class CuadAupr(_OfCurve, name="cuad-aupr"):
    """How rightly and completely passages are found, over all thresholds: 1 is perfect.

    The area under the curve of precision over recall, as in CUAD. The curve begins at precision 1 and recall 0 and ends
    at the recall that the candidates reach.
    """

    def _of_curve(self, precision: Floats, recall: Floats) -> float:
        return float(np.trapezoid(np.append(1.0, precision), np.append(0.0, recall)))


class _PrecisionAtRecall(_OfCurve):
    wanted: ClassVar[float]

    def _of_curve(self, precision: Floats, recall: Floats) -> float:
        return float(precision[recall >= self.wanted - 1e-9].max(initial=0.0))


class PrecisionAt80Recall(_PrecisionAtRecall, name="precision-at-80-recall"):
    """Share of the passages given that is right where 80 % of those asked for are found.

    The precision at that recall, as in CUAD; 0 where it is never reached.
    """

    wanted: ClassVar[float] = 0.8


class PrecisionAt90Recall(_PrecisionAtRecall, name="precision-at-90-recall"):
    """Share of the passages given that is right where 90 % of those asked for are found.

    The precision at that recall, as in CUAD; 0 where it is never reached.
    """

    wanted: ClassVar[float] = 0.9
