from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as RichConsole

from sftcore.checking import check, shape
from sftcore.cli import findings, main, plan
from sftcore.errors import DataError, Problem
from sftcore.evaluation.ceiling import Ceiling
from sftcore.recipe import Recipe
from sftcore.recipe.schema import SplitShares
from sftcore.registry import discover
from tests.data.questions import articles, recipe_of, registry

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def recipe(tmp_path: Path, tiny_bert: str, sentiment_csv: str) -> Path:
    lines = Path(sentiment_csv).read_text(encoding="utf-8").splitlines()
    more = [
        "an old [bold]text[/bold] about nothing,negative",
        "An Old [bold]text[/bold] about nothing,positive",
        ",neutral",
    ]
    (tmp_path / "reviews.csv").write_text("\n".join([*lines, *more]), encoding="utf-8")
    path = tmp_path / "reviews.toml"
    path.write_text(
        f"[model]\nbase = '{tiny_bert}'\nmax_length = 12\n[data]\nsource = \"reviews.csv\"\n"
        '[task]\nuse = "text-classification"\n[train]\nnum_train_epochs = 2\n',
        encoding="utf-8",
    )
    return path


def test_the_shape_is_checked_without_data_and_without_torch(
    recipe: Path, environment: Callable[..., dict[str, str]]
) -> None:
    (recipe.parent / "reviews.csv").unlink()
    code = (
        f"import sys; from sftcore.cli import main; code = main(['check', '--shape', {str(recipe)!r}]); "
        "print(code, [name for name in ('torch', 'transformers', 'datasets', 'evaluate') if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, encoding="utf-8", check=True
    )
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert lines[-1] == "0 []"
    for line in (
        "[train]",
        "num_train_epochs = 2.0",
        "# learning_rate = 5e-5",
        "max_length = 12",
        '# revision = "main"',
    ):
        assert line in lines


WIDE = """
name = "wide"
[model.scratch.config]
model_type = "bert"
[model.scratch.tokenizer]
kind = "wordpiece"
[data]
source = "reviews.csv"
columns = { text = "评论", label = "a b" }
where = { "a b" = { in = ["x", "y"] }, "a rather long name of a column" = { min = 0.5, max = 7 } }
[[preprocess]]
use = "lowercase"
[[preprocess]]
use = "length"
max_words = 9
[task]
use = "text-classification"
[train]
class_weights = { x = 2.0, "y z" = 1.0 }
[[metrics]]
use = "f1"
average = "micro"
"""
NARROW = 'model = { base = "x" }\ndata = { source = "a.csv" }\ntask = { use = "text-classification" }\n'


@pytest.mark.parametrize("text", [WIDE, NARROW])
def test_the_plan_reads_back_as_the_recipe(text: str) -> None:
    recipe = Recipe.from_toml(text, overrides=["train.num_train_epochs=1", 'name="other"'])
    lines = list(plan.plan(shape(recipe, discover()), recipe))
    assert Recipe.from_toml("\n".join(lines)).resolved() == recipe.resolved()
    assert any(line.startswith("# near_duplicates = 0.7  # up to 200,000 rows") for line in lines)
    live = [line for line in lines if not line.startswith("#")]
    assert ("[[metrics]]" in live) == (text is WIDE)


