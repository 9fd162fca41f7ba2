from __future__ import annotations

import pytest

from sftcore_plugin_legal.numerals import chinese_to_number, number_to_chinese, roman_to_number


def test_every_number_is_written_and_read_back() -> None:
    assert all(chinese_to_number(number_to_chinese(number)) == number for number in range(1, 10_000))


@pytest.mark.parametrize(
    ("number", "numeral"),
    [
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (107, "一百零七"),
        (110, "一百一十"),
        (577, "五百七十七"),
        (1001, "一千零一"),
        (1260, "一千二百六十"),
        (2020, "二千零二十"),
    ],
)
def test_numerals_as_statutes_write_them(number: int, numeral: str) -> None:
    assert number_to_chinese(number) == numeral


@pytest.mark.parametrize(
    ("numeral", "number"),
    [("一〇七", 107), ("二〇二〇", 2020), ("１０７", 107), ("107", 107), ("两百", 200), ("一百〇七", 107), ("○", 0)],
)
def test_other_ways_to_write_a_number(numeral: str, number: int) -> None:
    assert chinese_to_number(numeral) == number


@pytest.mark.parametrize("text", ["", "百", "十百", "一百七", "五千五", "12345", "第", "二万", "一二三四五"])
def test_what_is_no_numeral_or_could_mean_two_numbers(text: str) -> None:
    assert chinese_to_number(text) is None


def test_numbers_out_of_range() -> None:
    for number in (0, 10_000):
        with pytest.raises(ValueError, match="9999"):
            number_to_chinese(number)


@pytest.mark.parametrize(
    ("text", "number"), [("I", 1), ("IV", 4), ("XIV", 14), ("XC", 90), ("LXXXVIII", 88), ("CCC", 300)]
)
def test_roman_numerals(text: str, number: int) -> None:
    assert roman_to_number(text) == number


@pytest.mark.parametrize("text", ["", "IIII", "VX", "iv", "MC", "A"])
def test_no_roman_numerals(text: str) -> None:
    assert roman_to_number(text) is None
