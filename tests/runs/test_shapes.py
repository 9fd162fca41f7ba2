"""Files of a run that were edited, torn or made by another version: refused by name, or read without what is absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sftcore import Run, RunError
from sftcore.runs.predictions import read_predictions
from sftcore.runs.shapes import FACTS, FILES, METRICS, flaws

TABLE = {"row": [0], "file": ["r.csv"], "file_row": [1], "scored": [True], "logits": [[0.5]]}


def run_with(folder: Path, name: str, text: str) -> Run:
    (folder / name).write_text(text, encoding="utf-8")
    return Run(folder)


@pytest.mark.parametrize(
    ("part", "key", "expected"),
    [
        ({"test": None}, "test", "a table"),
        ({"test": {"rows": "48"}}, "test.rows", "a whole number from 0 up"),
        ({"test": {"rows": -1}}, "test.rows", "a whole number from 0 up"),
        ({"test": {"rows": True}}, "test.rows", "a whole number from 0 up"),
        ({"test": {"bootstrap": {"resamples": 10**18}}}, "test.bootstrap.resamples", "a whole number from 0 up"),
        ({"test": {"metrics": {"f1": 0.5}}}, "test.metrics.f1", "a table"),
        ({"test": {"metrics": {"f1": {"value": "0.5"}}}}, "test.metrics.f1.value", "a number"),
        ({"test": {"greater_is_better": {"f1": 1}}}, "test.greater_is_better.f1", "true or false"),
        ({"test": {"notes": ["a", 3]}}, "test.notes.1", "a text"),
        ({"test": {"notes": "a"}}, "test.notes", "a list"),
        ({"test": {"baselines": {"base": {"details": 3}}}}, "test.baselines.base.details", "a table"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path: Path, part: dict[str, Any], key: str, expected: str) -> None:
    with pytest.raises(RunError) as caught:
        _ = run_with(tmp_path, "metrics.json", json.dumps(part)).metrics
    (problem,) = caught.value.problems
    assert (problem.key, problem.message) == (key, f"is damaged: {expected} was expected")


def test_all_flaws_are_named_at_once_and_long_values_are_cut() -> None:
    found = list(flaws({"test": {"rows": [], "loss": "x" * 100}}, METRICS, "metrics.json"))
    assert [problem.key for problem in found] == ["test.rows", "test.loss"]
    assert len(str(found[1].value)) == 60


def test_a_language_that_pages_do_not_have(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"recipe\.report\.language\n  found: \"fr\"\n  is damaged: en or zh"):
        _ = run_with(tmp_path, "lock.json", '{"recipe": {"report": {"language": "fr"}}}').lock


@pytest.mark.parametrize(
    "text", ['{"test": {"loss": NaN}}', '{"test": ', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_what_is_no_json(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "metrics.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match="is damaged"):
        _ = Run(tmp_path).metrics


def test_a_file_that_can_not_be_opened_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").mkdir()
    with pytest.raises(RunError, match=r"can't be read: Is a directory$"):
        _ = Run(tmp_path).metrics


def test_what_is_absent_null_or_unknown_is_no_flaw() -> None:
    known = {"rows": None, "loss": None, "metrics": {"f1": {"value": None}}, "of a later version": [1], "verdict": {}}
    assert not list(flaws({"test": known, "more": 3}, METRICS, "metrics.json"))
    assert not [one for shape in [*FILES.values(), FACTS] for one in flaws({}, shape, "")]


def write(path: Path, table: dict[str, Any], facts: str = "{}") -> Path:
    pq.write_table(pa.table(table).replace_schema_metadata({b"sftcore": facts.encode()}), path)
    return path


@pytest.mark.parametrize(
    ("change", "facts", "key"),
    [
        ({"scored": None}, "{}", "scored"),
        ({"scored": ["yes"]}, "{}", "scored"),
        ({"row": ["0"]}, "{}", "row"),
        ({"logits": ["x"]}, "{}", "logits"),
        ({"group": ["x"]}, "{}", "group"),
        ({}, '{"labels": "ab"}', "labels"),
        ({}, "[]", ""),
        ({}, "{", ""),
    ],
)
def test_predictions_that_were_edited(tmp_path: Path, change: dict[str, Any], facts: str, key: str) -> None:
    columns = {name: values for name, values in {**TABLE, **change}.items() if values is not None}
    with pytest.raises(RunError, match="is damaged") as caught:
        read_predictions(write(tmp_path / "p.parquet", columns, facts))
    assert [problem.key for problem in caught.value.problems] == [key]


def test_predictions_as_they_are_written(tmp_path: Path) -> None:
    assert read_predictions(write(tmp_path / "p.parquet", TABLE, '{"labels": ["a"]}')).num_rows == 1
