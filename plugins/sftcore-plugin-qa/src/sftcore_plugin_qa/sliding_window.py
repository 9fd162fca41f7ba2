"""What anybody would try first: the window of the context that shares most words with the question.

The sliding window of Richardson, Burges and Renshaw (2013), with which SQuAD (Rajpurkar et al. 2016) compares too: a
word of the question counts by how rare it is in the context. For Chinese, words are characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sftcore_plugin_qa.segments import TOKEN, overlap_f1, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 6
"""So many tokens on either side of a window are beside it."""
MOST_ROWS = 1_000
"""The window is chosen on at most so many training rows, spread evenly over all."""

_END = re.compile(r"[.!?;]+(?=\s|$)|[。！？；\n]+")


class Window(NamedTuple):
    """Which windows of a context are candidates, and which of them is the best.

    They are `length` tokens long, or whole sentences (None). The best one has most of the question's words in it;
    `beside`: next to it and not in it, since an answer seldom repeats the question.
    """

    length: int | None
    beside: bool = False

    def __str__(self) -> str:
        if self.length is None:
            return "the sentence that shares most words with the question"
        tokens = f"the {self.length} token{'s' * (self.length != 1)}"
        if self.beside:
            return f"{tokens} beside which, not in which, most words of the question stand"
        return f"{tokens} that share{'s' * (self.length == 1)} most words with the question"


LENGTHS = (1, 2, 3, 5, 8, 12, 20, 40)
WINDOWS = (*(Window(length, beside) for beside in (False, True) for length in LENGTHS), Window(None))
"""Those that the training rows choose from."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A range of the context, half-open in characters, and how much of the question it stands by, 0 to 1."""

    start: int
    end: int
    share: float


class _Text(NamedTuple):
    """The tokens of a context by number, the characters that each stands for, and where each of its sentences begins.

    `numbers` has the number of each different token, `counts` how often the context has it.
    """

    tokens: NDArray[np.int64]
    places: NDArray[np.int64]
    sentences: NDArray[np.int64]
    numbers: dict[str, int]
    counts: NDArray[np.int64]


def best_passage(question: str, context: str, window: Window) -> Passage:
    """The first of the best windows. A token of the question weighs log(1 + 1 / how often the context has it)."""
    text = _read(context)
    return _best(text, _sums(question, text), window) if len(text.tokens) else Passage(0, len(context), 0.0)


def _best(text: _Text, sums: NDArray[np.float64], window: Window) -> Passage:
    """The best passage of a text with tokens, by the sums of the weights of the tokens before each place."""
    count = len(text.tokens)
    starts, ends = _candidates(text, window.length)
    found = sums[ends] - sums[starts]
    if window.beside:
        found = sums[np.minimum(ends + REACH, count)] - sums[np.maximum(starts - REACH, 0)] - 2 * found
    best = int(found.argmax())
    share = max(0.0, float(found[best] / sums[-1])) if sums[-1] > 0 else 0.0
    return Passage(int(text.places[starts[best], 0]), int(text.places[ends[best] - 1, 1]), share)


def best_window(rows: Sequence[tuple[str, str, Sequence[str]]]) -> Window:
    """The window whose passages overlap most with the answers (F1 of tokens) of (question, context, answers)."""
    totals = np.zeros(len(WINDOWS))
    for place in np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int).tolist():
        question, context, answers = rows[place]
        text = _read(context)
        if len(text.tokens):
            sums = _sums(question, text)
            passages = (_best(text, sums, window) for window in WINDOWS)
            totals += [overlap_f1(context[passage.start : passage.end], answers) for passage in passages]
    return WINDOWS[int(totals.argmax())]


def _sums(question: str, text: _Text) -> NDArray[np.float64]:
    """The sum of the weights of all tokens before each place; those that the question does not have weigh 0."""
    weights = np.zeros(len(text.counts))
    asked = [number for token in set(segments(question)) if (number := text.numbers.get(token)) is not None]
    weights[asked] = np.log1p(1 / text.counts[asked])
    return np.concatenate([[0.0], np.cumsum(weights[text.tokens])])


def _candidates(text: _Text, length: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First token of each window, and one past its last."""
    count = len(text.tokens)
    if length is None:
        return text.sentences, np.append(text.sentences[1:], count)
    starts = np.arange(max(1, count - length + 1))
    return starts, np.minimum(starts + length, count)


@lru_cache(maxsize=256)
def _read(context: str) -> _Text:
    """The context, read once for the questions that follow each other about it."""
    found = list(TOKEN.finditer(context))
    places = np.array([match.span() for match in found], np.int64).reshape(-1, 2)
    ends = [match.end() for match in _END.finditer(context)]
    first = np.searchsorted(places[:, 0], ends)
    sentences = np.unique(np.concatenate([[0], first[first < len(found)]])).astype(np.int64)
    numbers: dict[str, int] = {}
    tokens = np.array([numbers.setdefault(match.group().lower(), len(numbers)) for match in found], np.int64)
    return _Text(tokens, places, sentences, numbers, np.bincount(tokens, minlength=len(numbers)))
