"""The texts of a row, wherever they are: roles that are texts, and texts within lists and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sftcore import Role, Row

TEXT_KEYS = ("text", "content")
"""The keys of tables that hold texts: of passages, of messages."""

Place = tuple[str | int, ...]
"""Role, then keys and positions within its value."""


def texts_of(row: Row, roles: Mapping[str, Role]) -> dict[Place, str]:
    """Every text of the row by its place: roles of kind text, targets too, and texts within those of kind any.

    Classes (kind label) are no texts, nor are spans (roles that protect a text).
    """
    described = {name: role for name, role in roles.items() if role.kind != "label" and not role.protects}
    return {place: text for name in described for place, text in _within(row.get(name), (name,)) if text}


def _within(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key in TEXT_KEYS:
            yield from _within(value.get(key), (*place, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _within(item, (*place, number))


def with_texts(row: Row, texts: Mapping[Place, str]) -> dict[str, Any]:
    """The row with other texts at these places."""
    new = dict(row)
    for name in {str(place[0]) for place in texts}:
        new[name] = _replaced(row[name], (name,), texts.get)
    return new


def _replaced(value: Any, place: Place, other: Callable[[Place], str | None]) -> Any:
    if isinstance(value, str):
        found = other(place)
        return value if found is None else found
    if isinstance(value, Mapping):
        inner = {key: _replaced(value[key], (*place, key), other) for key in TEXT_KEYS if key in value}
        return {**value, **inner}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, (*place, number), other) for number, item in enumerate(value))
    return value
