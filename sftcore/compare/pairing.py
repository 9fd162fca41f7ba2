"""Two runs on the same rows: the paired difference of their metrics, or why there is none.

The difference is the other run's value minus the reference's, and its interval comes from scoring both on the same
resamples of the rows, or of whole groups (a paired bootstrap, Efron 1979), exactly as the evaluation of a run does
with its baselines. It says how the two models would compare on other rows like these. It does not say what other
seeds of the same two recipes would give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sftcore.compare.agreement import Agreement, agreement
from sftcore.compare.differences import recipe_differences
from sftcore.compare.reasons import Reason
from sftcore.compare.recorded import Recorded
from sftcore.data.randomness import generator
from sftcore.evaluation.intervals import LEVEL, RESAMPLES, Interval, bootstrap
from sftcore.evaluation.score import score_all
from sftcore.records import Records

COMMON = 0.8
"""Rows that both runs scored, as a share of those of the run that scored fewer: from so many on these are compared.
All of them are test rows of both runs, so neither model was trained on any."""
SPLITTING = (
    *("seed", "preprocess", "data.columns", "data.encoding", "data.group", "data.limit", "data.near_duplicates"),
    *("data.split", "data.where"),
)
"""Keys of a recipe that decide which rows of the same data are test rows, and which of them are scored."""

MOST_LABELS = 12

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Another run against the reference.

    `why` says why the two can't be paired; all else is empty then. `rows` are those that both scored; `values` by
    metric the reference's and the other's on these rows, `differences` the other's minus the reference's; `unpaired`
    says of a metric why it has none. `notes` are what one should know besides.
    """

    why: Reason | None = None
    rows: int = 0
    unit: str = "rows"
    units: int = 0
    resamples: int = RESAMPLES
    level: float = LEVEL
    values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    differences: Mapping[str, Interval] = field(default_factory=dict)
    unpaired: Mapping[str, Reason] = field(default_factory=dict)
    agreement: Agreement | None = None
    notes: tuple[Reason, ...] = ()


def pair(first: Recorded | Reason, second: Recorded | Reason) -> Pair:
    """The second run against the first, on the rows that both scored.

    Draws as the first run's evaluation did: by its seed, and as many resamples.
    """
    if isinstance(first, Reason):
        return Pair(why=first)
    if isinstance(second, Reason):
        return Pair(why=second)
    places = _other_task(first, second) or _places(first, second)
    if isinstance(places, Reason):
        return Pair(why=places)
    systems = _systems(first, second, *places)
    why = _other_labels(*systems) or _other_answers(*systems) or _unknown_groups(first, second)
    return Pair(why=why) if why else _paired(first, second, systems, places)


def _paired(first: Recorded, second: Recorded, systems: tuple[Records, Records], places: tuple[Places, Places]) -> Pair:
    unpaired = {name: why for name in first.metrics if (why := _why_not(name, first, second))}
    shared = {name: metric for name, metric in first.metrics.items() if name not in unpaired}
    rng = generator("bootstrap", first.recipe.seed)
    resamples = int(first.test.get("bootstrap", {}).get("resamples", RESAMPLES))
    metrics, names = list(shared.values()), list(shared)
    result = bootstrap(lambda some: score_all(metrics, some, names), systems, rng, resamples)
    return Pair(
        rows=len(systems[0]),
        unit="rows" if systems[0].groups is None else "groups",
        units=result.units,
        resamples=resamples,
        values={name: (float(ours), float(theirs)) for name, (ours, theirs) in result.values.items()},
        differences={name: result.difference(name, 1, 0) for name in result.values},
        unpaired=unpaired,
        agreement=agreement(first, second, systems, places, shared),
        notes=tuple(_notes(first, second, systems)),
    )


def _other_task(first: Recorded, second: Recorded) -> Reason | None:
    kinds = first.records.kind, second.records.kind
    if kinds[0] == kinds[1]:
        return None
    names = (first.recipe.task.name, second.recipe.task.name)
    ours, theirs = (f"{name} ({kind})" for name, kind in zip(names, kinds, strict=True))
    return Reason("other-task", {"first": ours, "second": theirs})


def _places(first: Recorded, second: Recorded) -> tuple[Places, Places] | Reason:
    """Positions of the rows that both scored, in the first run's order."""
    same_data = _data(first) is not None and _data(first) == _data(second)
    ours, theirs = (_keys(side, same_data) for side in (first, second))
    where = {key: place for place, key in enumerate(theirs)}
    found = np.array([(place, where[key]) for place, key in enumerate(ours) if key in where], np.int64).reshape(-1, 2)
    places = found[:, 0], found[:, 1]
    if not same_data and not _same_texts(first, second, *places):
        return Reason("other-data")
    if len(found) < COMMON * min(len(ours), len(theirs)):
        return _other_rows(first, second, len(found), same_data)
    return places


