from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sftcore import Recipe, Row, TextClassification
from sftcore.data.untargeted import check_task
from sftcore.errors import PluginError, Problem
from sftcore.task import Encoded


class Careless(TextClassification, name="careless"):
    """Asks for the label in a method that rows to predict pass too."""

    method: str = ""

    def check_row(self, row: Row) -> str:
        """Why not."""
        return row["label"] if self.method == "check_row" else ""

    def check_input(self, row: Row) -> str:
        """Why not."""
        return row["label"] if self.method == "check_input" else ""

    def encode(self, rows: Any, tokenizer: Any, state: Any, max_length: int) -> Encoded:
        """Lengths."""
        tokenizer.used = True
        seen = [row["label"] if self.method == "encode" else row.get("label") for row in rows]
        return Encoded({"input_ids": [[len(row["text"])] for row in rows], "labels": seen})


def tried(method: str, rows: list[dict[str, Any]]) -> Any:
    """The tokenizer after the trial."""
    tokenizer = SimpleNamespace(model_max_length=8, used=False)
    task = Careless(method=method)
    recipe = SimpleNamespace(task=task, problem=lambda key, said, advice: Problem(said, key=key, advice=advice))
    check_task(cast("Recipe", recipe), rows, cast("Any", None), cast("Any", tokenizer))
    return tokenizer


@pytest.mark.parametrize("method", ["check_row", "check_input", "encode"])
def test_a_task_that_needs_the_label_is_refused_before_the_training(method: str) -> None:
    said = rf"task.use\n.*careless raised KeyError: 'label' \(data/test_untargeted.py:\d+\) in {method} of rows without"
    with pytest.raises(PluginError, match=said):
        tried(method, [{"text": "a", "label": "A"}])


def test_a_task_that_does_without_passes_and_the_tokenizer_stays_as_it_was() -> None:
    assert not tried("", [{"text": "a", "label": "A"}]).used
    assert not tried("encode", []).used
