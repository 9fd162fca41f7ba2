"""Where a recipe came from: its text and overrides, so that a problem can point at the key that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from sftcore.errors import Problem
from sftcore.recipe.positions import KeyPath, Positions, parsed_path, written

__all__ = ["Document", "KeyPath"]


@dataclass(frozen=True)
class Document:
    """A recipe's text and overrides.

    `where` names the text in messages; `overridden` has each override, as it was given, by its key path.
    """

    where: str = ""
    text: str = ""
    overridden: Mapping[KeyPath, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    @cached_property
    def positions(self) -> Positions:
        """The positions of all keys; the text must be valid TOML."""
        return Positions(plain(self.text))

    def problem(
        self,
        path: str | KeyPath,
        message: str,
        advice: str = "",
        *,
        at: Literal["key", "value"] = "value",
        value: Any = None,
    ) -> Problem:
        """A problem at a key: its override, else its line in the text, else that of the nearest table."""
        path = self._parsed(path) if isinstance(path, str) else path
        problem = Problem(message, self.where, key=written(path), advice=advice)
        override = self._override(path)
        if override is not None:
            return replace(problem, where=f"--set {override}")
        found = self.positions.nearest(path)
        if not found:
            return replace(problem, value=None if value is None else str(value))
        span = self.positions.spans[found]
        excerpt = self.positions.excerpt(span.key if at == "key" or found != path else span.value)
        return replace(problem, line=excerpt.line, excerpt=excerpt)

    def _override(self, path: KeyPath) -> str | None:
        """The newest override that gave this key: the one that the path begins with."""
        found = [text for key, text in self.overridden.items() if path[: len(key)] == key]
        return found[-1] if found else None

    def _parsed(self, path: str) -> KeyPath:
        """The key path of a dotted text; digits are a key's name where the text has such a key."""
        try:
            parts = parsed_path(path)
        except ValueError:
            return (path,)
        named = tuple(str(part) for part in parts)
        return named if named in self.positions.spans else parts


def plain(text: str) -> str:
    """The text without byte-order mark and carriage returns, so that offsets are those of its lines."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
