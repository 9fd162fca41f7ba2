from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sftcore.data.encode import ROWS_A_BATCH, EncodedRows, Ragged, encode_rows
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Rows
from sftcore.errors import TrainingError
from sftcore.task import Encoded


class WordTokenizer:
    """Counts its calls in itself, as a fast tokenizer keeps its truncation."""

    def __init__(self) -> None:
        self.calls = 0


class Windows:
    """Stands in for a task: one number a letter, texts cut into windows of `max_length`."""

    def __init__(self, columns: bool = True) -> None:
        self.columns = columns

    def encode(self, rows: Sequence[Any], tokenizer: WordTokenizer, state: Any, max_length: int) -> Encoded:
        tokenizer.calls += 1
        ids, parents, info = [], [], []
        for number, row in enumerate(rows):
            for start in range(0, len(row["text"]), max_length):
                ids.append([ord(letter) for letter in row["text"][start : start + max_length]])
                parents.append(number)
                info.append(start)
        return Encoded(
            columns={
                "input_ids": ids,
                "attention_mask": [[1] * len(one) for one in ids],
                "labels": [rows[parent]["label"] for parent in parents],
                "boxes": [[[1, 2], [3, 4]] for _ in parents],
            },
            parents=parents,
            info=info,
            masked=[row.get("masked", False) for row in rows],
            lost_tokens=[row.get("lost", 0) for row in rows],
        )


def rows_of(values: list[dict[str, Any]]) -> Rows:
    return Rows.of(values, ids=[10 * number for number in range(len(values))])


def encode(values: list[dict[str, Any]], max_length: int = 4, ledger: Any = None) -> EncodedRows:
    return encode_rows(rows_of(values), Windows(), None, WordTokenizer(), max_length, ledger)  # type: ignore[arg-type]


def test_features_come_back_as_they_were_encoded() -> None:
    encoded = encode(
        [
            {"text": "abcdef", "label": [0.5, 1.0]},
            {"text": "", "label": [0.0, 0.0]},
            {"text": "好", "label": [1.0, 0.25]},
        ]
    )
    assert len(encoded) == 3
    assert encoded.parents.tolist() == [0, 0, 2]
    assert encoded.ids.tolist() == [0, 0, 20]
    assert encoded.lengths.tolist() == [4, 2, 1]
    assert encoded.row_count == 3
    assert encoded.feature(1) == {
        "input_ids": [101, 102],
        "attention_mask": [1, 1],
        "labels": [0.5, 1.0],
        "boxes": [[1, 2], [3, 4]],
    }
    assert encoded.feature(2)["input_ids"] == [ord("好")]
    assert [encoded.info(number) for number in range(3)] == [0, 4, 0]


def test_parents_and_columns_go_on_over_batches_of_rows() -> None:
    values = [{"text": chr(97 + number % 26) * (number % 5), "label": number} for number in range(2 * ROWS_A_BATCH + 7)]
    encoded = encode(values, max_length=8)
    expected = [number for number in range(len(values)) if number % 5]
    assert encoded.parents.tolist() == expected
    assert [encoded.feature(place)["labels"] for place in range(len(encoded))] == expected
    assert all(
        encoded.feature(place)["input_ids"] == [97 + parent % 26] * (parent % 5)
        for place, parent in enumerate(expected)
    )


def test_tokens_are_stored_in_few_bytes() -> None:
    encoded = encode([{"text": "x" * 1000, "label": 1}] * 3, max_length=1000)
    assert encoded.columns["input_ids"].flat.nbytes == 3000  # type: ignore[union-attr]


@pytest.mark.parametrize("highest", [0, 127, 128, -129, 40_000, 2**31, 2**40])
def test_small_types_hold_every_value(highest: int) -> None:
    class One:
        def encode(self, rows: Any, *rest: Any) -> Encoded:
            return Encoded(columns={"input_ids": [[0, highest, -1]]})

    encoded = encode_rows(rows_of([{}]), One(), None, WordTokenizer(), 8)  # type: ignore[arg-type]
    assert encoded.feature(0)["input_ids"] == [0, highest, -1]


def test_take_keeps_features_and_parents() -> None:
    encoded = encode([{"text": "abcdef", "label": 3}, {"text": "gh", "label": 4}])
    taken = encoded.take(np.array([2, 0]))
    assert [taken.feature(0), taken.feature(1)] == [encoded.feature(2), encoded.feature(0)]
    assert (taken.parents.tolist(), taken.info(1), taken.row_count) == ([1, 0], 0, 2)
    assert encoded.take(np.array([False, True, False])).feature(0) == encoded.feature(1)


def test_the_tokenizer_given_is_not_touched_and_features_can_be_pickled() -> None:
    tokenizer = WordTokenizer()
    encoded = encode_rows(rows_of([{"text": "ab", "label": 1}]), Windows(), None, tokenizer, 4)  # type: ignore[arg-type]
    assert tokenizer.calls == 0
    assert pickle.loads(pickle.dumps(encoded)).feature(0) == encoded.feature(0)


