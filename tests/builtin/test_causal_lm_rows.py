"""The task causal-lm: shapes of data, and rows that can't be learned from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sftcore.builtin.causal_lm import CausalLM
from sftcore.data.rows import Rows
from sftcore.data.twins import find_twins
from tests.builtin.conversations import ROWS, TURNS, chat


def table(rows: list[dict[str, Any]]) -> Any:
    from datasets import Dataset

    return Dataset.from_list(rows)


def shaped(rows: list[dict[str, Any]], columns: dict[str, str] | None = None) -> tuple[list[dict[str, Any]], str]:
    """The rows by role, as the core reads them of the reshaped table, and what was recognised."""
    task, columns = CausalLM(), columns or {}
    made, sentence = task.reshape(table(rows), columns)
    assert set(table(rows).column_names) <= set(made.column_names) | {"prompt", "completion"}
    names = {role: columns.get(role, role) for role in task.roles}
    return [{role: row.get(name) for role, name in names.items() if name in row} for row in made], sentence


def sharegpt(*turns: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(turns)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"messages": chat("What?", "It."), "id": 7}, "turns of conversations, in the column messages"),
        ({"conversations": sharegpt("What?", "It."), "id": 7}, "turns of conversations, in the column conversations"),
        ({"dialog_of_mine": chat("What?", "It.")}, "turns of conversations, in the column dialog_of_mine"),
        ({"messages": json.dumps(chat("What?", "It."))}, "turns of conversations, in the column messages"),
        (
            {"prompt": chat("What?"), "completion": chat("What?", "It.")[1:]},
            "prompt and completion, both of them turns",
        ),
        ({"prompt": "What?", "completion": "It."}, "prompt and completion"),
        (
            {"instruction": "What?", "input": "", "output": "It."},
            "instruction, input, output (Alpaca): prompt and completion are made of them",
        ),
        (
            {"instruction": "What?", "response": "It."},
            "instruction, response (Alpaca): prompt and completion are made of them",
        ),
    ],
)
def test_every_shape_gives_the_same_turns_and_is_told(row: dict[str, Any], sentence: str) -> None:
    (found,), said = shaped([row])
    assert said == sentence
    assert CausalLM().conversation(found) == TURNS
    assert CausalLM().check_row(found) == ""


def test_alpacas_input_stands_below_its_instruction() -> None:
    rows, _ = shaped([{"instruction": "Add.", "input": "1 + 1", "output": "2"}, {"instruction": "Hi", "input": None}])
    assert [row["prompt"] for row in rows] == ["Add.\n\n1 + 1", "Hi"]
    assert [row["completion"] for row in rows] == ["2", None]


def test_columns_that_the_recipe_names_are_taken_as_they_are() -> None:
    rows, said = shaped(
        [{"instruction": "no", "output": "no", "question": "What?", "answer": "It."}],
        {"prompt": "question", "completion": "answer"},
    )
    assert (CausalLM().conversation(rows[0]), said) == (TURNS, "")
    rows, _ = shaped([{"talk": chat("What?", "It."), "messages": chat("no", "no")}], {"messages": "talk"})
    assert CausalLM().conversation(rows[0]) == TURNS


def test_turns_of_different_keys_are_read_from_a_file(tmp_path: Path) -> None:
    from datasets import load_dataset

    odd = [{**turn, "tool_calls": None, "weight": {"a": 1} if at else 1} for at, turn in enumerate(TURNS)]
    lines = [{"conversation": TURNS}, {"conversation": odd}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    read = load_dataset("json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path))
    made, _ = CausalLM().reshape(read, {})
    assert CausalLM().conversation(made[0]) == TURNS
    assert [turn["content"] for turn in CausalLM().conversation(made[1])] == ["What?", "It."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "prompt is missing"),
        ({"prompt": " ", "completion": "It."}, "prompt is empty"),
        ({"prompt": "What?"}, "completion is missing"),
        ({"prompt": "What?", "completion": " \n"}, "completion is empty"),
        ({"messages": "What?"}, "messages is a text, not a list of turns"),
        ({"messages": []}, "messages is no list of turns"),
        ({"messages": [{"content": "What?"}]}, "messages has a turn without a role"),
        ({"messages": ["What?"]}, "messages has a turn without a role"),
        ({"messages": [{"role": "assitant", "content": "It."}]}, "messages has a turn of the unknown role 'assitant'"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages has a turn whose content is no text"),
        ({"messages": chat("What?")}, "messages does not end with a turn of the assistant"),
        ({"messages": chat("What?", " ")}, "messages has an empty turn"),
        ({"messages": [TURNS[1]]}, "messages begins with an answer"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages has no turn of the user"),
        ({"messages": [*TURNS, TURNS[1]]}, "messages has two turns of the assistant in a row"),
    ],
)
def test_rows_that_cant_be_learned_from_say_why(row: dict[str, Any], reason: str) -> None:
    assert CausalLM().check_row(row) == reason


def test_tools_parts_of_text_and_empty_systems_pass() -> None:
    turns = [
        {"role": "system", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "time?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "clock"}]},
        {"role": "observation", "content": "noon"},
        {"role": "gpt", "content": "Noon."},
    ]
    found = CausalLM().conversation({"messages": turns})
    assert CausalLM().check_row({"messages": turns}) == ""
    assert [turn["role"] for turn in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert (found[1]["content"], found[2]["content"]) == ("What time?", "")


def test_a_row_to_predict_that_cant_be_read_says_why() -> None:
    assert CausalLM().check_input({}) == "prompt is missing"
    assert CausalLM().check_input({"messages": [TURNS[1]]}).startswith("messages begins with an answer")
    assert CausalLM().check_input({"messages": "hello"}).startswith("messages")
    assert CausalLM().check_input({"prompt": "What time?"}) == ""


def test_conversations_with_one_prompt_stay_together_and_copies_are_twins() -> None:
    task, long = CausalLM(), "What is it that one calls the capital of a country, and why does it matter so much?"
    rows = [
        chat(long, "A city."),
        chat(long, "Where the government sits."),
        chat(f"{long} ", "A city."),
        chat("Why?", "So."),
    ]
    values = [{"messages": turns} for turns in rows]
    families = [task.family(row) for row in values]
    assert families[0] == families[1] and len(set(families)) == 3
    assert task.family(ROWS[0]) is None
    groups = find_twins(Rows.of(values), Rows.of(values), task.roles, None).groups.tolist()
    assert groups == [0, 0, 0, 3]
    assert list(task.corpus(values[3])) == ["Why?", "So."]


def test_conversations_in_json_are_alike_by_what_is_said_however_it_is_written() -> None:
    chats = [chat("你好，今天下雨吗？", "下雨。"), chat("你好，明天下雨吗？", "不下。")]
    values = [{"messages": json.dumps(turns, ensure_ascii=escaped)} for escaped in (True, False) for turns in chats]
    found = find_twins(Rows.of(values), Rows.of(values), CausalLM().roles, 0.95)
    assert found.groups.tolist() == [0, 1, 0, 1]
