from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sftcore.report import Evidence, lengths
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def test_splits_have_a_table_and_the_training_rows_a_histogram(made: Made) -> None:
    section = lengths.section(Evidence.read(made()), WORDS)
    assert section
    assert section.body.count("<svg class") == 1
    assert [name for name in ("train", "validation", "test") if f'<th scope="row">{name}</th>' in section.body] == [
        *("train", "validation", "test")
    ]
    assert "1 (0.1 %)" in section.body


def test_a_ledger_without_histogram_gives_the_table(made: Made) -> None:
    evidence = Evidence.read(made())
    for entry in evidence.ledger["stages"]:
        entry.get("details", {}).pop("histogram", None)
    section = lengths.section(evidence, WORDS)
    assert section
    assert "<figure" not in section.body
    assert lengths.section(replace(evidence, ledger={}), WORDS) is None
