"""Augmenters of the core, for `[[augment]] use`: EDA (Wei and Zou 2019, arXiv 1901.11196) and typing errors.

Words are what stands between spaces; in Chinese and Japanese, which have none, each character is a word.
A stretch without any letter or digit (punctuation) is no word and stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field, StringConstraints

from sftcore import Edit, TextAugmenter

if TYPE_CHECKING:
    import numpy as np

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(
    rf"([{_CJK}][\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef]*)"
    rf"|[^\s{_CJK}\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]+"
)
_LETTER = re.compile(r"[^\W_]|[\u2190-\U0010ffff]")  # or a symbol, such as an emoji
_TRIES = 10


class _Unit(NamedTuple):
    start: int
    end: int
    text: str
    spaced: bool


def _units(text: str) -> list[_Unit]:
    return [
        _Unit(*found.span(), found.group(), found.group(1) is None)
        for found in _UNIT.finditer(text)
        if _LETTER.search(found.group())
    ]


class RandomDeletion(TextAugmenter, name="random-deletion"):
    """Remove each word with the probability `rate` (EDA's RD); at least one word stays."""

    rate: float = Field(default=0.1, gt=0, lt=1)
    """Probability of a word to go."""

    def edits(self, text: str, rng: np.random.Generator) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each run of words that goes, with the spaces that would be left over."""
        units = _units(text)
        if len(units) < 2:
            return []
        goes = rng.random(len(units)) < self.rate
        if goes.all():
            goes[rng.integers(len(units))] = False
        return _deletions(text, [unit for unit, gone in zip(units, goes.tolist(), strict=True) if gone])


def _deletions(text: str, units: list[_Unit]) -> list[tuple[int, int, str]]:
    ranges: list[list[int]] = []
    for unit in units:
        end = unit.end
        while end < len(text) and text[end].isspace():
            end += 1
        if ranges and ranges[-1][1] == unit.start:
            ranges[-1][1] = end
        else:
            ranges.append([unit.start, end])
    if ranges and ranges[-1][1] == len(text):
        while ranges[-1][0] > 0 and text[ranges[-1][0] - 1].isspace():
            ranges[-1][0] -= 1
    return [(start, end, "") for start, end in ranges]


class RandomSwap(TextAugmenter, name="random-swap"):
    """Exchange two words, as often as `rate` times the number of words, at least once (EDA's RS).

    Each exchange is one edit from the first of the two words to the second, so that a task that protects what
    lies between refuses the whole of it; exchanges that would overlap are drawn anew.
    """

    rate: float = Field(default=0.1, gt=0, lt=1)
    """Exchanges, as a share of the words."""

    def edits(self, text: str, rng: np.random.Generator) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each exchange."""
        units = _units(text)
        if len(units) < 2:
            return []
        taken: list[tuple[int, int]] = []
        for _ in range(_count(self.rate, units)):
            for _ in range(_TRIES):
                first, second = _two(rng, len(units))
                if all(second < low or first > high for low, high in taken):
                    taken.append((first, second))
                    break
        return [_exchange(text, units[first], units[second]) for first, second in sorted(taken)]


def _two(rng: np.random.Generator, number: int) -> tuple[int, int]:
    """Two different places below `number`, every pair as likely, in order."""
    one, other = int(rng.integers(number)), int(rng.integers(number - 1))
    other += other >= one
    return min(one, other), max(one, other)


def _exchange(text: str, first: _Unit, second: _Unit) -> tuple[int, int, str]:
    return first.start, second.end, second.text + text[first.end : second.start] + first.text


def _count(rate: float, units: list[_Unit]) -> int:
    return max(1, int(rate * len(units)))


class RandomInsertion(TextAugmenter, name="random-insertion"):
    """Insert words at random places, as many as `rate` times the number of words, at least one.

    EDA's RI inserts synonyms from WordNet. Here it is one of `words`, or else a word of the same text: that needs
    no download and suits any language, but adds no new words.
    """

    rate: float = Field(default=0.1, gt=0, lt=1)
    """Insertions, as a share of the words."""
    words: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    """Words to choose from, each as likely as the others; none: the words of the text."""

    def edits(self, text: str, rng: np.random.Generator) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each place; between words of an alphabet with a space."""
        units = _units(text)
        if not units:
            return []
        choices = self.words or tuple(unit.text for unit in units)
        inserted: dict[int, list[str]] = {}
        for _ in range(_count(self.rate, units)):
            place, word = int(rng.integers(len(units))), choices[int(rng.integers(len(choices)))]
            inserted.setdefault(place, []).append(word)
        return [_insertion(units[place], words) for place, words in sorted(inserted.items())]


def _insertion(unit: _Unit, words: list[str]) -> tuple[int, int, str]:
    space = " " if unit.spaced else ""
    return unit.start, unit.start, "".join(word + space for word in words)


_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """Keys that touch each other on a QWERTY keyboard, whose rows are each shifted by about half a key."""
    place = {key: (row, column + row / 2) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
    near = {
        key: "".join(
            other for other, (y, x) in place.items() if other != key and abs(y - row) <= 1 and abs(x - column) <= 1
        )
        for key, (row, column) in place.items()
    }
    letters = {key: "".join(filter(str.isalpha, keys)) for key, keys in near.items() if key.isalpha()}
    return letters | {key.upper(): keys.upper() for key, keys in letters.items()}


class KeyboardTypos(TextAugmenter, name="keyboard-typos"):
    """Replace letters by a neighbour on the QWERTY keyboard, each with the probability `rate`.

    Capitals stay capitals. Only the letters A to Z are mistyped, so a Chinese text stays as it is (and makes
    no copy).
    """

    rate: float = Field(default=0.03, gt=0, lt=1)
    """Probability of a letter to be mistyped."""

    neighbours: ClassVar[dict[str, str]] = _neighbours()

    def edits(self, text: str, rng: np.random.Generator) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit a mistyped letter."""
        letters = [(at, letter) for at, letter in enumerate(text) if letter in self.neighbours]
        draws = rng.random((len(letters), 2)).tolist()
        return [
            (at, at + 1, (keys := self.neighbours[letter])[int(which * len(keys))])
            for (at, letter), (chance, which) in zip(letters, draws, strict=True)
            if chance < self.rate
        ]


COMPONENTS = (RandomDeletion, RandomSwap, RandomInsertion, KeyboardTypos)
