"""Metrics of review queues: coverage against precision."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sftcore import Metric, PredictionKind, Records
from sftcore_plugin_legal.review import Curve, confidence, is_right

CURVE = (0.8, 0.9, 0.95, 0.99)
NAN = float("nan")
AUTOMATIC = "automatic"
THRESHOLD = "threshold"
"""Names of columns of `Records.extra`: whether the row goes unread (1.0 or 0.0), and from which score on."""


class CoverageAtPrecision(Metric, name="coverage-at-precision"):
    """Share of rows that the model can decide alone while the wanted share of them is right.

    Rows are taken by their score, surest first. The main value chooses its threshold on the very rows that it scores:
    it says what is possible. What the model's own threshold, chosen on the validation split, does with these rows is
    told beside it: `.automatic` (share of rows above it), `.reached` (share of them that is right) and `.threshold`;
    a task that chooses no threshold has none of these. `.0.95` is the coverage at precision 0.95, one value a point of
    the curve. 0 where no threshold reaches the precision. Of label sets, a row is right where every label is, and as
    sure as its least certain label.
    """

    understands: ClassVar[tuple[PredictionKind, ...]] = ("labels", "label_sets")
    needs_scores: ClassVar[bool] = True

    precision: float = Field(default=0.9, gt=0, le=1)
    """The share of decisions without review that has to be right."""

    def meaning(self) -> str:
        """With the precision that is wanted."""
        return f"Share of rows that the model can decide alone with {100 * self.precision:g} % of them right"

    def score(self, records: Records) -> dict[str, float]:
        """The coverage, the points of the curve, and what the model's own threshold reaches."""
        right = is_right(records)
        curve = Curve(confidence(records), right)
        values = {self.name: self._coverage(curve, self.precision)}
        values |= {f"{self.name}.{wanted:g}": self._coverage(curve, wanted) for wanted in CURVE}
        automatic = records.extra.get(AUTOMATIC)
        if automatic is None or not len(records):
            return values | {f"{self.name}.{what}": NAN for what in (AUTOMATIC, "reached", THRESHOLD)}
        chosen = automatic > 0
        return values | {
            f"{self.name}.automatic": float(chosen.mean()),
            f"{self.name}.reached": float(right[chosen].mean()) if chosen.any() else NAN,
            f"{self.name}.threshold": float(records.extra[THRESHOLD][0]),
        }

    def _coverage(self, curve: Curve, wanted: float) -> float:
        if not curve.rows:
            return NAN
        point = curve.at_precision(wanted)
        return point.coverage if point else 0.0
