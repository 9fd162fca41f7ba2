from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sftcore.report import Evidence, classes
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def rows(body: str) -> list[list[str]]:
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]


def test_every_class_stands_there_with_the_figures_of_metrics_json(made: Made) -> None:
    evidence = Evidence.read(made())
    section = classes.section(evidence, WORDS)
    assert section
    table = rows(section.body)[1:4]
    assert table == [
        [
            one["label"],
            str(one["rows"]),
            str(one["predicted"]),
            *(f"{one[name]:.3f}" for name in ("precision", "recall", "f1")),
        ]
        for one in evidence.test["classes"]
    ]


def test_a_name_that_can_not_be_seen_is_told_by_its_code_points(made: Made) -> None:
    evidence = Evidence.read(made())
    unseen = {"label": "\u200b", "rows": 1, "predicted": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    test = {**evidence.test, "classes": [unseen], "confusion": {"labels": ["\u200b"], "matrix": [[1]]}}
    section = classes.section(replace(evidence, metrics={"test": {**test, "confused_pairs": []}}), WORDS)
    assert section
    assert "\u200b" not in section.body
    assert section.body.count("⟨U+200B⟩") == 3  # the table, and both heads of the matrix


def test_the_matrix_has_the_counts_and_frames_what_is_right(made: Made) -> None:
    evidence = Evidence.read(made())
    section = classes.section(evidence, WORDS)
    assert section
    heat = section.body[section.body.index('<table class="heat') :]
    heat = heat[: heat.index("</table>")]
    assert [[int(cell) for cell in row[1:]] for row in rows(heat)[1:]] == evidence.test["confusion"]["matrix"]
    assert heat.count(" same") == 3


def test_many_classes_have_no_matrix_but_the_confused_pairs(made: Made) -> None:
    section = classes.section(Evidence.read(made(classes=31, rows=310)), WORDS)
    assert section
    assert '<table class="heat' not in section.body
    assert WORDS("classes.pairs") in section.body
    assert "data-filter" in section.body


def test_of_very_many_classes_the_largest_are_shown(made: Made) -> None:
    evidence = Evidence.read(made())
    one: dict[str, Any] = dict(evidence.test["classes"][0])
    many = [{**one, "label": f"label {number}", "rows": number} for number in range(1_000)]
    test = {**evidence.test, "classes": many, "confusion": None}
    section = classes.section(replace(evidence, metrics={"test": test}), WORDS)
    assert section
    assert "The 300 classes with the most rows, of 1,000." in section.body
    assert "label 999<" in section.body
    assert "label 699<" not in section.body


def test_label_sets_have_a_table_and_numbers_nothing(made: Made) -> None:
    sets = classes.section(Evidence.read(made(kind="label_sets", name="sets")), WORDS)
    assert sets
    assert '<table class="heat' not in sets.body
    assert classes.section(Evidence.read(made(kind="scores", name="numbers")), WORDS) is None
