"""Where a model is wrong: its most confident mistakes, and the classes that it takes for one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sftcore.records import Prediction, Records

MOST = 20


def confident_mistakes(
    records: Records, predictions: Sequence[Prediction], references: Sequence[Any], most: int = MOST
) -> list[dict[str, Any]]:
    """The wrong rows of which the model was surest, or whose number is farthest off, the worst first.

    All three have n rows in one order. Each is `{"row_id", "label", "prediction", "score"}`, with `error` in
    place of score for numbers; label and prediction have the form of `Prediction.value`. Of texts and spans only
    `row_id` and `score` are given: the texts of the data stand elsewhere.
    """
    numbers, quiet = records.kind == "scores", records.kind in ("texts", "spans")
    if numbers:
        badness = np.abs(records.predictions - records.references)
    else:
        scores = np.array([np.nan if p.score is None else p.score for p in predictions], np.float64)
        badness = np.where(wrong_rows(records), np.nan_to_num(scores, nan=0.0), -np.inf)
    lowest = 0.0 if numbers else -np.inf
    order = np.argsort(-np.nan_to_num(badness, nan=lowest, neginf=lowest), kind="stable")[:most]
    return [
        {
            "row_id": int(records.row_ids[row]),
            **({} if quiet else {"label": _plain(references[row]), "prediction": _plain(predictions[row].value)}),
            "error" if numbers else "score": float(badness[row]) if numbers else predictions[row].score,
        }
        for row in order.tolist()
        if badness[row] > lowest
    ]


def wrong_rows(records: Records) -> np.ndarray:
    """Which rows are not what they should be, (n,) bool: a text that is none of those that are right (no text, where
    none is right), spans in any order, numbers that are a little off."""
    if records.kind == "texts":
        return np.array([not _is_right(*pair) for pair in _pairs(records)], bool)
    if records.kind == "spans":
        return np.array([_as_set(one) != _as_set(other) for one, other in _pairs(records)], bool)
    wrong = np.asarray(records.predictions != records.references, bool)
    return wrong if wrong.ndim == 1 else np.asarray(wrong.any(axis=1))


def _pairs(records: Records) -> Iterator[tuple[Any, Any]]:
    return zip(records.predictions.tolist(), records.references.tolist(), strict=True)


def _is_right(text: Any, references: Any) -> bool:
    accepted = (references,) if isinstance(references, str) else tuple(references or ())
    return text in (accepted or ("",))


def _as_set(spans: Any) -> set[tuple[Any, ...]]:
    return {tuple(span) for span in spans or ()}


def confused_pairs(records: Records, most: int = MOST) -> list[dict[str, Any]]:
    """Which classes are taken for which, the most frequent first.

    Each is `{"label", "prediction", "rows", "share"}`: `share` of the rows with that label. Of label sets, a
    pair is a label that a row has and lacks in the prediction, with one that it got wrongly. Empty for others.
    """
    if records.kind not in ("labels", "label_sets"):
        return []
    matrix = confusion(records)
    size = len(matrix)
    totals = _totals(records, size)
    wrong = matrix * (1 - np.eye(size, dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), size) for place in order if wrong.flat[place] > 0]
    return [
        {
            "label": records.labels[label],
            "prediction": records.labels[other],
            "rows": int(wrong[label, other]),
            "share": float(wrong[label, other] / totals[label]),
        }
        for label, other in pairs
    ]


def confusion(records: Records) -> np.ndarray:
    """Rows by reference (first axis) and prediction (second), (k, k) int64; unpredicted rows are left out.

    Of label sets: off the diagonal, how often a missed label goes with a wrongly given one; on it, those right.
    """
    size = len(records.labels)
    if records.kind == "label_sets":
        missed = (records.references & ~records.predictions).astype(np.int64)
        extra = (records.predictions & ~records.references).astype(np.int64)
        right = (records.predictions & records.references).sum(0).astype(np.int64)
        both: np.ndarray = missed.T @ extra + np.diag(right)
        return both
    known = records.predictions >= 0
    flat = records.references[known] * size + records.predictions[known]
    return np.bincount(flat, minlength=size * size).reshape(size, size)


def _totals(records: Records, size: int) -> np.ndarray:
    if records.kind == "label_sets":
        return np.asarray(records.references.sum(0))
    return np.bincount(records.references, minlength=size)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
