"""The words that mattered, by leaving out each in turn and asking again (occlusion).

Matthew D. Zeiler and Rob Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014 (patches of images);
Jiwei Li, Will Monroe and Dan Jurafsky: Understanding Neural Networks through Representation Erasure, 2016 (words).

It says what the model's score rests on for this one text. It does not say why a class is right, and it looks at each
word alone: of two words that say the same, leaving out one may change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sftcore.records import Prediction
from sftcore.task import Task

MOST = 120
"""Pieces at most: the words of longer texts are left out several at a time."""
EXPLAINED = ("labels", "label_sets", "scores")
"""Kinds of predictions that have a score to watch."""

_WORD = re.compile(
    r"[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|[^\s\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
"""What stands between white space; of Chinese and Japanese each character."""


class Part(NamedTuple):
    """A part of a row that is left out: `[start, end)` of the text of a role, in code points."""

    role: str
    start: int
    end: int


class Target(NamedTuple):
    """The score that is watched: that of a class (by its number), or of a number to predict (None)."""

    name: str
    place: int | None


@dataclass(frozen=True, slots=True)
class Occlusion:
    """What is left out of a row: `parts` in reading order, each of `words` words (characters of Chinese)."""

    row: Mapping[str, Any]
    parts: tuple[Part, ...]
    words: int

    @classmethod
    def of(cls, task: Task, row: Mapping[str, Any], most: int = MOST) -> Occlusion:
        """The parts of the row's texts, at most about `most` of them."""
        texts = {name: row[name] for name, role in task.roles.items() if role.kind == "text" and row.get(name)}
        found = {name: list(_WORD.finditer(text)) for name, text in texts.items()}
        size = -(-sum(map(len, found.values())) // most) or 1
        parts = [
            Part(name, words[at].start(), words[min(at + size, len(words)) - 1].end())
            for name, words in found.items()
            for at in range(0, len(words), size)
        ]
        return cls(row, tuple(parts), size)

    @property
    def variants(self) -> list[Mapping[str, Any]]:
        """The rows to predict: the whole one, and one without each part; only the whole where it has just one part."""
        return [self.row, *(_without(self.row, part) for part in self.parts if len(self.parts) > 1)]

    def weights(self, target: Target, predictions: Sequence[Prediction]) -> list[float | None]:
        """By how much the score falls without each part, from the predictions of `variants`; None where nothing that
        the model could read was left."""
        whole, *others = (_score(prediction, target) for prediction in predictions)
        return [None if whole is None or score is None else whole - score for score in others]


def target_of(prediction: Prediction, labels: Sequence[str]) -> Target | None:
    """The score to watch: of the class that was said, of several the most probable, of none the nearest; or the number.

    None where nothing was predicted.
    """
    if prediction.value is None:
        return None
    if prediction.scores is None:
        return Target("", None) if isinstance(prediction.value, float | int) else None
    said = (prediction.value,) if isinstance(prediction.value, str) else tuple(prediction.value)
    among = [labels.index(name) for name in said] or range(len(labels))
    best = max(among, key=prediction.scores.__getitem__)
    return Target(labels[best], best)


def _score(prediction: Prediction, target: Target) -> float | None:
    if prediction.value is None:
        return None
    if target.place is None:
        return float(prediction.value)
    return None if prediction.scores is None else prediction.scores[target.place]


def _without(row: Mapping[str, Any], part: Part) -> dict[str, Any]:
    """The row without the part and the white space before it, or behind it where it stands first."""
    text: str = row[part.role]
    before, after = text[: part.start], text[part.end :]
    shorter = before.rstrip() + after if before.strip() else after.lstrip()
    return {**row, part.role: shorter}
