"""Folders and several files: splits of their own, classes by file or folder, saved data sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sftcore import DataError
from sftcore.data.load import read_table
from sftcore.registry import discover
from tests.data.loading import Notes, load, pairs, rows_of, splits_of, write


def test_class_per_file_and_per_folder(tmp_path: Path) -> None:
    for label in ("pos", "neg"):
        (tmp_path / f"flat/{label}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / f"flat/{label}.txt").write_text(f"{label} one\n\n{label} two\n", encoding="utf-8")
        (tmp_path / f"deep/{label}").mkdir(parents=True)
        for number in range(2):
            (tmp_path / f"deep/{label}/{number}.txt").write_text(f"{label} {number}\n", encoding="utf-8")
    (tmp_path / "flat/README.txt").write_text("about", encoding="utf-8")
    flat, ledger, _ = load(tmp_path, 'source = "flat"\ncolumns = { label = "file" }')
    assert [(row["text"], row["label"]) for row in rows_of(flat).values] == [
        ("neg one", "neg"),
        ("neg two", "neg"),
        ("pos one", "pos"),
        ("pos two", "pos"),
    ]
    assert flat.origins.describe(3) == "pos.txt row 1"
    assert ledger.find("check").dropped == {"text is missing": 2}  # type: ignore[union-attr]
    deep, _, _ = load(tmp_path, 'source = "deep"\ncolumns = { label = "folder" }')
    assert rows_of(deep).column("label") == ["neg", "neg", "pos", "pos"]


def test_several_tables_get_file_and_folder_unless_they_have_them(tmp_path: Path) -> None:
    write(tmp_path / "d/x.csv", [("t", "mine")], ("text", "file"))
    write(tmp_path / "d/y.csv", [("u",)], ("text",))
    loaded, _, _ = load(tmp_path, 'source = "d/*.csv"\ncolumns = { label = "file" }')
    assert rows_of(loaded).column("label") == ["mine", "y"]
    assert rows_of(loaded).ids.tolist() == [0, 1]


def test_the_fingerprint_of_files_is_that_of_their_list(tmp_path: Path) -> None:
    write(tmp_path / "d/x.csv", pairs("x"))
    write(tmp_path / "d/y.csv", pairs("y"))
    loaded, _, _ = load(tmp_path, 'source = "d"')
    listed = "".join(
        f"{hashlib.sha256((tmp_path / 'd' / n).read_bytes()).hexdigest()}  {n}\n" for n in ("x.csv", "y.csv")
    )
    assert loaded.fingerprint == hashlib.sha256(listed.encode()).hexdigest()


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "validation.csv", "test.csv"),
        ("Train.csv", "dev.csv", "test.csv"),
        ("train-00000-of-00001.csv", "val_x.csv", "testing.csv"),
        ("train/a.csv", "valid/b.csv", "test/c.csv"),
    ],
)
def test_a_folder_with_splits_of_its_own(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for name in names:
        write(tmp_path / "d" / name, pairs(name))
    loaded, _, _ = load(tmp_path, 'source = "d"')
    splits = splits_of(loaded)
    assert list(splits) == ["train", "validation", "test"]
    assert splits["validation"].values[0]["text"] == f"{names[1]} 0"
    assert [rows.ids.tolist() for rows in splits.values()] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert loaded.origins.place(9) == (names[2], 2)


def test_files_beside_splits_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv", "extra.csv"):
        write(tmp_path / "d" / name, pairs(name))
    loaded, _, notes = load(tmp_path, 'source = "d"')
    assert list(splits_of(loaded)) == ["train", "test"]
    assert notes == ["left out extra.csv: the files beside it are named after splits"]


def test_a_table_of_sources(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", pairs("a"))
    write(tmp_path / "b.csv", pairs("b"))
    loaded, _, _ = load(tmp_path, 'source = { train = "a.csv", test = "b.csv" }')
    assert {name: len(rows) for name, rows in splits_of(loaded).items()} == {"train": 4, "test": 4}
    with pytest.raises(DataError) as error:
        load(tmp_path, 'source = { train = "a.csv", test = "bb.csv" }')
    assert error.value.problems[0].key == "data.source.test"


def test_saved_data_sets(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    made = Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, -1]}, features=features)
    made.select([2, 1, 0]).save_to_disk(str(tmp_path / "one"))
    DatasetDict(train=made, validation=made, unsupervised=made).save_to_disk(str(tmp_path / "several"))
    one, ledger, _ = load(tmp_path, 'source = "one"')
    assert rows_of(one).values == [{"text": "b", "label": "yes"}, {"text": "a", "label": "no"}]
    assert ledger.find("check").dropped == {"label is missing": 1}  # type: ignore[union-attr]
    several, _, notes = load(tmp_path, 'source = "several"')
    assert {name: len(rows) for name, rows in splits_of(several).items()} == {"train": 2, "validation": 2}
    assert notes == ["left out the splits unsupervised of several"]
    (tmp_path / "one/state.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="can't be read"):
        load(tmp_path, 'source = "one"')


def test_a_table_of_splits_is_its_test_split(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv"):
        write(tmp_path / "d" / name, pairs(name))
    notes = Notes()
    table = read_table("d", tmp_path, None, discover(), notes)
    assert table["text"][0] == "test.csv 0"
    assert notes.said == ["d has splits of its own; the test split is taken"]


def test_tables_of_different_columns_do_not_join(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.jsonl").write_text('{"text": "a"}', encoding="utf-8")
    (tmp_path / "d/b.jsonl").write_text('{"text": ["b"]}', encoding="utf-8")
    with pytest.raises(DataError, match="different columns"):
        read_table("d", tmp_path, None, discover(), Notes())
