from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from sftcore_plugin_legal import LegalDefinedTerms
from sftcore_plugin_legal.defined_terms import defined_terms

Rewrite = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Acme, Inc. (the “Company”) and Bob", ["Company"]),
        ('(each, a "Party" and together the "Parties")', ["Party", "Parties"]),
        ('(hereinafter referred to as the "Seller")', ["Seller"]),
        ("“Affiliate” means any entity. “Term” shall mean. “Use” has the meaning", ["Affiliate", "Term", "Use"]),
        ("北京某某有限公司（以下简称“甲方”）与（“乙方”）", ["甲方", "乙方"]),
        ("（以下合称为「双方」）“保密信息”是指任何，“工作日” 指", ["双方", "保密信息", "工作日"]),
        ('(see "Notices" below) he said "yes"', []),
        ('the word "Company" and (in brackets) "more"', []),
        ("", []),
    ],
)
def test_definitions_are_recognised(text: str, terms: list[str]) -> None:
    found = list(defined_terms(text))
    assert [term.text for term in found] == terms
    assert all(text[term.start : term.end] == term.text for term in found)


def test_quotation_marks_of_definitions_only(rewrite: Rewrite) -> None:
    text = "This “Agreement” binds Acme (the “Company”). （以下简称“甲方”）"
    straight = 'This “Agreement” binds Acme (the "Company"). （以下简称"甲方"）'
    assert rewrite(LegalDefinedTerms, text) == straight
    assert rewrite(LegalDefinedTerms, straight, quotes="curly") == text
    assert (
        rewrite(LegalDefinedTerms, text, quotes="remove")
        == "This “Agreement” binds Acme (the Company). （以下简称甲方）"
    )
    assert rewrite(LegalDefinedTerms, text, quotes="keep") == text


def test_capitals_are_written_as_defined(rewrite: Rewrite) -> None:
    text = '(the "Company") COMPANY, COMPANYS, company, the COMPANY (the "IRS") IRS'
    expected = '(the "Company") Company, COMPANYS, company, the Company (the "IRS") IRS'
    assert rewrite(LegalDefinedTerms, text) == expected
    assert rewrite(LegalDefinedTerms, text, casing="keep") == text


def test_definitions_can_be_marked(rewrite: Rewrite) -> None:
    assert rewrite(LegalDefinedTerms, '(the "Company")', mark="<t>{term}</t>") == '(the "<t>Company</t>")'
    assert rewrite(LegalDefinedTerms, "（“甲方”）", mark="[{term}]", quotes="remove") == "（[甲方]）"
    with pytest.raises(ValidationError, match="term"):
        LegalDefinedTerms(mark="<term>")


def test_the_term_itself_is_not_touched() -> None:
    assert list(LegalDefinedTerms(mark="<{term}>").edits("(“Term”)")) == [(1, 2, '"<'), (6, 7, '>"')]
