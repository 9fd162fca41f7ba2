"""What a check found, as sentences: on the terminal and on its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.checking import Finding
    from sftcore.report.words import Words

NAME = 40
"""Letters of a class's name that a sentence holds."""


def said(finding: Finding, words: Words) -> str:
    """What there is: one sentence."""
    key, values = f"check.{finding.level}.{finding.kind}", _values(finding.values, words)
    if f"{key}.one" in words:
        first = next(value for value in finding.values.values() if isinstance(value, int))
        return words.several(key, first, **values)
    return words(key, **values)


def advised(finding: Finding, words: Words) -> str:
    """What to do about it; "" where there is nothing."""
    return words(f"check.advice.{finding.advice}", **_values(finding.values, words)) if finding.advice else ""


def _values(values: Mapping[str, Any], words: Words) -> dict[str, str]:
    return {name: _value(name, value, words) for name, value in values.items()}


def _value(name: str, value: Any, words: Words) -> str:
    """A share by its name as percent, counts with their thousands, names in a row."""
    if name in ("share", "width"):
        return words.percent(value)
    if name == "split":
        return words(f"check.split.{value}")
    if isinstance(value, Mapping):
        counted = (_counted(str(key), number, words) for key, number in value.items())
        return words("first.list").join(counted)
    if isinstance(value, (list, tuple)):
        return words("first.list").join(_short(str(part)) for part in value)
    if name == "times":
        return words.count(value)
    return words.told(value) if isinstance(value, str) else words.number(value)


def _counted(name: str, number: float, words: Words) -> str:
    return words("check.of-name", name=_short(words.told(name)), number=words.count(number))


def _short(text: str) -> str:
    return text if len(text) <= NAME else f"{text[: NAME - 1]}…"


def shown_place(place: str, words: Words) -> str:
    """Where a row comes from, `reviews.csv row 12`, in the page's language."""
    file, _, row = place.rpartition("row ")
    return words("check.place", file=file.strip(), row=row).strip()


def shown_target(target: Any, words: Words) -> str:
    """A target as it is read: the names of a list, the texts of answers alone, several targets by their roles."""
    if target is None:
        return ""
    if isinstance(target, Mapping):
        if isinstance(target.get("text"), (list, tuple)):
            return shown_target(target["text"], words) or words("check.no-answer")
        parts = {role: shown_target(value, words) for role, value in target.items()}
        return "; ".join(f"{role}: {part}" for role, part in parts.items() if part)
    if isinstance(target, (list, tuple)):
        return words("first.list").join(str(part) for part in target)
    return str(target)
