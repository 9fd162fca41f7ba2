"""Defined terms: “Agreement”, (the "Company"), （以下简称“甲方”）, “保密信息”是指 …"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydantic import field_validator

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_legal.words import words

_PAIRS = {'"': '"', "“": "”", "„": "“", "「": "」", "『": "』", "〝": "〞", "＂": "＂"}
_QUOTED = re.compile(
    "|".join(rf"{opening}[^{opening}{closing}\n]{{1,80}}{closing}" for opening, closing in _PAIRS.items())
)
_BRACKETS = re.compile(r"[(（](?P<inner>[^()（）\n]{1,200})[)）]")
_WORD = re.compile(r"[^\W\d_]+")
_INTRODUCE = words(
    "a all an and any are as being both called collectively each either hereafter herein hereinafter individually is "
    "jointly or other party parties refer referred respectively sometimes such that the these this those to together "
    "under with"
)
"""English words that may stand beside the term in its brackets: (each, a "Party" and together the "Parties")."""
_INTRODUCE_CHINESE = re.compile(
    "以下|下文|下称|以上|合并|单独|各自|分别|统一|简称|合称|统称|并称|或称|又称|亦称|称为|称之|[称为或和与及并本该均各作中之]"
)
_MEANS = re.compile(
    r"[ \t]{0,2}(?:,[ \t])?(?:means?|shall[ \t]mean|(?:has|have|shall[ \t]have)[ \t]the[ \t]meanings?|refers?[ \t]to|"
    r"(?:is|are)[ \t]defined|includes?)(?![A-Za-z])|[ \t　]{0,2}(?:是指|系指|意指|均指|指的是|指|的含义|的定义)"
)


class Term(NamedTuple):
    """A term where it is defined: `start` and `end` without its quotation marks, which stand right around it."""

    start: int
    end: int
    text: str


def defined_terms(text: str) -> Iterator[Term]:
    """The terms that the text defines, where it does so, ascending.

    A definition is a term in quotation marks that is alone in brackets but for words that introduce it ("the",
    "collectively", 以下简称), or that "means", "shall mean", 是指 follow.
    """
    inside = [match.span("inner") for match in _BRACKETS.finditer(text) if _introduces(match["inner"])]
    at = 0
    for match in _QUOTED.finditer(text):
        while at < len(inside) and inside[at][1] < match.end():
            at += 1
        bracketed = at < len(inside) and inside[at][0] <= match.start()
        if bracketed or _MEANS.match(text, match.end()):
            yield Term(match.start() + 1, match.end() - 1, match.group()[1:-1])


def _introduces(inner: str) -> bool:
    """Whether brackets hold terms in quotation marks and besides only words that introduce them."""
    rest, quoted = _QUOTED.subn(" ", inner)
    beside = _WORD.findall(_INTRODUCE_CHINESE.sub(" ", rest)) if quoted else ["no term"]
    return all(word.lower() in _INTRODUCE for word in beside)


class LegalDefinedTerms(TextPreprocessor, name="legal-defined-terms"):
    """Recognise where a term is defined, unify its quotation marks, mark it, and write later uses as it was defined.

    (the “Company”) becomes (the "Company"), and a later COMPANY becomes Company; with `mark = "<term>{term}</term>"`
    (the "<term>Company</term>"). A definition is a term in quotation marks alone in brackets, or one before "means",
    "shall mean", 是指. Lower-case uses stay: a "company" is not the Company. Quotation marks elsewhere stay, too.
    """

    quotes: Literal["straight", "curly", "remove", "keep"] = "straight"
    """Quotation marks of definitions: "straight" ("Company"), "curly" (“Company”), "remove" or "keep" them."""
    casing: Literal["definition", "keep"] = "definition"
    """Uses in capitals alone (COMPANY) of a term that was defined otherwise: "definition": as defined; or "keep"."""
    mark: str = ""
    """What is written for a term where it is defined, with {term} in it once: "[{term}]"; "": the term as it is."""

    @field_validator("mark")
    @classmethod
    def _has_the_term(cls, mark: str) -> str:
        if mark and mark.count("{term}") != 1:
            raise ValueError('expected a text with {term} in it once, such as "<term>{term}</term>", or ""')
        return mark

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each mark around a definition, and for each use that is written otherwise."""
        terms = list(defined_terms(text))
        found = [*self._around(text, terms), *(self._uses(text, terms) if self.casing == "definition" else ())]
        end = 0
        for edit in sorted(found):
            if edit.start >= end:
                yield edit
                end = edit.end

    def _around(self, text: str, terms: list[Term]) -> Iterator[Edit]:
        before, _, after = self.mark.partition("{term}")
        for term in terms:
            opening, closing = self._marks(text[term.start - 1], text[term.end])
            yield Edit(term.start - 1, term.start, opening + before)
            yield Edit(term.end, term.end + 1, after + closing)

    def _marks(self, opening: str, closing: str) -> tuple[str, str]:
        chosen = {"straight": ('"', '"'), "curly": ("“", "”"), "remove": ("", ""), "keep": (opening, closing)}
        return chosen[self.quotes]

    def _uses(self, text: str, terms: list[Term]) -> Iterator[Edit]:
        """The uses in capitals, each as it was defined first."""
        as_defined: dict[str, str] = {}
        for term in terms:
            if term.text != term.text.upper() and len(term.text.upper()) == len(term.text):
                as_defined.setdefault(term.text.upper(), term.text)
        if not as_defined:
            return
        names = "|".join(map(re.escape, sorted(as_defined, key=len, reverse=True)))
        for match in re.finditer(rf"(?<![^\W_])(?:{names})(?![^\W_])", text):
            yield Edit(*match.span(), as_defined[match.group()])
