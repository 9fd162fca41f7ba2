from __future__ import annotations

from collections.abc import Callable

import pytest

from sftcore_plugin_legal import PdfMend

Rewrite = Callable[..., str]

BODY = [
    "The Supplier shall deliver the Goods to the place that the order names, and",
    "the risk passes on delivery. The Buyer shall inspect the Goods at once and",
    "give notice of any defect within ten days of the delivery, failing which the",
    "Goods are deemed to be accepted. Payment is due within thirty days of receipt",
    "of the invoice. Interest on late payments accrues at the statutory rate from",
    "the day after the due date until the day on which the amount is received, and",
    "no further reminder is needed for that. Partial deliveries are not allowed.",
]


def pages(*, feed: str = "\f", number: str = "Page {} of 3", header: str = "SUPPLY AGREEMENT") -> str:
    """Three pages of different lines, which one paragraph runs through."""
    parts = (BODY[0:3], BODY[3:5], BODY[5:7])
    return feed.join("\n".join([header, *part, "", number.format(place)]) + "\n" for place, part in enumerate(parts, 1))


@pytest.mark.parametrize("number", ["Page {} of 3", "- {} -", "{}/3", "{}", "第 {} 页 共 3 页"])
def test_pages_that_form_feeds_tell_become_one_paragraph(rewrite: Rewrite, number: str) -> None:
    assert rewrite(PdfMend, pages(number=number)) == " ".join(BODY)


def test_page_numbers_that_say_so_tell_the_pages_without_form_feeds(rewrite: Rewrite) -> None:
    assert rewrite(PdfMend, pages(feed="")) == " ".join(BODY)


def test_a_header_may_carry_the_page_s_number(rewrite: Rewrite) -> None:
    text = "\f".join(f"{place}   SUPPLY AGREEMENT\n{line}\n" for place, line in enumerate(BODY, 1))
    assert rewrite(PdfMend, text) == " ".join(BODY) + "\n"


def test_bare_numbers_that_count_up_far_apart_are_page_numbers(rewrite: Rewrite) -> None:
    filler = [f"Clause {letter} says a thing of its own.\n" for letter in "abcdefghijklmnopqrstu"]
    blocks = ["".join(filler[at : at + 7]) for at in (0, 7, 14)]
    text = "".join(f"{block}{number}\n" for number, block in enumerate(blocks, 4))
    assert rewrite(PdfMend, text, lines=False).split("\n") == "".join(filler).rstrip().split("\n")
    table = "Rate\n1\n2\n3\n4\n"
    assert rewrite(PdfMend, table) == table


def test_lines_that_recur_in_the_middle_of_pages_stay(rewrite: Rewrite) -> None:
    page = "First line of page {0} here.\nSecond {0}.\nBy: ________\nThird {0}.\nLast line of page {0} here.\n"
    text = "\f".join(page.format(number) for number in ("one", "two", "three", "four"))
    assert rewrite(PdfMend, text).count("By: ________") == 4


def test_divided_words(rewrite: Rewrite) -> None:
    assert rewrite(PdfMend, "the agree-\nment of the parties") == "the agreement of the parties"
    assert rewrite(PdfMend, "soft agree\u00ad\nment") == "soft agreement"
    assert rewrite(PdfMend, "a long-\nterm plan is a long-term plan") == "a long-term plan is a long-term plan"
    assert rewrite(PdfMend, "of non-\ndelivery") == "of non-delivery"
    assert rewrite(PdfMend, "pages 3-\n5, and Smith-\nJones") == "pages 3-\n5, and Smith-\nJones"
    assert rewrite(PdfMend, "agree-\nment", hyphens=False) == "agree-\nment"


def test_paragraphs_items_and_headings_stay_apart(rewrite: Rewrite) -> None:
    text = (
        "2. Delivery\n"
        "The Supplier shall deliver the Goods to the place that the order names, and\n"
        "the risk passes on delivery.\n"
        "(a) first, the Supplier tells the Buyer of the day of the delivery and that\n"
        "the Buyer agrees.\n"
        "\n"
        "3. Payment\n"
        "  The Buyer pays.\n"
    )
    expected = (
        "2. Delivery\n"
        "The Supplier shall deliver the Goods to the place that the order names, and the risk passes on delivery.\n"
        "(a) first, the Supplier tells the Buyer of the day of the delivery and that the Buyer agrees.\n"
        "\n"
        "3. Payment\n"
        "  The Buyer pays.\n"
    )
    assert rewrite(PdfMend, text) == expected
    assert rewrite(PdfMend, text, lines=False) == text


def test_chinese_lines_are_joined_without_a_space(rewrite: Rewrite) -> None:
    text = (
        "采购合同\n"
        "甲方应当在收到发票之日起三十日内向乙方支付货款，逾期付款的，每\n"
        "逾期一日应当按照应付未付金额的万分之五向乙方支付违约金，但违约\n"
        "金总额不超过合同总价的百分之十。\n"
        "第二条 交付\n"
        "乙方应当在本合同生效后十五日内将货物运送至甲方指定的地点，运\n"
        "- 1 -\n"
        "输费用由乙方承担。"
    )
    expected = (
        "采购合同\n"
        "甲方应当在收到发票之日起三十日内向乙方支付货款，逾期付款的，每逾期一日应当按照应付未付金额的万分之五向乙方支付"
        "违约金，但违约金总额不超过合同总价的百分之十。\n"
        "第二条 交付\n"
        "乙方应当在本合同生效后十五日内将货物运送至甲方指定的地点，运输费用由乙方承担。"
    )
    assert rewrite(PdfMend, text) == expected


def test_a_page_that_ends_with_a_sentence_ends_a_paragraph(rewrite: Rewrite) -> None:
    first = "The Buyer pays within thirty days of receipt of the invoice, and not later."
    text = f"HEADER\n{first}\n- 1 -\nHEADER\n{first}\n\n- 2 -\n\nHEADER\nThe end.\n- 3 -\n"
    assert rewrite(PdfMend, text) == f"{first}\n{first}\n\nThe end."


@pytest.mark.parametrize("text", ["", "Page 3 of 12", "one line", "Page 1\n\fPage 2\n", "\n\n", "a\n\nb"])
def test_texts_with_nothing_to_mend(rewrite: Rewrite, text: str) -> None:
    assert rewrite(PdfMend, text) == text


def test_mending_twice_changes_nothing_more(rewrite: Rewrite) -> None:
    once = rewrite(PdfMend, pages())
    assert rewrite(PdfMend, once) == once
