"""Bootstrap percentile intervals (Efron 1979) of metrics and of paired differences, by rows or by groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sftcore.records import Records

RESAMPLES = 1_000
LEVEL = 0.95
AGREEMENT = 1e-12
"""Bounds as close as this differ by rounding alone."""

Score = Callable[["Records"], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the interval between the percentiles of its resamples.

    NaN bounds where no resample had a value. `undefined`: how many resamples had none (a class was missing in
    them, say); the bounds are of the others.
    """

    value: float
    low: float
    high: float
    undefined: int = 0

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return bool(self.low > 0)

    @property
    def degenerate(self) -> bool:
        """Whether the resamples agree: an interval without width, which says nothing of other rows."""
        return bool(self.high - self.low <= AGREEMENT)

    def negative(self) -> Interval:
        """The interval of minus the value."""
        return Interval(-self.value, -self.high, -self.low, self.undefined)

    def as_json(self) -> dict[str, Any]:
        """The interval as a JSON object; null stands for a value that is not defined."""
        bounds = {name: number_or_none(getattr(self, name)) for name in ("value", "low", "high")}
        return {**bounds, "undefined": self.undefined, "degenerate": self.degenerate}


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Values of systems on the same rows: `values[name]` (systems,), `samples[name]` (times, systems)."""

    values: Mapping[str, NDArray[np.float64]]
    samples: Mapping[str, NDArray[np.float64]]
    units: int

    def interval(self, name: str, system: int = 0, level: float = LEVEL) -> Interval:
        """The value of one system and its interval."""
        return _interval(self.values[name][system], self.samples[name][:, system], level)

    def difference(self, name: str, left: int, right: int, level: float = LEVEL) -> Interval:
        """`left` minus `right`, paired: both were scored on the same resamples."""
        values, samples = self.values[name], self.samples[name]
        return _interval(values[left] - values[right], samples[:, left] - samples[:, right], level)


def bootstrap(score: Score, systems: Sequence[Records], rng: np.random.Generator, times: int = RESAMPLES) -> Bootstrap:
    """Score all systems on the same `times` resamples of the rows, of whole groups where the records have them.

    Draws from `rng` alone. Raises ValueError where the systems were not scored on the same rows.
    """
    first = systems[0]
    if any(not np.array_equal(first.row_ids, other.row_ids) for other in systems[1:]):
        raise ValueError("systems can be compared on the same rows only")
    values = _by_name([score(system) for system in systems])
    samples = {name: np.full((times, len(systems)), np.nan) for name in values}
    if len(first):
        for number, index in enumerate(resamples(len(first), first.groups, rng, times)):
            for place, system in enumerate(systems):
                for name, value in score(system.take(index)).items():
                    if name in samples:
                        samples[name][number, place] = value
    return Bootstrap(values, samples, len(first) if first.groups is None else len(np.unique(first.groups)))


def resamples(
    rows: int, groups: NDArray[Any] | None, rng: np.random.Generator, times: int
) -> Iterator[NDArray[np.int64]]:
    """Positions of rows drawn with replacement; with `groups` (rows,), whole groups are drawn."""
    if groups is None:
        for _ in range(times):
            yield rng.integers(0, rows, rows)
        return
    _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.argsort(inverse, kind="stable")
    starts = np.cumsum(sizes) - sizes
    for _ in range(times):
        drawn = rng.integers(0, len(sizes), len(sizes))
        counts = sizes[drawn]
        before = np.cumsum(counts) - counts
        yield members[np.arange(counts.sum()) + np.repeat(starts[drawn] - before, counts)]


def group_numbers(groups: Sequence[str] | None) -> NDArray[np.int64] | None:
    """Groups as numbers (n,), for `Records.groups`."""
    return None if groups is None else np.unique(np.asarray(groups, object).astype(str), return_inverse=True)[1]


def number_or_none(value: float) -> float | None:
    """The number, None where JSON has none for it."""
    return float(value) if np.isfinite(value) else None


def _by_name(scored: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """The values of all systems; NaN where a system has no such value (a baseline knows less than the model)."""
    return {name: np.array([values.get(name, np.nan) for values in scored], np.float64) for name in scored[0]}


def _interval(value: float, samples: NDArray[np.float64], level: float) -> Interval:
    defined = samples[np.isfinite(samples)]
    undefined = len(samples) - len(defined)
    if not len(defined):
        return Interval(float(value), np.nan, np.nan, undefined)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), undefined)
