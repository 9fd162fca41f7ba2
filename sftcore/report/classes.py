"""How each class fares, and which are taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

MOST_IN_MATRIX = 30
"""With more classes the confusion matrix is left out; the pairs below it say the same."""
MOST_CLASSES = 300
"""Classes in the table: those with the most rows."""
UPRIGHT = 5
"""With more classes the matrix's column heads are turned, …"""
WIDE = 80
"""… and with more letters in all their names."""


def section(evidence: Evidence, words: Words) -> Section | None:
    """Table of the classes, confusion matrix and confused pairs; None for a task without classes."""
    classes: Sequence[Mapping[str, Any]] = evidence.test.get("classes", ())
    if not classes:
        return None
    shown = sorted(classes, key=lambda one: -one["rows"])[:MOST_CLASSES] if len(classes) > MOST_CLASSES else classes
    body = filled(
        "classes.html",
        words,
        classes=shown,
        total=len(classes),
        matrix=_matrix(evidence.test.get("confusion")),
        pairs=evidence.test.get("confused_pairs", ()),
        turned=len(classes) > UPRIGHT or sum(len(one["label"]) for one in classes) > WIDE,
    )
    return Section("classes", words("classes.title"), body)


def _matrix(confusion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Labels, and by row the counts, each with its share of the row."""
    if not confusion or len(confusion["labels"]) > MOST_IN_MATRIX:
        return None
    rows = [
        (label, [(count, count / (sum(counts) or 1)) for count in counts])
        for label, counts in zip(confusion["labels"], confusion["matrix"], strict=True)
    ]
    return {"labels": confusion["labels"], "rows": rows}
