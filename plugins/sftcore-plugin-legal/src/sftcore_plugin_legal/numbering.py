"""Numbers of sections: where a text refers to one ("Section 2.1(a)", 第三条第（二）款), and where one begins a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_legal.numerals import CHINESE, roman_to_number
from sftcore_plugin_legal.statutes import Numerals, numeral

What = Literal["normalise", "mask", "keep"]

_WORDS = {
    "section": "Section",
    "sections": "Sections",
    "sec.": "Section",
    "sect.": "Section",
    "secs.": "Sections",
    "§": "Section",
    "§§": "Sections",
    "article": "Article",
    "articles": "Articles",
    "art.": "Article",
    "arts.": "Articles",
    "clause": "Clause",
    "clauses": "Clauses",
    "cl.": "Clause",
    "paragraph": "Paragraph",
    "paragraphs": "Paragraphs",
    "para.": "Paragraph",
    "paras.": "Paragraphs",
    "¶": "Paragraph",
    "¶¶": "Paragraphs",
    "exhibit": "Exhibit",
    "exhibits": "Exhibits",
    "schedule": "Schedule",
    "schedules": "Schedules",
    "annex": "Annex",
    "appendix": "Appendix",
}
_SUBSECTION = r"(?:[ \t]?\((?:[A-Za-z]{1,2}|[ivxlIVXL]{1,5}|\d{1,3})\)){1,5}"
_NUMBER = (
    rf"(?:\d{{1,4}}(?:\.\d{{1,3}}){{0,5}}[A-Za-z]?|[IVXL]{{1,6}}(?![A-Za-z])|[A-Z](?:-\d{{1,3}})?)(?:{_SUBSECTION})?"
)
# § in a statute ("42 U.S.C. § 1983", "Cal. Civ. Code § 1714") belongs to a citation, not to this text
_NO_STATUTE = (
    r"(?<![.\w§¶])(?<!\.\s)(?<!Code\s)(?<!Law\s)(?<!Laws\s)(?<!Act\s)(?<!CFR\s)(?<!USC\s)"
    r"(?<!ch\.\s\d,\s)(?<!ch\.\s\d\d,\s)(?<!ch\.\s\d\d\d,\s)"
)
_ENGLISH = re.compile(
    rf"(?:(?P<word>(?<![A-Za-z])(?:(?i:sections?|articles?|clauses?|paragraphs?|exhibits?|schedules?)|Annex|ANNEX|"
    rf"Appendix|APPENDIX|(?i:secs?\.|sect\.|arts?\.|cl\.|paras?\.)))[ \t\n]{{1,2}}"
    rf"|(?P<sign>{_NO_STATUTE}(?:§{{1,2}}|¶{{1,2}}))[ \t]?)"
    rf"(?P<number>{_NUMBER}|{_SUBSECTION})(?![A-Za-z0-9])"
)
_NUMERAL = rf"[{CHINESE}]{{1,12}}"
_DOTTED = r"[0-9０-９]{1,3}(?:[.．][0-9０-９]{1,3}){1,4}"
_BRACKETED = rf"[ 　]?(?:[(（][ 　]?)?{_NUMERAL}(?:[ 　]?[)）])?[ 　]?"
_CHINESE = re.compile(
    rf"第(?:{_BRACKETED}|[ 　]?{_DOTTED}[ 　]?)[编章节条款项目](?:之{_NUMERAL})?"
    rf"(?:[ 　]?第{_BRACKETED}[条款项目]){{0,3}}"
    rf"|附[件录表][ 　]?(?:[一二三四五六七八九十]{{1,3}}|[0-9０-９]{{1,3}}|[A-Z](?![A-Za-z]))"
)
_CHINESE_PART = re.compile(
    rf"(?P<before>[ 　]?(?:[(（][ 　]?)?)(?P<numeral>{_DOTTED}|{_NUMERAL})"
    rf"(?P<after>(?:[ 　]?[)）])?[ 　]?)"
)
_LINE_NUMBER = re.compile(
    rf"(?:^|(?<=[\n\r\f\u2028]))[ \t　]*(?P<number>"
    rf"(?i:(?:section|article|clause)[ \t]{{1,3}})(?:\d{{1,3}}(?:\.\d{{1,3}}){{0,5}}|[IVXL]{{1,6}})[.:、]?(?=\s)"
    rf"|\d{{1,3}}(?:\.\d{{1,3}}){{1,5}}[.)、]?(?=[ \t　\u3400-\u9fff])"
    rf"|\d{{1,3}}[.)．、](?=[ \t　\u3400-\u9fff\"“])"
    rf"|\((?:[A-Za-z]{{1,2}}|[ivxl]{{1,6}}|\d{{1,3}})\)(?=[ \t])"
    rf"|(?:[IVXL]{{1,6}}|[A-Z]|[a-z])[.)](?=[ \t])"
    rf"|第{_NUMERAL}[编章节条](?=[ \t　：:])|[一二三四五六七八九十]{{1,4}}[、.．]"
    rf"|[(（][一二三四五六七八九十]{{1,4}}[)）][、.．]?"
    rf")[ \t　]*"
)


class LegalNumbering(TextPreprocessor, name="legal-numbering"):
    """Write references to sections in one form, or put a placeholder for them; also the numbers that begin lines.

    "SECTION 2.1 (a)", "Sec. 2.1(a)" and "§ 2.1(a)" become "Section 2.1(a)", "ARTICLE IV" "Article 4", 第三条第（二）款
    "第3条第2款", so that a model meets one spelling. Numbers at the beginning of a line ("2.1", "(a)", 一、) stay
    unless `lines` says otherwise. The sign § stays where it belongs to a statute ("42 U.S.C. § 1983"); see
    legal-citations for these.
    """

    references: What = "normalise"
    """References within the text: "normalise" their spelling, "mask" them, or "keep" them."""
    lines: Literal["mask", "keep"] = "keep"
    """Numbers that begin a line: "keep" them, or "mask" them, which with `placeholder = ""` removes them."""
    numerals: Numerals = "arabic"
    """Numerals of Chinese references: "arabic" (第3条), "chinese" (第三条), or "keep" them as they are."""
    placeholder: str = "<section>"
    """What stands for what is masked; "" removes it."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each number that is masked or written otherwise."""
        end = 0
        found = [*self._in_lines(text), *self._in_references(text)]
        for edit in sorted(found, key=lambda edit: (edit.start, -edit.end)):
            if edit.start >= end:
                yield edit
                end = edit.end

    def _in_lines(self, text: str) -> Iterator[Edit]:
        if self.lines == "mask":
            for match in _LINE_NUMBER.finditer(text):
                end = match.end() if not self.placeholder else match.end("number")
                yield Edit(match.start("number"), end, self.placeholder)

    def _in_references(self, text: str) -> Iterator[Edit]:
        if self.references == "keep":
            return
        for match in _ENGLISH.finditer(text):
            yield Edit(*match.span(), self.placeholder if self.references == "mask" else _canonical(match))
        for match in _CHINESE.finditer(text) if "第" in text or "附" in text else ():
            if self.references == "mask":
                yield Edit(*match.span(), self.placeholder)
            else:
                yield from self._numerals(text, match)

    def _numerals(self, text: str, match: re.Match[str]) -> Iterator[Edit]:
        """The numerals of a Chinese reference that are written otherwise, without brackets and spaces about them."""
        for part in _CHINESE_PART.finditer(text, *match.span()) if self.numerals != "keep" else ():
            written = numeral(part["numeral"], self.numerals)
            if part["before"] or part["after"] or written != part["numeral"]:
                yield Edit(*part.span(), written)


def _canonical(match: re.Match[str]) -> str:
    """The reference in one spelling: "Section 2.1(a)"."""
    word = _WORDS[(match["word"] or match["sign"]).lower()]
    number = re.sub(r"[ \t]+", "", match["number"])
    head, bracket, rest = number.partition("(")
    if word.startswith(("Article", "Section")) and len(head) + (head in "IVX") > 1:  # a single L or C is a letter
        head = str(roman_to_number(head) or head)
    return f"{word} {head}{bracket}{rest}"
