"""What the tasks of question answering have in common: their rows, references, records and baselines."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from sftcore import (
    DataError,
    OwnBaseline,
    Prediction,
    PredictionKind,
    Problem,
    Records,
    Role,
    Row,
    Task,
    TaskState,
    original_passage,
)
from sftcore_plugin_qa.answers import answer_texts
from sftcore_plugin_qa.parts import answer_length, question_type
from sftcore_plugin_qa.shapes import questions_of
from sftcore_plugin_qa.sliding_window import Window, best_passage, best_window

if TYPE_CHECKING:
    import datasets

QUESTION_TYPE = Role("any", required=False, target=True, description="a type that scores are shown by")


class QAState(TaskState):
    """How many training rows have an answer, and how many have none."""

    answered: int = 0
    unanswered: int = 0


class QuestionAnswering(Task):
    """Rows of a `question`, often a `context`, and `answers` in SQuAD's form; answers are texts."""

    state_class: ClassVar[type[TaskState]] = QAState

    @property
    def predicts(self) -> PredictionKind:
        """texts."""
        return "texts"

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """One row a question, with its answers in SQuAD's form."""
        return questions_of(table, columns)

    def stratum(self, row: Row) -> Hashable:
        """Whether there is an answer."""
        answers = answer_texts(row)
        return None if answers is None else "answer" if answers else "no answer"

    def family(self, row: Row) -> Hashable:
        """The context: questions about one text lie in one split."""
        context = row.get("context")
        return blake2b(context.encode("utf-8", "surrogatepass"), digest_size=16).digest() if context else None

    def fit(self, rows: Sequence[Row]) -> QAState:
        """How many training rows have an answer, and how many none. Raises `sftcore.DataError` where none has one."""
        answered = sum(bool(answer_texts(row)) for row in rows)
        if not answered:
            message = f"none of the {len(rows):,} training rows has an answer: there is nothing to learn"
            raise DataError(Problem(message, key="data.columns.answers"))
        state = cast(type[QAState], self.state_class)
        return state(answered=answered, unanswered=len(rows) - answered)

    def reference(self, row: Row, state: TaskState) -> tuple[str, ...] | None:
        """The answers as they were written, () for none; None for a row that does not say."""
        return answer_texts(row)

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Texts against the answers of each row, with the confidence where every prediction has one."""
        texts, answers = np.empty(len(row_ids), object), np.empty(len(row_ids), object)
        texts[:] = [prediction.value or "" for prediction in predictions]
        for place, reference in enumerate(references):
            answers[place] = tuple(reference)
        scores = [prediction.score for prediction in predictions]
        column = None if None in scores else np.array(scores, np.float32).reshape(-1, 1)
        return Records("texts", np.asarray(row_ids), texts, answers, scores=column, groups=groups)

    def slices(self, row: Row) -> Mapping[str, str]:
        """Whether there is an answer, how long it is, and the question's type: the one that the data have, else by its
        question word."""
        kind, answers = row.get("question_type"), answer_texts(row)
        parts = {
            "answer": self.stratum(row),
            "question type": question_type(row["question"]) if kind is None else str(kind),
            "answer length": answer_length(answers or ()),
        }
        return {name: str(part) for name, part in parts.items() if part}

    def baselines(self, train: Sequence[Row], rows: Sequence[Row], state: TaskState) -> Sequence[OwnBaseline]:
        """The window of the text that shares most with the question; and, where training rows have none, no answer."""
        found = []
        known = [
            (row["question"], row["context"], answers)
            for row in train
            if (answers := answer_texts(row)) and row.get("context")
        ]
        if known:
            window = best_window(known)
            found.append(OwnBaseline("sliding-window", str(window), [_by_overlap(row, window) for row in rows]))
        if cast(QAState, state).unanswered:
            found.append(OwnBaseline("no-answer", "always: no answer", [Prediction("", 1.0)] * len(rows)))
        return found


def passage_of(row: Row, start: int, end: int) -> tuple[str, int, int]:
    """The passage of the given context for a range of the preprocessed one, both without white space at their ends."""
    text, low, _ = original_passage(row, "context", *_stripped(row["context"], start, end))
    first, last = _stripped(text, 0, len(text))
    return text[first:last], low + first, low + last


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    return first, max(first, start + len(part.rstrip()))


def _by_overlap(row: Row, window: Window) -> Prediction:
    if not row.get("context"):
        return Prediction("", 0.0)
    passage = best_passage(row["question"], row["context"], window)
    return Prediction(passage_of(row, passage.start, passage.end)[0], passage.share)
