"""What the metrics are made of: counts of classes, ranks, ratios that may be undefined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sftcore import Records

Floats: TypeAlias = NDArray[np.float64]

NAN = float("nan")
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)


class Counts(NamedTuple):
    """Rows of each class, all (k,) float64: predicted rightly, predicted, and in the references."""

    right: Floats
    predicted: Floats
    referred: Floats


def counts(records: Records) -> Counts:
    """Count each class of labels or label sets."""
    predictions, references = records.predictions, records.references
    if records.kind == "label_sets":
        together = ((predictions & references).sum(0), predictions.sum(0), references.sum(0))
        return Counts(*(np.asarray(column, np.float64) for column in together))
    size = class_count(records) + 1
    columns = (references[predictions == references], predictions, references)
    return Counts(*(np.bincount(column + 1, minlength=size)[1:].astype(np.float64) for column in columns))


def class_count(records: Records) -> int:
    """How many classes there are: those named, or else those seen."""
    if records.labels:
        return len(records.labels)
    if records.kind == "label_sets":
        return int(records.references.shape[1])
    return int(max(records.predictions.max(initial=-1), records.references.max(initial=-1))) + 1


def class_names(records: Records) -> tuple[str, ...]:
    """The names of the classes, or their numbers where they have no names."""
    return records.labels or tuple(str(number) for number in range(class_count(records)))


def ratio(above: Floats, below: Floats) -> Floats:
    """above / below, NaN where below is 0."""
    result: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return result


def mean_of(values: Floats, weights: Floats | None = None) -> float:
    """The weighted mean; NaN where there is nothing to average."""
    total = float(weights.sum()) if weights is not None else len(values)
    if total <= 0:
        return NAN
    return float(values @ weights / total if weights is not None else values.mean())


def one_against_rest(records: Records) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores (n, k) and truth (n, k) of each class against all others. Raises ValueError without scores."""
    scores = required_scores(records)
    if records.kind == "label_sets":
        return scores, records.references
    return scores, records.references[:, None] == np.arange(scores.shape[1])


def required_scores(records: Records) -> Floats:
    """The class scores (n, k). Raises ValueError where the records have none."""
    if records.scores is None:
        raise ValueError("this metric needs the scores of the classes, but the records hold only predictions")
    return np.asarray(records.scores, np.float64)


def confidences(records: Records) -> tuple[Floats, NDArray[np.bool_]]:
    """The score of each row's predicted class (m,) and whether that class is the right one (m,), of the m rows that
    have a prediction with a score. Raises ValueError where the records have no scores."""
    scores = required_scores(records)[np.arange(len(records)), records.predictions]
    known = (records.predictions >= 0) & np.isfinite(scores)
    return scores[known], (records.predictions == records.references)[known]


def per_class(name: str, records: Records, main: float, values: Sequence[float] | Floats) -> dict[str, float]:
    """The main value, then one value a class under `name.label`."""
    classes = zip(class_names(records), values, strict=True)
    return {name: main, **{f"{name}.{label}": float(value) for label, value in classes}}


def positive_class(records: Records, label: str) -> int:
    """The number of the class that binary metrics speak of. Raises ValueError where it is unclear."""
    names = class_names(records)
    if label in names:
        return names.index(label)
    if label or len(names) != 2:
        raise ValueError(f'average = "binary" needs positive, one of {", ".join(names)}; got {label!r}')
    return 1


def ranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing the mean of theirs."""
    order = np.argsort(values, kind="stable")
    is_new = np.append(True, np.diff(values[order]) != 0)
    starts = np.append(np.flatnonzero(is_new), len(values))
    result = np.empty(len(values))
    result[order] = ((starts[:-1] + starts[1:] + 1) / 2)[np.cumsum(is_new) - 1]
    return result


def correlation(left: Floats, right: Floats) -> float:
    """Pearson's correlation, NaN where either side is constant."""
    if not np.ptp(left) or not np.ptp(right):
        return NAN
    left, right = left - left.mean(), right - right.mean()
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))


def predicted_numbers(records: Records) -> tuple[Floats, Floats]:
    """Predictions and references as numbers, without the rows that could not be predicted."""
    known = records.predictions >= 0 if records.kind == "labels" else np.isfinite(records.predictions)
    return records.predictions[known].astype(np.float64), records.references[known].astype(np.float64)
