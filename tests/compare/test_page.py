from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from sftcore.compare import compare
from sftcore.compare.curves import curves
from sftcore.compare.page import render
from sftcore.report.evidence import Evidence
from sftcore.report.words import Words
from sftcore.runs.folder import Run
from tests.browser import browser
from tests.compare.conftest import MakeRun, answers, classes


@pytest.fixture
def runs(write_run: MakeRun) -> list[Run]:
    rows = classes(90)
    return [
        write_run("a", rows, answers(90, 0.9, 1)),
        write_run("b", rows, answers(90, 0.5, 2), seed=7),
        write_run("c", classes(40), answers(40, 0.5, 2), ids=range(200, 240)),
    ]


def test_the_figures_of_the_page_are_those_of_the_comparison(runs: list[Run]) -> None:
    found, words = compare(runs), Words("en")
    html = render(found, words)
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))
    gain = found.pairs[0].differences["accuracy"]
    for figure in (words.signed(gain.value), words.interval(gain.low, gain.high, signed=True)):
        assert figure in text
    for run in runs:
        own = run.metrics["test"]["metrics"]["accuracy"]
        assert f"{words.number(own['value'])} {words.interval(own['low'], own['high'])}" in text
    assert "seed 42 7 42" in text
    assert "The two can't be paired: they have other test rows" in text
    for name in ("Training loss", "Validation loss", "accuracy on the validation split"):
        assert name in text


def test_texts_of_the_data_are_escaped_and_left_out_where_they_must_not_show(write_run: MakeRun) -> None:
    rows = [row | {"text": f"<script>alert({place})</script>"} for place, row in enumerate(classes(12))]
    first = write_run("a", rows, answers(12, 1.1, 1))
    html = render(compare([first, write_run("b", rows, answers(12, 0, 2))]))
    assert "&lt;script&gt;alert(" in html
    assert "<script>alert" not in html
    quiet = write_run("c", rows, answers(12, 0, 2), more="report = { texts = false }")
    html = render(compare([first, quiet]))
    assert "alert(" not in html
    assert "Texts of the data are not shown" in html


def test_the_page_is_in_the_language_of_the_reference(write_run: MakeRun) -> None:
    rows = classes(12)
    chinese = write_run("a", rows, answers(12, 0.9, 1), more='report = { language = "zh" }')
    html = render(compare([chinese, write_run("b", rows, answers(12, 0.4, 2))]))
    assert '<html lang="zh-Hans">' in html
    assert "各自答对了哪些行" in html
    assert "Which rows" not in html


def test_curves_are_read_from_the_log(runs: list[Run]) -> None:
    found = curves(Evidence.read(runs[0].path))
    assert found == {
        "loss": [(10, 1.5), (20, 0.75)],
        "eval_loss": [(10, 1.25), (20, 1.0)],
        "eval_accuracy": [(10, 0.5), (20, 0.75)],
    }
    with open(runs[0].path / "log.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({"step": 10, "loss": 1.0}) + "\n")
    assert curves(Evidence.read(runs[0].path))["loss"] == [(10, 1.0), (20, 0.75)]


@pytest.mark.browser
def test_the_page_in_a_browser(runs: list[Run], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(compare(runs)), encoding="utf-8")
    with browser() as opener:
        for width, scheme in ((1440, "light"), (390, "dark")):
            with opener.open(page, width, scheme) as opened:
                assert opened.page.locator("h1").inner_text() == "a/0001, b/0001 and c/0001"
                assert opened.axe() == []
                assert opened.errors == []
                assert opened.requests == []
                assert opened.overflow() <= 0
                assert opened.page.locator("figure svg[role=img]").count() == 3
