"""Metrics of named entities: spans that are right in both ends and in their label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sftcore import Metric, PredictionKind, Records
from sftcore.builtin.counting import Floats, ratio
from sftcore.builtin.text_metrics import RowValues


class _OfEntities(Metric):
    """Base of metrics that are a ratio of counts of entities."""

    understands: ClassVar[tuple[PredictionKind, ...]] = ("spans",)

    def score(self, records: Records) -> dict[str, float]:
        """The value of all entities together under the metric's name, and that of each label under `name.label`."""
        labels = records.labels or _labels_in(records)
        found = self.kept_values.setdefault(labels, RowValues(_Counter(labels)))
        counts = found.of(records.predictions, records.references).sum(0).reshape(3, -1)
        counts = counts if counts.size else np.zeros((3, len(labels)))
        right, predicted, referred = np.column_stack([counts.sum(1), counts])
        values = ratio(*self._ratio(right, predicted, referred)).tolist()
        return dict(zip([self.name, *(f"{self.name}.{label}" for label in labels)], values, strict=True))

    @cached_property
    def kept_values(self) -> dict[tuple[str, ...], RowValues]:
        """The counts of the rows seen so far, by the labels that are counted."""
        return {}

    @abstractmethod
    def _ratio(self, right: Floats, predicted: Floats, referred: Floats) -> tuple[Floats, Floats]:
        """What is divided by what."""


class EntityF1(_OfEntities, name="entity-f1"):
    """How rightly and completely entities are found.

    F1, precision and recall in one, of all labels together (micro), as in CoNLL-2003 (Tjong Kim Sang & De Meulder
    2003). An entity counts as found where both its ends and its label are those of the reference. NaN, for all or for a
    label, where neither predictions nor references have an entity.
    """

    def _ratio(self, right: Floats, predicted: Floats, referred: Floats) -> tuple[Floats, Floats]:
        return 2 * right, predicted + referred


class EntityPrecision(_OfEntities, name="entity-precision"):
    """Of the entities predicted, the share that is right.

    Right are those that the references have, with the same ends and label. NaN, for all or for a label, where none was
    predicted.
    """

    def _ratio(self, right: Floats, predicted: Floats, referred: Floats) -> tuple[Floats, Floats]:
        return right, predicted


class EntityRecall(_OfEntities, name="entity-recall"):
    """Of the entities that are there, the share that is found.

    Found are those of the references that were predicted with the same ends and label. NaN, for all or for a label,
    where the references have none.
    """

    def _ratio(self, right: Floats, predicted: Floats, referred: Floats) -> tuple[Floats, Floats]:
        return right, referred


class _Counter:
    """Counts the entities of a row: right, predicted and referred, for each label in turn."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._numbers = {label: number for number, label in enumerate(labels)}

    def __call__(self, prediction: Iterable[Any] | None, reference: Iterable[Any] | None) -> Sequence[float]:
        predicted, referred = set(prediction or ()), set(reference or ())
        counts = np.zeros((3, len(self._numbers)))
        for row, spans in enumerate((predicted & referred, predicted, referred)):
            for _, _, label in spans:
                if label in self._numbers:
                    counts[row, self._numbers[label]] += 1
        return counts.ravel().tolist()


def _labels_in(records: Records) -> tuple[str, ...]:
    columns = (records.predictions, records.references)
    return tuple(sorted({str(span[2]) for column in columns for row in column for span in row or ()}))


COMPONENTS: tuple[type[Metric], ...] = (EntityF1, EntityPrecision, EntityRecall)
"""The metrics of entities that the core offers."""
