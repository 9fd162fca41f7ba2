"""A metric of ours as an `evaluate.Metric` that comes from no hub, no script and no folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import datasets
import evaluate
import numpy as np

from sftcore.records import PredictionKind, Records, object_column

if TYPE_CHECKING:
    from sftcore.components import Metric

FORMS: dict[PredictionKind, tuple[str, Any]] = {
    "labels": ("int64", np.int64),
    "label_sets": ("bool", np.bool_),
    "scores": ("float64", np.float64),
}
"""Value type and array type of predictions and references; anything else is kept as JSON."""


class LocalMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """An `evaluate.Metric` around one of ours: `compute()` gives `component.score` of all that was added.

    `kind` is the form of predictions and references (see `sftcore.Records`): class numbers, rows of k booleans,
    numbers, or anything JSON-serialisable for spans and texts; default: the first that the metric understands.
    `options` are those of `evaluate.Metric`; rows are kept in memory unless there are several processes or
    `keep_in_memory=False` is given.
    """

    def __init__(
        self, component: Metric, labels: tuple[str, ...] = (), kind: PredictionKind | None = None, **options: Any
    ) -> None:
        self.component = component
        self.labels = labels
        self.kind: PredictionKind = kind or component.understands[0]
        self._row_ids: list[int] = []
        self._groups: list[int] = []
        super().__init__(**{"keep_in_memory": options.get("num_process", 1) == 1, **options})

    def _info(self) -> evaluate.MetricInfo:
        value: Any = datasets.Value(FORMS[self.kind][0] if self.kind in FORMS else "string")
        if self.kind == "label_sets":
            value = datasets.List(value)
        features = {"predictions": value, "references": value}
        if self.component.needs_scores:
            features["scores"] = datasets.List(datasets.Value("float32"))
        return evaluate.MetricInfo(
            description=type(self.component).__doc__ or self.component.name,
            citation="",
            inputs_description="predictions and references of one kind; scores (n, k) where the metric needs them.",
            features=datasets.Features(features),
        )

    def add_batch(
        self,
        *,
        predictions: Any = None,
        references: Any = None,
        scores: Any = None,
        row_ids: Sequence[int] | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        """Add n rows: predictions and references (n, …), class scores (n, k) where the metric needs them.

        `row_ids` (n,) count from 0 where they are not given; they and `groups` (n,) stay within one process.
        """
        columns = {"predictions": self._stored(predictions), "references": self._stored(references)}
        if self.component.needs_scores:
            columns["scores"] = _plain(scores)
        size = len(columns["predictions"])
        first = len(self._row_ids)
        super().add_batch(**columns)
        self._row_ids += range(first, first + size) if row_ids is None else _plain(row_ids)
        self._groups += [] if groups is None else _plain(groups)

    def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
        """Add one row; `scores` (k,) where the metric needs them."""
        row = {"predictions": prediction, "references": reference, **others}
        self.add_batch(**{name: [value] for name, value in row.items() if value is not None})

    def compute(self, *, predictions: Any = None, references: Any = None, **others: Any) -> dict[str, float] | None:
        """The values of all rows added, and of those given here; None on all processes but the first."""
        if predictions is not None or references is not None:
            self.add_batch(predictions=predictions, references=references, **others)
        if self.writer is None:
            raise ValueError("there is nothing to compute: add_batch first, or give predictions and references")
        try:
            return cast("dict[str, float] | None", super().compute())
        finally:
            self._row_ids, self._groups = [], []

    def _compute(self, predictions: Any, references: Any, scores: Any = None) -> dict[str, float]:
        size = len(predictions)
        records = Records(
            kind=self.kind,
            row_ids=np.asarray(self._row_ids if len(self._row_ids) == size else range(size), np.int64),
            predictions=self._column(predictions),
            references=self._column(references),
            labels=self.labels,
            scores=None if scores is None else np.asarray(scores, np.float32),
            groups=np.asarray(self._groups, np.int64) if len(self._groups) == size else None,
        )
        return self.component.score(records)

    def _stored(self, values: Any) -> list[Any]:
        plain = _plain(values)
        return plain if self.kind in FORMS else [json.dumps(value) for value in plain]

    def _column(self, values: Sequence[Any]) -> np.ndarray:
        if self.kind in FORMS:
            return np.asarray(values, FORMS[self.kind][1])
        return object_column([_tupled(json.loads(value)) for value in values])


def _tupled(value: Any) -> Any:
    """JSON's lists as the tuples that records hold."""
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


def _plain(values: Any) -> list[Any]:
    """Arrays and tensors as lists of plain values. Raises ValueError for None."""
    if values is None:
        raise ValueError("predictions and references are needed, and scores where the metric needs them")
    return cast("list[Any]", values.tolist()) if hasattr(values, "tolist") else list(values)
