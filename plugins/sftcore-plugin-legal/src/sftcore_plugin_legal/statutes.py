"""Chinese citations: articles of statutes (《民法典》第五百七十七条) and case numbers (（2019）最高法民终123号)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from sftcore_plugin_legal.numerals import CHINESE, HIGHEST, chinese_to_number, number_to_chinese

Numerals = Literal["arabic", "chinese", "keep"]

_NUMERAL = rf"[{CHINESE}]{{1,12}}"
_PLACE = rf"第[ 　]?(?:[(（][ 　]?)?{_NUMERAL}(?:[ 　]?[)）])?[ 　]?[编章节条款项目](?:之{_NUMERAL})?"
_REMARK = r"[(（][^()（）《》\n]{1,30}[)）]"
"""What may stand between title and article: （2018年修正）, （以下简称“民法典”）."""
_CITATION = re.compile(
    rf"《(?P<title>[^《》\n]{{1,60}})》(?P<places>[ 　]?(?:{_REMARK})?[ 　]?{_PLACE}"
    rf"(?:[ 　]?(?:[、，,和及与至或]|以及|或者)?[ 　]?{_PLACE}){{0,20}})?"
)
_PLACES_NUMERAL = re.compile(rf"(?<=第)[ 　]?[(（]?[ 　]?(?P<a>{_NUMERAL})|(?<=之)(?P<b>{_NUMERAL})")
_CASE = re.compile(
    rf"[(（\[〔][ 　]?(?P<year>[0-9０-９]{{4}})[ 　]?[)）\]〕][ 　]?"
    rf"(?P<court>[\u4e00-\u9fff]{{1,8}}[0-9０-９]{{0,4}}[\u4e00-\u9fff]{{0,4}}[民刑行知执赔商破督协监][\u4e00-\u9fff]{{0,4}})"
    rf"[ 　]?(?:第[ 　]?)?(?P<number>[0-9０-９]{{1,7}})[ 　]?号(?:之{_NUMERAL})?"
)
_COUNTRY = "中华人民共和国"
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")


class Found(NamedTuple):
    """A citation in a text, and the rewrites within it that make it canonical."""

    start: int
    end: int
    rewrites: tuple[tuple[int, int, str], ...]


def statutes(text: str, numerals: Numerals, short_titles: bool) -> Iterator[Found]:
    """Each citation of an article, ascending: a title in 《》 with the articles after it.

    A title alone (《合同法》) is found where `short_titles` shortens it. Its rewrites put the numerals of articles,
    paragraphs and items into one form, drop spaces between title and article, and shorten the title.
    """
    for match in _CITATION.finditer(text):
        title, places = match["title"], match["places"]
        shortened = short_titles and title.startswith(_COUNTRY) and len(title) > len(_COUNTRY)
        rewrites = [(match.start("title"), match.start("title") + len(_COUNTRY), "")] if shortened else []
        if places:
            rewrites += _in_places(text, match.start("places"), match.end("places"), numerals)
        if places or rewrites:
            yield Found(match.start(), match.end(), tuple(rewrites))


def cases(text: str) -> Iterator[Found]:
    """Each Chinese case number, ascending; its one rewrite gives it full-width brackets and plain digits."""
    for match in _CASE.finditer(text):
        year, court, number = (match[part].translate(_WIDE) for part in ("year", "court", "number"))
        rest = text[match.end("number") : match.end()].strip(" 　")
        canonical = f"（{year}）{court}{number}{rest}"
        rewrites = ((match.start(), match.end(), canonical),) if canonical != match.group() else ()
        yield Found(match.start(), match.end(), rewrites)


def numeral(text: str, wanted: Numerals) -> str:
    """The numeral in the wanted form; as it is where it stands for no number from 1 to 9,999."""
    number = None if wanted == "keep" else chinese_to_number(text)
    if number is None or not 1 <= number <= HIGHEST:
        return text
    return _written(number, wanted)


@cache
def _written(number: int, wanted: Numerals) -> str:
    return str(number) if wanted == "arabic" else number_to_chinese(number)


def _in_places(text: str, start: int, end: int, wanted: Numerals) -> Iterator[tuple[int, int, str]]:
    """The numerals between the two positions that change."""
    for match in _PLACES_NUMERAL.finditer(text, start, end):
        group = "a" if match["a"] else "b"
        written = numeral(match[group], wanted)
        if written != match[group]:
            yield match.start(group), match.end(group), written