def _data(side: Recorded) -> str | None:
    found: str | None = side.run.lock.get("fingerprint", {}).get("data", {}).get("sha256")
    return found


def _keys(side: Recorded, same_data: bool) -> list[Any]:
    """What names a row: its number in the same data; in other data, which may share files, its file and place there."""
    if same_data:
        return list(side.table["row"].to_pylist())
    return list(zip(side.table["file"].to_pylist(), side.table["file_row"].to_pylist(), strict=True))


def _same_texts(first: Recorded, second: Recorded, ours: Places, theirs: Places) -> bool:
    """Whether the rows at these places have the same texts in the data (other files may have the same names)."""
    left, right = first.given_texts(), second.given_texts()
    if not left or left.keys() != right.keys() or not len(ours):
        return False
    pairs = list(zip(ours.tolist(), theirs.tolist(), strict=True))
    return all(left[role][one] == right[role][other] for role in left for one, other in pairs)


def _other_rows(first: Recorded, second: Recorded, common: int, same_data: bool) -> Reason:
    if not same_data:
        return Reason("other-data")
    figures = {"first": f"{len(first.records):,}", "second": f"{len(second.records):,}", "common": f"{common:,}"}
    keys = [one.key for one in recipe_differences([first.run.lock, second.run.lock])]
    splitting = [key for key in keys if any(f"{key}.".startswith(f"{name}.") for name in SPLITTING)]
    if splitting:
        return Reason("other-split", figures | {"keys": ", ".join(splitting)})
    return Reason("other-rows", figures)


def _systems(first: Recorded, second: Recorded, ours: Places, theirs: Places) -> tuple[Records, Records]:
    """Both runs' records of the same rows, by the first's row numbers, in the groups of whichever run knows them."""
    left, right = first.records.take(ours), second.records.take(theirs)
    groups = right.groups if left.groups is None else left.groups
    return replace(left, groups=groups), replace(right, row_ids=left.row_ids, groups=groups)


def _other_labels(left: Records, right: Records) -> Reason | None:
    differing = sorted(set(left.labels) ^ set(right.labels))
    listed = f"{', '.join(differing[:MOST_LABELS])}{', …' if len(differing) > MOST_LABELS else ''}"
    return Reason("other-labels", {"labels": listed}) if differing else None


def _other_answers(left: Records, right: Records) -> Reason | None:
    pairs = zip(_answers(left), _answers(right), strict=True)
    differing = sum(one != other for one, other in pairs)
    return Reason("other-references", {"rows": f"{differing:,}", "all": f"{len(left):,}"}) if differing else None


def _answers(records: Records) -> list[Any]:
    """References that can be compared although classes may be numbered otherwise and answers be in another form."""
    values = records.references.tolist()
    if records.kind == "labels":
        return [records.labels[number] for number in values]
    if records.kind == "label_sets":
        return [{name for name, on in zip(records.labels, row, strict=True) if on} for row in values]
    if records.kind == "texts":
        return [(one,) if isinstance(one, str) else tuple(one or ()) for one in values]
    return [set(one) for one in values] if records.kind == "spans" else values


def _unknown_groups(first: Recorded, second: Recorded) -> Reason | None:
    """Runs made before groups were recorded: intervals by rows would be too narrow for them."""
    if first.records.groups is None and second.records.groups is None:
        for side in (first, second):
            if side.test.get("bootstrap", {}).get("unit") == "groups":
                return Reason("no-groups", {"run": side.label})
    return None


def _why_not(name: str, first: Recorded, second: Recorded) -> Reason | None:
    """Why the values of a metric of the first run can't be paired with the second's."""
    metric, other = first.metrics[name], second.metrics.get(name)
    if other is None:
        return Reason("metric-absent", {"run": second.label})
    if type(other) is not type(metric) or other.table() != metric.table():
        return Reason("metric-settings")
    for side in (first, second):
        known = {"run": side.label}
        if not side.repeats(name):
            figures = {"again": f"{side.again.get(name, math.nan):.3f}", "value": f"{side.value(name):.3f}"}
            return Reason("metric-differs", known | figures)
        if math.isnan(side.value(name)):
            return Reason("metric-undefined", known)
    return None


def _notes(first: Recorded, second: Recorded, systems: Sequence[Records]) -> list[Reason]:
    notes = []
    sizes = len(first.records), len(second.records)
    if len(systems[0]) < max(sizes):
        figures = {"first": f"{sizes[0]:,}", "second": f"{sizes[1]:,}", "common": f"{len(systems[0]):,}"}
        notes.append(Reason("common-rows", figures))
    if (first.records.groups is None) != (second.records.groups is None):
        notes.append(Reason("groups-of-one"))
    return notes
