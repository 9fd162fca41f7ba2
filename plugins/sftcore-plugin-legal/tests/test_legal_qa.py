from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sftcore import Generated, Output, Prediction, Records, TaskState
from sftcore_plugin_legal import CitationAccuracy, LegalQA
from sftcore_plugin_legal.passages import Passage, citations, numbered, read_passages

PASSAGES = [
    {"id": 1, "text": "Fruit belongs to the neighbour."},
    {"id": 2, "text": "Hives stand 8 metres from a path."},
]
ROW = {"question": "How far do hives stand from a path?", "passages": PASSAGES, "answer": "Eight metres. [2]"}
STATE = TaskState()


def row(**values: Any) -> dict[str, Any]:
    return {**ROW, **values}


# -- passages and citations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        PASSAGES,
        json.dumps(PASSAGES),
        tuple(PASSAGES),
        [passage["text"] for passage in PASSAGES],
        "[1] Fruit belongs to the neighbour.\n[2] Hives stand 8 metres from a path.",
        " 【1】Fruit belongs to the neighbour.\n\n［2］ Hives stand 8 metres from a path.\n",
    ],
)
def test_passages_in_every_form(value: Any) -> None:
    assert read_passages(value) == [Passage(str(each["id"]), str(each["text"])) for each in PASSAGES]
    assert numbered(read_passages(value)).startswith("[1] Fruit")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "missing"),
        ([], "missing"),
        ("", "missing"),
        (5, "no list"),
        ("no number", "no line begins"),
        ([{"id": 1}], "number 1 has no text"),
        (["a", " "], "number 2 has no text"),
        ([{"id": "law", "text": "a"}], "'law' can't be cited"),
        ([{"id": 1, "text": "a"}, {"id": "1", "text": "b"}], "the same id"),
    ],
)
def test_passages_that_can_t_be_read(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^passages.*{said}"):
        read_passages(value)


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ("Within two weeks. [2]", ("2",)),
        ("a [1][3] b [1, 2 and 4]", ("1", "3", "2", "4")),
        ("见【2】、［3］和[A-1]", ("2", "3", "A-1")),
        ("[sic] [see 2] (3) [ ] 2]", ()),
    ],
)
def test_citations_of_an_answer(answer: str, ids: tuple[str, ...]) -> None:
    assert citations(answer) == ids


# -- the task --------------------------------------------------------------------------------------------------------


def test_the_model_reads_numbered_passages_and_then_the_question() -> None:
    user, assistant = LegalQA().conversation(ROW)
    assert "[1] Fruit belongs to the neighbour.\n[2] Hives stand" in user["content"]
    assert user["content"].endswith("Question: How far do hives stand from a path?")
    assert assistant == {"role": "assistant", "content": "Eight metres. [2]"}
    chinese = LegalQA(system="你是律师。").conversation(row(question="蜂箱离路多远？", answer=None))
    assert [turn["role"] for turn in chinese] == ["system", "user"]
    assert chinese[1]["content"].endswith("问题：蜂箱离路多远？")


def test_a_prompt_of_one_s_own_and_texts_with_braces() -> None:
    task = LegalQA(prompt="Q: {question}\nP: {passages}")
    (user, _) = task.conversation(row(question="What is {passages}?", passages=["{question}"]))
    assert user["content"] == "Q: What is {passages}?\nP: [1] {question}"
    with pytest.raises(ValidationError, match="passages"):
        LegalQA(prompt="{question}")


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({}, ""),
        ({"answer": "No citation."}, ""),
        ({"question": " "}, "question is missing"),
        ({"answer": ""}, "answer is missing"),
        ({"answer": None}, "answer is missing"),
        ({"passages": None}, "passages are missing"),
        ({"answer": "Nine. [3]"}, "answer cites a passage that is not given"),
    ],
)
def test_rows_that_can_be_learned_from(changed: dict[str, Any], flaw: str) -> None:
    assert LegalQA().check_row(row(**changed)) == flaw


def test_a_row_to_predict_needs_no_answer() -> None:
    given = {"question": ROW["question"], "passages": PASSAGES}
    assert LegalQA().check_row(given) == ""
    assert LegalQA().reference(given, STATE) is None
    assert LegalQA().reference(ROW, STATE) == ("Eight metres. [2]",)
    assert LegalQA().check_input(given) == ""
    assert "passages are missing" in LegalQA().check_input({"question": "a"})


def test_every_citation_of_a_prediction_is_looked_up() -> None:
    written = Generated((1, 2), "Eight metres. [2] Or nine. [7]")
    prediction = LegalQA().decode(ROW, [Output(np.zeros(0), generated=written)], STATE)
    assert prediction.value == written.text
    assert prediction.extra == {"citations": ["2", "7"], "unknown_citations": ["7"]}
    assert LegalQA().decode(ROW, [Output(np.zeros(0))], STATE).extra is None


def test_the_nearest_passage_is_a_baseline() -> None:
    (baseline,) = [each for each in LegalQA().baselines([], [ROW], STATE) if each.name == "nearest-passage"]
    (prediction,) = baseline.predictions
    assert prediction.value == "Hives stand 8 metres from a path. [2]"
    assert prediction.extra == {"citations": ["2"], "unknown_citations": []}


# -- the metric ------------------------------------------------------------------------------------------------------


def records(pairs: list[tuple[str, tuple[str, ...]]], **extra: Any) -> Records:
    columns = [np.empty(len(pairs), object), np.empty(len(pairs), object)]
    for column, values in zip(columns, zip(*pairs, strict=True), strict=True):
        column[:] = values
    return Records("texts", np.arange(len(pairs)), *columns, extra=extra)


def test_citation_accuracy() -> None:
    pairs = [
        ("a [2]", ("b [2]",)),
        ("a [1, 2]", ("b [2]",)),
        ("a", ("b [1]", "c")),
        ("a [2]", ("b [1]", "c [2]")),
        ("a [9]", ("b",)),
    ]
    values = CitationAccuracy().score(records(pairs, citations_exist=np.array([1, 1, math.nan, 1, 0.0])))
    assert values == {
        "citation-accuracy": 2 / 4,
        "citation-accuracy.hit": 3 / 4,
        "citation-accuracy.cited": 4 / 5,
        "citation-accuracy.existing": 3 / 4,
    }


def test_without_citations_there_is_no_accuracy() -> None:
    values = CitationAccuracy().score(records([("a", ("b",))]))
    assert math.isnan(values["citation-accuracy"]) and math.isnan(values["citation-accuracy.existing"])
    assert values["citation-accuracy.cited"] == 0.0


def test_records_of_the_task_say_whether_citations_exist() -> None:
    said = [
        Prediction("a [2]", extra={"citations": ["2"], "unknown_citations": []}),
        Prediction("a [7]", extra={"citations": ["7"], "unknown_citations": ["7"]}),
        Prediction("a", extra={"citations": [], "unknown_citations": []}),
        Prediction(None, reason="nothing was generated"),
    ]
    some = LegalQA().records(np.arange(4), said, [("b [2]",)] * 4, STATE)
    assert np.array_equal(some.extra["citations_exist"], [1, 0, math.nan, math.nan], equal_nan=True)
    values = CitationAccuracy().score(some)
    assert values["citation-accuracy"] == 0.25
    assert values["citation-accuracy.existing"] == 0.5
    assert next(metric.name for metric in LegalQA().default_metrics()) == "citation-accuracy"
