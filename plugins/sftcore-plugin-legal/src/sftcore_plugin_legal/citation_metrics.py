"""Metrics of answers that cite passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from sftcore import Records, TextMetric
from sftcore_plugin_legal.passages import citations
from sftcore_plugin_legal.span_matching import Floats

EXISTING = "citations_exist"
"""Column of `Records.extra` (n,): 1 where every passage that the answer cites was given, 0 where one was not, NaN where
it cites none."""
NAN = float("nan")


class CitationAccuracy(TextMetric, name="citation-accuracy"):
    """Share of answers that cite exactly the passages that the reference cites.

    Only rows whose reference cites some. `.hit`: those that cite at least one of them. `.cited`: share of all answers
    that cite anything. `.existing`: of the answers that cite something, those whose every citation is of a passage that
    was given; only of tasks that know the passages, such as legal-qa. That a passage is the right one does not say that
    the answer is. NaN where there are no such rows.
    """

    suffixes: ClassVar[tuple[str, ...]] = ("", ".hit", ".cited")

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """Whether the citations are those of a reference, whether one is among them, and whether there are any."""
        cited, wanted = set(citations(prediction)), [set(citations(reference)) for reference in references]
        wanted = [some for some in wanted if some]
        if not wanted:
            return NAN, NAN, float(bool(cited))
        return float(cited in wanted), float(any(cited & some for some in wanted)), float(bool(cited))

    def put_together(self, values: Floats) -> Sequence[float]:
        """The means over the rows that have a value."""
        return [_mean(column) for column in values.T]

    def score(self, records: Records) -> dict[str, float]:
        """The shares, `.existing` the last."""
        existing = records.extra.get(EXISTING)
        return {**super().score(records), f"{self.name}.existing": NAN if existing is None else _mean(existing)}


def _mean(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else NAN
