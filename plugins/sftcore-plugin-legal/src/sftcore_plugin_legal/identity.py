"""Patterns of what identifies people and ways to reach them: e-mail addresses, telephone and identity numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

Range = tuple[int, int]

_D = "[0-9０-９]"
_WIDE = str.maketrans("０１２３４５６７８９Ｘ", "0123456789X")
_NOT_BEFORE = rf"(?<![A-Za-z0-9０-９])(?<!{_D}[.\-－])"
_NOT_AFTER = rf"(?![A-Za-z0-9０-９])(?![.\-－]{_D})"

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_%+](?:[A-Za-z0-9._%+'\-]{0,62}[A-Za-z0-9_%+\-])?[@＠]"
    r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})(?:\.[A-Za-z0-9\-]{1,63}){0,4}\.[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
_GAP = r"[ \-.－\u00a0]"
_PHONE = re.compile(
    rf"{_NOT_BEFORE}(?<![$€£¥#.])(?:"
    # international: + and seven to fifteen digits, in groups
    rf"(?P<international>[+＋]{_D}(?:{_GAP}{{0,2}}[(（]?{_D}[)）]?){{6,14}})"
    # China: mobile, landline with area code, 400 and 800
    rf"|(?:(?:0086|86){_GAP}?)?[1１][3-9３-９]{_D}(?:{_GAP}?{_D}{{4}}){{2}}"
    rf"|(?:[0０]{_D}{{2,3}}{_GAP}|[(（][0０]{_D}{{2,3}}[)）]{_GAP}?){_D}{{7,8}}(?:{_GAP}{_D}{{1,5}}|转{_D}{{1,5}})?"
    rf"|[48]00{_GAP}{_D}{{3,4}}{_GAP}?{_D}{{3,4}}"
    # North America
    rf"|(?:1{_GAP})?(?:\([2-9]{_D}{{2}}\){_GAP}?|[2-9]{_D}{{2}}{_GAP})[2-9]{_D}{{2}}{_GAP}{_D}{{4}}"
    rf"(?:[ ,]{{0,2}}(?:ext\.?|x)[ ]?{_D}{{1,5}})?"
    rf"){_NOT_AFTER}"
)
_SSN = re.compile(
    rf"{_NOT_BEFORE}(?P<area>[0-9]{{3}})(?P<gap>[- ])(?P<middle>[0-9]{{2}})(?P=gap)(?P<serial>[0-9]{{4}}){_NOT_AFTER}"
)
_CHINESE_ID = re.compile(rf"(?<![A-Za-z0-9０-９])(?P<all>[1-9１-９]{_D}{{16}}[0-9０-９XxＸｘ])(?![A-Za-z0-9０-９])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def emails(text: str) -> Iterator[Range]:
    """Where e-mail addresses stand."""
    return (match.span() for match in _EMAIL.finditer(text))


def telephone_numbers(text: str) -> Iterator[Range]:
    """Where telephone numbers stand: international ones (+ and 7 to 15 digits), Chinese mobile and landline numbers,
    numbers of North America with their area code."""
    for match in _PHONE.finditer(text):
        digits = sum(letter.isdecimal() for letter in match.group())
        if digits <= 15 or not match["international"]:
            yield match.span()


def identity_numbers(text: str, check_digits: bool = True) -> Iterator[Range]:
    """Where US social security (or taxpayer) numbers and Chinese 18-digit identity numbers stand.

    With `check_digits` a Chinese number needs its right check digit (GB 11643) besides a date of birth.
    """
    yield from (match.span() for match in _SSN.finditer(text) if _is_issued(match))
    for match in _CHINESE_ID.finditer(text):
        number = match["all"].upper().translate(_WIDE)
        if _has_birthday(number) and (not check_digits or has_check_digit(number)):
            yield match.span()


def has_check_digit(number: str) -> bool:
    """Whether the last character of a Chinese identity number (18 characters) checks the others (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECK[total % 11] == number[17]


def _has_birthday(number: str) -> bool:
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return born.year >= 1850


def _is_issued(match: re.Match[str]) -> bool:
    """Areas 000 and 666, groups 00 and serials 0000 are never given; 9xx are taxpayer numbers."""
    return match["area"] not in ("000", "666") and match["middle"] != "00" and match["serial"] != "0000"
