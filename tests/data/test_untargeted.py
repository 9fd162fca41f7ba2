from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore import DataError, Problem, Row, TaskState, TextClassification
from sftcore.data.untargeted import needs_targets
from sftcore.task import Encoded


class Careless(TextClassification, name="careless"):
    """Asks for the label in a method that rows to predict pass too."""

    method: str = ""

    def check_row(self, row: Row) -> str:
        """Rows to predict are not asked for it."""
        return "none" if row["label"] == "" else ""

    def check_input(self, row: Row) -> str:
        """Why not."""
        return row["label"] if self.method == "check_input" else ""

    def encode(self, rows: Any, tokenizer: Any, state: Any, max_length: int) -> Encoded:
        """Lengths."""
        tokenizer.used = True
        if self.method == "refuses":
            raise DataError(Problem("no row can be learned from"))
        seen = [row["label"] if self.method == "encode" else row.get("label") for row in rows]
        return Encoded({"input_ids": [[len(row["text"])] for row in rows], "labels": seen})


def tried(method: str, rows: list[dict[str, Any]]) -> tuple[list[str], Any]:
    """What is said, and the tokenizer after the trial."""
    tokenizer: Any = SimpleNamespace(model_max_length=8, used=False)
    return list(needs_targets(Careless(method=method), rows, TaskState(), tokenizer)), tokenizer


@pytest.mark.parametrize("method", ["check_input", "encode"])
def test_a_task_that_needs_the_label_is_told_of_before_the_training(method: str) -> None:
    (said,), _ = tried(method, [{"text": "a", "label": "A"}])
    place = rf"careless raised KeyError: 'label' \(data/test_untargeted.py:\d+\) in {method} of rows without label"
    assert re.fullmatch(place, said)


@pytest.mark.parametrize("method", ["", "refuses"])
def test_a_task_that_does_without_passes_and_the_tokenizer_stays_as_it_was(method: str) -> None:
    said, tokenizer = tried(method, [{"text": "a", "label": "A"}])
    assert not said
    assert not tokenizer.used
    assert not tried(method, [])[0]