def test_the_ledger_gets_truncated_masked_and_lost() -> None:
    ledger = Ledger()
    encode(
        [
            {"text": "abcd", "label": 1, "lost": 5},
            {"text": "ab", "label": 1, "masked": True},
            {"text": "", "label": 1},
        ],
        ledger=ledger,
    )
    (entry,) = ledger
    assert (entry.stage, entry.rows_in, entry.rows_out) == ("encode", 3, 2)
    assert entry.dropped == {"no feature": 1}
    assert entry.examples == {"truncated": [0], "masked": [10]}
    details = entry.details
    assert (details["truncated_rows"], details["lost_tokens"], details["masked_rows"]) == (1, 5, 1)
    assert details["lengths"]["max"] == 4
    assert details["lengths"]["mean"] == 3


def test_what_a_task_counts_is_summed_over_batches_with_row_ids() -> None:
    class Counting(Windows):
        def encode(self, rows: Sequence[Any], *rest: Any) -> Encoded:
            cut = [row["cut"] for row in rows]
            counts = {"answer cut": cut} | ({"seldom": [7] * len(rows)} if rows[0].get("last") else {})
            return Encoded({"input_ids": [[1]] * len(rows)}, counts=counts)

    values = [{"cut": number % 500 == 3, "last": number >= 2 * ROWS_A_BATCH} for number in range(2 * ROWS_A_BATCH + 2)]
    ledger = Ledger()
    encode_rows(rows_of(values), Counting(), None, WordTokenizer(), 4, ledger)  # type: ignore[arg-type]
    (entry,) = ledger
    assert entry.details["counts"] == {"answer cut": 4, "seldom": 14}
    assert entry.examples == {"answer cut": [30, 5030, 10030, 15030], "seldom": [20000, 20010]}
    json.dumps(entry.as_json())


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(TrainingError, match="nothing to learn from"):
        encode([{"text": "ab", "label": 1, "masked": True}] * 3, ledger=Ledger())


def test_no_rows_give_no_features() -> None:
    encoded = encode([])
    assert (len(encoded), encoded.row_count) == (0, 0)


def test_a_batch_without_features_leaves_the_columns_flat() -> None:
    values = [{"text": "abcd", "label": 1}] * ROWS_A_BATCH + [{"text": "", "label": 1}]
    encoded = encode(values)
    assert isinstance(encoded.columns["input_ids"], Ragged)
    assert (len(encoded), encoded.row_count) == (ROWS_A_BATCH, ROWS_A_BATCH + 1)


class Skipping(Windows):
    """Leaves every window but a row's first out of training."""

    def encode(self, rows: Sequence[Any], tokenizer: WordTokenizer, state: Any, max_length: int) -> Encoded:
        encoded = super().encode(rows, tokenizer, state, max_length)
        return replace(encoded, skip=[start > 0 for start in encoded.info or ()])


def test_features_left_out_of_training_are_there_for_everything_else() -> None:
    values = [{"text": "abcdef", "label": 1}] * (ROWS_A_BATCH + 1)
    ledger = Ledger()
    encoded = encode_rows(rows_of(values), Skipping(), None, WordTokenizer(), 4, ledger, "encode train")  # type: ignore[arg-type]
    assert len(encoded) == 2 * len(values)
    assert encoded.trained.tolist() == [True, False] * len(values)
    assert encoded.take(np.arange(3)).skipped.tolist() == [False, True, False]
    assert ledger.find("encode train").details["features_left_out"] == len(values)


def test_only_in_training_it_matters_whether_anything_is_left() -> None:
    class Nothing(Windows):
        def encode(self, *args: Any) -> Encoded:
            encoded = super().encode(*args)
            return replace(encoded, skip=[True] * len(encoded.parents or ()))

    def to(stage: str) -> EncodedRows:
        rows = rows_of([{"text": "abcdef", "label": 1}])
        return encode_rows(rows, Nothing(), None, WordTokenizer(), 4, Ledger(), stage)  # type: ignore[arg-type]

    assert to("encode test").skipped.all()
    with pytest.raises(TrainingError, match="nothing to learn"):
        to("encode train")


def test_arrays_of_numbers_are_kept_as_lists_of_them_are() -> None:
    class Arrays(Windows):
        def encode(self, *args: Any) -> Encoded:
            encoded = super().encode(*args)
            arrays = [np.array(ids, np.int32) for ids in encoded.columns["input_ids"]]
            return replace(encoded, columns={**encoded.columns, "input_ids": arrays})

    rows = rows_of([{"text": "abcdef", "label": 1}, {"text": "é北", "label": 0}])
    found = encode_rows(rows, Arrays(), None, WordTokenizer(), 4)  # type: ignore[arg-type]
    expected = encode([{"text": "abcdef", "label": 1}, {"text": "é北", "label": 0}])
    assert [found.feature(place) for place in range(len(found))] == [expected.feature(place) for place in range(3)]
    assert found.columns["input_ids"].flat.dtype == expected.columns["input_ids"].flat.dtype  # type: ignore[union-attr]
