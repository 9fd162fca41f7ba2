"""The task `sentiment`: text classification whose classes have an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import model_validator

from sftcore import DataError, Labels, Metric, Problem, Row, TextClassification, TextClassificationState
from sftcore_plugin_sentiment.metrics import OppositeRate, OrdinalMAE
from sftcore_plugin_sentiment.scale import rank, worst_to_best


class Sentiment(TextClassification, name="sentiment"):
    """Tell how favourable a text is: one of a few classes that have an order, from worst to best.

    Usually these are negative, neutral, positive, in whatever words the data has for them. A model trained on it is
    an ordinary text-classification model; the order is what `ordinal-mae` and `opposite-rate` score by.
    """

    labels: Labels | None = None
    """The classes from worst to best, `["消极", "中性", "积极"]`. Default: those of the training rows, put in order by
    meaning (negative/neutral/positive, neg/pos, bad/good, 消极/中性/积极, 差评/中评/好评, each also with "very" and
    "非常") or, where all are numbers, by size. Needed where the data has other words."""
    problem_type: Literal["single_label_classification"] = "single_label_classification"
    """One label a row; for numbers, or several labels a row, use the task text-classification."""

    @model_validator(mode="after")
    def _labels_go_from_worst_to_best(self) -> Self:
        ranks = [rank(label) for label in self.labels or ()]
        known = [place for place in ranks if place is not None]
        if known == sorted(known):
            return self
        ordered = ", ".join(f'"{label}"' for label in sorted(self.labels or (), key=lambda label: rank(label) or 0))
        expected = f": [{ordered}]" if len(known) == len(ranks) else ""
        raise ValueError(f"labels go from worst to best{expected}")

    def default_metrics(self) -> Sequence[Metric]:
        """Accuracy, macro-F1, the mean distance in ranks, and how often the worst is taken for the best."""
        return (*super().default_metrics(), OrdinalMAE(), OppositeRate())

    def fit(self, rows: Sequence[Row]) -> TextClassificationState:
        """The labels, from worst to best, and how many training rows each has.

        Raises `sftcore.DataError` for labels that `labels` does not list; without it, for words whose order is not
        known; and where there is one class only.
        """
        if self.labels is not None:
            return super().fit(rows)
        found = Counter(str(self.stratum(row)) for row in rows)
        if len(found) < 2:
            return super().fit(rows)
        ordered = self.model_copy(update={"labels": _in_order(found)})
        return super(Sentiment, ordered).fit(rows)


def _in_order(found: Counter[str]) -> tuple[str, ...]:
    try:
        return worst_to_best(found)
    except ValueError as error:
        listed = ", ".join(f'"{label}"' for label in sorted(found)[:12])
        advice = f"write them from worst to best: [task] labels = [...], of {listed}"
        raise DataError(Problem(str(error), key="task.labels", advice=advice)) from None
