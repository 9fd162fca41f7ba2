from __future__ import annotations

from collections.abc import Callable

import pytest

from sftcore_plugin_legal import LegalCitations

Rewrite = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See Roe v. Wade, 410 U. S. 113, 120 (1973).", "See Roe v. Wade, 410 U.S. 113, 120 (1973)."),
        ("42 U. S. C. § 1983", "42 U.S.C. § 1983"),
        ("Foo v. Bar, 1 F.Supp.2d 3 (D. Mass. 1999)", "Foo v. Bar, 1 F. Supp. 2d 3 (D. Mass. 1999)"),
        ("410 U. S., at 121", "410 U.S., at 121"),
        ("依据《民法典》第五百七十七条第（二）款", "依据《民法典》第577条第（2）款"),
        ("《合同法》第一〇七条、第１０８条及第一百零九条之一", "《合同法》第107条、第108条及第109条之1"),
        ("《公司法》（2018年修正） 第十六条", "《公司法》（2018年修正） 第16条"),
        ("(2019)最高法民终１２３号", "（2019）最高法民终123号"),
        ("〔2020〕 京01民初 第5号之一", "（2020）京01民初5号之一"),
    ],
)
def test_one_spelling(rewrite: Rewrite, text: str, expected: str) -> None:
    assert rewrite(LegalCitations, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eyecite",
        "Id. at 5; Smith, supra, at 3. § 2.1",
        "410 U.S. 113 and 42 U.S.C. § 1983",
        "Section 5 of 17 contracts",
        "《劳动合同法》规定；第三条；《红楼梦》一书",
        "（2019年）12号",
    ],
)
def test_what_is_no_citation_or_right_already(rewrite: Rewrite, text: str) -> None:
    assert rewrite(LegalCitations, text) == text


def test_numerals_may_become_chinese_or_stay(rewrite: Rewrite) -> None:
    text = "《民法典》第577条、第一百零七条"
    assert rewrite(LegalCitations, text, numerals="chinese") == "《民法典》第五百七十七条、第一百零七条"
    assert rewrite(LegalCitations, text, numerals="keep") == text


def test_the_republic_may_go_from_titles(rewrite: Rewrite) -> None:
    text = "《中华人民共和国合同法》第107条和《中华人民共和国公司法》，《中华人民共和国》"
    expected = "《合同法》第107条和《公司法》，《中华人民共和国》"
    assert rewrite(LegalCitations, text, short_titles=True) == expected
    assert rewrite(LegalCitations, text) == text


def test_masks_take_the_whole_citation(rewrite: Rewrite) -> None:
    text = "《民法典》第五百七十七条、第五百七十八条与《公司法》，410 U. S. 113, (2019)沪民终1号。"
    expected = "<citation>与《公司法》，<citation>, <citation>。"
    assert rewrite(LegalCitations, text, style="mask", short_titles=True) == expected
    assert rewrite(LegalCitations, text, style="mask", placeholder="") == "与《公司法》，, 。"


def test_a_case_number_within_a_title_belongs_to_the_title(rewrite: Rewrite) -> None:
    assert rewrite(LegalCitations, "《关于(2019)沪民终１号的答复》第一条") == "《关于(2019)沪民终１号的答复》第1条"


def test_each_kind_may_be_left_out(rewrite: Rewrite) -> None:
    text = "《民法典》第一条, 410 U. S. 113"
    assert rewrite(LegalCitations, text, us=False) == "《民法典》第1条, 410 U. S. 113"
    assert rewrite(LegalCitations, text, chinese=False) == "《民法典》第一条, 410 U.S. 113"


def test_a_numeral_is_an_edit_of_its_own_so_that_spans_stay_narrow() -> None:
    assert list(LegalCitations().edits("《民法典》第五百七十七条第二款")) == [(6, 11, "577"), (13, 14, "2")]


def test_no_text_reaches_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    text = (
        "See Roe v. Wade, 410 U. S. 113, 120 (1973); 42 U. S. C. § 1983; Foo v. Bar, 1 F. Supp. 2d 3 (D. Mass. 1999)."
    )
    assert len(list(LegalCitations().edits(text))) == 2
    assert capfd.readouterr() == ("", "")
