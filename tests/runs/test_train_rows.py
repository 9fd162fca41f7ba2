"""The record of a run's training rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sftcore import Role
from sftcore.data.rows import Rows
from sftcore.runs.train_rows import COLUMN, FILE, row_hashes, trained_on, write_train_rows

ROLES = {"text": Role(), "label": Role("label", target=True)}
ROWS = Rows.of([{"text": text, "label": "a"} for text in ("Good phone.", "good  phone", "a box", "一部电影")])


def test_rows_are_known_again_by_their_words(tmp_path: Path) -> None:
    write_train_rows(tmp_path / FILE, ROWS, ROLES)
    other = Rows.of([{"text": text, "label": "b"} for text in ("GOOD PHONE", "good phones", "一部电影！", "")])
    found = trained_on(tmp_path, other, ROLES)
    assert found is not None and found.tolist() == [True, False, True, False]
    assert trained_on(tmp_path / "elsewhere", other, ROLES) is None


def test_the_file_tells_neither_texts_nor_their_order(tmp_path: Path) -> None:
    write_train_rows(tmp_path / FILE, ROWS, ROLES)
    hashes = pq.read_table(tmp_path / FILE).column(COLUMN).to_numpy()
    assert len(hashes) == 3 and (np.diff(hashes.astype(object)) > 0).all()
    content = (tmp_path / FILE).read_bytes()
    assert b"phone" not in content and "电影".encode() not in content


def test_rows_of_several_texts_agree_in_all_of_them(tmp_path: Path) -> None:
    roles = {"question": Role(), "context": Role(), "answers": Role("any", target=True)}
    rows = Rows.of([{"question": "Who?", "context": "Anna."}, {"question": "Who", "context": "anna"}])
    other = Rows.of([{"question": "Who?", "context": "Bert."}, {"question": "Anna", "context": "Who?"}])
    first, second = row_hashes(rows, roles).tolist()
    assert first == second
    assert not {*row_hashes(other, roles).tolist()} & {first}


def test_rows_without_texts_are_not_recorded(tmp_path: Path) -> None:
    numbers = Rows.of([{"number": 1}, {"number": 2}])
    write_train_rows(tmp_path / FILE, numbers, {"number": Role("any")})
    assert not (tmp_path / FILE).exists()
