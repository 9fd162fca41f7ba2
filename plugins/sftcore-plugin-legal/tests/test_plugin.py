from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import sftcore_plugin_legal as plugin
from sftcore import RecipeError, TextClassification
from sftcore.plugin_loading import Candidate, Plugin, load
from sftcore.recipe import Recipe
from sftcore.registry import Registry

NAME = "sftcore-plugin-legal"
FOLDER = Path(__file__).parents[1]


def contracts() -> Plugin:
    """The entry point of contract-qa as the registry loads it."""
    (point,) = (each for each in metadata.distribution(NAME).entry_points if each.name == "legal-contracts")
    return load(Candidate(NAME, "0.1.0", point.value, point.load, part=point.name))


def test_the_registry_takes_everything_that_the_readme_lists() -> None:
    loaded = load(Candidate.of(NAME, plugin))
    assert loaded.problem == ""
    assert loaded.offers == {
        "preprocessor": ["pdf-mend", "legal-citations", "legal-numbering", "legal-defined-terms", "redact"],
        "augmenter": ["swap-parties"],
        "task": ["clause-classification", "legal-qa"],
        "metric": [
            "coverage-at-precision",
            "citation-accuracy",
            "cuad-aupr",
            "precision-at-80-recall",
            "precision-at-90-recall",
            "span-jaccard",
        ],
    }


def test_contract_qa_is_an_entry_point_of_its_own() -> None:
    pytest.importorskip("sftcore_plugin_qa")
    assert contracts().offers == {"task": ["contract-qa"]}
    assert {point.name for point in metadata.distribution(NAME).entry_points} == {"legal", "legal-contracts"}


@pytest.fixture
def without_qa(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin sftcore-plugin-qa is not installed."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "sftcore_plugin_qa" or name.rpartition(".")[2] in ("contracts", "contract_qa"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(plugin, "contracts", None, raising=False)
    monkeypatch.setitem(sys.modules, "sftcore_plugin_qa", None)


@pytest.mark.usefixtures("without_qa")
def test_without_the_qa_plugin_contract_qa_alone_is_put_aside() -> None:
    whole, broken = load(Candidate.of(NAME, plugin)), contracts()
    assert whole.problem == ""
    assert "contract-qa needs one more plugin: pip install sftcore-plugin-qa" in broken.problem
    assert broken.entries == ()
    registry = Registry([*Registry.of(("sftcore", core_with_classification())).plugins, whole, broken])
    values = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "requires": [NAME]}
    recipe = Recipe.from_dict({**values, "task": {"use": "clause-classification"}}, registry=registry)
    assert isinstance(recipe.task, TextClassification)
    for name in ("contract-qa", f"{NAME}:contract-qa"):
        with pytest.raises(RecipeError, match="pip install sftcore-plugin-qa"):
            Recipe.from_dict({**values, "task": {"use": name}}, registry=registry)


def core_with_classification() -> ModuleType:
    from sftcore import builtin

    return builtin


@pytest.mark.usefixtures("without_qa")
def test_another_mistake_in_contract_qa_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ModuleType("sftcore_plugin_qa")
    monkeypatch.setitem(sys.modules, "sftcore_plugin_qa", broken)
    problem = contracts().problem
    assert "pip install" not in problem and "ExtractiveQA" in problem


def test_readme_and_docs_name_everything() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    page = (FOLDER.parents[1] / "docs/tasks/legal.md").read_text("utf-8")
    inherited = {"labels", "separator", "copies", "every_epoch"}
    for entry in (*load(Candidate.of(NAME, plugin)).entries, *contracts().entries):
        assert f"`{entry.name}`" in readme
        assert f"`{entry.name}`" in page
        own = set(entry.cls.__annotations__) & set(entry.cls.model_fields) - inherited
        assert [name for name in own if f"| `{name}` |" not in page] == []


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = "torch transformers datasets evaluate sklearn eyecite lxml"
    code = (
        "import sys, sftcore_plugin_legal, sftcore_plugin_legal.contracts; "
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
