"""Shapes of conversations beyond turns and Alpaca's columns: preferences, pairs, calls of tools; what is not read."""

from __future__ import annotations

import json
from typing import Any

import datasets
import pytest

from sftcore import DataError
from sftcore.builtin.chat_shapes import one_shape
from sftcore.builtin.conversations import read_turns

ASKED = {"role": "user", "content": "在吗？"}
GOOD, BAD = {"role": "assistant", "content": "在的。"}, {"role": "assistant", "content": "走开。"}
SAID = [("user", "在吗？"), ("assistant", "在的。")]


def shaped(*rows: dict[str, Any], **columns: str) -> tuple[list[dict[str, Any]], str, list[str]]:
    """The rows, what was recognised, and the doubts."""
    made, said = one_shape(datasets.Dataset.from_list(list(rows), on_mixed_types="use_json"), columns)
    sentence, *doubts = said.splitlines() or [""]
    return made.to_list(), sentence, doubts


def told(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row.get("messages") is None:
        return [("user", row["prompt"]), ("assistant", row["completion"])]
    return [(turn["role"], turn["content"]) for turn in read_turns(row["messages"])]


@pytest.mark.parametrize(
    "row",
    [
        {"rejected": [ASKED, BAD], "chosen": [ASKED, GOOD]},
        {"rejected": [BAD], "chosen": [GOOD], "prompt": [ASKED]},
        {"rejected": [ASKED, BAD], "chosen": [ASKED, GOOD], "prompt": "在吗？"},
        {"rejected": "走开。", "chosen": "在的。", "prompt": "在吗？"},
        {"rejected": "走开。", "chosen": "在的。", "instruction": "在吗？", "input": ""},
        {"rejected": BAD, "chosen": GOOD, "conversations": [ASKED]},
        {"rejected": [ASKED, BAD], "chosen": [ASKED, GOOD], "messages": [ASKED, GOOD]},
    ],
)
def test_of_preferences_the_chosen_answer_is_learned_and_that_is_said(row: dict[str, Any]) -> None:
    (found,), _, doubts = shaped(row)
    assert told(found) == SAID
    assert len(doubts) == 1 and "chosen is read as the answer, rejected is not read" in doubts[0]


@pytest.mark.parametrize("prompt", ["在吗？", [ASKED], json.dumps([ASKED])])
@pytest.mark.parametrize("completion", ["在的。", [GOOD]])
def test_one_of_prompt_and_completion_may_be_turns(prompt: Any, completion: Any) -> None:
    (found,), _, doubts = shaped({"prompt": prompt, "completion": completion})
    assert (told(found), doubts) == (SAID, [])


@pytest.mark.parametrize(
    "history", [[ASKED, GOOD], [{"human": "在吗？", "assistant": "在的。"}], [["在吗？", "在的。"]]]
)
@pytest.mark.parametrize("keys", [("instruction", "output"), ("query", "response")])
def test_a_history_never_stands_for_the_example_that_it_goes_before(history: Any, keys: tuple[str, str]) -> None:
    (found,), said, _ = shaped({"history": history, keys[0]: "多少钱？", keys[1]: "五元。"})
    assert told(found) == [*SAID, ("user", "多少钱？"), ("assistant", "五元。")]
    assert said.endswith("with history: conversations are made of them")


@pytest.mark.parametrize("history", [None, [], "", "[]", "null"])
def test_no_history_is_one_in_every_notation(history: Any) -> None:
    first, second = shaped(
        {"instruction": "a", "output": "b", "history": '[["c", "d"]]' if isinstance(history, str) else [["c", "d"]]},
        {"instruction": "a", "output": "b", "history": history},
    )[0]
    assert (len(told(first)), told(second)) == (4, [("user", "a"), ("assistant", "b")])


def test_numbers_are_texts_and_lists_are_named_with_their_row() -> None:
    (found,), _, _ = shaped({"instruction": "两倍？", "input": 5, "output": 10, "history": [["a", "b"]]})
    assert told(found)[2:] == [("user", "两倍？\n\n5"), ("assistant", "10")]
    with pytest.raises(DataError, match="a text was expected") as caught:
        shaped({"instruction": None, "output": "c"}, {"instruction": ["a", "b"], "output": "c"})
    (problem,) = caught.value.problems
    assert (problem.row, problem.key, problem.value) == (2, "instruction", '["a", "b"]')


@pytest.mark.parametrize("keys", [("human", "assistant"), ("question", "answer"), ("prompt", "response")])
def test_pairs_are_two_turns_and_the_last_answer_may_be_yet_to_come(keys: tuple[str, str]) -> None:
    pairs = [dict(zip(keys, said, strict=True)) for said in (("在吗？", "在的。"), ("贵吗？", None))]
    (found,), said, _ = shaped({"conversation": pairs})
    assert told(found) == [*SAID, ("user", "贵吗？")]
    assert said == "turns of conversations, in the column conversation"
    with pytest.raises(ValueError, match="content is no text"):
        read_turns(pairs[::-1])


CALL = {"name": "weather", "arguments": '{"city": "北京"}'}


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "assistant", "content": None, "function_call": CALL}, {"role": "function", "content": "晴"}],
        [{"from": "function_call", "value": json.dumps(CALL)}, {"from": "observation", "value": "晴"}],
    ],
)
def test_calls_of_functions_are_calls_of_tools(turns: list[dict[str, Any]]) -> None:
    call, answer = read_turns(turns)
    assert call == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "function": CALL}],
    }
    assert answer == {"role": "tool", "content": "晴"}


def test_a_call_that_is_none_is_said_to_be() -> None:
    with pytest.raises(ValueError, match="function_call that is no JSON of a name"):
        read_turns([{"from": "function_call", "value": "weather(北京)"}])


def test_pythons_notation_is_told_from_any_text() -> None:
    with pytest.raises(ValueError, match=r"not a list of turns \(it is Python's notation; json.dumps writes JSON\)"):
        read_turns(str([ASKED, GOOD]))


@pytest.mark.parametrize(
    ("row", "columns", "doubt"),
    [
        ({"messages": [ASKED, GOOD], "tools": "[{}]"}, {}, "the column tools is not read"),
        ({"messages": [ASKED, {**GOOD, "weight": 0}]}, {}, "turns have a weight of 0, which is not read"),
        ({"messages": [ASKED, {**GOOD, "weight": 1}], "tools": "[]"}, {}, ""),
        ({"prompt": "a", "completion": "b", "history": [["c", "d"]]}, {}, "the column history is not read"),
        ({"q": "a", "completion": "b", "system": "c"}, {"prompt": "q"}, "the column system is not read"),
        ({"conversations": [ASKED, GOOD], "system": "c"}, {}, ""),
    ],
)
def test_what_belongs_to_a_conversation_and_is_not_read_is_said(
    row: dict[str, Any], columns: dict[str, str], doubt: str
) -> None:
    doubts = shaped(row, **columns)[2]
    assert len(doubts) == bool(doubt) and "".join(doubts).startswith(doubt)
