"""Entities from tags and from the shapes that data sets have them in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from datasets import ClassLabel, Features, List, Value

from sftcore import (
    DataError,
)
from sftcore.builtin.tags import stretches, tag_names
from tests.builtin.entities import NAMES, TASK, marked, reshaped

SCHEMES: dict[str, tuple[list[str], list[tuple[int, int, str]]]] = {
    "IOB2": (["B-PER", "I-PER", "O", "B-LOC", "B-LOC"], [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]),
    "IOB1": (["I-PER", "I-PER", "B-PER", "O", "I-LOC"], [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC")]),
    "IOBES": (["B-PER", "E-PER", "S-PER", "S-LOC", "O"], [(0, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")]),
    "BILOU": (["B-PER", "I-PER", "L-PER", "U-PER", "O"], [(0, 3, "PER"), (3, 4, "PER")]),
    "BMES": (["B-PER", "M-PER", "E-PER", "B_LOC", "E_LOC"], [(0, 3, "PER"), (3, 5, "LOC")]),
    "label changes without B": (
        ["B-PER", "I-LOC", "I-LOC", "O", "I-PER"],
        [(0, 1, "PER"), (1, 3, "LOC"), (4, 5, "PER")],
    ),
    "goes on after an end": (["S-PER", "I-PER", "E-PER", "I-PER", "O"], [(0, 1, "PER"), (1, 3, "PER"), (3, 4, "PER")]),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_are_read_as_in_the_evaluation_of_conll(scheme: str) -> None:
    tags, expected = SCHEMES[scheme]
    assert [tuple(one) for one in stretches(tags)] == expected


def test_tags_without_prefixes_join_their_neighbours() -> None:
    assert [tuple(one) for one in stretches(["PER", "PER", "LOC", "O", "LOC"], prefixed=False)] == [
        (0, 2, "PER"),
        (2, 3, "LOC"),
        (4, 5, "LOC"),
    ]
    assert tag_names(("LOC", "PER")) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def test_tags_without_a_scheme_are_read_with_a_warning() -> None:
    rows, said = reshaped(None, None, tokens=[["John", "Smith", "left"]], tags=[["PER", "PER", "O"]])
    assert marked(rows[0]) == [("John Smith", "PER")]
    sentence, *warnings = said.splitlines()
    assert sentence.endswith("tags without B- and I-: neighbours are one entity")
    assert warnings == ["the tags of tags have no B- and I-, so entities of one kind side by side are read as one"]
    _, said = reshaped(None, None, tokens=[["John", "left"]], tags=[["NOUN", "VERB"]])
    assert "every token is part of an entity, since no tag of tags is O (NOUN, VERB)" in said
    _, said = reshaped(None, None, tokens=[["John", "left"]], tags=[["B-PER", "O"]])
    assert len(said.splitlines()) == 1


def test_a_tag_without_a_prefix_among_others_is_named_with_its_row() -> None:
    tags = [["B-PER", "I-PER"], ["O", "PER"]]
    with pytest.raises(DataError) as caught:
        reshaped(None, None, tokens=[["John", "Smith"], ["saw", "Mary"]], tags=tags)
    (problem,) = caught.value.problems
    assert (problem.row, problem.key, problem.value) == (2, "tags", "PER")
    assert "B-PER and I-PER, or O" in problem.advice
    rows, _ = reshaped(None, None, tokens=[["a", "b"]], tags=[["E-mail", "name"]])
    assert marked(rows[0]) == [("a", "E-mail"), ("b", "name")]


def test_tokens_with_class_numbers_become_texts_with_entities() -> None:
    features = Features(
        {"tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=NAMES)), "id": Value("int64")}
    )
    tokens = [["John", "Smith", "saw", "New", "York", "."], ["No", "name"], []]
    rows, sentence = reshaped(None, features, tokens=tokens, ner_tags=[[1, 2, 0, 3, 4, 0], [0, 0], []], id=[7, 8, 9])
    assert rows[0]["text"] == "John Smith saw New York ."
    assert marked(rows[0]) == [("John Smith", "PER"), ("New York", "LOC")]
    assert (rows[1]["text"], rows[1]["entities"], rows[1]["id"]) == ("No name", [], 8)
    assert rows[2]["text"] == ""
    assert sentence.startswith("tokens joined with blanks between words; entities read from ner_tags")


def test_chinese_characters_are_joined_without_blanks() -> None:
    rows, sentence = reshaped(
        words=[list("张三在北京2024年"), list("abc")],
        tags=[["B-PER", "E-PER", "O", "B-LOC", "E-LOC", *["O"] * 5], ["O"] * 3],
    )
    assert [row["text"] for row in rows] == ["张三在北京2024年", "abc"]
    assert marked(rows[0]) == [("张三", "PER"), ("北京", "LOC")]
    assert "without blanks" in sentence


def test_words_of_mixed_text_have_blanks_only_between_letters() -> None:
    rows, _ = reshaped(
        tokens=[["我们", "在", "New", "York", "，", "见到", "John"]], tags=[["O", "O", "LOC", "LOC", "O", "O", "PER"]]
    )
    assert rows[0]["text"] == "我们在New York，见到John"
    assert marked(rows[0]) == [("New York", "LOC"), ("John", "PER")]


SPANS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "triples as JSON text": ({"label": [json.dumps([[0, 4, "PER"], [9, 15, "LOC"]]), "[]"]}, {}),
    "tables with labels": (
        {"label": [[{"start": 0, "end": 4, "labels": ["PER"]}, {"start": 9, "end": 15, "labels": ["LOC"]}], []]},
        {},
    ),
    "tables with offsets": (
        {
            "spans": [
                [
                    {"start_offset": 0, "end_offset": 4, "label": "PER"},
                    {"start_offset": 9, "end_offset": 15, "label": "LOC"},
                ],
                [],
            ]
        },
        {},
    ),
    "the column that the recipe names": (
        {"ner": ['[[0, 4, "PER"], [9, 15, "LOC"]]', "[]"], "label": ["x", "y"]},
        {"entities": "ner"},
    ),
    "as they should be": (
        {"entities": [[{"start": 0, "end": 4, "label": "PER"}, {"start": 9, "end": 15, "label": "LOC"}], []]},
        {},
    ),
}


@pytest.mark.parametrize("shape", SPANS)
def test_spans_in_many_shapes_become_entities(shape: str) -> None:
    table, columns = SPANS[shape]
    rows, sentence = reshaped(columns, text=["John saw London", "Nobody"], **table)
    rows = [row | {"entities": row[columns.get("entities", "entities")]} for row in rows]
    assert marked(rows[0]) == [("John", "PER"), ("London", "LOC")]
    assert rows[1]["entities"] == []
    assert bool(sentence) == (shape != "as they should be")
    assert [TASK.check_row(row) for row in rows] == ["", ""]


CLUENER = {"name": {"张三": [[0, 1], [6, 7]]}, "address": {"北京": [[3, 4]]}}


@pytest.mark.parametrize("as_json", [False, True])
def test_cluener_counts_the_last_character_in(as_json: bool) -> None:
    label: Any = json.dumps(CLUENER) if as_json else CLUENER
    (row,), said = reshaped(text=["张三在北京，张三走"], label=[label])
    assert marked(row) == [("张三", "name"), ("张三", "name"), ("北京", "address")]
    assert (said, TASK.check_row(row)) == ("entities read from label (tables)", "")


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"start_idx": 0, "end_idx": 2, "type": "PER", "entity": "张三"}, ""),
        ({"start_idx": 0, "end_idx": 1, "type": "PER", "entity": "张三"}, "ends that are included: add 1"),
        ({"start": 4, "end": 6, "label": "LOC", "text": "北京"}, "counted from 1: take 1"),
        ({"start": 3, "end": 5, "label": "LOC", "text": "上海"}, "does not stand at its place"),
        ({"start": 3, "end": 5, "label": "LOC", "text": "北 京\n"}, ""),
        ({"from": 3, "to": 5, "label": "LOC"}, "without numbers for its start and end"),
    ],
)
def test_a_span_that_says_another_text_than_stands_there_is_refused(span: dict[str, Any], reason: str) -> None:
    (row,), _ = reshaped(text=["张三在北京"], entities=[[span]])
    flaw = TASK.check_row(row)
    assert bool(flaw) == bool(reason) and reason in flaw


def test_a_table_to_predict_is_left_as_it_is_or_joined() -> None:
    assert reshaped(text=["John"], label=["news"]) == ([{"text": "John", "label": "news"}], "")
    rows, sentence = reshaped(tokens=[["John", "left"]])
    assert (rows[0]["text"], sentence) == ("John left", "tokens joined with blanks between words")


def test_columns_that_the_recipe_names_hold_the_result() -> None:
    columns = {"text": "tokens", "entities": "ner_tags"}
    rows, _ = reshaped(columns, tokens=[["John", "left"]], ner_tags=[["B-PER", "O"]])
    assert rows == [
        {"tokens": "John left", "ner_tags": [{"start": 0, "end": 4, "label": "PER", "text": "John", "at": 0}]}
    ]


def test_tags_that_fit_no_tokens_are_named_with_their_row() -> None:
    with pytest.raises(DataError, match="2 tokens, but 1 tags") as caught:
        reshaped(tokens=[["a"], ["b", "c"]], tags=[["O"], ["O"]])
    assert caught.value.problems[0].row == 2
    with pytest.raises(DataError, match="numbers without names"):
        reshaped(tokens=[["a"]], tags=[[1]])


@pytest.mark.parametrize(
    ("entities", "reason"),
    [
        ([{"start": 1, "end": 9, "label": "x"}], "lies outside the text"),
        ([{"start": 2, "end": 2, "label": "x"}], "is empty or lies"),
        ([{"start": -1, "end": 2, "label": "x"}], "lies outside"),
        ([{"start": 0, "end": 2, "label": " "}], "without a label"),
        ([[0, 2, "x"]], "no list of tables"),
        ("PER", "no list of tables"),
        ([], ""),
        (None, ""),
    ],
)
def test_rows_that_can_not_be_used(entities: Any, reason: str) -> None:
    flaw = TASK.check_row({"text": "abc", "entities": entities})
    assert reason in flaw
    assert bool(flaw) == bool(reason)
