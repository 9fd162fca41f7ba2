"""Citations, US and Chinese, in one form or masked."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_legal.statutes import Found, Numerals, cases, statutes

_KINDS = ("FullCaseCitation", "FullLawCitation", "FullJournalCitation", "ShortCaseCitation")
"""What eyecite finds besides (id., supra, a lone §) points to something else, and is left alone."""


class LegalCitations(TextPreprocessor, name="legal-citations"):
    """Write citations of cases, statutes and journals in one form, or put a placeholder for them.

    US citations are found by the library eyecite: "410 U. S. 113" becomes "410 U.S. 113", "42 U. S. C. § 1983" "42
    U.S.C. § 1983". Chinese ones by their title in 《》 with the articles after it: 《民法典》第五百七十七条 becomes
    《民法典》第577条, and by case numbers: (2019)最高法民终123号 becomes （2019）最高法民终123号. Names of parties,
    courts and years beside a citation stay.
    """

    style: Literal["normalise", "mask"] = "normalise"
    """normalise: one spelling for one citation; mask: write `placeholder` in its place."""
    numerals: Numerals = "arabic"
    """Numerals of Chinese articles: "arabic" (第577条), "chinese" (第五百七十七条), or "keep" them as they are."""
    short_titles: bool = False
    """Leave 中华人民共和国 out of titles: 《中华人民共和国民法典》 becomes 《民法典》."""
    us: bool = True
    """Look for US citations."""
    chinese: bool = True
    """Look for Chinese citations."""
    placeholder: str = "<citation>"
    """What stands for a citation with `style = "mask"`; "" removes it."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the rewrites of each citation, or the one that masks it."""
        end = 0
        for found in sorted(self._found(text)):
            if found.start < end:
                continue
            end = found.end
            if self.style == "mask":
                yield Edit(found.start, found.end, self.placeholder)
            else:
                yield from (Edit(*rewrite) for rewrite in found.rewrites)

    def _found(self, text: str) -> Iterator[Found]:
        if self.chinese and "《" in text:
            yield from statutes(text, self.numerals, self.short_titles and self.style == "normalise")
        if self.chinese and "号" in text:
            yield from cases(text)
        if self.us:
            yield from us_citations(text)


def us_citations(text: str) -> Iterator[Found]:
    """Each US citation that eyecite finds, with the rewrite that gives it the usual abbreviation, if it needs one."""
    if not any(letter.isdecimal() for letter in text) and "§" not in text:
        return  # no citation goes without a number, and the search is dear
    for citation in _found_by_eyecite(text):
        start, end = citation.span()
        written = citation.matched_text()
        if type(citation).__name__ in _KINDS and text[start:end] == written:
            canonical = " ".join(citation.corrected_citation().split())
            rewrites = ((start, end, canonical),) if canonical != written else ()
            yield Found(start, end, rewrites)


def _found_by_eyecite(text: str) -> Iterable[Any]:
    return _eyecite()(text)  # type: ignore[no-any-return]  # a library without types


@cache
def _eyecite() -> Any:
    """eyecite's search, told not to log: its warnings quote the text, which belongs into no log."""
    from eyecite import get_citations

    logging.getLogger("eyecite").setLevel(logging.ERROR)
    return get_citations
