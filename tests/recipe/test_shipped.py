"""The recipes that ship: each passes `sftcore check --shape`, and so does the twin for the hub in its comments."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sftcore import Recipe
from sftcore.cli import group

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
BENCHMARKS = sorted((ROOT / "benchmarks/recipes").glob("*.toml"))
WITH_SAMPLES = ("qa", "qa-zh", "legal-clauses", "contract-qa", "legal-qa", "t5-qa", "chat")
ABOVE = re.compile(r"(?:^# {5}\S.*\n)+", re.MULTILINE)


def stem(path: Path) -> str:
    return path.stem


def test_the_tasks_have_their_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"sentiment", "sentiment-zh", *WITH_SAMPLES}
    assert len(BENCHMARKS) >= 7


@pytest.mark.parametrize("path", [*RECIPES, *BENCHMARKS], ids=stem)
def test_the_shape_is_right(path: Path) -> None:
    result = CliRunner().invoke(group, ["check", "--shape", str(path)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_the_sample_ships(name: str) -> None:
    recipe = Recipe.read(ROOT / f"recipes/{name}.toml")
    assert isinstance(recipe.data.source, str)
    assert (recipe.folder / recipe.data.source).is_file()


def twin_of(text: str) -> dict[str, Any]:
    """The tables that stand in a recipe's comments, to be put in place of its own."""
    blocks = [re.sub(r"^# {5}", "", found[0], flags=re.MULTILINE) for found in ABOVE.finditer(text)]
    (block,) = [block for block in blocks if "[model]" in block.splitlines()[0]]
    return tomllib.loads(block)


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_the_twin_for_the_hub_is_a_recipe(name: str) -> None:
    text = (ROOT / f"recipes/{name}.toml").read_text(encoding="utf-8")
    recipe, twin = tomllib.loads(text), twin_of(text)
    adapter = {key: value for key, value in recipe["model"].items() if key == "adapter"}
    found = Recipe.from_dict({**recipe, **twin, "model": {**adapter, **twin["model"]}})
    assert found.model.base == twin["model"]["base"]
    assert found.task.name == recipe["task"]["use"]
    assert found.model.base != Recipe.read(ROOT / f"recipes/{name}.toml").model.base
