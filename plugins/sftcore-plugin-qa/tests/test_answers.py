from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftcore import DataError
from sftcore_plugin_qa.answers import (
    ABSENT,
    NO_FORM,
    NO_PLACE,
    SEVERAL,
    answer_spans,
    answer_texts,
    answers_flaw,
    squad_form,
)

CONTEXT = "曹雪芹 wrote it 🙂; he was born in 1715, in 1715!"
ONE = {"text": ["曹雪芹"], "answer_start": [0]}


@pytest.mark.parametrize(
    ("value", "start", "expected"),
    [
        (ONE, None, ONE),
        ([{"text": "曹雪芹", "answer_start": 0}], None, ONE),
        ({"text": "曹雪芹", "answer_start": 0}, None, ONE),
        ('{"text": ["曹雪芹"], "answer_start": [0]}', None, ONE),
        ('[{"text": "曹雪芹", "answer_start": "0"}]', None, ONE),
        ("曹雪芹", "0", ONE),
        ("曹雪芹", 0.0, ONE),
        ("曹雪芹", "", ONE),
        (["曹雪芹", "he"], None, {"text": ["曹雪芹", "he"], "answer_start": [0, 16]}),
        ("🙂", None, {"text": ["🙂"], "answer_start": [13]}),
        ("in 1715", None, {"text": ["in 1715"], "answer_start": [None]}),
        ("nobody", None, {"text": ["nobody"], "answer_start": [None]}),
        ([], None, {"text": [], "answer_start": []}),
        ({"text": [""], "answer_start": [-1]}, None, {"text": [], "answer_start": []}),
        ({"text": ["曹雪芹"], "answer_start": []}, None, ONE),
        ("{brackets}", None, {"text": ["{brackets}"], "answer_start": [None]}),
        ("[15]", None, {"text": ["[15]"], "answer_start": [None]}),
        (None, None, None),
        ("", None, None),
    ],
)
def test_every_form_becomes_that_of_squad(value: Any, start: Any, expected: Any) -> None:
    assert squad_form(value, CONTEXT, start) == expected


@pytest.mark.parametrize("impossible", [True, "true", "True", 1, "1", "yes"])
def test_what_is_impossible_has_no_answer_whatever_is_written(impossible: Any) -> None:
    nothing = {"text": [], "answer_start": []}
    assert squad_form("plausible", "a plausible answer", impossible=impossible) == nothing
    assert squad_form(None, CONTEXT, impossible=impossible) == nothing


@pytest.mark.parametrize("possible", [False, "false", "0", "", None, 0])
def test_what_is_possible_keeps_its_answer(possible: Any) -> None:
    assert squad_form("曹雪芹", CONTEXT, impossible=possible) == ONE


@pytest.mark.parametrize(
    "value", [5, [5], {"answer": "曹雪芹"}, {"text": ["a", "b"], "answer_start": [1]}, {"text": [1]}]
)
def test_unknown_forms_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="unknown form"):
        squad_form(value, CONTEXT)


@pytest.mark.parametrize("start", ["first", 1.5, float("inf"), [1]])
def test_places_are_whole_numbers(start: Any) -> None:
    with pytest.raises(DataError, match="no whole number"):
        squad_form("曹雪芹", CONTEXT, start)


@pytest.mark.parametrize(
    ("answers", "flaw"),
    [
        (ONE, ""),
        ({"text": [], "answer_start": []}, ""),
        (None, ""),
        ({"text": ["he"], "answer_start": [16]}, ""),
        ({"text": ["he", "曹雪芹"], "answer_start": [16, 2]}, NO_PLACE),
        ({"text": ["he"], "answer_start": [-1]}, NO_PLACE),
        ({"text": ["he"], "answer_start": [900]}, NO_PLACE),
        ({"text": ["in 1715"], "answer_start": [None]}, SEVERAL),
        ({"text": ["nobody"], "answer_start": [None]}, ABSENT),
        ({"text": [""], "answer_start": [0]}, NO_FORM),
        ({"text": ["he"], "answer_start": []}, NO_FORM),
        ([[0, 3]], NO_FORM),
        ("曹雪芹", NO_FORM),
    ],
)
def test_answers_have_to_stand_where_they_are_said_to(answers: Any, flaw: str) -> None:
    assert answers_flaw({"context": CONTEXT, "answers": answers}) == flaw


@pytest.mark.parametrize(
    ("context", "start", "how"),
    [
        ("甲方：张三", 4, "counted from 1"),
        ("甲方：张三", 9, "counted in bytes"),
        ("😀😀甲方：张三", 7, "counted in UTF-16 units"),
        ("a\r\nb\r\n张三", 4, "counted with CR LF as one"),
        ("张三和李四，还有张三", 9, "counted from 1"),
    ],
)
def test_a_place_that_was_counted_otherwise_is_told_how(context: str, start: int, how: str) -> None:
    flaw = answers_flaw({"context": context, "answers": {"text": ["张三"], "answer_start": [start]}})
    assert flaw == f"answers are {how}, not in characters from 0 (answer_start)"


def test_flaws_begin_with_the_role_that_they_are_of() -> None:
    assert all(flaw.startswith("answers ") for flaw in (NO_FORM, NO_PLACE, ABSENT, SEVERAL))


def test_texts_and_spans() -> None:
    row = {"context": CONTEXT, "answers": {"text": ["曹雪芹", "he", "曹雪芹"], "answer_start": [0, 16, 0]}}
    assert answer_texts(row) == ("曹雪芹", "he")
    assert answer_spans(row) == [(0, 3), (16, 18), (0, 3)]
    assert answer_texts({"context": CONTEXT}) is None
    assert answer_texts({"answers": {"text": [], "answer_start": []}}) == ()


@given(st.text("ab北京🙂 \n", max_size=30), st.integers(0, 30), st.integers(1, 8))
def test_an_answer_taken_from_its_context_is_found_there(context: str, start: int, size: int) -> None:
    text = context[start : start + size]
    if not text:
        return
    given_place = squad_form([{"text": text, "answer_start": start}], context)
    assert answers_flaw({"context": context, "answers": given_place}) == ""
    found = squad_form(json.dumps([text]), context)
    assert found is not None
    place = found["answer_start"][0]
    assert (place is None) == (sum(context.startswith(text, at) for at in range(len(context))) > 1)
    assert place is None or context[place : place + len(text)] == text
