"""Names of companies, found in a text by their legal form, and invented ones to put in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sftcore_plugin_legal.words import words

_FORMS = (
    r"Inc\.?|INC\.?|Incorporated|L\.?L\.?C\.?|Ltd\.?|LTD\.?|Limited|LIMITED|Corp\.?|CORP\.?|Corporation|CORPORATION"
    r"|L\.?L\.?P\.?|L\.P\.?|LP|P\.?L\.?C\.?|plc|GmbH|AG|S\.A\.|N\.V\.|B\.V\.|S\.p\.A\.|S\.r\.l\."
    r"|Pty\.?[ ]Ltd\.?|Co\.,?[ ]Ltd\.?"
)
_WORD = r"(?:[A-Z][\w&'’.-]{0,24}|&|of|and|de)"
_ENGLISH = re.compile(
    rf"(?<![\w.])(?P<stem>[A-Z][\w&'’-]{{0,24}}(?:[ \n]{_WORD}){{0,5}}?)(?P<form>,?[ \n](?:{_FORMS}))(?![A-Za-z])"
)
_LEADING = words(
    "a accordingly after all an and any as at because before between both by each either except for from further how "
    "if in including is its neither no nor notwithstanding of on once or our provided said section shall should since "
    "such that the then there this though to under unless until upon was when where whereas whether while with"
)
"""Words that begin a sentence in a capital, or join two names, and are no part of a name that follows."""
_GENERIC = words("company corporation delaware limited nevada the")

_CHINESE_FORMS = "股份有限公司|有限责任公司|集团有限公司|有限公司|合伙企业（有限合伙）|合伙企业|律师事务所"
_NO_NAME = '\\s，。、；：:;,.！？!?“”"‘’「」《》〈〉\\[\\]【】0-9与和及由为是向从对将被即指系若如经因受的在于并就按'
_CHINESE = re.compile(rf"(?P<stem>[^{_NO_NAME}]{{2,24}}?)(?P<form>{_CHINESE_FORMS})")
_CHINESE_ROLE = re.compile(r"^[(（)）]*(?:(?:甲|乙|丙|丁|买|卖|发包|承包|出租|承租)(?:方|人)|本合同|其中)?")
_SHORT = re.compile(
    r"[^()（）\n]{0,100}[(（](?:the|(?:以下|下)?(?:简称|称)为?)?[ ]?[\"“「](?P<short>[^\"”」\n]{2,30})[\"”」][)）]"
)

HEADS = words(
    "Aldermont Brackwell Calvora Dunmere Elverton Fenwright Galdora Harrowick Ivermoor Jastrand Kelbrook Lorvale "
    "Marwenna Northmere Orlanth Pemberwick Quillmark Ravensby Selkona Tarrowby Ulverdale Vexmoor Wexcombe Yarrowgate "
    "Zentrava Ambrosel Bryndale Corvallen Drayvale Estmark"
)
TAILS = words("Systems Industries Partners Holdings Logistics Materials Energy Foods Media Instruments")
CHINESE_HEADS = words(
    "恒泽 云岭 瑞禾 明湖 盛川 启元 安澜 宏图 卓远 嘉木 松原 海晏 新桥 长林 华庭 乐安 普惠 天枢 远山 金穗"
)
"""Invented stems of names; none of a text's own words is drawn for it."""


class Company(NamedTuple):
    """A company of a text: its stem ("Acme Holdings") with legal forms, and the short names that the text uses."""

    stem: str
    shorts: tuple[str, ...] = ()
    is_chinese: bool = False


def companies_in(texts: Iterable[str]) -> list[Company]:
    """The companies that the texts name, each once, in order.

    A company is found by its legal form after a name in capitals (Acme Holdings, Inc.), or after Chinese characters
    (恒泽科技有限公司). Its short names are the stem ("Acme Holdings") and what brackets after the name define as such
    (the "Acme"), if the name begins with it or, in Chinese, holds it.
    """
    found: dict[str, Company] = {}
    for text in texts:
        for _, end, stem, is_chinese in sorted([*_english(text), *_chinese(text)]):
            short = _SHORT.match(text, end)
            shorts = _shorts(stem, short["short"] if short else "", is_chinese)
            known = found.get(stem.upper(), Company(stem, (), is_chinese))
            found[stem.upper()] = known._replace(shorts=tuple(dict.fromkeys((*known.shorts, *shorts))))
    return list(found.values())


def _shorts(stem: str, defined: str, is_chinese: bool) -> tuple[str, ...]:
    if is_chinese:
        return (defined,) if defined and defined in stem else ()
    return (defined,) if defined and f"{stem} ".startswith(f"{defined} ") and defined != stem else ()


def _english(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Start of the stem, end of the name, stem."""
    for match in _ENGLISH.finditer(text):
        own = match["stem"].split()
        while own and own[0].lower() in _LEADING:
            own = own[1:]
        if own and not all(word.lower() in _GENERIC for word in own):
            yield match.start(), match.end(), " ".join(own), False


def _chinese(text: str) -> Iterator[tuple[int, int, str, bool]]:
    for match in _CHINESE.finditer(text) if "公司" in text or "企业" in text or "事务所" in text else ():
        stem = _CHINESE_ROLE.sub("", match["stem"])
        if len(stem) >= 2:
            yield match.start(), match.end(), stem, True


def invented(company: Company, head: str, tail: str) -> dict[str, str]:
    """What stands for each of the company's names: the stem, and the short ones, of a head and, unless "", a tail."""
    if company.is_chinese:
        stem = head + (_industry(company.stem) if tail else "")
        return {company.stem: stem, **dict.fromkeys(company.shorts, head)}
    stem = f"{head} {tail}" if tail and " " in company.stem else head
    return {company.stem: stem, **{short: head if " " not in short else stem for short in company.shorts}}


def _industry(stem: str) -> str:
    """The line of business at the end of a Chinese name's stem, which the new one keeps: 科技, 置业."""
    return stem[-2:] if len(stem) >= 4 else ""


def unused(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The names that no text holds."""
    folded = "\n".join(texts).casefold()
    return [name for name in names if name.casefold() not in folded]
