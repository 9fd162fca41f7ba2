"""The rows that [data] where keeps, and cells that are no numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftcore import DataError
from tests.data.loading import load, rows_of, write

WHERE: list[tuple[str, list[int]]] = [
    ("score = { min = 2 }", [1, 2, 5]),
    ("score = { min = 2, max = 3 }", [1, 2]),
    ("score = { equals = 2 }", [1]),
    ('score = { equals = "2.0" }', [1]),
    ('kind = { equals = "x" }', [0, 2]),
    ('kind = { in = ["x", "y"] }', [0, 1, 2, 3]),
    ("score = { missing = false }", [0, 1, 2, 3, 5]),
    ("score = { missing = true }", [4]),
    ("kind = { equals = true }", [5]),
    ('kind = { equals = "x" }, score = { min = 2 }', [2]),
]


@pytest.mark.parametrize(("condition", "kept"), WHERE, ids=[case[0] for case in WHERE])
def test_where(tmp_path: Path, condition: str, kept: list[int]) -> None:
    cells = [("1", "x"), ("2.0", "y"), (" 3 ", "x"), ("-1", "y"), ("", "z"), ("9", "True")]
    write(
        tmp_path / "r.csv", [(f"t{n}", "a", *pair) for n, pair in enumerate(cells)], ("text", "label", "score", "kind")
    )
    loaded, _, _ = load(tmp_path, f'source = "r.csv"\nwhere = {{ {condition} }}')
    assert rows_of(loaded).ids.tolist() == kept


def test_a_cell_that_is_no_number_is_shown_with_its_row(tmp_path: Path) -> None:
    cells = ["1", "high", "1_0", "nan", "2"]
    write(tmp_path / "r.csv", [("t", "a", cell) for cell in cells], ("text", "label", "score"))
    with pytest.raises(DataError) as error:
        load(tmp_path, 'source = "r.csv"\nwhere = { score = { min = 1 } }')
    head, *rows = error.value.problems
    assert head.key == "data.where.score"
    assert "3 of 5 values" in head.message
    assert [(problem.where, problem.row, problem.value) for problem in rows] == [
        ("r.csv", 2, "'high'"),
        ("r.csv", 3, "'1_0'"),
        ("r.csv", 4, "'nan'"),
    ]
