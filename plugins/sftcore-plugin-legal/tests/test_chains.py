"""Chains of built-in and legal preprocessors over any text: are spans where an account of single letters says?

The account shares nothing with the core's: it keeps a list of letters, each with a marker of the letters of the given
text that it stands for, and makes the edits on that list one after the other. 300 examples run by default, 10,000 with
SFTCORE_EXAMPLES=10000.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore import Recipe, TextPreprocessor, move_spans
from sftcore.builtin import sftcore_register_preprocessors as builtin_preprocessors
from sftcore.data.spans import PositionMap, apply, checked_edits
from sftcore_plugin_legal import LegalCitations, LegalDefinedTerms, LegalNumbering, PdfMend, Redact
from sftcore_plugin_legal import sftcore_register_preprocessors as legal_preprocessors

EXAMPLES = int(os.environ.get("SFTCORE_EXAMPLES", "300"))

LEGAL: list[TextPreprocessor] = [
    *(cls() for cls in legal_preprocessors()),
    LegalCitations(style="mask"),
    LegalCitations(numerals="chinese", short_titles=True),
    LegalCitations(style="mask", placeholder=""),
    LegalNumbering(references="mask", lines="mask", placeholder=""),
    LegalNumbering(numerals="chinese", lines="mask"),
    LegalDefinedTerms(quotes="remove", mark="<term>{term}</term>"),
    LegalDefinedTerms(quotes="curly", casing="keep"),
    PdfMend(headers=False, hyphens=False),
    PdfMend(lines=False),
    Redact(parties=("Acme Corporation|Acme", "北京恒泽科技有限公司|恒泽", "Ünal|Ωmega"), check_digits=False),
    Redact(parties=("Acme",), placeholder=""),
]
BUILTIN: list[TextPreprocessor] = [cls() for cls in builtin_preprocessors() if issubclass(cls, TextPreprocessor)]
PIECES = st.sampled_from(
    [
        *"aZé12.,;:-–!?()（）[]“”\"'《》「」、。，；：§¶@/|# ",
        *"\t\n\r\f\u3000\u200b\u00ad\ufeff\u0301İßﬁ第条款项一二十百零〇３",
        *(
            "Section 2.1(a)",
            "ARTICLE IV ",
            "§ 3",
            "§§ 2.1",
            "Sec. 4(b)(ii)",
            "Exhibit A",
            "(a) ",
            "1.1 ",
            "2. ",
            "\niv. ",
        ),
        *("第三条第（二）款", "第一百零七条之一", "第 5 条", "附件一", "一、", "（二）", "第4.2条"),
        *("《民法典》第五百七十七条", "《中华人民共和国合同法》第107条、第一百零八条", "（2019）最高法民终123号"),
        *("410 U. S. 113", "42 U. S. C. § 1983", "1 F.Supp.2d 3", "Roe v. Wade, ", "Id. at 5", "eyecite"),
        *('(the "Company")', "（以下简称“甲方”）", "“Affiliate” means", "COMPANY", "AFFILIATE ", "“保密信息”是指"),
        *(
            "Page 3 of 12\n",
            "\n- 4 -\n",
            "第 3 页 共 9 页\n",
            "HEADER  7\n",
            "\f",
            "agree-\nment",
            "non-\nuser",
            "\n7\n",
            "\n8\n",
        ),
        *("a@b.example", "+1 (212) 555-0123", "13812345678", "010-62345678", "123-45-6789", "11010119900307451", "4"),
        *(
            "Acme Corporation",
            "ACME\n",
            "北京恒泽科技有限公司",
            "恒泽",
            "Ωmega",
            "甲方应当向乙方支付货款，",
            "The Supplier shall deliver ",
        ),
        *("<b>", "&amp;", "http://x.de/a", "Ã¶", "the ", "不", "ｶﾞ", "👍🏽", "👩\u200d👧", "x" * 40, "合同" * 20),
    ]
)
TEXTS = st.tuples(
    st.lists(PIECES | st.text(max_size=8), max_size=14).map("".join), st.sampled_from(["", "合同", "甲\n乙"])
).map("".join)


@dataclass
class Letter:
    """A letter of the present text, and which letters of the given text it stands for."""

    sign: str
    of: frozenset[int]


class Account:
    """The letters of a text on their way through rewrites."""

    def __init__(self, text: str) -> None:
        self.letters = [Letter(sign, frozenset([place])) for place, sign in enumerate(text)]

    def rewrite(self, edits: Iterable[tuple[int, int, str]]) -> None:
        """Take the edits one by one into a new list, reading the old one from the left."""
        rest, taken, new = list(self.letters), 0, []
        for start, end, replacement in edits:
            new += rest[taken:start]
            stood_for = frozenset[int]().union(*(letter.of for letter in rest[start:end]))
            same = "".join(letter.sign for letter in rest[start:end]) == replacement
            new += rest[start:end] if same else [Letter(sign, stood_for) for sign in replacement]
            taken = end
        self.letters = new + rest[taken:]

    @property
    def text(self) -> str:
        return "".join(letter.sign for letter in self.letters)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """From the first letter to the last that stands for any of the range; None where none does."""
        marked = [place for place, letter in enumerate(self.letters) if not letter.of.isdisjoint(range(start, end))]
        return (marked[0], marked[-1] + 1) if marked else None

    def strangers(self, start: int, end: int, low: int, high: int) -> int:
        """How many letters of the given text beyond `start:end`, between the outermost, the range stands for."""
        of = [place for letter in self.letters[low:high] for place in letter.of]
        return max(0, start - min(of)) + max(0, max(of) + 1 - end)


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, chain=st.lists(st.sampled_from(LEGAL + BUILTIN), min_size=1, max_size=6), data=st.data())
def test_spans_stay_true_through_any_chain(text: str, chain: list[TextPreprocessor], data: st.DataObject) -> None:
    account, positions, present = Account(text), PositionMap(len(text)), text
    for component in chain:
        edits = checked_edits(present, component.edits(present), component.name)
        account.rewrite(edits)
        positions = positions.then(edits)
        present = apply(present, edits)
    assert present == account.text
    ends = st.integers(0, len(text))
    for low, high in data.draw(st.lists(st.tuples(ends, ends), min_size=1, max_size=8)):
        start, end = min(low, high), max(low, high)
        if start < end:
            found, expected = positions.map_span(start, end), account.span(start, end)
            assert (None if found.status == "lost" else (found.start, found.end)) == expected
            if expected:
                assert found.growth == account.strangers(start, end, *expected)


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, component=st.sampled_from(LEGAL))
def test_the_same_text_gives_the_same_edits(text: str, component: TextPreprocessor) -> None:
    first = list(component.edits(text))
    assert first == list(component.edits(text))
    squad = {"text": [text[:1]], "answer_start": [0]}
    if text and first and not (first[0][0] == 0 and first[0][1] > 0):
        assert apply(text, first)[move_spans(squad, text, first)["answer_start"][0]] == text[0]


LONG = [
    *(
        "a",
        "A ",
        "好，的",
        "1",
        "1.",
        "(a)",
        "(",
        "（",
        '"',
        "“",
        "“a”",
        '("a"',
        "《",
        "《a》",
        "《a》第一条",
        "第",
        "第一条",
        "第三条、",
    ),
    *(
        "§ ",
        "§",
        "Section ",
        "Section 1(a)",
        "\n",
        "\f",
        "a\n",
        "a-\n",
        "Page 1\n",
        "1\n",
        "\n\n",
        " \n",
        "x  1\n",
        "- 1 -\n",
    ),
    *(
        "a@",
        "a.",
        "+1",
        "1 ",
        "1-",
        "1(",
        "(1)",
        "212-",
        "Acme ",
        "Acme",
        "恒泽",
        "一",
        "（2019）民1",
        "1 U.S. 1 ",
        "Inc. ",
        ".)",
        "|\t",
    ),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("piece", LONG)
def test_long_texts_take_no_quadratic_time(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    for component in LEGAL[:5] + LEGAL[9:10] + LEGAL[14:15]:
        began = time.process_time()
        apply(text, component.edits(text), component.name)
        assert time.process_time() - began < 3, component


@pytest.mark.parametrize("component", LEGAL, ids=lambda component: component.name)
def test_nothing_comes_of_nothing(component: TextPreprocessor) -> None:
    assert list(component.edits("")) == []


def test_a_recipe_may_name_them_all() -> None:
    names = [cls.name for cls in legal_preprocessors()]
    recipe = Recipe.from_dict(
        {
            "model": {"base": "x"},
            "data": {"source": "a.csv"},
            "task": {"use": "clause-classification"},
            "preprocess": [{"use": name} for name in names],
        }
    )
    assert [step.name for step in recipe.preprocess] == names
