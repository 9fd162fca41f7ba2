"""Numerals of legal texts: Chinese (五百七十七, 一〇七, １０７) and Roman (XIV), from and to numbers."""

from __future__ import annotations

import re

DIGITS = "〇一二三四五六七八九"
CHINESE = "0-9０-９〇零○一二三四五六七八九十百千两"
"""What a numeral of a Chinese statute may be made of, for a character class."""
HIGHEST = 9_999

_VALUES = {digit: value for value, digit in enumerate(DIGITS)} | {"零": 0, "○": 0, "两": 2}
_UNITS = {"千": 1000, "百": 100, "十": 10}
_GROUPED = re.compile(
    r"(?:(?P<千>[一二三四五六七八九两])千)?(?P<gap1>[零〇])?(?:(?P<百>[一二三四五六七八九两])百)?(?P<gap2>[零〇])?"
    r"(?:(?P<十>[一二三四五六七八九])?(?P<ten>十))?(?P<gap3>[零〇])?(?P<one>[一二三四五六七八九])?"
)
_ROMAN = re.compile(r"(?=[IVXLC])C{0,3}(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_ROMAN_VALUES = {"C": 100, "L": 50, "X": 10, "V": 5, "I": 1}


def chinese_to_number(text: str) -> int | None:
    """The number between 0 and 9,999 that a numeral stands for, None for what is no numeral.

    Takes digits of either width (107, １０７), digits in Chinese (一〇七, 二〇二〇) and numerals with units (一百零七,
    十二, 二千零一).
    """
    if text.isdecimal():
        return int(text) if len(text) <= 4 else None
    if text and all(letter in _VALUES for letter in text):
        return int("".join(str(_VALUES[letter]) for letter in text)) if len(text) <= 4 else None
    found = _GROUPED.fullmatch(text)
    if found is None or not any(unit in text for unit in _UNITS):
        return None
    gap = found["gap1"] or found["gap2"] or found["gap3"]
    if found["one"] and not found["ten"] and not gap:  # 一百七 is 107 to some and 170 to others
        return None
    number = sum(_VALUES[found[unit]] * value for unit, value in _UNITS.items() if found[unit])
    number += 10 if found["ten"] and not found["十"] else 0
    return number + (_VALUES[found["one"]] if found["one"] else 0)


def number_to_chinese(number: int) -> str:
    """The numeral as statutes write it: 577 is 五百七十七, 107 一百零七, 10 十. Raises ValueError beyond 1 to 9,999."""
    if not 1 <= number <= HIGHEST:
        raise ValueError(f"{number} is not between 1 and {HIGHEST}")
    written, gap = "", False
    for unit, value in (*_UNITS.items(), ("", 1)):
        digit, number = divmod(number, value)
        if digit:
            lone_ten = unit == "十" and digit == 1 and not written
            written += ("零" if gap else "") + ("" if lone_ten else DIGITS[digit]) + unit
            gap = False
        else:
            gap = bool(written)
    return written


def roman_to_number(text: str) -> int | None:
    """The number up to 399 that a Roman numeral in capitals stands for, None for what is none."""
    if not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[letter] for letter in text]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)
