"""An independent account of edits: every character carries the set of original characters that it stands for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

Letter = tuple[str, frozenset[int]]
Edit = tuple[int, int, str]


class Provenance:
    def __init__(self, text: str) -> None:
        self.letters: list[Letter] = [(letter, frozenset({at})) for at, letter in enumerate(text)]

    @property
    def text(self) -> str:
        return "".join(letter for letter, _ in self.letters)

    def apply(self, edits: Sequence[Edit]) -> None:
        for start, end, replacement in reversed(edits):  # from the back, so that positions stay valid
            replaced = self.letters[start:end]
            if "".join(letter for letter, _ in replaced) == replacement:
                continue
            origin: frozenset[int] = frozenset().union(*(origins for _, origins in replaced))
            self.letters[start:end] = [(letter, origin) for letter in replacement]

    def map_span(self, start: int, end: int) -> tuple[int, int, str, int]:
        wanted = set(range(start, end))
        places = [at for at, (_, origins) in enumerate(self.letters) if origins & wanted]
        if not places:
            return -1, -1, "lost", 0
        low, high = min(places), max(places) + 1
        stands_for = frozenset().union(*(origins for _, origins in self.letters[low:high]))
        first, last = min(stands_for), max(stands_for) + 1
        growth = len(set(range(first, last)) - set(range(start, end)))
        if growth:
            return low, high, "grown", growth
        return low, high, "exact" if (first, last) == (start, end) else "trimmed", 0

    def to_original(self, start: int, end: int) -> tuple[int, int] | None:
        stands_for = frozenset().union(*(origins for _, origins in self.letters[start:end]))
        return (min(stands_for), max(stands_for) + 1) if stands_for else None


@pytest.fixture(scope="session")
def provenance() -> type[Provenance]:
    return Provenance
