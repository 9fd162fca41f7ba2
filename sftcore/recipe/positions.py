"""Where each key and value of a TOML text stands.

tomllib tells what a text means and not where; this scanner tells where, and relies on the text being valid.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from sftcore.errors import Excerpt

Part = str | int
KeyPath = tuple[Part, ...]

_BLANK = re.compile(r"[ \t]*")
_EMPTY = re.compile(r"(?:[ \t\n]|\#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_STRINGS = (
    re.compile(r'"""(?:\\.|(?!""").)*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:(?!''').)*'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\])*"'),
    re.compile(r"'[^']*'"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of a key and its value in the text; a table's value is its header."""

    key: tuple[int, int]
    value: tuple[int, int]


class Positions:
    """The spans of all keys of a valid TOML text, by key path; entries of arrays are counted from 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[KeyPath, Span] = {}
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._counts: dict[KeyPath, int] = {}
        self._scan()

    def nearest(self, path: KeyPath) -> KeyPath:
        """The longest part of the path that stands in the text; () where nothing does."""
        return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.spans), ())

    def excerpt(self, offsets: tuple[int, int]) -> Excerpt:
        """The line of these offsets, and the part of it that they mean (the first line of several)."""
        start, end = offsets
        number = bisect_right(self._lines, start)
        first = self._lines[number - 1]
        line = self.text[first:].split("\n", 1)[0]
        return Excerpt(number, line, start - first, max(1, min(end, first + len(line)) - start))

    def _scan(self) -> None:
        at, table = self._skip(0), KeyPath()
        while at < len(self.text):
            if self.text[at] == "[":
                at, table = self._header(at)
            else:
                at = self._pair(at, table)
            at = self._skip(at)

    def _skip(self, at: int) -> int:
        match = _EMPTY.match(self.text, at)
        return match.end() if match else at

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _header(self, at: int) -> tuple[int, KeyPath]:
        many = self.text.startswith("[[", at)
        after, keys = self._key(at + 1 + many)
        end = self._blank(after) + 1 + many
        path = self._resolved([part for part, _ in keys], many)
        full = Span((keys[-1][1][0], keys[-1][1][1]), (at, end))
        named = [part for part in path if isinstance(part, str)]
        for depth, (_, offsets) in enumerate(keys):
            shorter = self._resolved(named[: depth + 1], False)
            self.spans.setdefault(shorter, Span(offsets, (at, end)))
        self.spans[path] = full
        self.spans.setdefault(path[:-1] if many else path, full)
        return end, path

    def _resolved(self, keys: list[str], many: bool) -> KeyPath:
        """The path that a header means: below an array of tables, its newest entry."""
        path: KeyPath = ()
        for depth, key in enumerate(keys):
            path = (*path, key)
            if many and depth == len(keys) - 1:
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, at: int, table: KeyPath) -> int:
        """One `key = value`; returns the offset after it."""
        at, keys = self._key(at)
        at = self._blank(self._blank(at) + 1)
        path = (*table, *(part for part, _ in keys))
        end = self._value(at, path)
        for depth, (_, offsets) in enumerate(keys, start=len(table) + 1):
            self.spans.setdefault(path[:depth], Span(offsets, (at, end)))
        return end

    def _key(self, at: int) -> tuple[int, list[tuple[str, tuple[int, int]]]]:
        """A dotted key: the offset after it, and its parts with their offsets."""
        parts: list[tuple[str, tuple[int, int]]] = []
        while True:
            at = self._blank(at)
            end = self._string(at) if self.text[at] in "\"'" else _end(_BARE_KEY, self.text, at)
            parts.append((_unquoted(self.text[at:end]), (at, end)))
            after = self._blank(end)
            if not self.text.startswith(".", after):
                return end, parts
            at = after + 1

    def _string(self, at: int) -> int:
        return next(match.end() for pattern in _STRINGS if (match := pattern.match(self.text, at)))

    def _value(self, at: int, path: KeyPath) -> int:
        letter = self.text[at]
        if letter in "\"'":
            return self._string(at)
        if letter == "[":
            return self._array(at + 1, path)
        if letter == "{":
            return self._inline_table(at + 1, path)
        return at + len(_SCALAR.match(self.text, at)[0].rstrip())  # type: ignore[index]  # the pattern takes nothing too

    def _array(self, at: int, path: KeyPath) -> int:
        index = 0
        while self.text[at := self._skip(at)] != "]":
            if self.text[at] == ",":
                at += 1
                continue
            end = self._value(at, (*path, index))
            self.spans[*path, index] = Span((at, end), (at, end))
            at, index = end, index + 1
        return at + 1

    def _inline_table(self, at: int, path: KeyPath) -> int:
        while self.text[at := self._skip(at)] != "}":
            at = at + 1 if self.text[at] == "," else self._pair(at, path)
        return at + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at + 1


def _unquoted(key: str) -> str:
    if key[:1] == "'":
        return key[1:-1]
    return _ESCAPE.sub(_unescaped, key[1:-1]) if key[:1] == '"' else key


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    return chr(int(digits, 16)) if digits else _ESCAPES.get(match[4], match[4])


def parsed_path(text: str) -> KeyPath:
    """A dotted key as `--set` takes it: `preprocess.0.rate`, `data.where."a column".min`. Raises `ValueError`."""
    parts: list[Part] = []
    for match in _dotted(text):
        bare = match["bare"]
        parts.append(int(bare) if bare and bare.isdecimal() else bare or _unquoted(match["quoted"]))
    return tuple(parts)


def _dotted(text: str) -> Iterator[re.Match[str]]:
    pattern = re.compile(r"""\s*(?:(?P<bare>[^\s."']+)|(?P<quoted>"(?:\\.|[^"\\])*"|'[^']*'))\s*(?:\.(?!$)|$)""")
    at = 0
    while at < len(text) or not text:
        match = pattern.match(text, at)
        if match is None:
            raise ValueError(text)
        yield match
        at = match.end()


def written(path: KeyPath) -> str:
    """A key path as text: `preprocess.0.rate`; parts with other characters in quotes."""
    return ".".join(_written(part) for part in path)


def _written(part: Part) -> str:
    return str(part) if isinstance(part, int) or re.fullmatch(r"[\w-]+", part) else f'"{part}"'
