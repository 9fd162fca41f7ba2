"""Which rows one run gets right and the other wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sftcore.compare.recorded import Recorded
from sftcore.evaluation.mistakes import wrong_rows
from sftcore.records import Records

if TYPE_CHECKING:
    from sftcore.components import Metric

MOST = 20
"""Examples shown of each side."""
MOST_LETTERS = 400
"""Letters of a text shown: contexts are long."""
RIGHT, ERROR = "right", "error"
EXACT = "exact-match"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A row that the two runs answer with different success: [reference, other] in `predictions` and `scores`.

    Without texts of the data (`report.texts = false` in either run) `texts` is empty, and so are references and
    predictions that are texts.
    """

    row: int
    file: str
    file_row: int
    texts: Mapping[str, str]
    reference: Any
    predictions: tuple[Any, Any]
    scores: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rows by which run is better on them.

    `measure` is "right" (a row is right or wrong), "error" (of numbers: how far off), or the metric of a text that is
    computed row by row. `first` and `second` count the rows on which the reference and the other run is better;
    `both` and `neither` are None where rows are not simply right or wrong, and `equal` is their sum, or the rows with
    the same value. `p` is of the exact sign test (for right and wrong: McNemar 1947) on `first` against `second`: how
    probable so uneven a split is where both runs are equally good; None where rows come in groups, which the test
    can't take into account, and where no row differs.
    """

    measure: str
    first: int
    second: int
    equal: int
    both: int | None
    neither: int | None
    p: float | None
    first_examples: tuple[Example, ...]
    second_examples: tuple[Example, ...]


def agreement(
    first: Recorded,
    second: Recorded,
    systems: tuple[Records, Records],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    metrics: Mapping[str, Metric],
) -> Agreement | None:
    """Compare the runs row by row; `systems` are their records of the rows at `places`, `metrics` those they share.

    None for texts without a metric that both have.
    """
    measure, metric = _measure(systems[0], metrics)
    if not measure:
        return None
    ours, theirs = (_goodness(one, metric) for one in systems)
    whole = bool(np.isin(np.concatenate([ours, theirs]), (0.0, 1.0)).all())
    better, worse = theirs > ours, theirs < ours
    grouped = systems[0].groups is not None
    shown = _Shown(first, second, *places)
    return Agreement(
        RIGHT if whole else measure,
        first=int(worse.sum()),
        second=int(better.sum()),
        equal=int((~better & ~worse).sum()),
        both=int(((ours == 1) & (theirs == 1)).sum()) if whole else None,
        neither=int(((ours == 0) & (theirs == 0)).sum()) if whole else None,
        p=None if grouped else sign_test(int(worse.sum()), int(better.sum())),
        first_examples=shown.examples(ours - theirs, sure=1),
        second_examples=shown.examples(theirs - ours, sure=0),
    )


def sign_test(first: int, second: int) -> float | None:
    """Two-sided exact sign test: the probability of so uneven a split of `first + second` fair coins; None for none."""
    from scipy.stats import binomtest

    return float(binomtest(first, first + second).pvalue) if first + second else None


def _measure(records: Records, metrics: Mapping[str, Metric]) -> tuple[str, Metric | None]:
    """By what rows are compared: "" where there is nothing."""
    if records.kind == "scores":
        return ERROR, None
    if records.kind != "texts":
        return RIGHT, None
    exact = (name for name, metric in metrics.items() if metric.name == EXACT)
    name = next(exact, next(iter(metrics), ""))
    return name, metrics.get(name)


def _goodness(records: Records, metric: Metric | None) -> Floats:
    """How good each row is, (n,): 1 or 0, minus the error, or the metric's value of the row by itself."""
    if metric is not None:
        sign = 1.0 if metric.greater_is_better else -1.0
        rows = (metric.score(records.take(np.array([place])))[metric.name] for place in range(len(records)))
        return sign * np.fromiter(rows, np.float64, len(records))
    if records.kind == "scores":
        return np.asarray(-np.abs(records.predictions - records.references), np.float64)
    return (~wrong_rows(records)).astype(np.float64)


class _Shown:
    """The rows that both runs scored, as examples show them."""

    def __init__(self, first: Recorded, second: Recorded, ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> None:
        self._sides = (first, second)
        self._places = (ours, theirs)
        self._quiet = not all(side.recipe.report.texts for side in self._sides)
        self._says = not (self._quiet and first.records.kind in ("texts", "spans"))

    def examples(self, gain: Floats, sure: int) -> tuple[Example, ...]:
        """The rows of positive gain: the largest first, then those of which run `sure` (the worse one) was surest."""
        scores = np.nan_to_num(np.array(self._column(sure, "score"), np.float64))
        order = np.lexsort((-scores, -np.nan_to_num(gain)))
        return tuple(self._example(place) for place in order.tolist() if gain[place] > 0)[:MOST]

    def _column(self, side: int, name: str) -> list[Any]:
        table = self._sides[side].table
        if name not in table.column_names:
            return [None] * len(self._places[side])
        found: list[Any] = table[name].take(self._places[side]).to_pylist()
        return found

    def _example(self, place: int) -> Example:
        ours, theirs = (int(places[place]) for places in self._places)
        rows = [side.table.slice(at, 1).to_pylist()[0] for side, at in zip(self._sides, (ours, theirs), strict=True)]
        return Example(
            row=rows[0]["row"],
            file=rows[0]["file"],
            file_row=rows[0]["file_row"],
            texts={} if self._quiet else self._texts(rows[0]),
            reference=_cut(rows[0]["reference"]) if self._says else None,
            predictions=(_cut(rows[0]["prediction"]), _cut(rows[1]["prediction"])) if self._says else (None, None),
            scores=(rows[0].get("score"), rows[1].get("score")),
        )

    def _texts(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What the reference's model read, by role; of chats, which have no role for it, the turns."""
        from sftcore.runs.predictions import text_columns

        columns = text_columns(self._sides[0].table, self._sides[0].recipe.task)
        texts = {role: _cut(row[column]) for role, column in columns.items() if row[column]}
        return texts or ({"input": _cut(_turns(row["model_input"]))} if row.get("model_input") else {})


def _turns(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"{turn.get('role')}: {turn.get('content')}" for turn in value if isinstance(turn, Mapping))
    return str(value)


def _cut(value: Any) -> Any:
    """A text, or texts in a list, of at most 400 letters each."""
    if isinstance(value, str):
        return value if len(value) <= MOST_LETTERS else f"{value[: MOST_LETTERS - 1]}…"
    return [_cut(item) for item in value] if isinstance(value, list) else value
