"""Text that was taken from a PDF, mended: pages joined, headers and page numbers out, broken lines whole again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_legal.pdf_pages import Line, lines_of, page_numbers, running_lines
from sftcore_plugin_legal.words import words

LEAST_WIDTH = 30
"""Columns below which lines are too short to tell a broken line from a short one."""
FULL = 0.75
"""Share of the usual width from which a line counts as full: what follows goes on with it."""
HYPHENS = "-‐\u00ad"

_CJK = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’—…]")
_ENDS_SENTENCE = re.compile(r"[.!?:;。！？：；…][\"”’'」』)）\]]*$")
_BEGINS_ITEM = re.compile(
    r"(?:[•●○■□◆▪·*–—-]\s|\(?(?:[A-Za-z]|[ivxl]{1,5}|\d{1,3})[.)]\s|\d{1,3}(?:\.\d{1,3})+|(?:section|article|clause|exhibit|schedule)\s+[\dA-Z]"
    r"|第[〇零一二三四五六七八九十百千0-9]{1,6}[编章节条]|[(（][一二三四五六七八九十0-9]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|附[件录])",
    re.IGNORECASE,
)
_PREFIXES = words("all anti co cross ex half ill inter mid multi non pre post quasi self semi sub third well")
"""What is written with a hyphen before most words."""
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


class PdfMend(TextPreprocessor, name="pdf-mend"):
    """Mend text that was taken from a PDF: remove page numbers, headers and footers, and join lines broken in two.

    A page number says that it is one ("Page 3 of 12", "- 3 -", 第 3 页) or counts the pages up; headers and footers
    recur at the edges of three pages (of both, where there are two). A line goes on where it is nearly full, or the
    next begins in lower case; Chinese lines are joined without a space. "agree-" and "ment" become "agreement". Empty
    lines, list items and numbered sections keep beginning a paragraph.
    """

    page_numbers: bool = True
    """Remove lines that hold nothing but a page number."""
    headers: bool = True
    """Remove running headers and footers."""
    hyphens: bool = True
    """Join words that a hyphen divides at the end of a line."""
    lines: bool = True
    """Join the lines of a paragraph."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each line break that goes, with what lies at it."""
        lines = lines_of(text)
        if len(lines) < 2:
            return
        numbers = page_numbers(lines)
        gone = (numbers if self.page_numbers else set()) | (running_lines(lines, numbers) if self.headers else set())
        kept = [place for place, line in enumerate(lines) if line.text and place not in gone]
        if not kept:
            return
        if any(place < kept[0] for place in gone):
            yield Edit(0, lines[kept[0]].start, "")
        width = _usual_width([lines[place] for place in kept])
        vocabulary = _Words(text)
        for here, after in pairwise(kept):
            yield from self._between(lines, here, after, gone, width, vocabulary)
        if any(place > kept[-1] for place in gone):
            yield Edit(lines[kept[-1]].end, len(text), "")

    def _between(
        self, lines: Sequence[Line], here: int, after: int, gone: set[int], width: float, vocabulary: _Words
    ) -> Iterator[Edit]:
        """What becomes of the break between two lines that stay."""
        line, following = lines[here], lines[after]
        turns = any(place in gone or lines[place].ends_page for place in range(here, after))
        parted = any(not lines[place].text for place in range(here + 1, after))
        if parted and not turns:
            return
        if self.hyphens and (hyphenated := vocabulary.hyphenated(line, following)) is not None:
            yield Edit(line.end - 1, following.start, hyphenated)
        elif self.lines and _goes_on(line, following, width, turns):
            yield Edit(line.end, following.start, _joint(line.text, following.text))
        elif turns:
            yield Edit(line.end, following.start, "\n\n" if parted else "\n")


class _Words:
    """The words of a text, to tell whether one that is divided at the end of a line has a hyphen of its own."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: frozenset[str] | None = None

    def hyphenated(self, line: Line, following: Line) -> str | None:
        """What stands between the halves of a divided word, "" or a hyphen; None where none is divided."""
        last = _LAST_WORD.search(line.text[:-1]) if line.text[-1] in HYPHENS else None
        first = _FIRST_WORD.match(following.text)
        if last is None or first is None or not first[0][0].islower():
            return None
        halves = last[0].lower(), first[0].lower()
        if line.text[-1] == "\u00ad" or "".join(halves) in self._all():
            return ""
        return "-" if "-".join(halves) in self._all() or halves[0] in _PREFIXES else ""

    def _all(self) -> frozenset[str]:
        if self._known is None:
            self._known = frozenset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", self._text.lower()))
        return self._known


def _goes_on(line: Line, following: Line, width: float, turns: bool) -> bool:
    """Whether `following` goes on with the paragraph of `line`; `turns`: a page ends between them."""
    if _BEGINS_ITEM.match(following.text) or following.indent >= line.indent + 2:
        return False
    if line.text[-1] in HYPHENS and following.text[0].islower():  # a divided word, which `hyphens` leaves so
        return False
    full = width >= LEAST_WIDTH and _columns(line.text) >= FULL * width
    ends = bool(_ENDS_SENTENCE.search(line.text))
    if turns:  # what a page ends with is a paragraph's end more often than not
        return not ends and (following.text[0].islower() or full)
    if ends:
        return full
    return full or (following.text[0].islower() and _columns(line.text) >= FULL * width / 2)


def _joint(line: str, following: str) -> str:
    """What stands between two lines that are joined: nothing beside Chinese characters, or after "Smith-"."""
    hyphened = line[-1] in HYPHENS and line[-2:-1].isalnum()
    return "" if hyphened or _CJK.match(line[-1]) or _CJK.match(following[0]) else " "


def _usual_width(lines: Sequence[Line]) -> float:
    """The columns that nine of ten lines do not exceed."""
    widths = sorted(_columns(line.text) for line in lines)
    return widths[-1 - len(widths) // 10]


def _columns(text: str) -> int:
    """Columns that the text takes: two for a full-width character."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
