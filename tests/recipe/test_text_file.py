from __future__ import annotations

from pathlib import Path

import pytest

from sftcore.errors import Problem, RecipeError
from sftcore.recipe import Recipe
from sftcore.registry import Registry

SHORT = '[model]\nbase = "x"\n[data]\nsource = "a.csv"\n[task]\nuse = "text-classification"\n'


def problem_of(path: Path) -> Problem:
    with pytest.raises(RecipeError) as caught:
        Recipe.read(path)
    (problem,) = caught.value.problems
    assert problem.where == str(path)
    return problem


def written(folder: Path, data: bytes, name: str = "r.toml") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_utf8_with_or_without_mark_and_with_any_line_ends(
    tmp_path: Path, registry: Registry, mark: bytes, end: str
) -> None:
    text = SHORT.replace("a.csv", "评论.csv").replace("\n", end)
    path = written(tmp_path, mark + text.encode())
    recipe = Recipe.read(path, registry=registry)
    assert recipe.data.source == "评论.csv"
    assert recipe.text.encode() == path.read_bytes()
    assert recipe.problem("task.use", "x").line == 6


def test_the_name_is_the_files_stem_unless_given(tmp_path: Path, registry: Registry) -> None:
    assert (
        Recipe.read(written(tmp_path, SHORT.encode(), "my recipe (1).toml"), registry=registry).name == "my recipe -1-"
    )
    assert Recipe.read(written(tmp_path, b'name = "given"\n' + SHORT.encode()), registry=registry).name == "given"


def test_folder_and_path(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, SHORT.encode())
    recipe = Recipe.read("r.toml", registry=registry)
    assert (recipe.folder, recipe.path) == (tmp_path, Path("r.toml"))


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        ("# 情感分析，中文评论\nname = 'x'\n", "gbk", "it seems to be GBK"),
        ("# 情感分析的中文評論\n", "big5", "it seems to be BIG5"),
        ("# これはレシピです\n", "shift_jis", "it seems to be SHIFT_JIS"),
        ("# déjà vu\n", "latin-1", "Windows-1252 or Latin-1"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, text: str, encoding: str, guess: str) -> None:
    problem = problem_of(written(tmp_path, b"seed = 1\n" + text.encode(encoding)))
    assert guess in problem.message
    assert "save the file as UTF-8" in problem.advice
    assert problem.excerpt is not None
    assert problem.line == 2
    assert problem.excerpt.text == text.splitlines()[0]


def test_utf16_and_binary_files(tmp_path: Path) -> None:
    assert "UTF-16" in problem_of(written(tmp_path, SHORT.encode("utf-16"))).message
    assert "binary" in problem_of(written(tmp_path, b"\x89PNG\0\0\x01")).message


@pytest.mark.parametrize("data", [b"", b"\n \t\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path: Path, data: bytes) -> None:
    assert "empty" in problem_of(written(tmp_path, data)).message


@pytest.mark.parametrize("asked", ["sentimnet.toml", "sentiment", "Sentiment.TOML"])
def test_an_absent_file_names_the_nearest(tmp_path: Path, asked: str) -> None:
    written(tmp_path, b"", "sentiment.toml")
    written(tmp_path, b"", "other.toml")
    assert str(tmp_path / "sentiment.toml") in problem_of(tmp_path / asked).message


def test_an_ending_in_common_makes_no_two_recipes_alike(tmp_path: Path) -> None:
    written(tmp_path, b"", "tiny.toml")
    problem = problem_of(tmp_path / "sentiment.toml")
    assert (problem.message, problem.advice) == ("no such file", "in it there is tiny.toml")


def test_an_absent_file_without_a_near_one_lists_the_recipes(tmp_path: Path) -> None:
    assert "sftcore new" in problem_of(tmp_path / "zzz").advice
    written(tmp_path, b"", "abc.toml")
    assert "abc.toml" in problem_of(tmp_path / "zzz").advice
    assert "folder" in problem_of(tmp_path / "none" / "r.toml").message


def test_a_directory_lists_the_recipes_in_it(tmp_path: Path) -> None:
    written(tmp_path, b"", "abc.toml")
    problem = problem_of(tmp_path)
    assert "directory" in problem.message
    assert "abc.toml" in problem.advice
