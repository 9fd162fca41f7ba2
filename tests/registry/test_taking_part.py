"""Who takes part in a run, and what participants may do."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sftcore.errors import PluginError, RecipeError
from sftcore.recipe import Recipe
from sftcore.registry import Registry
from sftcore.reporter import SilentReporter
from tests.registry.kit import GOOD, SOURCE, Install, found, read

pytestmark = pytest.mark.filterwarnings("ignore:Field name:UserWarning")


HOOKS = """
from transformers import TrainerCallback
class Callback(TrainerCallback):
    owner = __name__
@hookimpl
def sftcore_trainer_callbacks(recipe): return [Callback()]
@hookimpl
def sftcore_run_finished(run):
    print("noise")
    run.seen.append(__name__)
"""
LEGAL = """
class Legal(Settings, name="legal"):
    \"\"\"Law.\"\"\"
@hookimpl
def sftcore_register_settings(): return [Legal]
"""


def test_only_plugins_that_the_recipe_names_take_part(install: Install) -> None:
    install("zoo", GOOD + HOOKS)
    install("bystander", HOOKS)
    install("needed", HOOKS)
    install("place", SOURCE + HOOKS)
    install("law", LEGAL + HOOKS)
    registry = found()
    recipe = read(
        registry,
        requires=["needed>=1", "pydantic"],
        preprocess=[{"use": "shout"}],
        data={"source": "bucket:x"},
        plugins={"legal": {}},
    )
    names = ["law", "needed", "place", "zoo"]
    assert [each.distribution for each in registry.participants(recipe)] == names
    callbacks: list[Any] = list(registry.callbacks(recipe))
    assert [each.owner for each in callbacks] == [f"plug_{name}" for name in names]
    assert registry.participants(read(registry)) == []
    assert registry.callbacks(read(registry)) == []


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def test_a_finished_run_is_told_to_participants_and_their_failures_are_warnings(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("a-good", HOOKS)
    install("b-bad", "@hookimpl\ndef sftcore_run_finished(run): raise SystemExit('enough')\n")
    install("c-good", HOOKS)
    registry = found()
    recipe = read(registry, requires=["a-good", "b-bad", "c-good"])
    run: Any = SimpleNamespace(seen=[])
    reporter = Warnings()
    registry.run_finished(run, recipe, reporter)
    assert run.seen == ["plug_a_good", "plug_c_good"]
    assert len(reporter.texts) == 1
    assert "b-bad failed after the run was sealed: SystemExit: enough" in reporter.texts[0]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("result", "reason"), [("[1]", "1 is no TrainerCallback"), ("1 / 0", "ZeroDivisionError")])
def test_callbacks_that_are_none_name_the_plugin(install: Install, result: str, reason: str) -> None:
    install("wrong", f"@hookimpl\ndef sftcore_trainer_callbacks(recipe): return {result}\n")
    registry = found()
    with pytest.raises(PluginError, match=f"wrong\n.*{reason}"):
        registry.callbacks(read(registry, requires=["wrong"]))


def test_all_unmet_requirements_at_once(install: Install) -> None:
    install("old", GOOD, version="0.3")
    install("broken", "import no_such_module\n")
    requires = ["old>=0.4", "absent-thing>=2", "broken", "never; python_version < '3'", "old>=0.1"]
    with pytest.raises(RecipeError) as caught:
        read(found(), requires=requires)
    told = {problem.key: (problem.message, problem.advice) for problem in caught.value.problems}
    assert told["requires.0"] == ("old 0.3 is installed, and the recipe needs >=0.4", 'pip install "old>=0.4"')
    assert told["requires.1"] == ("absent-thing is not installed", 'pip install "absent-thing>=2"')
    assert "broken is installed but broken: ModuleNotFoundError" in told["requires.2"][0]
    assert len(told) == 3


def test_a_missing_plugin_is_one_problem_with_the_names_that_are_probably_its_own(install: Install) -> None:
    install("broken", "import no_such_module\n")
    with pytest.raises(RecipeError) as caught:
        read(found(), requires=["absent-thing"], preprocess=[{"use": "mask"}, {"use": "absent-thing:x", "y": 1}])
    (problem,) = caught.value.problems
    assert problem.key == "requires.0"
    told = "these names probably come from it: mask, absent-thing:x"
    assert problem.advice == f'pip install "absent-thing"\n{told}'
    with pytest.raises(RecipeError) as caught:
        read(found(), requires=["absent-thing"], preprocess=[{"use": "sftcore:lowr"}])
    assert [problem.key for problem in caught.value.problems] == ["requires.0", "preprocess.0.use"]


def test_a_section_says_its_qualified_name_where_a_resolved_recipe_is_read(install: Install) -> None:
    install("lawyer", PLUGIN_WITH_SECTION)
    registry = found()
    recipe = read(registry, plugins={"legal": {}})
    again = Recipe.from_dict(_without_none(recipe.resolved()), registry=registry)
    assert again.resolved() == recipe.resolved()
    assert recipe.resolved()["plugins"]["legal"]["use"] == "lawyer:legal"


def test_a_section_is_where_its_plugin_looks_for_it_however_the_recipe_calls_it(install: Install) -> None:
    install("lawyer", PLUGIN_WITH_SECTION)
    recipe = read(found(), plugins={"lawyer:legal": {"level": 3}})
    assert recipe.plugins["legal"] == recipe.plugins["legal"].model_copy(update={"level": 3})
    assert [each.distribution for each in found().participants(recipe)] == ["lawyer"]
    install("rival", PLUGIN_WITH_SECTION)
    registry = found()
    assert list(read(registry, plugins={"rival:legal": {}}).plugins) == ["legal"]
    with pytest.raises(RecipeError, match="a second section 'legal', and plugins look for theirs by this name"):
        read(registry, plugins={"lawyer:legal": {}, "rival:legal": {}})


PLUGIN_WITH_RULES = """
from pydantic import BaseModel
class Rule(BaseModel):
    weight: float = 1.0
class Weighs(RowPreprocessor, name="weighs"):
    \"\"\"Weigh.\"\"\"
    rules: dict[str, tuple[Rule, ...]] = {}
    def process(self, row): return row
@hookimpl
def sftcore_register_preprocessors(): return [Weighs]
"""


def test_unknown_keys_are_mistakes_in_the_tables_of_nested_models_too(install: Install) -> None:
    install("plug-rules", PLUGIN_WITH_RULES)
    step = {"use": "weighs", "rules": {"a": [{"weight": 2.0}, {"wieght": 2.0}]}}
    with pytest.raises(RecipeError) as error:
        read(found(), preprocess=[step])
    (problem,) = error.value.problems
    assert problem.key == "preprocess.0.rules.a.1.wieght"
    assert "unknown key" in problem.message


PLUGIN_WITH_SECTION = """
class Legal(Settings, name="legal"):
    \"\"\"Law.\"\"\"
    level: int = 1
@hookimpl
def sftcore_register_settings(): return [Legal]
"""


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def test_a_broken_core_is_our_bug() -> None:
    broken = ModuleType("made")
    broken.__dict__["sftcore_register_task"] = found
    with pytest.raises(RuntimeError, match="sftcore's own components"):
        Registry.of(("sftcore", broken))
