from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sftcore.report import Evidence, charts, slices
from sftcore.report.words import Words

Made = Callable[..., Path]


def part(rows: int, value: float | None) -> dict[str, Any]:
    return {"rows": rows, "metrics": {"exact-match": value, "token-f1": value}}


SLICES = {
    "question type": {"who": part(50, 0.5), "how many": part(40, None), "<b>": part(31, 0.25)},
    "answer length": {"13 words or more": part(60, 0.1), "2 to 3 words": part(50, 0.5), "1 word": part(31, 0.9)},
    "windows": {"1 window": part(130, 0.5)},
}


def body(made: Made, found: dict[str, Any], language: str = "en") -> str:
    evidence = Evidence.read(made(kind="texts"))
    section = slices.section(replace(evidence, metrics={"test": {**evidence.test, "slices": found}}), Words(language))
    assert section
    return str(section.body)


def heads(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>(.*?)</th>', page)


def test_every_part_has_its_figures(made: Made) -> None:
    page = body(made, SLICES)
    assert heads(page) == ["who", "how many", "&lt;b&gt;", "1 word", "2 to 3 words", "13 words or more", "1 window"]
    assert page.count('<td class="number" data-value="">–</td>') == 2
    assert page.count("<svg class") == 2
    assert "fewer than 30 rows" not in page


def test_small_parts_are_said_to_say_little(made: Made) -> None:
    assert "fewer than 30 rows" in body(made, {"answer": {"answer": part(29, 1.0), "no answer": part(200, 1.0)}})


def test_known_parts_are_told_in_chinese(made: Made) -> None:
    page = body(made, SLICES, "zh")
    assert heads(page) == ["谁", "多少", "&lt;b&gt;", "1 个词", "2 至 3 个词", "13 个词及以上", "1 个窗口"]
    assert "按“问题类型”划分" in page


def test_without_matplotlib_the_tables_stand_alone(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    page = body(made, SLICES)
    assert "<figure" not in page
    assert page.count("<table") == 3


def test_a_task_that_divides_nothing_has_no_section(made: Made) -> None:
    assert slices.section(Evidence.read(made()), Words("en")) is None
