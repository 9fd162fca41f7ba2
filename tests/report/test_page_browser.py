"""The page in a real browser: wide and narrow, light and dark, English and Chinese."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sftcore.report import write_report
from tests.browser import Browser, browser
from tests.report.builder import make_run

pytestmark = pytest.mark.browser

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
RUNS: dict[str, dict[str, Any]] = {
    "classes": {},
    "chinese": {"language": "zh", "right": 0.5, "baseline_right": 0.9},
    "answers": {"kind": "texts", "adapter": True},
    "long": {"label": "L" * 300, "right": 0.5},
    "many": {"classes": 60, "rows": 600, "resamples": 3},
}
TABLE = """() => [...document.querySelectorAll(".measured tbody tr")].map((row) =>
    [...row.cells].map((cell) => cell.innerText.trim().replace(/\\s+/g, " ")))"""
CLIPPED = """() => [...document.querySelectorAll(".first *")].filter((one) => one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display !== "inline" && getComputedStyle(one).overflowX === "hidden"
    && !one.closest("thead")).length"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opener:
        yield opener


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {name: make_run(folder / name, **changes) for name, changes in RUNS.items()}
    for path in made.values():
        assert write_report(path) == ()
    return {name: path / "report.html" for name, path in made.items()}


@pytest.mark.parametrize("name", RUNS)
def test_it_is_whole_quiet_and_accessible_at_every_width(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    turns = [(width, scheme) for width in WIDTHS for scheme in SCHEMES]
    looked = turns if name == "classes" else turns[:1] + turns[-1:] if name == "chinese" else turns[-1:]

    with chromium.open(pages[name]) as opened:
        for width, scheme in turns:
            opened.turn(width, scheme)
            assert opened.overflow() <= 0
            assert opened.page.evaluate(CLIPPED) == 0
            if (width, scheme) in looked:  # axe takes its time
                assert opened.axe() == []
        assert (opened.errors, opened.requests) == ([], [])


def test_it_loads_within_a_second(chromium: Browser, pages: dict[str, Path]) -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 1.5 * cores:
        pytest.skip(f"the machine is too busy to take times (load {load:.1f} on {cores} cores)")

    times = []
    for _ in range(3):
        with chromium.open(pages["many"]) as opened:
            times.append(opened.load_seconds())

    assert min(times) < 1


def test_the_figures_seen_are_those_of_metrics_json(chromium: Browser, pages: dict[str, Path]) -> None:
    test = json.loads((pages["classes"].parent / "metrics.json").read_text(encoding="utf-8"))["test"]
    tfidf = test["baselines"]["tfidf"]

    with chromium.open(pages["classes"]) as opened:
        rows = opened.page.evaluate(TABLE)

    assert [row[0].split(" ")[0] for row in rows] == list(test["greater_is_better"])
    for name, row in zip(test["greater_is_better"], rows, strict=True):
        ours, gain = test["metrics"][name], tfidf["differences"][name]
        assert row[1] == f"{ours['value']:.3f} {ours['low']:.3f} to {ours['high']:.3f}"
        assert row[2] == f"{tfidf['metrics'][name]['value']:.3f}"
        assert row[3] == f"{gain['value']:.3f} better {gain['low']:.3f} to {gain['high']:.3f} better"


def test_nothing_but_the_first_screen_is_on_the_first_screen(chromium: Browser, pages: dict[str, Path]) -> None:
    with chromium.open(pages["classes"], 1440) as opened:
        below = opened.page.evaluate("() => document.querySelector('nav.contents').getBoundingClientRect().top")
        last = opened.page.evaluate("() => document.querySelector('.measured + p').getBoundingClientRect().bottom")

    assert last <= 900 <= below


def test_tables_sort_and_filter_by_keyboard(chromium: Browser, pages: dict[str, Path]) -> None:
    with chromium.open(pages["classes"]) as opened:
        table = opened.page.locator("section:has(> #origin) table")
        table.locator("th button").first.focus()
        opened.page.keyboard.press("Enter")
        names = table.locator("tbody th").all_inner_texts()
        assert table.locator("thead th").first.get_attribute("aria-sort") == "ascending"
        assert [name.split()[0] for name in names] == ["sftcore", "sftcore-plugin-some", "torch"]

        opened.page.get_by_label("Filter the packages").fill("torch")
        assert table.locator("tbody tr:visible").count() == 1
        assert opened.page.locator(".filter output").first.inner_text() == "1 of 3 rows"

        times = opened.page.locator("table.times")
        times.locator("th button").nth(1).click()
        assert times.locator("tbody th").first.inner_text() == "Save"
        assert opened.errors == []


def test_it_says_everything_without_scripts(chromium: Browser, pages: dict[str, Path]) -> None:
    with chromium.open(pages["chinese"], java_script_enabled=False) as opened:
        assert "模型不如 tfidf 这一基线" in opened.page.locator(".verdict").inner_text()
        assert opened.page.locator("th button").count() == 0


def test_chinese_is_set_in_a_font_that_has_it(chromium: Browser, pages: dict[str, Path]) -> None:
    with chromium.open(pages["chinese"]) as opened:
        session = opened.page.context.new_cdp_session(opened.page)
        root = session.send("DOM.getDocument")["root"]["nodeId"]
        session.send("CSS.enable") if session.send("DOM.enable") is not None else None
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": ".verdict p"})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        text = opened.page.content()

    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert sum(font["glyphCount"] for font in fonts if "LastResort" not in font["familyName"]) > 40
