"""The years of dates in a text, English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sftcore_plugin_legal.numerals import DIGITS

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.?|Feb\.?|Mar\.?|Apr\.?|Jun\.?|Jul\.?|Aug\.?|Sept?\.?|Oct\.?|Nov\.?|Dec\.?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d{2}"
_DATE = re.compile(
    rf"(?<![A-Za-z]){_MONTH}[ \n]{{1,2}}(?:{_DAY},?[ \n]{{1,2}}|,?[ ]?)(?P<a>{_YEAR})(?!\d)"
    rf"|(?<!\d){_DAY}[ \n](?:day[ \n]of[ \n])?{_MONTH},?[ \n](?P<b>{_YEAR})(?!\d)"
    rf"|(?<![\d/.-])(?P<c>{_YEAR})(?P<gap>[-/.])\d{{1,2}}(?P=gap)\d{{1,2}}(?![\d/.-])"
    rf"|(?<![\d/.-])\d{{1,2}}(?P<gap2>[-/.])\d{{1,2}}(?P=gap2)(?P<d>{_YEAR})(?![\d/-])"
    rf"|(?<!\d)(?P<e>{_YEAR})[ ]?年[ ]?\d{{1,2}}[ ]?月"
    r"|(?P<f>[一二][九〇零○][〇零○一二三四五六七八九]{2})年[一二三四五六七八九十]{1,2}月",
    re.IGNORECASE,
)
_LEAP_DAY = re.compile(
    r"feb(?:ruary|\.)?[ \n]29|29(?:th)?[ \n](?:day of )?feb|[-/.]0?2[-/.]29(?!\d)|29[-/.]0?2[-/.]"
    r"|2[ ]?月[ ]?29|二月二十九",
    re.IGNORECASE,
)


class Year(NamedTuple):
    """The year of a date: where it stands, and its number."""

    start: int
    end: int
    number: int


def years_of_dates(text: str) -> Iterator[Year]:
    """The year of each date between 1900 and 2099 that has a month, ascending; a year alone is no date here."""
    for match in _DATE.finditer(text):
        group = next(name for name in "abcdef" if match[name])
        digits = match[group]
        number = int(digits) if digits.isdecimal() else int("".join(str(_digit(letter)) for letter in digits))
        if 1900 <= number <= 2099:
            yield Year(match.start(group), match.end(group), number)


def has_leap_day(text: str) -> bool:
    """Whether a 29 February is among the dates: years may then move by fours only."""
    return _LEAP_DAY.search(text) is not None


def written(year: int, like: str) -> str:
    """The year in digits, or in Chinese characters where `like` is."""
    return str(year) if like.isdecimal() else "".join(DIGITS[int(digit)] for digit in str(year))


def _digit(letter: str) -> int:
    return 0 if letter in "零○" else DIGITS.index(letter)
