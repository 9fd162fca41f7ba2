"""The page as a whole: one file, nothing in it but what may be shown, and no part that costs another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftcore import RunError
from sftcore.report import Evidence, write_report
from sftcore.report.frame import Section, page
from sftcore.report.page import render
from sftcore.report.words import Words
from sftcore.reporter import SilentReporter
from sftcore.runs.folder import Run
from sftcore.stages import make_report

Make = Callable[..., Path]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "label_sets", "language": "zh"},
        {"kind": "scores"},
        {"kind": "texts", "adapter": True},
        {"test": False},
        {"baselines": False},
        {"base": None, "rows": 1},
        {"classes": 200, "rows": 600, "resamples": 3},
    ],
)
def test_every_kind_of_run_has_a_whole_page(made: Make, changes: dict[str, Any]) -> None:
    path = made(**changes)

    assert write_report(path) == ()
    html = (path / "report.html").read_text(encoding="utf-8")
    assert html.count("<h1") == 1
    assert f'<html lang="{"zh-Hans" if changes.get("language") == "zh" else "en"}">' in html
    assert len(html.encode()) < 1_500_000


def test_nothing_is_fetched_from_anywhere(made: Make) -> None:
    path = made()
    write_report(path)
    html = (path / "report.html").read_text(encoding="utf-8")

    outside = re.findall(r"""(?:src|href|action|srcset|data)\s*=\s*["'](?!#|data:)[^"']*""", html)
    assert outside == []
    assert not re.search(r"@import|url\((?!#)", html)
    assert "default-src &#39;none&#39;" in html


def test_the_same_folder_gives_the_same_bytes(made: Make) -> None:
    path = made(kind="texts")
    write_report(path)
    first = (path / "report.html").read_bytes()
    write_report(path)

    assert (path / "report.html").read_bytes() == first


@pytest.mark.parametrize("kind", ["labels", "label_sets", "scores", "texts"])
def test_without_texts_no_text_of_the_data_is_on_the_page(made: Make, kind: str) -> None:
    marker = "Zebrafinch"
    shown, hidden = made(kind=kind, text=marker, name="shown"), made(kind=kind, text=marker, texts=False)
    write_report(shown)
    write_report(hidden)

    assert marker in (shown / "report.html").read_text(encoding="utf-8")
    assert marker not in (hidden / "report.html").read_text(encoding="utf-8")


def test_texts_that_look_like_html_stay_texts(made: Make) -> None:
    path = made(kind="texts", text='</pre><script>alert("x")</script><img src=x onerror=alert(1)>', name="tags")
    write_report(path)
    html = (path / "report.html").read_text(encoding="utf-8")

    assert "<script>alert" not in html
    assert "<img" not in html


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b\x1c"])
def test_separators_in_texts_end_no_line_of_the_files(made: Make, separator: str) -> None:
    path = made(kind="texts", text=f"one{separator}two")

    assert write_report(path) == ()
    assert "what the base wrote" in (path / "report.html").read_text(encoding="utf-8")


def test_huge_texts_leave_the_page_small(made: Make) -> None:
    path = made(kind="texts", text="一二三四五六七八九十" * 2000, rows=300, resamples=2, right=0.3)

    assert write_report(path) == ()
    assert (path / "report.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("log.jsonl", b'{"step": 1}\n{"step', "log.jsonl"),
        ("log.jsonl", b"5\n", "a JSON object a line"),
        ("overrides.json", b"", "overrides.json"),
        ("overrides.json", b"{}", "a JSON array"),
        ("generations.jsonl", b"\xff\n", "generations.jsonl"),
    ],
)
def test_a_damaged_file_is_named(made: Make, name: str, content: bytes, why: str) -> None:
    path = made(kind="texts")
    (path / name).write_bytes(content)

    with pytest.raises(RunError, match=why) as caught:
        Evidence.read(path)

    assert caught.value.problems[0].message.startswith("is damaged: ")


def test_a_recipe_that_is_no_text_any_more_costs_nothing(made: Make) -> None:
    path = made()
    (path / "recipe.toml").write_bytes(b"\xff\xfe name")

    assert write_report(path) == ()


def test_the_excuse_says_what_is_wrong_not_only_where(made: Make) -> None:
    path, told = made(kind="texts"), Told()
    (path / "generations.jsonl").write_bytes(b"{")

    make_report(Run(path), told)

    assert "generations.jsonl: is damaged: " in told.warnings[0]


def _broken(evidence: Evidence, words: Words) -> Section | None:
    raise ValueError("no such row: a very private text")


def test_a_section_that_fails_costs_no_other(made: Make) -> None:
    from sftcore.report import flow

    rendered = render(Evidence.read(made()), (_broken, flow.section))

    assert len(rendered.failures) == 1 and "ValueError: no such row" in rendered.failures[0]
    assert "This part of the page could not be made" in rendered.html
    assert "The way of the rows" in rendered.html


def test_an_error_of_a_run_without_texts_is_not_quoted(made: Make) -> None:
    rendered = render(Evidence.read(made(texts=False)), (_broken,))

    assert rendered.failures[0].endswith(": ValueError")
    assert "private" not in rendered.html


def test_a_first_screen_that_fails_leaves_the_rest(made: Make) -> None:
    path = made()
    metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    del metrics["test"]["metrics"]["f1"]["value"]
    (path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")

    rendered = render(Evidence.read(path))

    assert any(failure.startswith("first: ") for failure in rendered.failures)
    assert rendered.html.count("<h1") == 1 and "What it was made of" in rendered.html


class Told(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("texts", [True, False])
def test_a_report_that_fails_never_costs_the_run(made: Make, monkeypatch: pytest.MonkeyPatch, texts: bool) -> None:
    def fail(folder: Path) -> None:
        raise OSError("<private> text")

    monkeypatch.setattr("sftcore.report.page.write_report", fail)
    path, told = made(texts=texts), Told()

    make_report(Run(path), told)

    why = "OSError: <private> text" if texts else "OSError"
    assert len(told.warnings) == 1 and told.warnings[0].startswith("report.html is not whole: ")
    event = json.loads((path / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert event["event"] == "report" and ("private" in event["failed"]) == texts
    html = (path / "report.html").read_text(encoding="utf-8")
    assert "sftcore report reviews/0001" in html
    assert ("&lt;private&gt;" in html) == texts and "<private>" not in html
    assert why.split(":")[0] in event["failed"] or texts


def test_no_run_no_page(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run"):
        write_report(tmp_path)


def test_only_the_scripts_that_belong_to_a_page_may_run() -> None:
    from markupsafe import Markup

    words = Words("en")
    plain, own = page("t", Markup(), words, scripts=False), page("t", Markup(), words, script="1;", connect=True)

    assert "script-src &#39;none&#39;" in plain and "connect-src" not in plain
    assert own.count("sha256-") == 2 and "connect-src &#39;self&#39;" in own
