"""Trials whose models are small functions: what the page shows is tested without weights."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sftcore import Recipe
from sftcore.builtin.text_classification import TextClassificationState
from sftcore.records import Prediction
from sftcore.report.words import Words
from sftcore.serving import Model
from sftcore.task import TaskState
from sftcore.trying.answering import Trial

WEIGHTS = {"good": 2.0, "great": 3.0, "bad": -2.0, "好": 2.0, "差": -3.0}
Predict = Callable[[Mapping[str, Any]], Prediction]


@dataclass(frozen=True, repr=False)
class FakeModel(Model):
    """A model that is a function of the row; what it was asked is in `asked`, call by call."""

    predicts: Predict = field(default=lambda row: Prediction(None))
    asked: list[list[Mapping[str, Any]]] = field(default_factory=list)

    def predict(self, rows: Iterable[str | Mapping[str, Any]], **options: Any) -> list[Prediction]:
        given = [row for row in rows if isinstance(row, Mapping)]
        self.asked.append(given)
        return [self.predicts(row) for row in given]


def mood(row: Mapping[str, Any]) -> Prediction:
    """Three classes by the words of the text; an empty text can't be read."""
    text = f"{row['text']} {row.get('text_pair', '')}"
    if not text.strip():
        return Prediction(None, reason="nothing left of the text")
    total = sum(WEIGHTS.get(word, 0.0) for word in re.findall(r"[a-z]+|[一-鿿]", text.lower()))
    likely = 1 / (1 + math.exp(-total))
    scores = (0.9 * (1 - likely), 0.1, 0.9 * likely)
    label = "negative" if scores[0] > scores[2] else "positive"
    return Prediction(label, max(scores), scores)


def trial_of(
    predicts: Predict,
    task: Mapping[str, Any],
    *,
    state: TaskState | None = None,
    preprocess: Sequence[Mapping[str, Any]] = (),
    language: Any = "en",
) -> Trial:
    """A trial of a function, with a real recipe and task."""
    tables = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": task, "preprocess": list(preprocess)}
    nothing: Any = None
    model = FakeModel(Recipe.from_dict(tables), state or TaskState(), nothing, nothing, predicts=predicts)
    return Trial(model, Words(language), "mood", "0001")


@pytest.fixture
def mood_trial() -> Trial:
    return trial_of(
        mood,
        {"use": "text-classification"},
        state=TextClassificationState(labels=("negative", "neutral", "positive")),
        preprocess=[{"use": "lowercase"}],
    )
