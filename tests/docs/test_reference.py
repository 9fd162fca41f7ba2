"""docs/recipe.md is what its generator makes, and what it makes is complete."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from sftcore.recipe import Recipe, schema
from sftcore.recipe.tables import KINDS
from sftcore.registry import discover

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/recipe.md"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs/generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def part(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of its rank or above."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{2,{len(level)}}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"recipe.md has no {heading!r}"
    return found[1]


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def test_the_page_is_what_the_code_says(generator: ModuleType, text: str) -> None:
    assert generator.reference() == text, "run python docs/generate_reference.py"


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## `[model]`", schema.Model),
        ("## `[model.scratch]`", schema.Scratch),
        ("## `[model.scratch.tokenizer]`", schema.ScratchTokenizer),
        ("## `[model.adapter]`", schema.Adapter),
        ("## `[data]`", schema.Data),
        ("## `[data.source]`", schema.SplitSources),
        ("## `[data.where]`", schema.Condition),
        ("## `[data.split]`", schema.SplitShares),
        ("## `[train]`", schema.Train),
        ("## `[report]`", schema.Report),
    ],
)
def test_every_key_of_every_table_has_its_line(text: str, heading: str, model: type[BaseModel]) -> None:
    below = part(text, heading)
    assert [key for key in keys(model) if f"\n| `{key}` |" not in below] == []


def test_every_table_of_a_recipe_has_its_part(text: str) -> None:
    plain = part(text, "## Top of the file")
    headings = re.findall(r"^## `\[+([^\].]+)", text, re.MULTILINE)
    assert [key for key in keys(Recipe) if f"\n| `{key}` |" not in plain and key not in headings] == []


def test_every_component_has_its_part_with_its_keys(text: str, generator: ModuleType) -> None:
    for kind in KINDS.values():
        for entry in discover().entries(kind):
            if entry.distribution in generator.FIRST_PARTY:
                below = part(text, f"### {entry.name}")
                assert [key for key in keys(entry.cls) if f"\n| `{key}` |" not in below] == [], entry.name
    files = part(text, "## Files that can be read")
    sources = [entry for entry in discover().entries("source") if entry.distribution in generator.FIRST_PARTY]
    assert [entry.name for entry in sources if f"\n| {entry.name} |" not in files] == []


def test_nothing_is_left_without_a_description(text: str) -> None:
    assert re.findall(r"^.*\| *\|$", text, re.MULTILINE) == []
