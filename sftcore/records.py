"""Predictions, and the small records that metrics score, resample and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np

PredictionKind: TypeAlias = Literal["labels", "label_sets", "scores", "spans", "texts"]
"""labels: one class a row · label_sets: any number of classes · scores: a number · spans · texts."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one row.

    `value` has the form of the data: a class name, a tuple of names, a number, a text. `scores` are class
    probabilities in the order of the task's labels, `score` the confidence in `value`; `logits` are what the
    model gave for one of the row's features, `feature` of them, for the record; `generated` are the ids of the tokens
    that it wrote. `extra` holds what else a task has to say, JSON-serialisable. A row that could
    not be predicted has `value` None and a `reason`.
    """

    value: Any
    score: float | None = None
    scores: tuple[float, ...] | None = None
    logits: Sequence[float] | None = None
    feature: int = 0
    generated: tuple[int, ...] | None = None
    extra: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """Predictions against references, column by column; the same index is the same row everywhere.

    Shapes for n rows and k labels: `row_ids` (n,) int64; `groups` (n,) int64 or None, rows of one group are
    resampled together; `predictions` and `references`: labels (n,) int64 class numbers, label_sets (n, k) bool,
    scores (n,) float64; texts (n,) objects: a text against a tuple of all that is right, () or "" for no answer;
    spans (n,) objects: tuples of (start, end, label). `scores` (n, k) float32 class probabilities, for texts and spans
    (n, 1) the confidence, or None. `extra` holds what else a task has to say of each row to metrics that know of it,
    (n, …) by name; a metric must do without it, since not every system (a baseline, say) has it.
    """

    kind: PredictionKind
    row_ids: np.ndarray
    predictions: np.ndarray
    references: np.ndarray
    labels: tuple[str, ...] = ()
    scores: np.ndarray | None = None
    groups: np.ndarray | None = None
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Show the columns read-only: all metrics score the same ones."""
        for name in ("row_ids", "predictions", "references", "scores", "groups"):
            object.__setattr__(self, name, _sealed(getattr(self, name)))
        object.__setattr__(self, "extra", {name: _sealed(column) for name, column in self.extra.items()})

    def __len__(self) -> int:
        return len(self.row_ids)

    def take(self, index: np.ndarray) -> Records:
        """The records at these positions (repeats allowed), or where a mask is true."""
        return replace(
            self,
            row_ids=self.row_ids[index],
            predictions=self.predictions[index],
            references=self.references[index],
            scores=None if self.scores is None else self.scores[index],
            groups=None if self.groups is None else self.groups[index],
            extra={name: column[index] for name, column in self.extra.items()},
        )


def object_column(values: Sequence[Any]) -> np.ndarray:
    """The values as a column of objects (n,): of tuples of one length NumPy would make another dimension."""
    import numpy as np

    column = np.empty(len(values), object)
    for place, value in enumerate(values):
        column[place] = value
    return column


def _sealed(column: Any) -> Any:
    """A view of an array that refuses to be written to; anything else as it is."""
    if not hasattr(column, "setflags"):
        return column
    view = column.view()
    view.setflags(write=False)
    return view
