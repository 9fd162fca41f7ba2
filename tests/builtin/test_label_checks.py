from __future__ import annotations

import pytest

from sftcore import TextClassification
from sftcore.builtin.label_checks import together


@pytest.mark.parametrize(
    ("labels", "separator", "said"),
    [
        (("loud,sad", "loud,glad"), "|", "2 labels look like several in one ('loud,sad'); separator = \",\" in [task]"),
        (("glad", "loud", "loud; sad"), "|", "one label looks like several in one ('loud; sad'); separator = \";\""),
        (("高兴、大声", "难过、大声"), "|", 'separator = "、"'),
        (("['loud', 'sad']", "glad"), "|", "labels are written joy|anger"),
    ],
)
def test_labels_that_were_not_taken_apart_are_told(labels: tuple[str, ...], separator: str, said: str) -> None:
    (sentence,) = together(labels, separator)
    assert said in sentence


@pytest.mark.parametrize("labels", [("food, drink", "other"), ("a/b testing", "c"), ("joy", "anger")])
def test_signs_within_a_name_are_no_separators(labels: tuple[str, ...]) -> None:
    assert list(together(labels, "|")) == []


def test_a_multi_label_task_says_so_and_a_single_label_one_does_not() -> None:
    rows = [{"text": "x", "label": label} for label in ("loud,sad", "loud,glad", "loud,glad")]
    multi = TextClassification(problem_type="multi_label_classification")
    assert any("separator" in note for note in multi.notes(multi.fit(rows)))
    single = TextClassification()
    assert not any("separator" in note for note in single.notes(single.fit(rows)))
