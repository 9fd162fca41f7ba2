from __future__ import annotations

from collections.abc import Callable

import pytest

from sftcore_plugin_legal import LegalNumbering

Rewrite = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SECTION 2.1 (a) and Sec. 4(b)(ii)", "Section 2.1(a) and Section 4(b)(ii)"),
        ("§ 3, §§ 2.1 and ¶ 4", "Section 3, Sections 2.1 and Paragraph 4"),
        ("ARTICLE IV, Art. 5, Article XII", "Article 4, Article 5, Article 12"),
        ("clause 3.2; paragraph (b); EXHIBIT A; Appendix B-1", "Clause 3.2; Paragraph (b); Exhibit A; Appendix B-1"),
        ("Section\n2", "Section 2"),
        ("第三条第（二）款第1项", "第3条第2款第1项"),
        ("第一百零七条之一", "第107条之1"),
        ("第 5 条，附件 一，第４．２条", "第5条，附件1，第４．２条"),
        ("《民法典》第五百七十七条", "《民法典》第577条"),
    ],
)
def test_references_get_one_spelling(rewrite: Rewrite, text: str, expected: str) -> None:
    assert rewrite(LegalNumbering, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42 U.S.C. § 1983, Cal. Civ. Code § 1714, Mass. Gen. Laws ch. 1, § 2",
        "an article in the section of law; Section L; Exhibit C",
        "subsection 2 and intersection 4",
        "第三方 第二天 第一次",
        "2.1 Term\n(a) the Company\n一、总则",
    ],
)
def test_what_is_no_reference_stays(rewrite: Rewrite, text: str) -> None:
    assert rewrite(LegalNumbering, text) == text


def test_masks_and_kept_references(rewrite: Rewrite) -> None:
    text = "see Section 2.1 (a) and 第三条第（二）款"
    assert rewrite(LegalNumbering, text, references="mask") == "see <section> and <section>"
    assert rewrite(LegalNumbering, text, references="mask", placeholder="") == "see  and "
    assert rewrite(LegalNumbering, text, references="keep") == text


def test_chinese_numerals_both_ways(rewrite: Rewrite) -> None:
    assert rewrite(LegalNumbering, "第107条", numerals="chinese") == "第一百零七条"
    assert rewrite(LegalNumbering, "第 107 条（五）", numerals="keep") == "第 107 条（五）"


def test_numbers_that_begin_lines_can_go(rewrite: Rewrite) -> None:
    text = "1. TERMS\n  2.1 Term. The 2.1 rest\n(a) the Company\nIV. Foo\n一、总则\n（二）甲方\n第三条 价款\n3 apples"
    gone = "TERMS\n  Term. The 2.1 rest\nthe Company\nFoo\n总则\n甲方\n价款\n3 apples"
    assert rewrite(LegalNumbering, text, lines="mask", placeholder="") == gone
    assert rewrite(LegalNumbering, "2.1 Term\n（二）甲方", lines="mask") == "<section> Term\n<section>甲方"


def test_a_heading_is_the_line_s_number_rather_than_a_reference(rewrite: Rewrite) -> None:
    assert rewrite(LegalNumbering, "Section 4. Payment", lines="mask", placeholder="") == "Payment"
    assert rewrite(LegalNumbering, "Section 4. Payment", lines="mask", placeholder="#") == "# Payment"
