"""Data sets of conversations whose system turn, or what came before, stands in a column of its own."""

from __future__ import annotations

import json
from typing import Any

import datasets
import pytest

from sftcore.builtin.chat_shapes import one_shape
from sftcore.builtin.conversations import read_turns

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


ALPACA = {"instruction": "And today?", "input": "", "output": "Rain."}


def roles_and_texts(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in read_turns(row["messages"])]


@pytest.mark.parametrize("as_json", [False, True])
def test_alpaca_rows_with_what_came_before_become_conversations(as_json: bool) -> None:
    pairs: Any = [["How was it?", "Dry."]]
    history = json.dumps(pairs) if as_json else pairs
    rows, said = shaped(
        {**ALPACA, "system": "Be brief.", "history": history},
        {**ALPACA, "system": "", "history": "[]" if as_json else []},
        {**ALPACA, "instruction": None, "system": "", "history": history},
    )
    assert said == "instruction, input, output (Alpaca), with system and history: conversations are made of them"
    before = [("system", "Be brief."), ("user", "How was it?"), ("assistant", "Dry.")]
    last = [("user", "And today?"), ("assistant", "Rain.")]
    assert [roles_and_texts(row) for row in rows[:2]] == [before + last, last]
    assert rows[2]["messages"] is None


def test_of_alpaca_rows_to_predict_the_answer_is_yet_to_come() -> None:
    (row,), _ = shaped({"instruction": "And today?", "history": [["How was it?", "Dry."]]})
    assert roles_and_texts(row)[-1] == ("user", "And today?")


@pytest.mark.parametrize("history", ["yesterday it was dry", [["only one"]], [["a", "b", "c"]]])
def test_a_history_that_is_none_is_named(history: Any) -> None:
    (row,), _ = shaped({**ALPACA, "history": history})
    with pytest.raises(ValueError, match="history that is no list of pairs"):
        read_turns(row["messages"])


@pytest.mark.parametrize("empty", [{}, {"system": "", "history": []}, {"system": None, "history": "[]"}])
def test_without_it_they_stay_prompt_and_completion(empty: dict[str, Any]) -> None:
    (row,), said = shaped({**ALPACA, **empty})
    assert said == "instruction, input, output (Alpaca): prompt and completion are made of them"
    assert (row["prompt"], row["completion"]) == ("And today?", "Rain.")
