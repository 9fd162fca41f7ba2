"""Rows and the ledger."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sftcore import DataError
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Origins, Rows


def test_rows_are_taken_by_mask_and_by_position() -> None:
    rows = Rows.of([{"text": letter} for letter in "abcd"], ids=[3, 5, 7, 9], groups=list("wxyz"))
    by_mask = rows.take(np.array([True, False, False, True]))
    assert (by_mask.ids.tolist(), by_mask.column("text"), by_mask.groups) == ([3, 9], ["a", "d"], ["w", "z"])
    by_place = rows.take([2, 2, 0])
    assert (by_place.ids.tolist(), by_place.column("text"), by_place.groups) == (
        [7, 7, 3],
        ["c", "c", "a"],
        ["y", "y", "w"],
    )
    assert len(rows.take(np.zeros(4, dtype=bool))) == 0
    assert len(rows.take([])) == 0


def test_joined_rows_know_their_copies() -> None:
    rows = Rows.of([{"text": "a"}, {"text": "b"}])
    copies = Rows(rows.ids[:1], [{"text": "A"}], None, np.array([1]))
    both = rows.joined(copies)
    assert both.ids.tolist() == [0, 1, 0]
    assert both.copy_numbers().tolist() == [0, 0, 1]
    assert rows.joined(rows).copies is None


def test_rows_of_unequal_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="2 ids, but 1 values"):
        Rows(np.arange(2), [{}])


def test_origins_name_file_and_row() -> None:
    origins = Origins(("a.csv", "empty.csv", "b.csv"), (0, 3, 3))
    assert [origins.place(row) for row in (0, 2, 3, 5)] == [("a.csv", 1), ("a.csv", 3), ("b.csv", 1), ("b.csv", 3)]
    assert origins.describe(4) == "b.csv row 2"


def test_the_ledger_keeps_what_happened_as_json() -> None:
    ledger = Ledger()
    ledger.add("load", 5, 5)
    ledger.add("check", 5, 3, {"text is empty": 2, "none": 0}, {"x": 1}, {"text is empty": np.arange(30), "none": []})
    entries = json.loads(json.dumps(ledger.as_json()))["stages"]
    assert entries[0] == {"stage": "load", "rows_in": 5, "rows_out": 5}
    assert entries[1]["dropped"] == {"text is empty": 2}
    assert entries[1]["examples"] == {"text is empty": list(range(20))}
    assert ledger.find("check") is list(ledger)[1]
    assert ledger.find("absent") is None


def test_a_stage_that_leaves_nothing_is_an_error_that_names_it() -> None:
    ledger = Ledger()
    with pytest.raises(DataError) as error:
        ledger.add("where", 7, 0, {"confidence below 0.99": 5, "confidence is missing": 2})
    assert "where leaves none of 7 rows: confidence below 0.99 (5), confidence is missing (2)" in str(error.value)
    assert len(ledger) == 1, "the ledger of a failed run says why"
    with pytest.raises(DataError, match="no rows to work on"):
        ledger.add("load", 0, 0)
    ledger.add("augment", 0, 0, may_be_empty=True)
