from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore.components import Edit
from sftcore.data.spans import (
    LOST,
    MappedSpan,
    PositionMap,
    apply,
    checked_edits,
    least_edit,
    read_spans,
    write_spans,
)
from sftcore.errors import PluginError

LETTERS = st.sampled_from("abcABC 好的中文，。é\u0301ß👍\u200d")
TEXTS = st.text(LETTERS, max_size=9)
CUTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.text(LETTERS, max_size=3)), max_size=4)


def edits_of(length: int, cuts: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Valid edits of a text of that length: (characters skipped, replaced, replacement) one after another."""
    edits, at = [], 0
    for skip, take, replacement in cuts:
        start = min(length, at + skip)
        at = min(length, start + take)
        edits.append((start, at, replacement))
    return edits


@settings(max_examples=2500, deadline=None)
@given(text=TEXTS, steps=st.lists(CUTS, max_size=4))
def test_spans_agree_with_the_oracle(provenance: Any, text: str, steps: list[list[tuple[int, int, str]]]) -> None:
    oracle, positions, present = provenance(text), PositionMap(len(text)), text
    for cuts in steps:
        edits = checked_edits(present, edits_of(len(present), cuts))
        oracle.apply(edits)
        positions = positions.then(edits)
        present = apply(present, edits)
        assert present == oracle.text
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            span = positions.map_span(start, end)
            assert (span.start, span.end, span.status, span.growth) == oracle.map_span(start, end)
    for start in range(len(present)):
        for end in range(start + 1, min(start + 4, len(present)) + 1):
            expected = oracle.to_original(start, end)
            low, high = positions.to_original(start, end)
            assert (low, high) == expected if expected else low == high


@settings(max_examples=300, deadline=None)
@given(old=TEXTS, new=TEXTS)
def test_least_edit_makes_one_text_of_the_other(old: str, new: str) -> None:
    edits = least_edit(old, new)
    assert apply(old, edits) == new
    assert len(edits) == (old != new)


def test_the_rules_of_the_design() -> None:
    text = "the cat sat"
    inserted = PositionMap(11).then([(4, 4, "big "), (7, 7, "s")])
    assert inserted.map_span(4, 7) == MappedSpan(8, 11, "exact")
    deleted = PositionMap(11).then([(4, 5, ""), (6, 7, "")])
    assert deleted.map_span(4, 7) == MappedSpan(4, 5, "trimmed")
    rewritten = PositionMap(11).then([(2, 5, "XY")])
    assert rewritten.map_span(4, 7) == MappedSpan(2, 6, "grown", 2)
    assert rewritten.map_span(4, 7).trainable
    assert not PositionMap(11).then([(1, 5, "XY")]).map_span(4, 7).trainable
    assert PositionMap(11).then([(3, 8, "")]).map_span(4, 7) == LOST
    assert not LOST.trainable
    assert text[4:7] == "cat"


def test_inside_insertions_and_deletions_leave_a_span_exact() -> None:
    assert PositionMap(3).then([(1, 1, "xx"), (2, 2, "y")]).map_span(0, 3) == MappedSpan(0, 6, "exact")
    assert PositionMap(3).then([(1, 2, "")]).map_span(0, 3) == MappedSpan(0, 2, "exact")


def test_what_was_deleted_before_a_rewrite_does_not_come_back() -> None:
    positions = PositionMap(3).then([(1, 2, "")]).then([(0, 2, "Y")])
    assert positions.map_span(1, 2) == LOST
    assert positions.map_span(0, 1) == MappedSpan(0, 1, "grown", 2)


def test_empty_spans_and_spans_outside_are_lost() -> None:
    positions = PositionMap(3)
    assert [positions.map_span(*span) for span in ((1, 1), (-1, -1), (2, 4), (2, 1))] == [LOST] * 4


def test_to_original_of_an_insertion_is_the_place_of_what_stands_before() -> None:
    positions = PositionMap(2).then([(0, 0, "x"), (1, 1, "y"), (2, 2, "z")])
    assert [positions.to_original(at, at + 1) for at in range(5)] == [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
    with pytest.raises(IndexError):
        positions.to_original(0, 6)


def test_since_begins_in_the_middle() -> None:
    positions = PositionMap(3).then([(0, 0, "xx")]).then([(0, 1, "")])
    assert positions.since(1).map_span(1, 5) == MappedSpan(0, 4, "exact")
    assert positions.since(1).length == 5


def test_a_map_travels_to_other_processes() -> None:
    positions = PositionMap(3).then([(0, 1, "")])
    assert positions.map_span(1, 2) == pickle.loads(pickle.dumps(positions)).map_span(1, 2)  # own bytes


def test_a_text_without_edits_is_the_same_object() -> None:
    text = "ab" * 10
    assert apply(text, []) is text
    assert apply(text, [(0, 2, "ab"), (4, 4, "")]) is text


def test_edits_may_touch() -> None:
    assert apply("abcd", [(0, 1, "X"), (1, 1, "-"), (1, 2, "Y"), (4, 4, "!")]) == "X-Ycd!"


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([(0, 2, "x"), (1, 3, "y")], "starts before 2"),
        ([(2, 3, "x"), (0, 1, "y")], "starts before 3"),
        ([(2, 1, "x")], "ends before it starts"),
        ([(-1, 1, "x")], "outside the text of 4"),
        ([(0, 5, "x")], "outside the text of 4"),
        ([(0, 1)], "is not (start, end, replacement)"),
        ([3], "is not (start, end, replacement)"),
        ([("0", "1", "x")], "is not (start, end, replacement)"),
        ([(0, 1, None)], "two integers and a text"),
        ([(0, 1, b"x")], "two integers and a text"),
        ([(0.0, 1.0, "x")], "two integers and a text"),
        ([(False, True, "x")], "two integers and a text"),
    ],
)
def test_a_breach_names_the_component(edits: Any, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        apply("abcd", edits, "mask-all")
    assert said in str(caught.value)
    assert "mask-all" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        (None, []),
        ([], []),
        ([[1, 3], (0, 2)], [(1, 3), (0, 2)]),
        ([{"start": 1, "end": 3, "label": "PER"}], [(1, 3)]),
        ({"text": ["ab", "c"], "answer_start": [4, 0]}, [(4, 6), (0, 1)]),
        ({"text": [], "answer_start": []}, []),
    ],
)
def test_spans_are_read_in_three_forms(value: Any, spans: list[tuple[int, int]]) -> None:
    assert read_spans(value) == spans


@pytest.mark.parametrize("value", ["abc", [1, 2], [{"start": 1}], {"text": ["a"]}, {"text": ["a"], "answer_start": []}])
def test_other_forms_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a list of spans"):
        read_spans(value)


def test_spans_are_written_in_the_form_they_came_in() -> None:
    mapped = [MappedSpan(1, 2, "exact"), MappedSpan(0, 9, "grown", 5)]
    assert write_spans([[0, 1], [4, 5]], mapped) == [[1, 2], [-1, -1]]
    assert write_spans([{"start": 0, "end": 1, "label": "X"}], mapped[:1]) == [
        {"start": 1, "end": 2, "label": "X", "status": "exact"}
    ]
    squad = write_spans({"text": ["a", "b"], "answer_start": [0, 4]}, mapped)
    assert squad == {
        "text": ["a", "b"],
        "answer_start": [1, -1],
        "answer_end": [2, -1],
        "status": ["exact", "grown"],
    }
    assert read_spans(squad) == [(1, 2), (-1, -1)]


def test_edits_may_be_named_tuples() -> None:
    assert apply("ab", [Edit(0, 1, "x")]) == "xb"
