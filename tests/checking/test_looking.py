"""What `check` counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from sftcore import Role, Task, TextClassification
from sftcore.checking.looking import Hearing, label_table, lengths, number_table
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Rows
from sftcore.reporter import SILENT


def test_labels_are_counted_also_in_sets() -> None:
    task = TextClassification(problem_type="multi_label_classification", labels=("c", "b", "a"))
    rows = [{"label": "b"}, {"label": ("a", "b")}, {"label": "a|b|b"}]
    splits = {"train": Rows.of(rows), "test": Rows.of([{"label": None}])}
    state = task.fit(rows)
    found = label_table(task, state, splits)
    assert found == {"train": {"c": 0, "b": 3, "a": 2}, "test": {"c": 0, "b": 0, "a": 0}}
    assert list(found["train"]) == ["c", "b", "a"]
    assert number_table(task, state, splits) == {}


def test_a_label_that_is_no_class_of_the_model_comes_last() -> None:
    rows = [{"label": 2}, {"label": 10}]
    task = TextClassification()
    splits = {"train": Rows.of(rows), "test": Rows.of([{"label": "1"}])}
    assert list(label_table(task, task.fit(rows), splits)["test"].items()) == [("2", 0), ("10", 0), ("1", 1)]


def test_numbers_are_summed_up() -> None:
    task = TextClassification(problem_type="regression")
    rows = [{"label": 1.0}, {"label": "4"}]
    splits = {"train": Rows.of(rows), "test": Rows.of([])}
    state = task.fit(rows)
    assert number_table(task, state, splits) == {"train": {"rows": 2, "mean": 2.5, "lowest": 1.0, "highest": 4.0}}
    assert label_table(task, state, splits) == {}


def test_tags_are_counted_once_a_row() -> None:
    task: Any = SimpleNamespace(roles={"text": Role(), "tags": Role("label", target=True)})
    rows = [{"text": "a b", "tags": ["O", "B", "O"]}, {"text": "a", "tags": None}, {"text": "a"}]
    assert [Task.classes(task, row) for row in rows] == [("O", "B"), (), ()]


def test_lengths_are_those_of_the_ledger() -> None:
    ledger = Ledger()
    histogram = {"width": 4, "counts": [1, 2], "over": 0, "cut": [0, 2]}
    details = {"max_length": 5, "truncated_rows": 2, "lost_tokens": 6, "histogram": histogram}
    ledger.add("encode train", 4, 3, details=details)
    encoded: Any = _Sized(np.array([1, 5, 5]))
    found = lengths(encoded, ledger, "train")
    assert (found.limit, found.truncated_rows, found.truncated_share, found.lost_tokens) == (5, 2, 0.5, 6)
    assert (found.features, found.rows, found.longest, found.p50) == (3, 4, 5, 5)
    assert found.histogram == histogram


class _Sized:
    """As much of encoded rows as lengths need."""

    def __init__(self, values: np.ndarray) -> None:
        self.lengths = values

    def __len__(self) -> int:
        return len(self.lengths)


def test_what_is_told_is_handed_on_and_kept() -> None:
    told: list[str] = []
    reporter: Any = SimpleNamespace(**dict.fromkeys(("note", "warning"), told.append))
    heard = Hearing(reporter)
    heard.note("a")
    heard.warning("b")
    assert (told, heard.notes, heard.warnings) == (["a", "b"], ["a"], ["b"])
    Hearing(SILENT).progress(1, 2, {})
