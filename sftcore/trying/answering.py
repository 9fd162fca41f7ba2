"""What the page shows of a text: the prediction, its scores, the span, the words that mattered, what preprocessing did.

Everything here is made for one answer and forgotten with it: no text that was typed is stored or logged.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sftcore.components import Drop
from sftcore.errors import Problem, SftcoreError
from sftcore.records import Prediction
from sftcore.report.cases import Piece, changes, marked, role_name
from sftcore.report.frame import filled, page, resource
from sftcore.resources import out_of_memory
from sftcore.serving import Model
from sftcore.trying.fields import SPEAKERS, fields
from sftcore.trying.occlusion import EXPLAINED, Occlusion, target_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.report.words import Words

BARS = 12
"""Classes whose scores are shown before "more"."""
TOP = 10
"""Words in the table of those that mattered."""
NOTABLE = 0.1
"""A word is marked from this share of the largest change on."""
SMALLEST = 0.01
"""Smaller changes of a probability are none worth telling."""


class Bar(NamedTuple):
    """A class or an answer, its probability, and whether the model gave it."""

    name: str
    score: float
    given: bool


class Text(NamedTuple):
    """A text by the name of its role, in marked pieces."""

    name: str
    pieces: list[Piece]


class Word(NamedTuple):
    """A part of a text, by how much the score falls without it, and how that is marked: strength 0 to 1."""

    text: str
    change: float | None
    strength: float


@dataclass(frozen=True)
class Trial:
    """A model that the page asks, one row or batch at a time; `name` and `number` are its run's."""

    model: Model
    words: Words
    name: str
    number: str
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def explains(self) -> bool:
        """Whether the words that mattered can be shown."""
        return self.model.task.predicts in EXPLAINED

    def page(self) -> str:
        """The page, as one file."""
        title = self.words("try.title", name=self.name)
        body = filled(
            "try.html",
            self.words,
            title=title,
            number=self.number,
            task=self.model.task.name,
            fields=[(each, role_name(each.role, self.words)) for each in fields(self.model.task)],
            speakers=[(speaker, role_name(speaker, self.words)) for speaker in SPEAKERS],
        )
        return page(title, body, self.words, scripts=False, script=resource("try.js"), connect=True)

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """The predictions, after those that were asked for before. Raises what `Model.predict` raises."""
        with self._lock:
            return self.model.predict(rows)

    def answer(self, row: Mapping[str, Any]) -> Markup:
        """What the model says of the row."""
        (prediction,) = self.predict([row])
        said, bars = self._said(prediction), self._bars(prediction)
        return filled(
            "try_answer.html",
            self.words,
            said=said,
            spoken=self._spoken(said, prediction),
            prediction=prediction,
            first=bars[:BARS],
            others=bars[BARS:],
            several=self.model.task.predicts == "label_sets",
            of_classes=bool(self.model.labels),
            written=self.model.task.generates,
            found=self._found(row, prediction),
            facts=_facts(prediction),
            changed=self._changed(row),
            preprocesses=bool(self.model.recipe.preprocess),
            explains=self.explains and prediction.value is not None,
            answered=said if "messages" in self.model.task.roles and prediction.value else "",
        )

    def mattered(self, occlusion: Occlusion, predictions: Sequence[Prediction]) -> Markup:
        """The words that mattered, from the predictions of the row without each."""
        target = target_of(predictions[0], self.model.labels)
        weights = occlusion.weights(target, predictions) if target else []
        largest = max((abs(weight) for weight in weights if weight is not None), default=0.0)
        if target and target.place is not None and largest < SMALLEST:
            largest = 0.0
        texts = [
            (role_name(role, self.words), _weighed(str(occlusion.row[role]), role, occlusion, weights, largest))
            for role in dict.fromkeys(part.role for part in occlusion.parts)
        ]
        words = [word for _, shown in texts for word in shown if word.strength]
        top = sorted(words, key=lambda word: -abs(word.strength))[:TOP]
        return filled(
            "try_words.html",
            self.words,
            target=target,
            texts=texts,
            top=top,
            smallest=f"{SMALLEST:g}" if target and target.place is not None else "",
            size=occlusion.words,
        )

    def failure(self, error: Exception) -> Markup:
        """Why there is no answer: the sentences of the error that the user can mend, never a traceback."""
        return filled("try_failure.html", self.words, problems=self._problems(error))

    def _problems(self, error: Exception) -> Sequence[Problem]:
        if isinstance(error, SftcoreError):
            return error.problems
        if out_of_memory(error) is not None:
            return (Problem(self.words("try.memory")),)
        return (Problem(self.words("try.bug", kind=type(error).__name__)),)

    def _said(self, prediction: Prediction) -> str:
        """The prediction in a few words; a text as it was written."""
        value = prediction.value
        if isinstance(value, float | int):
            return self.words.number(value)
        if isinstance(value, tuple):
            return self.words("try.between").join(value) or self.words("try.no_class")
        if isinstance(value, list):
            return self.words.several("try.entities", len(value))
        return value or self.words("try.no_answer")

    def _spoken(self, said: str, prediction: Prediction) -> str:
        """What a screen reader says when the answer is there."""
        if prediction.value is None:
            return self.words("try.reason", reason=self.words.told(prediction.reason))
        if prediction.score is None:
            return said
        return self.words("try.spoken", said=said, score=self.words.number(prediction.score))

    def _bars(self, prediction: Prediction) -> list[Bar]:
        """The classes, or the answers that an extractive task found best, with their probabilities."""
        labels, scores = self.model.labels, prediction.scores
        if scores is not None and len(scores) == len(labels):
            given = {prediction.value} if isinstance(prediction.value, str) else set(prediction.value or ())
            bars = [Bar(label, score, label in given) for label, score in zip(labels, scores, strict=True)]
            return sorted(bars, key=lambda bar: -bar.score)
        extra = prediction.extra if isinstance(prediction.extra, Mapping) else {}
        best = [Bar(one["text"], one["score"], one["text"] == prediction.value) for one in extra.get("n_best", ())]
        none = [Bar(self.words("try.no_answer"), extra["no_answer"], not prediction.value)] if best else []
        return sorted([*best, *none], key=lambda bar: -bar.score)

    def _found(self, row: Mapping[str, Any], prediction: Prediction) -> Text | None:
        """The text in which spans were found, with these marked: entities, or the answer."""
        spans = _spans(prediction)
        protected = [role.protects for role in self.model.task.roles.values() if role.protects in row]
        if not protected or not spans:
            return None
        role = protected[0]
        return Text(role_name(role, self.words), marked(row[role], spans))

    def _changed(self, row: Mapping[str, Any]) -> list[Text]:
        """The texts that preprocessing changed, with what went and what came marked."""
        from sftcore.data.incoming import read_rows
        from sftcore.data.preprocess import preprocess_row

        (read,) = read_rows(self.model.recipe, [row], self.model.columns)
        done = read if isinstance(read, Drop) else preprocess_row(read, self.model.recipe)
        if isinstance(read, Drop) or isinstance(done, Drop):
            return []
        pairs = ((role, text, done.row.get(role)) for role, text in read.items() if isinstance(text, str))
        return [
            Text(role_name(role, self.words), changes(before, after))
            for role, before, after in pairs
            if isinstance(after, str) and after != before
        ]


