from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sftcore.report import Evidence, answers
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def test_base_and_tuned_stand_side_by_side(made: Made) -> None:
    evidence = Evidence.read(made(kind="texts"))
    section = answers.section(evidence, WORDS)
    assert section
    assert section.body.count('<div class="answers">') == len(evidence.generations) == 5
    assert section.body.count("what the base wrote") == 5
    assert section.body.index("what the base wrote") < section.body.index(evidence.generations[0]["tuned"])
    assert '<p class="role">user</p>' in section.body


def test_more_rows_are_folded_and_markup_in_answers_is_shown_as_text(made: Made) -> None:
    row = {"row": 1, "input": "<i>?</i>", "reference": ["one", "two"], "base": None, "tuned": "<script>x</script>"}
    section = answers.section(replace(Evidence.read(made(kind="texts")), generations=[row] * 9), WORDS)
    assert section
    assert "1 more row<" in section.body
    assert "<script" not in section.body
    assert "<i>" not in section.body
    assert "one or two" in section.body
    assert section.body.count("(nothing)") == 9


def test_without_texts_there_is_no_section(made: Made) -> None:
    assert answers.section(Evidence.read(made(kind="texts", texts=False)), WORDS) is None
    assert answers.section(Evidence.read(made(name="labels")), WORDS) is None
