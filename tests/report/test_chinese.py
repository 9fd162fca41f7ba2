"""Chinese pages in a real browser: language, encoding, fonts and line breaks."""

from __future__ import annotations

import csv
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftcore.cli import main
from sftcore.report.page import write_report
from tests.browser import Browser, Opened, browser
from tests.report.builder import make_run

pytestmark = pytest.mark.browser

SAID = "酒店的位置很好，离地铁站只有五分钟；早餐一般，WiFi 很慢……「龘」字也认得吗？"
RECIPE = """
name = "评论"
data = { source = "评论.csv", encoding = "gb18030", columns = { text = "评论", label = "情感" } }
task = { use = "sentiment", labels = ["消极", "中性", "积极"] }
train = { max_steps = 4 }
report = { language = "zh" }

[model.scratch]
config = { model_type = "bert", hidden_size = 32, num_hidden_layers = 1, num_attention_heads = 2 }
tokenizer = { kind = "characters" }
"""
FONTS = """() => {
  const chinese = /\\p{Script=Han}|[，。；：？！（）《》“”…、]/u;
  const seen = new Set([...document.body.innerText].filter((each) => chinese.test(each)));
  const sample = document.createElement("p");
  sample.id = "sample";
  sample.textContent = [...seen].join("");
  document.querySelector("main").append(sample);
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.canvas.width = pen.canvas.height = 40;
  pen.font = "24px " + getComputedStyle(document.body).fontFamily;
  const drawn = (text) => {
    pen.clearRect(0, 0, 40, 40);
    pen.fillText(text, 4, 30);
    return pen.getImageData(0, 0, 40, 40).data.join("");
  };
  const missing = drawn("\\u{10FFFD}");
  return [...seen].filter((each) => drawn(each) === missing);
}"""
LINES = """() => {
  const found = [], range = document.createRange();
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent.closest("pre, code, svg, script, style") || !parent.checkVisibility()) continue;
    let around = parent;
    while (around && getComputedStyle(around).clipPath === "none") around = around.parentElement;
    if (around) continue;  // for screen readers only, and a pixel wide
    let before = null;
    for (let at = 0; at < node.length; at++) {
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const place = range.getClientRects()[0];
      if (!place || !place.width) continue;
      if (before !== null && place.top > before.bottom - 2) {
        found.push([node.data.slice(Math.max(0, at - 12), at), node.data.slice(at, at + 12)]);
      }
      before = place;
    }
  }
  return found;
}"""
NEVER_FIRST = "，。、；：？！）》」』”’…％·,.;:?!)"


def review(row: int) -> tuple[str, str]:
    """A text and its label; no two texts are alike."""
    middle = "".join(random.Random(row).choices("房间早餐服务前台卫生空调电梯停车风景价格", k=30))
    return f"酒店的位置很好，{middle}。", ("消极", "中性", "积极")[row % 3]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages by what they are of: a run that tells classes, one that writes, and a check of a GBK file."""
    folder = tmp_path_factory.mktemp("中文")
    labels = make_run(folder, name="情感", kind="labels", language="zh", text=SAID, base=None)
    texts = make_run(folder, name="问答", kind="texts", language="zh", text=SAID)
    assert (write_report(labels), write_report(texts)) == ((), ())
    with (folder / "评论.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([("评论", "情感"), *map(review, range(90))])
    (folder / "评论.toml").write_text(RECIPE, encoding="utf-8")
    checked = folder / "check.html"
    assert main(["check", str(folder / "评论.toml"), "--html", str(checked)]) == 0
    return {"classes": labels / "report.html", "answers": texts / "report.html", "check": checked}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opener:
        yield opener


@pytest.fixture(scope="module")
def font() -> None:
    """Skips where the machine has no font with Chinese characters."""
    lists = shutil.which("fc-list")
    if not lists or not subprocess.run([lists, ":lang=zh"], capture_output=True, check=False).stdout:
        pytest.skip("no font with Chinese characters is installed (fc-list :lang=zh)")


EACH = pytest.mark.parametrize("of", ["classes", "answers", "check"])


@EACH
def test_language_and_encoding(pages: dict[str, Path], chromium: Browser, of: str) -> None:
    raw = pages[of].read_bytes()
    text = raw.decode("utf-8")
    assert "�" not in text
    assert re.search(r"[À-ÿ][-¿]", text) is None  # UTF-8 read as Latin-1
    with chromium.open(pages[of]) as opened:
        assert opened.page.evaluate("document.documentElement.lang") == "zh-Hans"
        assert opened.page.evaluate("document.characterSet") == "UTF-8"
        shown = opened.page.inner_text("main")
        assert "配方" in shown
        assert "�" not in shown


@EACH
def test_every_character_has_a_glyph_of_a_chinese_font(
    pages: dict[str, Path], chromium: Browser, font: None, of: str
) -> None:
    with chromium.open(pages[of]) as opened:
        assert opened.page.evaluate(FONTS) == [], "drawn as boxes"
        fonts = platform_fonts(opened, "#sample")
    assert fonts
    assert all(covers_chinese(name) for name in fonts), fonts


def platform_fonts(opened: Opened, selector: str) -> list[str]:
    """The families that the browser took the glyphs of an element from."""
    session = opened.page.context.new_cdp_session(opened.page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    found: list[dict[str, Any]] = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    return [each["familyName"] for each in found if each["glyphCount"]]


def covers_chinese(family: str) -> bool:
    listed = subprocess.run(["fc-list", f"{family}:lang=zh"], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip())


@EACH
@pytest.mark.parametrize("width", [1440, 390])
def test_lines_break_as_chinese_wants(
    pages: dict[str, Path], chromium: Browser, font: None, of: str, width: int
) -> None:
    with chromium.open(pages[of], width) as opened:
        breaks = opened.page.evaluate(LINES)
        assert opened.overflow() <= 0
    assert len(breaks) > 5 or width == 1440
    wrong = [(before, after) for before, after in breaks if after[0] in NEVER_FIRST or in_a_word(before, after)]
    assert wrong == []


def in_a_word(before: str, after: str) -> bool:
    return bool(re.search(r"[A-Za-z]$", before) and re.match(r"[A-Za-z]", after))


@pytest.mark.parametrize(
    ("html", "finds"),
    [
        ("<p style='width: 5em; word-break: break-all'>Transformers 模型</p>", True),
        ("<p style='width: 5em'>模型很好</p>", False),
    ],
)
def test_a_wrong_break_would_be_found(tmp_path: Path, chromium: Browser, font: None, html: str, finds: bool) -> None:
    (tmp_path / "page.html").write_text(f"<meta charset=utf-8><main>{html}</main>", encoding="utf-8")
    with chromium.open(tmp_path / "page.html") as opened:
        assert any(in_a_word(*each) for each in opened.page.evaluate(LINES)) is finds


def test_words_of_a_page_are_chinese(pages: dict[str, Path], chromium: Browser) -> None:
    """No English sentence of ours is left: what has no Chinese is a name, a figure or code."""
    with chromium.open(pages["classes"]) as opened:
        headings = opened.page.eval_on_selector_all("h2, h3, summary", "all => all.map((each) => each.textContent)")
    assert len(headings) > 8
    assert [text for text in headings if not re.search(r"[一-鿿]", text)] == []


def test_the_run_can_be_told_in_the_other_language(made: Callable[..., Path], chromium: Browser) -> None:
    folder = made(kind="labels", text=SAID)
    assert write_report(folder, "zh") == ()
    with chromium.open(folder / "report.html") as opened:
        assert opened.page.evaluate("document.documentElement.lang") == "zh-Hans"