def _spans(prediction: Prediction) -> list[tuple[int, int, str, str]]:
    if isinstance(prediction.value, list):
        return [(one["start"], one["end"], "said", one["label"]) for one in prediction.value]
    extra = prediction.extra if isinstance(prediction.extra, Mapping) else {}
    start, end = extra.get("start"), extra.get("end")
    return [(start, end, "said", "")] if isinstance(start, int) and isinstance(end, int) else []


def _facts(prediction: Prediction) -> list[tuple[str, str]]:
    """What else a task says: single values and lists of them, by their names."""
    extra = prediction.extra if isinstance(prediction.extra, Mapping) else {}
    plain = ((name, value) for name, value in extra.items() if name not in ("start", "end", "no_answer", "n_best"))
    return [(name.replace("_", " "), shown) for name, value in plain if (shown := _shown(value))]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) if all(isinstance(each, str | int | float) for each in value) else ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value) if isinstance(value, str | int) else ""


def _weighed(text: str, role: str, occlusion: Occlusion, weights: Sequence[float | None], largest: float) -> list[Word]:
    """The text in words and what stands between them; strong ones are marked."""
    shown, at = list[Word](), 0
    for part, weight in zip(occlusion.parts, weights, strict=False):
        if part.role == role:
            strength = (weight or 0.0) / largest if largest else 0.0
            between = Word(text[at : part.start], None, 0.0)
            strength = strength if abs(strength) >= NOTABLE else 0.0
            shown += [between, Word(text[part.start : part.end], weight, strength)]
            at = part.end
    return [*shown, Word(text[at:], None, 0.0)]
