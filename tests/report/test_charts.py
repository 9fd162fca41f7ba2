from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from sftcore.report import charts
from sftcore.report.charts import Bar, Chart, Figures, Line, bars, calibration_chart, histogram, line_chart
from sftcore.report.words import Words

WORDS = Words("en")
CHART = Chart("loss", "Loss", "What <b> there is & to see", "step", "value")
LINES = [Line("training", [1, 2, 3], [3.0, 2.0, 1.5]), Line("validation", [2, 3], [2.5, 2.2], marked=True)]


def drawing(page: str) -> ET.Element:
    """The chart, which has to be well-formed XML by itself."""
    return ET.fromstring(page[page.index("<svg class") : page.index("</svg>") + 6])


def cells(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_a_chart_is_an_image_with_a_name_and_a_description() -> None:
    page = line_chart(CHART, LINES, WORDS)
    svg = drawing(page)
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "loss-title loss-desc"
    named = {one.get("id"): one.text for one in svg if one.get("id")}
    assert named["loss-title"] == "Loss"
    assert named["loss-desc"] == "What <b> there is & to see"
    assert "<b>" not in page
    assert svg.get("width") is None


def test_colours_are_the_pages_and_fonts_the_browsers() -> None:
    page = line_chart(CHART, LINES, WORDS)
    assert not re.search(r"#[0-9a-f]{6}", page)
    assert {"var(--series-1)", "var(--series-2)", "var(--muted)"} <= set(re.findall(r"var\([\w-]+\)", page))
    assert "font-family" not in page
    assert "<style" not in page


def test_two_charts_share_no_id_and_refer_to_their_own() -> None:
    one = line_chart(CHART, LINES, WORDS)
    other = line_chart(Chart("other", "Other", "", "x", "y"), LINES, WORDS)
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for page, own in zip((one, other), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([\w.-]+)', page)) <= own


def test_the_same_figures_give_the_same_chart() -> None:
    assert line_chart(CHART, LINES, WORDS) == line_chart(CHART, LINES, WORDS)


def test_the_table_has_every_point() -> None:
    page = line_chart(CHART, LINES, WORDS)
    assert cells(page) == [
        ["step", "training", "validation"],
        *(["1", "3.000", "–"], ["2", "2.000", "2.500"], ["3", "1.500", "2.200"]),
    ]


def test_a_long_line_is_thinned_and_keeps_its_ends() -> None:
    long = Line("long", list(range(10_000)), [x / 10_000 for x in range(10_000)])
    page = line_chart(CHART, [long], WORDS)
    rows = cells(page)[1:]
    assert len(rows) == charts.MOST_FIGURES
    assert (rows[0][0], rows[-1][0]) == ("0", "9,999")
    assert len(page) < 30_000


def test_chinese_stays_text_and_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    page = line_chart(Chart("c", "损失", "说明", "步数", "数值"), LINES, Words("zh"))
    texts = [text.text for text in drawing(page).iter("{http://www.w3.org/2000/svg}text")]
    assert {"步数", "数值"} <= set(texts)
    assert not recwarn.list


def test_dollars_in_a_name_are_no_mathematics() -> None:
    page = bars(Chart("b", "By name", "", "f1"), [Bar("costs $5 and $6", 0.5), Bar("b", 0.2)], WORDS)
    texts = [text.text or "" for text in drawing(page).iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("costs $5 and $6") for text in texts)


def test_bars_have_their_interval_and_may_do_without_a_table() -> None:
    items = [Bar("first", 0.5, 0.4, 0.6, "12 rows"), Bar("second", 0.25)]
    page = bars(Chart("b", "Bars", "", "f1"), items, WORDS)
    assert cells(page)[1:] == [["first", "0.500", "0.400 to 0.600", "12 rows"], ["second", "0.250", "–", ""]]
    assert "<table" not in bars(Chart("b", "Bars", "", "f1"), items, WORDS, tabled=False)


def test_a_histogram_tells_what_was_cut_and_what_is_longer() -> None:
    found = {"width": 10, "counts": [5, 7], "cut": [0, 3], "over": 2}
    page = histogram(Chart("h", "Lengths", "", "tokens", "rows"), found, WORDS, ("whole", "cut"), mark=(16, "limit"))
    assert cells(page)[1:] == [["1 to 10", "5", "0"], ["11 to 20", "7", "3"], ["more than 20", "2", "2"]]
    assert re.findall(r"</svg> ([\w ]+)</li>", page) == ["whole", "cut", "limit"]
    short = histogram(
        Chart("h", "L", "", "t", "r"), {"width": 1, "counts": [4]}, WORDS, ("whole", "cut"), mark=(9, "limit")
    )
    assert "limit" not in short
    assert cells(short)[1:] == [["1", "4", "0"]]


def test_calibration_has_a_row_for_each_group() -> None:
    page = calibration_chart(CHART, [0.5, 0.9], [0.4, 1.0], [10, 90], WORDS, "ideal")
    assert cells(page)[1:] == [["0.500", "0.400", "10"], ["0.900", "1.000", "90"]]


def test_without_matplotlib_the_table_stands_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    assert not charts.available()
    page = line_chart(CHART, LINES, WORDS, figures=Figures(("a", "b"), [("x", "1")]))
    assert "<svg class" not in page
    assert "<details open>" in page
    assert cells(page) == [["a", "b"], ["x", "1"]]
