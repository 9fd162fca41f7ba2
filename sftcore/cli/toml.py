"""Values as TOML, to be read by people: the plan of `check` and the recipes of `new`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONG = 60
"""Characters of an inline table from which on it is written line by line."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def key(name: str) -> str:
    """A key, quoted where it must be."""
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def value(given: Any) -> str:
    """A value on one line; mappings become inline tables, in which None is left out."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float):
        return _number(given)
    if isinstance(given, str):
        return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(given, Mapping):
        inside = ", ".join(f"{key(name)} = {value(item)}" for name, item in given.items() if item is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(given, Sequence):
        return f"[{', '.join(value(item) for item in given if item is not None)}]"
    return str(given)


def lines(table: Mapping[str, Any], path: str = "", header: str = "") -> Iterator[tuple[str, str]]:
    """The lines of a document as pairs of key path and text: plain keys first, then tables; None is left out.

    Key paths count the tables of a list from 0; `header` is what TOML calls the table, which does not.
    """
    nested = {name: item for name, item in table.items() if _is_table(item, at_top=not path)}
    for name, item in table.items():
        if name not in nested and item is not None and item != {}:
            yield _join(path, name), f"{key(name)} = {value(item)}"
    for name, item in nested.items():
        below, title, listed = _join(path, name), _join(header, name), isinstance(item, Sequence)
        for number, part in enumerate(item if listed else [item]):
            yield "", ""
            yield below, f"[[{title}]]" if listed else f"[{title}]"
            yield from lines(part, f"{below}.{number}" if listed else below, title)


def _is_table(item: Any, *, at_top: bool) -> bool:
    """Whether it gets lines of its own: tables of the document do, below that only those that are long."""
    if isinstance(item, Mapping):
        return bool(item) and (at_top or len(value(item)) > LONG)
    return isinstance(item, Sequence) and not isinstance(item, str) and bool(item) and isinstance(item[0], Mapping)


def _join(path: str, name: str) -> str:
    return f"{path}.{key(name)}" if path else key(name)


def _number(given: float) -> str:
    text = repr(given)
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", text)