def test_check_shows_everything_short_of_training(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--set", "train.learning_rate=1e-4"]) == 0
    shown = capsys.readouterr()
    headings = ("Needs attention", "Fine", "Ledger", "Labels", "Lengths in tokens", "Twins", "Training", "Plan")
    places = [shown.out.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert "  learning_rate = 0.0001\n" in shown.out
    assert "an old [bold]text[/bold] about nothing" in shown.out
    assert "[CLS]" in shown.out and "[SEP]" in shown.out
    assert "Steps: 7 an epoch, 14 in all" in shown.out
    assert "text is missing" in shown.out or "text is empty" in shown.out
    assert "1 text comes with different labels (2 rows" in shown.out
    assert "warning" not in shown.err  # they are among what needs attention
    last = shown.out.splitlines()[-1]
    assert last.endswith(f"; nothing stands in the way of sftcore run {recipe}") and "things to look at" in last
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["reviews.csv", "reviews.toml"]


def test_check_as_json(recipe: Path, sftcore: Call) -> None:
    shown = sftcore("check", str(recipe), "--json", "--examples", "4", cwd=recipe.parent)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert "different labels" in shown.stderr
    assert found["labels"]["test"].keys() == {"negative", "neutral", "positive"}
    assert sum(sum(counts.values()) for counts in found["labels"].values()) == 242
    assert (found["conflicts"]["groups"], found["conflicts"]["rows"]) == (1, 2)
    assert {row["target"] for row in found["conflicts"]["examples"][0]} == {"negative", "positive"}
    assert found["twins"]["counts"]["normalised"] >= 1
    assert found["twins"]["examples"]["normalised"][0]["rows"] == 2
    assert found["lengths"]["train"]["limit"] == 12
    assert found["lengths"]["train"]["truncated_rows"] > 0
    histogram = found["lengths"]["train"]["histogram"]
    assert sum(histogram["counts"]) + histogram["over"] == found["lengths"]["train"]["features"]
    assert len(found["examples"]) == 4
    assert {example["target"] for example in found["examples"]} == {"negative", "neutral", "positive"}
    assert found["shape"]["plan"]["train"]["num_train_epochs"] == 2.0
    assert found["machine"]["precision"] in ("bf16", "fp32")
    assert found["steps"]["total"] == 14
    kinds = [one["kind"] for one in found["findings"]]
    assert "conflicts" in kinds and "cut" in kinds
    assert "warning" not in kinds  # what the stages warned of is said by a finding
    assert all(one["text"] for one in found["findings"])


def test_the_keys_of_the_json_are_those_that_are_documented(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
    table = page[page.index("## JSON") :]
    documented = set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE))
    assert documented == set(found)


def test_without_texts_none_is_shown_anywhere(recipe: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    texts = [line.rpartition(",")[0].strip() for line in (recipe.parent / "reviews.csv").read_text().splitlines()[1:]]
    for mode in ([], ["--json"]):
        assert main(["check", str(recipe), "--set", "report.texts=false", "--html", str(page), *mode]) == 0
        shown = capsys.readouterr()
        everything = shown.out + shown.err + page.read_text(encoding="utf-8")
        assert not [text for text in texts if len(text) > 3 and text in everything]
        assert "report.texts = false" in page.read_text(encoding="utf-8")
    assert json.loads(shown.out)["conflicts"]["examples"][0][0]["target"] in ("negative", "positive")


def test_the_page_is_in_the_recipes_language(recipe: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    assert main(["check", str(recipe), "--set", 'report.language="zh"', "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in text and "需要注意" in text
    assert "an old [bold]text[/bold] about nothing" in text
    assert f"written to {page}" in capsys.readouterr().out


def test_there_is_no_page_of_the_shape_alone(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--shape", "--html", "x.html"]) == 2
    assert "leave one of the two out" in capsys.readouterr().err


def test_warnings_are_told_when_the_check_fails(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(recipe: Recipe, registry: Any, reporter: Any, *, examples: int) -> None:
        reporter.warning("the encoding is a guess")
        raise DataError(Problem("no rows"))

    monkeypatch.setattr("sftcore.checking.check", failing)
    assert main(["check", str(recipe)]) == 2
    assert "the encoding is a guess" in capsys.readouterr().err


def test_a_mistake_in_the_data_ends_it_in_the_form_of_errors(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--set", 'data.columns={text="txt"}']) == 2
    shown = capsys.readouterr()
    assert "did you mean text?" in shown.err
    assert "Traceback" not in shown.err


def test_the_ceiling_is_one_line(tmp_path: Path, tiny_bert: str) -> None:
    (tmp_path / "squad.json").write_text(json.dumps(articles(30)), encoding="utf-8")
    recipe = recipe_of(tmp_path, tiny_bert, 'source = "squad.json"\nnear_duplicates = false')
    found = check(recipe, registry())
    assert found.ceiling == Ceiling(12, ("validation", "test"), {"same": 1.0})
    console = RichConsole(width=120)
    with console.capture() as captured:
        console.print(*findings.everything(found))
    assert "\nCeiling\n  a perfect model would reach same 1.000 (12 rows of validation and test)\n" in captured.get()
    assert found.twins.families == {"families": 30, "largest_family": 2, "family_name": "document"}
    assert "rows of the largest document  2" in captured.get()
    whole = check(
        recipe.model_copy(
            update={"data": recipe.data.model_copy(update={"split": SplitShares(train=1, validation=0, test=0)})}
        ),
        registry(),
    )
    assert whole.ceiling == Ceiling(60, ("train",), {"same": 1.0})
