"""The task text-classification in its three kinds, as a plugin has it, and rows of it."""

from __future__ import annotations

from typing import Any

from sftcore import Labels, TextClassification

SINGLE = TextClassification()
MULTI = TextClassification(problem_type="multi_label_classification")
REGRESSION = TextClassification(problem_type="regression")


class Mood(TextClassification, name="mood"):
    """What a plugin writes: default labels, nothing else."""

    labels: Labels = ("bad", "good")


def rows(*labels: Any) -> list[dict[str, Any]]:
    return [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]
