from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sftcore.cli import main
from sftcore.cli.new import WIDTH, recipe_text
from sftcore.recipe import Recipe
from sftcore.recipe.schema import Train
from sftcore.registry import discover


@pytest.mark.parametrize("task", discover().names("task"))
def test_the_recipe_of_each_task_is_valid_and_holds_nothing_but_what_it_must(task: str) -> None:
    text = recipe_text(task, "distilbert-base-uncased", "data.csv")
    recipe = Recipe.from_toml(text)
    assert recipe.resolved()["task"]["use"].endswith(task)
    assert recipe.train == Train()
    assert recipe.data.source == "data.csv"


def test_every_key_of_train_is_shown_and_means_its_default_when_it_is_taken_in() -> None:
    text = recipe_text("text-classification", "b", "d.csv")
    train = text.partition("[train]\n")[2].splitlines()
    assert [line.split()[1] for line in train] == list(Train.model_fields)
    taken_in = [
        line.removeprefix("# ") for line in train if not line.partition("#")[2].partition("#")[0].rstrip().endswith("=")
    ]
    assert len(taken_in) > 20
    assert Train.from_table(tomllib.loads("\n".join(taken_in))) == Train()


def test_what_is_installed_is_named_with_what_it_does() -> None:
    text = recipe_text("text-classification", "b", "d.csv")
    for kind in ("preprocessor", "augmenter", "metric"):
        for name in discover().names(kind):
            assert f'# use = "{name}"' in text
    for line in text.splitlines():
        assert len(line) <= WIDTH
        assert line.count("(") == line.count(")")


def test_it_writes_a_file_that_check_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "reviews.toml"
    assert main(["new", "text-classification", "--model", "my/模型", "--data", 'a "b".csv', "--out", str(out)]) == 0
    recipe = Recipe.read(out)
    assert (recipe.model.base, recipe.data.source, recipe.name) == ("my/模型", 'a "b".csv', "reviews")
    assert main(["check", "--shape", str(out)]) == 0
    assert "learning_rate = 5e-5" in capsys.readouterr().out


def test_where_a_schema_lies_editors_are_told_of_it(tmp_path: Path) -> None:
    assert main(["new", "--out", str(tmp_path / "before.toml")]) == 0
    assert main(["schema", "--out", str(tmp_path / "recipe.schema.json")]) == 0
    assert main(["new", "--out", str(tmp_path / "after.toml")]) == 0
    assert not (tmp_path / "before.toml").read_text(encoding="utf-8").startswith("#:schema")
    assert (
        (tmp_path / "after.toml").read_text(encoding="utf-8").startswith("#:schema ./recipe.schema.json\n\n# A recipe")
    )
    assert Recipe.read(tmp_path / "after.toml").data.source == "data.csv"


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "recipe.toml"
    out.write_text("mine", encoding="utf-8")
    assert main(["new", "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine"
    assert "this file is there already" in capsys.readouterr().err


def test_columns_of_a_file_are_named_and_the_obvious_ones_taken(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("id,Review,标签\n1,good,x\n", encoding="utf-8")
    text = recipe_text("text-classification", "b", str(path))
    assert '# columns of this data: "id", "Review", "标签"' in text
    assert Recipe.from_toml(text).data.columns == {"text": "Review", "label": "标签"}


def test_data_that_are_there_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["Review,标签", "good,x", "Good!,y", "a longer one,x", ",x", *(f"text {number},x" for number in range(9))]
    (tmp_path / "reviews.csv").write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "recipe.toml"
    assert main(["new", "--data", str(tmp_path / "reviews.csv"), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "13 read, 12 usable" in shown and "text is missing" in shown
    assert "longest 12" in shown
    assert "1 row with the same words" in shown and "1 text with different labels" in shown
    assert [line.split()[:2] for line in shown.splitlines() if "█" in line] == [["x", "11"], ["y", "1"]]
    assert shown.endswith(f"written to {out}; next: sftcore check {out}\n")


def test_data_that_do_not_fit_are_told_and_the_recipe_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reviews.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    out = tmp_path / "recipe.toml"
    assert main(["new", "--data", str(tmp_path / "reviews.csv"), "--out", str(out)]) == 0
    assert "the data can't be used as they are: there is no column 'text'" in capsys.readouterr().err
    assert Recipe.read(out).data.columns == {"text": "text", "label": "label"}


def test_a_plugin_s_task_requires_the_plugin() -> None:
    guests = [entry for entry in discover().entries("task") if entry.distribution != "sftcore"]
    for entry in guests:
        assert Recipe.from_toml(recipe_text(entry.name, "b", "d.csv")).requires == (entry.distribution,)
    assert Recipe.from_toml(recipe_text("text-classification", "b", "d.csv")).requires == ()


def test_stdout_gets_the_recipe_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--out", "-"]) == 0
    shown = capsys.readouterr()
    assert shown.out == recipe_text("text-classification", "distilbert-base-uncased", "data.csv")
    assert shown.err == ""


def test_an_unknown_task_is_told_with_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "recipe.toml"
    assert main(["new", "text-clasification", "--out", str(out)]) == 2
    assert "no such task; did you mean text-classification?" in capsys.readouterr().err
    assert not out.exists()
