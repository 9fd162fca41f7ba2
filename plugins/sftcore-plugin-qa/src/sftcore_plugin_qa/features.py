"""Rows as features: the windows of each row, what each is to answer, and what of it can't be learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sftcore import DataError, Encoded, Problem, Row
from sftcore_plugin_qa.answers import answer_spans
from sftcore_plugin_qa.loss import NO_LABEL
from sftcore_plugin_qa.targets import NO_ANSWER, TOO_LONG, UNKNOWN, Range, Targets, surplus, window_targets
from sftcore_plugin_qa.windows import Frame, Room, Tokens, Window, remembering_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in tokens: of a whole feature, of the question in it, of what neighbouring windows share (None: 128, or
    half of the room), of an answer; and windows without an answer that are trained on for each with one (None: all)."""

    feature: int
    question: int
    stride: int | None
    answer: int
    negative_windows: float | None = None


@dataclass(slots=True)
class _Features:
    """Features as they are made, one entry a feature, and what happened to each row."""

    ids: list[NDArray[Any]] = field(default_factory=list)
    types: list[NDArray[Any]] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    targets: list[Range] = field(default_factory=list)
    labels: list[Range] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    flaws: list[tuple[str, ...]] = field(default_factory=list)
    masked: list[bool] = field(default_factory=list)


def windows_of(rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, limits: Limits) -> Encoded:
    """The rows as windows of question and context, with `labels` (first and last token of the answer) where every row
    has its answers.

    A window without an answer is labelled with its [CLS] token, one of which that is not known with -100, which is not
    trained on. Each feature's info is its `Window`. Raises `sftcore.ModelError` for a slow tokenizer,
    `sftcore.RecipeError` where the lengths do not fit each other, and `sftcore.DataError`.
    """
    tokens = remembering_tokens(tokenizer)
    frame = _frame(rows, tokenizer, tokens)
    room = Room.of(frame, limits.feature, limits.question, limits.stride)
    labelled = all(row.get("answers") is not None for row in rows)
    made = _Features()
    for number, row in enumerate(rows):
        question, context = tokens(row["question"]).ids, tokens(row["context"])
        made.lost.append(max(0, len(question) - room.question))
        question = question[: room.question]
        windows = room.windows(len(question), len(context.ids))
        if labelled:
            targets = window_targets(answer_spans(row), context.offsets, windows)
            _note(made, targets, limits.answer)
        for place, (start, end) in enumerate(windows):
            window = frame.window(len(question), context.offsets[start:end])
            made.ids.append(frame.ids(question, context.ids[start:end]))
            made.types.append(frame.type_ids(len(question), end - start))
            made.windows.append(window)
            made.parents.append(number)
            if labelled:
                made.labels.append(_label(targets.windows[place], window, start))
    return _encoded(made, "token_type_ids" in tokenizer.model_input_names, limits.negative_windows)


def _frame(rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, tokens: Callable[[str], Tokens]) -> Frame:
    """The frame that the tokenizer puts around the texts of the first row of which it reads anything."""
    for row in rows:
        question, context = tokens(row["question"]), tokens(row["context"])
        if len(question.ids) and len(context.ids):
            beginning = row["context"][: context.offsets[: 1 + 4, 1].max()]
            return Frame.of(tokenizer, row["question"], beginning)
    message = "the tokenizer reads nothing of questions and contexts"
    raise DataError(Problem(message, key="model.base", value=str(rows[0]["context"])[:80]))


def _note(made: _Features, targets: Targets, longest: int) -> None:
    """Keep what is the matter with a row's answers."""
    found = (targets.flaw, TOO_LONG if targets.shortest > longest else "")
    made.flaws.append(tuple(filter(None, found)))
    made.masked.append(bool(targets.flaw))
    made.targets += targets.windows


def _label(target: Range, window: Window, start: int) -> Range:
    """Positions in the feature of a target that counts tokens of the context; the window begins with number `start`."""
    if target == NO_ANSWER:
        return window.null, window.null
    if target == UNKNOWN:
        return NO_LABEL, NO_LABEL
    return window.first + target[0] - start, window.first + target[1] - start


def _encoded(made: _Features, typed: bool, negative_windows: float | None) -> Encoded:
    columns: dict[str, Sequence[Any]] = {"input_ids": made.ids}
    if typed:
        columns["token_type_ids"] = made.types
    if not made.labels:
        return Encoded(columns, parents=made.parents, lost_tokens=made.lost, info=made.windows)
    columns["labels"] = made.labels
    skip = [target == UNKNOWN for target in made.targets]
    if negative_windows is not None:
        dropped = surplus(made.targets, made.ids, negative_windows)
        skip = [unknown or more for unknown, more in zip(skip, dropped, strict=True)]
    names = dict.fromkeys(name for row in made.flaws for name in row)
    return Encoded(
        columns,
        parents=made.parents,
        lost_tokens=made.lost,
        masked=made.masked,
        skip=skip if any(skip) else None,
        counts={name: [int(name in row) for row in made.flaws] for name in names},
        info=made.windows,
    )
