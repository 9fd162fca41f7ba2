from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore_plugin_qa.features import Limits, windows_of
from sftcore_plugin_qa.targets import (
    BROKEN,
    NO_ANSWER,
    NO_WINDOW,
    TOO_LONG,
    UNKNOWN,
    surplus,
    token_range,
    window_targets,
)

OFFSETS = np.array([[5 * token, 5 * token + 4] for token in range(20)], np.int32)
"""Twenty words of four letters with a blank between them."""
WINDOWS = [(0, 8), (6, 14), (12, 20)]


def chars(first: int, last: int) -> tuple[int, int]:
    """The characters of the words from first to last."""
    return 5 * first, 5 * last + 4


def test_the_window_that_holds_the_answer_has_it() -> None:
    targets = window_targets([chars(2, 3)], OFFSETS, WINDOWS)
    assert targets == ([(2, 3), NO_ANSWER, NO_ANSWER], "", 2)


def test_an_answer_in_two_windows_is_in_both() -> None:
    assert window_targets([chars(6, 7)], OFFSETS, WINDOWS).windows == [(6, 7), (6, 7), NO_ANSWER]


def test_a_window_with_a_part_of_an_answer_that_another_has_as_a_whole_is_without_answer() -> None:
    assert window_targets([chars(7, 9)], OFFSETS, WINDOWS).windows == [NO_ANSWER, (7, 9), NO_ANSWER]


def test_of_several_answers_each_window_has_the_first_that_it_holds() -> None:
    spans = [chars(15, 15), chars(13, 13), chars(1, 1)]
    assert window_targets(spans, OFFSETS, WINDOWS).windows == [(1, 1), (13, 13), (15, 15)]


def test_a_question_without_answer() -> None:
    assert window_targets([], OFFSETS, WINDOWS) == ([NO_ANSWER] * 3, "", 0)


def test_an_answer_that_no_window_holds_is_not_trained_on() -> None:
    assert window_targets([chars(5, 15)], OFFSETS, WINDOWS) == ([UNKNOWN] * 3, NO_WINDOW, 11)


def test_of_an_answer_that_stands_for_no_token_nothing_is_learned() -> None:
    assert window_targets([(4, 5)], OFFSETS, WINDOWS) == ([UNKNOWN] * 3, NO_WINDOW, 0)


def test_a_window_that_holds_a_part_of_a_homeless_answer_is_not_known() -> None:
    targets = window_targets([chars(2, 2), chars(9, 17)], OFFSETS, WINDOWS)
    assert targets.windows == [(2, 2), UNKNOWN, UNKNOWN]
    assert targets.flaw == ""


def test_answers_that_preprocessing_broke() -> None:
    assert window_targets([(-1, -1)], OFFSETS, WINDOWS) == ([UNKNOWN] * 3, BROKEN, 0)
    one_left = window_targets([(-1, -1), chars(2, 2)], OFFSETS, WINDOWS)
    assert one_left.windows == [(2, 2), UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 4, (0, 0)), (1, 2, (0, 0)), (3, 6, (0, 1)), (4, 6, (1, 1)), (4, 5, None), (95, 99, (19, 19)), (99, 120, None)],
)
def test_tokens_of_characters(start: int, end: int, expected: Any) -> None:
    assert token_range(start, end, OFFSETS) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=15), st.integers(0, 40), st.integers(1, 20))
def test_tokens_of_characters_against_a_search(steps: list[tuple[int, int]], start: int, size: int) -> None:
    offsets, at = [], 0
    for gap, width in steps:
        offsets.append((at + gap, at + gap + width))
        at += gap + width
    found = [token for token, (low, high) in enumerate(offsets) if high > start and low < start + size]
    result = token_range(start, start + size, np.array(offsets, np.int32).reshape(-1, 2))
    assert result == ((found[0], found[-1]) if found else None)


