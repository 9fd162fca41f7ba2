"""Names of parties that a recipe lists: in the recipe, or in a file beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, ValidationInfo

FILE = "file:"
ALIAS = "|"

_EDGE = r"[A-Za-z0-9\u00c0-\u024f\u0400-\u04ff]"
"""Letters of alphabets and digits, which a name can't border on; Chinese characters it can."""


def _with_files(parties: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """The names, those of files in the place of "file:NAME". Raises ValueError for a file that can't be read."""
    folder = Path((info.context or {}).get("folder", "."))
    names = (name for each in parties for name in _expanded(each, folder))
    found = tuple(dict.fromkeys(" ".join(name.split()) for name in names))
    flawed = next((name for name in found if not all(part.strip() for part in name.split(ALIAS))), None)
    if flawed is not None:
        raise ValueError(f"a name is empty: {flawed!r} (names of one party stand side by side with {ALIAS} between)")
    return found


def _expanded(entry: str, folder: Path) -> Iterator[str]:
    if not entry.startswith(FILE):
        yield entry
        return
    path = folder / entry.removeprefix(FILE).strip()
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error)
        raise ValueError(f"the list of names {path} can't be read: {why}") from error
    names = [line for line in map(str.strip, lines) if line and not line.startswith("#")]
    if not names:
        raise ValueError(f"the list of names {path} is empty: write one party a line")
    yield from names


Parties = Annotated[tuple[str, ...], AfterValidator(_with_files)]
"""A field that lists parties, several names of one as "Acme Corporation|Acme". "file:parties.txt" stands for the lines
of that UTF-8 file (relative to the recipe; # begins a comment), which take its place once the recipe is read."""


def is_chinese(name: str) -> bool:
    """Whether a name is written in Chinese characters."""
    return re.search("[\u3400-\u9fff]", name) is not None


def names_of(party: str) -> tuple[str, ...]:
    """The names of one listed party, the full one first."""
    return tuple(name.strip() for name in party.split(ALIAS))


class NameFound(NamedTuple):
    """Where one of the names stands in a text."""

    start: int
    end: int
    name: str


def find_names(text: str, names: Iterable[str], ignore_case: bool = False) -> Iterator[NameFound]:
    """Each of the names in the text as a whole word, of overlapping ones the first and longest, ascending.

    A space within a name stands for any space or line break.
    """
    folded = text.casefold()
    likely = tuple(sorted({name for name in names if name.split()[0].casefold() in folded}, key=_longest_first))
    if likely:
        for match in _pattern(likely, ignore_case).finditer(text):
            yield NameFound(*match.span(), likely[(match.lastindex or 1) - 1])


def _longest_first(name: str) -> tuple[int, str]:
    return -len(name), name


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    return re.compile("|".join(f"({_spelt(name)})" for name in names), re.IGNORECASE if ignore_case else 0)


def _spelt(name: str) -> str:
    spelt = r"[\s\u3000]{1,4}".join(map(re.escape, name.split()))
    before = rf"(?<!{_EDGE})" if re.match(_EDGE, name) else ""
    after = rf"(?!{_EDGE})" if re.match(_EDGE, name[-1:]) else ""
    return f"{before}{spelt}{after}"
