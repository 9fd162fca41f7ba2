"""What is told while rows are prepared: whatever rows to predict, which have no targets, could not pass."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import sftcore.builtin
from sftcore import Drop, Encoded, Recipe, Row, RowPreprocessor, TextClassification, hookimpl
from sftcore.data.ledger import Ledger
from sftcore.data.load import load_rows
from sftcore.models.base import locate_base
from sftcore.preparing import prepare
from sftcore.registry import Registry
from tests.training.job import Told

RECIPE = """
[model]
base = {base!r}
max_length = 16
[data]
source = {data!r}
limit = 60
near_duplicates = false
[task]
use = {task!r}
{more}
"""


class Doubtful(RowPreprocessor, name="doubtful"):
    """Leaves out the rows of one class."""

    careful: bool = False

    def process(self, row: Row) -> Row | Drop:
        """By the label, which rows to predict don't have."""
        label = row.get("label") if self.careful else row["label"]
        return Drop("neutral") if label == "neutral" else row


class Labelled(TextClassification, name="labelled"):
    """Reads the label where it encodes."""

    def encode(self, rows: Any, tokenizer: Any, state: Any, max_length: int) -> Encoded:
        """As usual, after a look at the label."""
        assert all(row["label"] for row in rows)
        return super().encode(rows, tokenizer, state, max_length)


@pytest.fixture
def told(tiny_bert: str, sentiment_csv: str) -> Any:
    """Prepares a recipe; what was warned of."""
    guest: Any = ModuleType("guest")
    guest.sftcore_register_preprocessors = hookimpl(specname="sftcore_register_preprocessors")(lambda: [Doubtful])
    guest.sftcore_register_tasks = hookimpl(specname="sftcore_register_tasks")(lambda: [Labelled])
    registry = Registry.of(("sftcore", sftcore.builtin), ("guest", guest))

    def warnings(task: str, more: str = "") -> list[str]:
        text = RECIPE.format(base=tiny_bert, data=sentiment_csv, task=task, more=more)
        recipe = Recipe.from_toml(text, registry=registry)
        reporter, ledger = Told(), Ledger()
        prepare(recipe, load_rows(recipe, registry, ledger, reporter), locate_base(recipe), ledger, reporter)
        return reporter.warnings

    return warnings


def test_a_step_and_a_task_that_need_the_label(told: Any) -> None:
    step, task = told("labelled", '[[preprocess]]\nuse = "doubtful"')
    assert step.startswith("preprocess.0: doubtful raised KeyError: 'label' (")
    assert "nothing can be predicted with this step" in step
    assert task.startswith("labelled raised KeyError: 'label' (")
    assert task.endswith("rows to predict have none, so nothing can be predicted with this task")


def test_rows_that_are_left_out_for_their_label(told: Any) -> None:
    (said,) = told("text-classification", '[[preprocess]]\nuse = "doubtful"\ncareful = true')
    assert said.startswith("doubtful drops 20 of 60 rows for their target")


def test_nothing_of_steps_that_do_without(told: Any) -> None:
    assert told("text-classification", '[[preprocess]]\nuse = "lowercase"') == []
