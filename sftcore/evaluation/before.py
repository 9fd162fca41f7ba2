"""The base model as it was before training, beside the tuned one: for tasks that generate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.evaluation.baselines import Baseline
from sftcore.evaluation.intervals import number_or_none

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sftcore.evaluation.baselines import AsRecords
    from sftcore.records import Prediction

NAME = "base"
MOST_ROWS = 500
"""With more scored rows the base model writes answers to a sample alone, and is not scored: each takes its time."""
SAMPLE = 50
"""Rows whose answers are shown side by side."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the base model said of a split before training.

    `places` (m,) are the positions in the split of the rows that it wrote an answer to, ascending, and `predictions`
    one for each; `loss` is over all rows. `note` says why rows or everything are missing.
    """

    description: str
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    predictions: Sequence[Prediction] = ()
    loss: float | None = None
    seconds: float = 0.0
    note: str = ""

    def said(self, place: int) -> Prediction | None:
        """Its prediction for the row at this position of the split, None where it was not asked."""
        found = np.flatnonzero(self.places == place)
        return self.predictions[int(found[0])] if len(found) else None

    def baseline(self, scored: NDArray[np.int64], as_records: AsRecords) -> Baseline | None:
        """The baseline to compare with on the scored rows, None where it did not answer just those."""
        if not np.array_equal(scored, self.places) or not len(scored):
            return None
        return Baseline(NAME, self.description, as_records(self.predictions), self.seconds, self.details())

    def details(self) -> dict[str, Any]:
        """Its loss and perplexity."""
        return {"loss": None if self.loss is None else number_or_none(self.loss), "perplexity": perplexity(self.loss)}

    def as_json(self) -> dict[str, Any]:
        """What metrics.json says of it where it is not compared: the loss, and no values."""
        told = {"description": self.description, "seconds": round(self.seconds, 3), "details": self.details()}
        return {**told, "metrics": {}, "differences": {}}


def rows_to_answer(scored: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The positions of the rows that the base model writes answers to: all that are scored, or a sample of many."""
    return scored if len(scored) <= MOST_ROWS else sample(scored, rng)


def sample(places: NDArray[np.int64], rng: np.random.Generator, most: int = SAMPLE) -> NDArray[np.int64]:
    """At most so many of the positions, ascending, drawn from `rng`."""
    drawn: NDArray[np.int64] = places if len(places) <= most else np.sort(rng.choice(places, most, replace=False))
    return drawn


def perplexity(loss: float | None) -> float | None:
    """e to the loss (mean nats a token that counts); None without one, or where it is beyond any number."""
    return None if loss is None or not loss < math.log(np.finfo(float).max) else math.exp(loss)
