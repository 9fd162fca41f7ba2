"""Which sentiment is better than which: words for it in English and Chinese, and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

_WORDS: tuple[tuple[str, ...], ...] = (
    ("very negative", "strongly negative", "terrible", "awful", "非常消极", "很消极", "非常负面", "非常差", "很差"),
    ("negative", "neg", "bad", "poor", "消极", "消極", "负面", "負面", "负向", "负", "贬", "差", "差评", "不满意"),
    ("neutral", "neu", "ok", "okay", "average", "中性", "中立", "一般", "中", "中评"),
    ("positive", "pos", "good", "积极", "積極", "正面", "正向", "正", "褒", "好", "好评", "满意", "滿意"),
    ("very positive", "strongly positive", "excellent", "非常积极", "很积极", "非常正面", "非常好", "很好", "非常满意"),
)
_RANKS = {word: rank for rank, words in enumerate(_WORDS) for word in words}


def rank(label: str) -> int | None:
    """The place of a known word from 0 (very negative) over 2 (neutral) to 4, or None for an unknown one."""
    return _RANKS.get(re.sub(r"[\s_-]+", " ", label).strip().casefold())


def worst_to_best(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels in their order: numbers by size, known words by meaning.

    Raises ValueError, with what to do, where a word is not known or two words mean the same.
    """
    names = sorted(labels)
    numbers = {name: number for name in names if (number := _number(name)) is not None}
    if len(numbers) == len(names):
        return tuple(sorted(names, key=numbers.__getitem__))
    unknown = [name for name in names if rank(name) is None]
    if unknown:
        raise ValueError(f"it is not known where {_listed(unknown)} stands among the sentiments")
    same = [name for name in names if [rank(other) for other in names].count(rank(name)) > 1]
    if same:
        raise ValueError(f"{_listed(same)} can't be put in order: some mean the same")
    return tuple(sorted(names, key=lambda name: rank(name) or 0))


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} … and {len(names) - most} more" if len(names) > most else shown
