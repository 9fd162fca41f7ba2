"""The lines of text that was taken from a PDF: which of them are page numbers, running headers and footers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EDGE = 2
"""So many lines at the top and at the bottom of a page may be headers and footers."""
LONGEST = 120
"""Characters beyond which a line is no header."""
FAR_APART = 5
"""Lines that lie at least between two page numbers that stand bare, without form feeds to tell the pages."""
BREAKS = "\n\r\f\v\u0085\u2028\u2029"

_LINE = re.compile(rf"(?P<line>[^{BREAKS}]*)(?P<break>\r\n|[{BREAKS}]|$)")
_TOLD = re.compile(
    r"(?:page|pg\.?|p\.)\s*(?P<a>\d{1,4})(?:\s*(?:of|/)\s*\d{1,4})?|[-–—]\s*(?P<b>\d{1,4})\s*[-–—]"
    r"|(?P<c>\d{1,4})\s*(?:/|of)\s*\d{1,4}|第?\s*(?P<d>\d{1,4})\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?",
    re.IGNORECASE,
)
"""Lines that say that they are page numbers."""
_BARE = re.compile(r"(?P<arabic>\d{1,4})|[ivxlc]{1,7}")
_COUNTED = re.compile(
    r"^(?:page\s*)?\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?(?:\s{2,}|\s*[\t|·–—]\s*|\s-\s)"
    r"|(?:\s{2,}|\s*[\t|·–—]\s*|\s-\s|\s+page\s|\s第)\s*(?:page\s*)?\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?\s*页?$",
    re.IGNORECASE,
)
"""The page number at the end or the beginning of a running header."""


class Line(NamedTuple):
    """A line of the text: its stripped content, where that begins and ends, how far it is indented (spaces; a
    full-width one counts as two), and whether a page ends with it (a form feed)."""

    text: str
    start: int
    end: int
    indent: int
    ends_page: bool


def lines_of(text: str) -> list[Line]:
    """The lines, the empty ones included. Without its breaks and outer spaces the text is their contents."""
    lines = []
    for match in _LINE.finditer(text):
        line = match["line"]
        content = line.strip()
        lead = len(line) - len(line.lstrip()) if content else 0
        start = match.start() + lead
        indent = sum(2 if letter in "\t\u3000" else 1 for letter in line[:lead])
        lines.append(Line(content, start, start + len(content), indent, "\f" in match["break"]))
        if not match["break"]:
            break
    return lines


def page_numbers(lines: Sequence[Line]) -> set[int]:
    """Which lines hold nothing but a page number.

    They say so ("Page 3 of 12", "- 3 -", 第 3 页), or stand bare: at the edge of a page where form feeds tell the
    pages, elsewhere where at least three of them count up one by one, at least 5 lines apart.
    """
    told = {place for place, line in enumerate(lines) if len(line.text) < 40 and _TOLD.fullmatch(line.text)}
    bare = {place for place, line in enumerate(lines) if len(line.text) < 8 and _BARE.fullmatch(line.text)}
    if any(line.ends_page for line in lines):
        edges = {place for page in _pages(lines, set()) for place in (page[:1] + page[-1:])}
        return told | (bare & edges)
    return told | _counting(lines, sorted(bare))


def _counting(lines: Sequence[Line], places: Sequence[int]) -> set[int]:
    """Of the bare numbers, the longest series that counts up."""
    best: list[int] = []
    series: dict[int, list[int]] = {}
    for place in places:
        if not lines[place].text.isdecimal():
            continue
        number = int(lines[place].text)
        before = series.get(number - 1, [])
        follows = bool(before) and place - before[-1] > FAR_APART
        series[number] = [*before, place] if follows else [place]
        best = max(best, series[number], key=len)
    return set(best) if len(best) >= 3 else set()


def running_lines(lines: Sequence[Line], numbers: set[int]) -> set[int]:
    """Which lines are headers or footers: among the first and the last two of a page, and the same on others.

    Pages end at form feeds, else at the page numbers. The line has to recur on three pages, or on both of two.
    """
    pages = _pages(lines, numbers)
    wanted = 2 if len(pages) == 2 else 3
    found: set[int] = set()
    for edge in (slice(None, EDGE), slice(-EDGE, None)):
        edges = [[place for place in page if place not in numbers][edge] for page in pages]
        places = [[place for place in page if len(lines[place].text) <= LONGEST] for page in edges]
        keys = [{_key(lines[place].text) for place in page} for page in places]
        recurring = {key for key, times in Counter(key for page in keys for key in page).items() if times >= wanted}
        found |= {place for page in places for place in page if _key(lines[place].text) in recurring}
    return found


def _key(line: str) -> str:
    return " ".join(_COUNTED.sub(" ", line).split())


def _pages(lines: Sequence[Line], numbers: set[int]) -> list[list[int]]:
    """The lines of each page that hold something, by their places."""
    ends = [place for place, line in enumerate(lines) if line.ends_page] or sorted(numbers)
    borders = [-1, *ends, len(lines) - 1]
    pages = ([place for place in range(low + 1, high + 1) if lines[place].text] for low, high in pairwise(borders))
    return [page for page in pages if page]
