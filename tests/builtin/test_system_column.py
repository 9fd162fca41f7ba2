"""Data sets of conversations whose system turn stands in a column of its own."""

from __future__ import annotations

import json
from typing import Any

import datasets
import pytest

from sftcore.builtin.conversations import one_shape, read_turns

SHAREGPT = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "It."}]


def shaped(*rows: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    made, sentence = one_shape(datasets.Dataset.from_list(list(rows)), {})
    return made.to_list(), sentence


@pytest.mark.parametrize("column", ["conversations", "messages"])
@pytest.mark.parametrize("as_json", [False, True])
def test_it_opens_the_conversation(column: str, as_json: bool) -> None:
    chat: Any = json.dumps(SHAREGPT) if as_json else SHAREGPT
    (first, second), said = shaped({"system": "Be brief.", column: chat}, {"system": "", column: chat})
    assert said == f"turns of conversations, in the column {column}, which the column system opens"
    assert [turn["role"] for turn in read_turns(first["messages"])] == ["system", "user", "assistant"]
    assert read_turns(first["messages"])[0]["content"] == "Be brief."
    assert [turn["role"] for turn in read_turns(second["messages"])] == ["user", "assistant"]


def test_a_conversation_that_has_its_own_keeps_it() -> None:
    own = [{"role": "system", "content": "Mine."}, {"role": "user", "content": "a"}]
    (row,), _ = shaped({"system": "Theirs.", "messages": own})
    assert [turn["content"] for turn in read_turns(row["messages"])] == ["Mine.", "a"]


def test_an_empty_column_changes_nothing() -> None:
    (row,), said = shaped({"system": "", "messages": [{"role": "user", "content": "a"}]})
    assert said == "turns of conversations, in the column messages"
    assert row["messages"] == [{"role": "user", "content": "a"}]


def test_rows_without_turns_stay_so() -> None:
    rows, _ = shaped({"system": "S", "messages": SHAREGPT}, {"system": "S", "messages": None})
    assert rows[1]["messages"] is None


def test_of_alpaca_it_is_said_not_to_be_read() -> None:
    _, said = shaped({"system": "Be brief.", "instruction": "What?", "output": "It."})
    assert said.endswith("; the column system is not read (turns in messages would be)")