def test_surplus_windows_are_drawn_by_what_they_hold() -> None:
    kinds = [(1, 2), NO_ANSWER, NO_ANSWER, NO_ANSWER, UNKNOWN, NO_ANSWER, (0, 0)]
    contents = [np.array([number, 7], np.int32) for number in range(7)]
    dropped = surplus(kinds, contents, 1.0)
    assert (sum(dropped), dropped[0], dropped[4], dropped[6]) == (2, False, False, False)
    order = [6, 3, 0, 5, 1, 4, 2]
    turned = surplus([kinds[place] for place in order], [contents[place] for place in order], 1.0)
    assert [turned[order.index(place)] for place in range(7)] == dropped
    assert sum(surplus(kinds, contents, 0.5)) == 3
    assert sum(surplus(kinds, contents, 0.0)) == 4
    assert sum(surplus(kinds, contents, 10.0)) == 0


def row(context: str, *answers: tuple[str, int]) -> dict[str, Any]:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    return {"question": "who won", "context": context, "answers": {"text": texts, "answer_start": starts}}


WORDS = " ".join(["who", "was", "the", "game"] * 12)


def encode(rows: list[dict[str, Any]], tokenizer: Any, negatives: float | None = None, longest: int = 30) -> Any:
    return windows_of(rows, tokenizer, Limits(32, 8, 6, longest, negatives))


def test_labels_are_positions_in_the_feature(wordpiece: Any) -> None:
    start = WORDS.index("the game")
    encoded = encode([row(WORDS, ("the game", start))], wordpiece)
    first = encoded.columns["labels"][0]
    ids = encoded.columns["input_ids"][0][first[0] : first[1] + 1]
    assert wordpiece.decode(ids) == "the game"
    assert {tuple(labels) for labels in encoded.columns["labels"][1:]} == {(0, 0)}
    assert encoded.skip is None
    assert encoded.masked == [False]
    assert encoded.counts == {}


def test_what_can_not_be_learned_is_masked_and_counted(wordpiece: Any) -> None:
    rows = [
        row(WORDS, ("who", 0)),
        row(WORDS, (WORDS[:150], 0)),
        {**row(WORDS), "answers": {"text": ["who"], "answer_start": [-1], "answer_end": [-1], "status": ["lost"]}},
        row(WORDS),
        row(WORDS, ("who was the game", 0)),
    ]
    encoded = encode(rows, wordpiece, longest=3)
    assert encoded.masked == [False, True, True, False, False]
    assert encoded.counts == {NO_WINDOW: [0, 1, 0, 0, 0], BROKEN: [0, 0, 1, 0, 0], TOO_LONG: [0, 1, 0, 0, 1]}
    labels = np.array(encoded.columns["labels"])
    for place, parent in enumerate(encoded.parents):
        assert (labels[place] == -100).all() == encoded.masked[parent]


def test_windows_without_answer_are_left_out_of_training_alone(wordpiece: Any) -> None:
    rows = [row(WORDS, ("who", 0)), row(WORDS)]
    everything, fewer = encode(rows, wordpiece), encode(rows, wordpiece, negatives=1.0)
    assert len(fewer.columns["labels"]) == len(everything.columns["labels"])
    assert everything.skip is None
    kept = [labels for labels, skipped in zip(fewer.columns["labels"], fewer.skip, strict=True) if not skipped]
    assert sum(label != (0, 0) for label in kept) == 1
    assert len(kept) == 2


def test_windows_that_are_not_known_are_left_out_of_training(wordpiece: Any) -> None:
    answers = {"text": ["who", "x"], "answer_start": [0, -1], "answer_end": [3, -1]}
    encoded = encode([{**row(WORDS), "answers": answers}], wordpiece)
    assert encoded.masked == [False]
    assert encoded.skip == [False] + [True] * (len(encoded.parents) - 1)


def test_rows_without_answers_have_no_labels(wordpiece: Any) -> None:
    encoded = encode([row(WORDS), {"question": "who", "context": WORDS}], wordpiece)
    assert "labels" not in encoded.columns
    assert encoded.masked is None
