"""The ledger as a flow, and where the time went."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

from sftcore.report import flow, time
from sftcore.report.evidence import Evidence
from sftcore.report.words import Words

Make = Callable[..., Path]


def _text(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_every_dropped_row_is_told_with_its_reason(made: Make) -> None:
    evidence = Evidence.read(made())
    section = flow.section(evidence, Words("en"))

    assert section is not None
    text = _text(section.body)
    for stage in evidence.stages:
        for reason, number in stage.get("dropped", {}).items():
            assert f"{number} left out: {reason}" in text
    assert "Checked 1,223 in, 1,210 out" in text
    assert "lowercase changed 33 rows." in text
    assert "960 to train, 120 to validate, 123 to test." in text
    assert "4 exact copies, 2 that are nearly the same" in text
    assert "3 rows of the test split not scored" in text


def test_the_splits_as_the_model_reads_them(made: Make) -> None:
    section = flow.section(Evidence.read(made(kind="texts")), Words("zh"))

    assert section is not None
    assert "训练集 960 960 11,520 1 (0.1%) 9 2 答案被截断" in _text(section.body)


def test_a_run_without_ledger_has_no_flow(made: Make) -> None:
    path = made()
    (path / "ledger.json").unlink()

    assert flow.section(Evidence.read(path), Words("en")) is None


def test_a_stage_of_a_plugin_keeps_its_name(made: Make) -> None:
    path = made()
    ledger = json.loads((path / "ledger.json").read_text(encoding="utf-8"))
    ledger["stages"].insert(1, {"stage": "preprocess test", "rows_in": 9, "rows_out": 9})
    ledger["stages"].insert(2, {"stage": "distil", "rows_in": 9, "rows_out": 9})
    (path / "ledger.json").write_text(json.dumps(ledger), encoding="utf-8")

    section = flow.section(Evidence.read(path), Words("en"))

    assert section is not None
    assert "Preprocessed · test 9 rows distil 9 rows" in _text(section.body)


def test_the_time_is_that_of_metrics_json(made: Make) -> None:
    evidence = Evidence.read(made())
    section = time.section(evidence, Words("en"))

    assert section is not None
    text = _text(section.body)
    assert "32 s from the first row" in text  # 0.5 + 1.5 + … + 7.5
    assert "Train 5.5 s 17 %" in text
    assert "Tokens read 12,345" in text
    assert "resumed" not in text


def test_a_resumed_run_says_whose_times_these_are(made: Make) -> None:
    path = made()
    with open(path / "log.jsonl", "a", encoding="utf-8") as file:
        file.write('{"time": "2026-01-02T03:09:00.000+00:00", "event": "resumed"}\n')

    section = time.section(Evidence.read(path), Words("en"))

    assert section is not None
    assert "resumed once: these are the times of the last session" in _text(section.body)
