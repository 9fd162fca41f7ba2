"""The page of a check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sftcore.checking import CheckResult, Example, Finding, Lengths, Relative, Shape, Twins
from sftcore.checking.found import Conflicts, Steps, TwinGroup
from sftcore.evaluation.ceiling import Ceiling
from sftcore.report.checked import check_page
from sftcore.report.words import Words, sentences
from tests.browser import Browser, browser

PLAN = 'name = "reviews"\n# seed = 42\n'
ROWS = [Relative(0, "a.csv row 1", "fine <b>film</b>", "积极"), Relative(1, "a.csv row 2", "Fine film!", "消极")]


def result(**changes: Any) -> CheckResult:
    histogram = {"width": 4, "counts": [5, 20, 40, 9], "over": 1, "cut": [0, 0, 0, 9]}
    lengths = Lengths(75, 75, 9.0, 9, 11, 12, 12, 12, 10, 10 / 75, 40, histogram)
    details = {"features": 75, "max_length": 12, "tokens": 700, "truncated_rows": 10, "lost_tokens": 40}
    stages = [
        {"stage": "load", "rows_in": 95, "rows_out": 95, "details": {"files": ["a.csv"]}},
        {"stage": "split", "rows_in": 95, "rows_out": 95, "details": {"rows": {"train": 75, "test": 20}}},
        {"stage": "encode train", "rows_in": 75, "rows_out": 75, "details": details},
    ]
    plan = {
        "model": {"base": "package:x/y"},
        "data": {"source": "a.csv"},
        "task": {"use": "sftcore:text-classification"},
    }
    found = CheckResult(
        shape=Shape("reviews", plan, [{"distribution": "sftcore-plugin-x", "version": "1.0"}]),
        findings=[
            Finding("conflicts", "attention", {"texts": 1, "rows": 2, "share": 2 / 95}, "conflicts"),
            Finding("splits", "fine", {"train": 75, "validation": 0, "test": 20, "scored": 19}),
        ],
        warnings=(),
        notes=["the encoding is utf-8"],
        texts=True,
        ledger={"stages": stages},
        rows={"train": 75, "validation": 0, "test": 20},
        labels={split: {"积极": 50, "消极": 25, "<i>": 0} for split in ("train", "validation", "test")},
        targets={},
        twins=Twins({"exact": 0, "near": 1}, 0.7, True, 2, 2, 19, examples={"near": [TwinGroup(2, ROWS)]}),
        conflicts=Conflicts(1, 2, [ROWS]),
        lengths={"train": lengths},
        unknown_tokens=0.0,
        examples=[Example(0, "a.csv row 1", ["[CLS]", "fine", "<b>"], [False, True, True], "积极")],
        steps=Steps(3, 9, 0, 3, 75, 700),
        ceiling=Ceiling(19, ("test",), {"f1": 0.9876}),
        machine={"device": "cpu", "precision": "fp32", "optimizer": "adamw_torch", "threads": 2},
    )
    return replace(found, **changes)


def test_what_needs_attention_comes_first() -> None:
    page = check_page(result(), PLAN, Words("en"))
    places = [page.index(text) for text in ("1 text comes with different labels", "75 train", 'id="flow"', 'id="plan"')]
    assert places == sorted(places)
    assert "correct the labels" in page
    assert "# seed = 42" in page and "sftcore-plugin-x 1.0" in page
    assert "f1 0.988" in page and "Steps: 3 an epoch, 9 in all" in page
    assert "max_length 12" in page and "13 % of the rows are cut" in page


def test_texts_and_labels_are_escaped() -> None:
    page = check_page(result(), PLAN, Words("en"))
    assert "<b>film" not in page and "fine &lt;b&gt;film" in page
    assert '<th scope="row">&lt;i&gt;</th>' in page
    marked = re.search(r"<mark>(.*?)</mark>", page, re.DOTALL)
    assert marked and "fine" in marked[1] and "&lt;b&gt;" in marked[1] and "CLS" not in marked[1]


def test_where_nothing_needs_attention_that_is_said() -> None:
    page = check_page(result(findings=[]), PLAN, Words("en"))
    assert "Nothing needs attention." in page


def test_without_texts_there_is_none() -> None:
    rows = [replace(one, text=None) for one in ROWS]
    twins = Twins({"near": 1}, 0.7, True, 2, 2, 19, examples={"near": [TwinGroup(2, rows)]})
    page = check_page(
        result(texts=False, examples=[], twins=twins, conflicts=Conflicts(1, 2, [rows])), PLAN, Words("en")
    )
    assert "report.texts = false" in page and "Fine film!" not in page and "a.csv row 2" in page


def test_a_chinese_page_has_no_english_sentence() -> None:
    page = check_page(result(), PLAN, Words("zh"))
    body = page[page.index("<main") : page.index("</main>")]
    english = [text for key, text in sentences("en").items() if key.startswith("check.") and len(text.split()) > 3]
    assert [text for text in english if text in body] == []
    assert Words("zh").several("check.attention.conflicts", 1, rows="2", share=Words("zh").percent(2 / 95)) in body
    assert "a.csv 第 2 行" in body and "a.csv row 2" not in body


def test_numbers_and_windows_are_shown_too() -> None:
    targets = {"train": {"rows": 75, "mean": 2.5, "lowest": 1.0, "highest": 4.0}}
    lengths = {"train": replace(result().lengths["train"], rows=10)}
    page = check_page(result(labels={}, targets=targets, lengths=lengths), PLAN, Words("en"))
    assert "2.500" in page and ">pieces<" in page


@pytest.fixture(scope="module")
def opener() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme", "language"), [(1440, "light", "en"), (390, "dark", "zh")])
def test_the_page_in_a_browser(opener: Browser, tmp_path: Path, width: int, scheme: str, language: Any) -> None:
    many = {split: {f"class {number}": number for number in range(200)} for split in ("train", "test")}
    file = tmp_path / "check.html"
    file.write_text(
        check_page(result(labels=many, rows={"train": 19_900, "test": 19_900}), PLAN, Words(language)), encoding="utf-8"
    )
    with opener.open(file, width, scheme) as opened:
        assert (opened.errors, opened.requests, opened.axe(), opened.overflow()) == ([], [], [], 0)
        opened.page.get_by_role("searchbox").fill("class 199")
        rows = opened.page.locator("section[aria-labelledby=labels] tbody tr:visible")
        assert rows.count() == 1
