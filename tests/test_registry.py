"""Discovery and quarantine with real installed distributions: metadata folders and modules on sys.path."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sftcore import builtin
from sftcore.errors import PluginError, RecipeError
from sftcore.plugin_loading import candidates, load
from sftcore.recipe import Recipe
from sftcore.recipe.requirements import lacking
from sftcore.registry import Plugin, Registry, discover
from sftcore.reporter import SilentReporter

pytestmark = pytest.mark.filterwarnings("ignore:Field name:UserWarning")

HEAD = """
from sftcore.components import *
from sftcore.hooks import hookimpl
from pydantic import Field
"""
GOOD = """
class Shout(TextPreprocessor, name="shout"):
    \"\"\"Write in capitals.\"\"\"
    def edits(self, text): return []
@hookimpl
def sftcore_register_preprocessors(): return [Shout]
"""
Install = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path for distributions; what it brings into sys.modules goes with it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Install a distribution whose one module has this source."""

    def install(name: str, source: str, version: str = "1.0", entry_points: str = "", folder: str = "") -> Path:
        module = "plug_" + name.replace("-", "_")
        (site / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        info = site / (folder or f"{name.replace('-', '_')}-{version}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points or f"[sftcore]\nmain = {module}\n")
        (info / "RECORD").write_text(f"{module}.py,,\n")
        return info

    return install


def found() -> Registry:
    return Registry(load(candidate) for candidate in candidates())


def plugin(name: str, registry: Registry | None = None) -> Plugin:
    return next(each for each in (registry or found()).plugins if each.distribution == name)


def read(registry: Registry, **tables: Any) -> Recipe:
    values = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    return Recipe.from_dict(values | tables, registry=registry)


# -- discovery -------------------------------------------------------------------------------------------------------


def test_an_installed_plugin_offers_its_components(install: Install) -> None:
    info = install("My_Plugin", GOOD)
    registry = found()
    mine = plugin("my-plugin", registry)
    assert (mine.version, mine.problem, mine.offers) == ("1.0", "", {"preprocessor": ["shout"]})
    assert (mine.location, mine.editable, mine.entry_point) == (str(info.parent), False, "plug_My_Plugin")
    assert mine.hooks == ("sftcore_register_preprocessors",)
    entry = registry.resolve("preprocessor", "shout")
    assert (entry.qualified, entry.version) == ("my-plugin:shout", "1.0")
    assert registry.entry_of(entry.cls) == entry
    assert registry.resolve("preprocessor", "my_plugin:shout") == entry


def test_the_core_comes_first_and_guests_by_name_whatever_the_order_of_installation(install: Install) -> None:
    install("zebra", GOOD)
    install("ant", GOOD)
    names = [each.distribution for each in found().plugins]
    assert names[0] == "sftcore"
    assert names[1:] == sorted(names[1:])
    assert {"ant", "zebra"} <= set(names)
    guests = [load(candidate) for candidate in candidates()]
    assert [each.distribution for each in Registry(reversed(guests)).plugins] == names


def test_an_editable_installation_says_where_its_source_is(install: Install) -> None:
    info = install("edited", GOOD)
    (info / "direct_url.json").write_text('{"url": "file:///src/edited", "dir_info": {"editable": true}}')
    mine = plugin("edited")
    assert (mine.location, mine.editable) == ("/src/edited", True)


def test_the_core_says_where_its_source_is_too(install: Install) -> None:
    info = install("sftcore", GOOD, version="9.9")
    assert (next(candidates()).version, next(candidates()).editable) == ("9.9", False)
    (info / "direct_url.json").write_text('{"url": "file:///src/sftcore", "dir_info": {"editable": true}}')
    assert (next(candidates()).location, next(candidates()).editable) == ("/src/sftcore", True)


def test_importing_the_registry_loads_no_plugin() -> None:
    code = "import sys, sftcore.registry; print([m for m in sys.modules if m.startswith('sftcore.builtin')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_discovery_is_cached() -> None:
    assert discover() is discover()


def test_the_core_is_registered_by_its_hooks() -> None:
    registry = Registry.of(("sftcore", builtin))
    assert registry.resolve("task", "text-classification").qualified == "sftcore:text-classification"
    assert not registry.broken()
    assert {entry.kind for each in registry.plugins for entry in each.entries} >= {"source", "metric", "augmenter"}


# -- quarantine ------------------------------------------------------------------------------------------------------

COMPONENT = """
class Mine({base}):
    {doc}
    {body}
@hookimpl
def sftcore_register_{kind}s(): return [Mine]
"""


def preprocessor(body: str = "def edits(self, text): return []", doc: str = '"""Mine."""', base: str = "") -> str:
    return COMPONENT.format(base=base or 'TextPreprocessor, name="mine"', doc=doc, body=body, kind="preprocessor")


BROKEN = {
    "import": ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module' (plug_broken.py:"),
    "syntax": ("def f(:\n", "SyntaxError"),
    "exit": ("import sys; sys.exit(3)\n", "SystemExit: 3"),
    "generator exit": ("raise GeneratorExit\n", "GeneratorExit"),
    "misspelt hook": ("@hookimpl\ndef sftcore_register_task(): return []\n", "did you mean sftcore_register_tasks?"),
    "marked under another name": ("@hookimpl\ndef register(): return []\n", "register is not a hook"),
    "unmarked hook": ("def sftcore_register_tasks(): return []\n", "not marked with @hookimpl"),
    "unmarked misspelt hook": ("def sftcore_register_metric(): return []\n", "did you mean sftcore_register_metrics?"),
    "hook arguments": ("@hookimpl\ndef sftcore_register_tasks(recipe): return []\n", "recipe"),
    "hook raises": ("@hookimpl\ndef sftcore_register_tasks(): return 1 / 0\n", "ZeroDivisionError: division by zero"),
    "hook exits": ("@hookimpl\ndef sftcore_register_tasks(): raise SystemExit\n", "SystemExit"),
    "hook returns no list": (
        '@hookimpl\ndef sftcore_register_tasks(): return "x"\n',
        "sftcore_register_tasks returned 'x'; a list of component classes was expected",
    ),
    "no class": ("@hookimpl\ndef sftcore_register_tasks(): return [1]\n", "1 is offered as a task; a subclass of Task"),
    "another kind": (
        preprocessor().replace("register_preprocessors", "register_metrics"),
        "Mine is offered as a metric; a subclass of Metric was expected",
    ),
    "no docstring": (preprocessor(doc="pass"), "Mine: no docstring"),
    "no name": (preprocessor(base="TextPreprocessor"), 'no name; write class Mine(TextPreprocessor, name="...")'),
    "an inherited name": (
        GOOD.replace("[Shout]", "[Child]") + 'class Child(Shout):\n    """A child."""\n',
        "Child: no name",
    ),
    "a name with a colon": (preprocessor(base='TextPreprocessor, name="a:b"'), "'a:b' may hold letters"),
    "abstract": (preprocessor(body="x: int = 1"), "it does not implement edits"),
    "no schema": (
        preprocessor(body="f: 'typing.Callable[[], int]' = len\n    def edits(self, text): return []").replace(
            "class Mine", "import typing\nclass Mine"
        ),
        "Mine: its fields give no JSON schema",
    ),
    "an unknown type": (preprocessor(body="f: 'Nowhere' = 1\n    def edits(self, text): return []"), "no JSON schema"),
    "an arbitrary type": (preprocessor(body="f: object()"), "(plug_broken.py:"),
    "a field that hides a method": (
        preprocessor(body="edits: int = 1"),
        "the field 'edits' hides TextPreprocessor.edits; give it another name",
    ),
    "a field that hides what pydantic has": (preprocessor(body="copy: int = 1\n    def edits(self, t): ..."), "'copy'"),
    "a field called use": (preprocessor(body="use: int = 1\n    def edits(self, t): ..."), "can't be called 'use'"),
    "a field called name": (preprocessor(body="name: str = ''\n    def edits(self, t): ..."), "'name'"),
    "a field called kind": (preprocessor(body="kind: str = ''\n    def edits(self, t): ..."), "'kind'"),
    "not frozen": (
        preprocessor(body="model_config = {'frozen': False}\n    def edits(self, t): ..."),
        "model_config changes frozen",
    ),
    "extra keys": (
        preprocessor(body="model_config = {'extra': 'allow'}\n    def edits(self, t): ..."),
        "model_config changes extra",
    ),
    "generic": (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
        + preprocessor(base='TextPreprocessor, Generic[T], name="mine"'),
        "generic classes can't be used",
    ),
    "two of one name": (
        GOOD.replace("[Shout]", "[Shout, Other]")
        + 'class Other(RowPreprocessor, name="shout"):\n    """Other."""\n    def process(self, row): ...\n',
        "Shout and Other are both preprocessor 'shout'",
    ),
    "a metric that understands nothing": (
        COMPONENT.format(base='Metric, name="m"', doc='"""M."""', body="def score(self, r): ...", kind="metric"),
        "understands",
    ),
    "a task that generates by nothing": (
        "from sftcore import TextClassification\n"
        + COMPONENT.format(
            base='TextClassification, name="t"', doc='"""T."""', body="auto_class = 'A'; generates = True", kind="task"
        ),
        "generates is True, and it has no method generate",
    ),
    "a source that claims nothing": (
        COMPONENT.format(base='Source, name="s"', doc='"""S."""', body="def load(self, l): ...", kind="source"),
        "it claims no place",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_put_aside_with_the_reason_and_harms_no_other(
    install: Install, source: str, reason: str
) -> None:
    install("broken", source)
    install("whole", GOOD)
    registry = found()
    broken = plugin("broken", registry)
    assert reason in broken.problem
    assert "\n" not in broken.problem
    assert (broken.entries, broken.hooks) == ((), ())
    assert registry.resolve("preprocessor", "shout").distribution == "whole"
    assert registry.resolve("preprocessor", "lowercase").distribution == "sftcore"


def test_all_complaints_about_a_plugin_come_at_once(install: Install) -> None:
    bare = GOOD.replace('    """Write in capitals."""\n', "")
    install("broken", bare.replace("[Shout]", "[Shout, Quiet]") + QUIET)
    first, second = plugin("broken").problem.splitlines()
    assert first.startswith("Shout: no docstring")
    assert second.startswith("Quiet: it does not implement process")


QUIET = 'class Quiet(RowPreprocessor, name="quiet"):\n    """Nothing."""\n'


def test_two_metadata_folders_of_one_distribution(install: Install) -> None:
    install("twice", GOOD)
    install("twice", GOOD, version="1.1")
    assert "2 metadata folders of this distribution" in plugin("twice").problem


def test_the_egg_info_beside_an_editable_s_source_is_no_second_installation(install: Install) -> None:
    install("edited", GOOD)
    info = install("edited", GOOD, folder="edited.egg-info")
    (info / "METADATA").rename(info / "PKG-INFO")
    assert plugin("edited").problem == ""


def test_each_entry_point_of_a_distribution_is_a_plugin_of_its_own(install: Install, site: Path) -> None:
    (site / "plug_needy.py").write_text("raise ImportError('it needs the plugin other: pip install other')\n")
    install("many", GOOD, entry_points="[sftcore]\nneedy = plug_needy\na = plug_many\n")
    registry = found()
    whole, broken = registry.parts("many")
    assert (whole.part, whole.problem, whole.offers) == ("a", "", {"preprocessor": ["shout"]})
    assert (broken.part, broken.offers) == ("needy", {})
    assert "pip install other" in broken.problem
    recipe = read(registry, requires=["many"], preprocess=[{"use": "shout"}])
    assert registry.participants(recipe) == [whole]
    with pytest.raises(RecipeError, match="pip install other"):
        read(registry, preprocess=[{"use": "many:quiet"}])
    with pytest.raises(RecipeError, match="pip install other"):
        read(registry, preprocess=[{"use": "quiet"}])


def test_a_run_needs_only_the_part_that_it_uses(install: Install, site: Path) -> None:
    (site / "plug_needy.py").write_text("raise ImportError('it needs other')\n")
    install("many", GOOD, entry_points="[sftcore]\nneedy = plug_needy\na = plug_many\n")
    values = {"preprocess": [{"use": "many:shout"}]}
    assert lacking(values, {}, found(), "lock.json") == []
    (problem,) = lacking({"preprocess": [{"use": "many:quiet"}]}, {}, found(), "lock.json")
    assert "needs the plugin many, which is broken: ImportError: it needs other" in problem.message


def test_two_entry_points_that_offer_the_same(install: Install) -> None:
    install("many", GOOD, entry_points="[sftcore]\na = plug_many\nb = plug_many\n")
    first, second = found().parts("many")
    assert (first.problem, first.offers) == ("", {"preprocessor": ["shout"]})
    assert "'shout' is offered by the entry point 'a' already" in second.problem
    assert second.offers == {}


def test_a_folder_seen_twice_on_the_path_is_one(install: Install, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("once", GOOD)
    monkeypatch.syspath_prepend(str(site / ".." / "site"))
    assert plugin("once").problem == ""


def test_an_interrupt_is_not_swallowed(install: Install) -> None:
    install("interrupted", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        found()


def test_prints_of_a_plugin_go_to_stderr(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("loud", "print('hello')\n" + GOOD)
    found()
    captured = capsys.readouterr()
    assert (captured.out, "loud: hello\n" in captured.err) == ("", True)


# -- names -----------------------------------------------------------------------------------------------------------


def test_a_bare_name_of_the_core_means_the_core_s(install: Install) -> None:
    install("guest", GOOD.replace('"shout"', '"lowercase"'))
    registry = found()
    assert registry.resolve("preprocessor", "lowercase").distribution == "sftcore"
    assert registry.resolve("preprocessor", "guest:lowercase").distribution == "guest"
    assert "guest:lowercase" in registry.names("preprocessor")


def test_a_name_of_two_guests_needs_the_distribution(install: Install) -> None:
    install("one", GOOD)
    install("two", GOOD)
    registry = found()
    with pytest.raises(PluginError, match="write one:shout or two:shout"):
        registry.resolve("preprocessor", "shout")
    assert registry.resolve("preprocessor", "two:shout").distribution == "two"


def test_an_unknown_name_has_the_nearest_and_lists_what_is_broken(install: Install) -> None:
    install("broken", "import no_such_module\n")
    registry = found()
    with pytest.raises(PluginError) as caught:
        registry.resolve("preprocessor", "lowercas")
    (problem,) = caught.value.problems
    assert "did you mean lowercase?" in problem.message
    assert "broken (ModuleNotFoundError" in problem.advice
    with pytest.raises(PluginError, match="the plugin broken is installed but broken: ModuleNotFoundError"):
        registry.resolve("preprocessor", "broken:x")
    with pytest.raises(PluginError, match="sftcore has no preprocessor 'lowr'"):
        registry.resolve("preprocessor", "sftcore:lowr")


SOURCE = """
class Bucket(Source, name="bucket"):
    \"\"\"A bucket.\"\"\"
    schemes = ("bucket",)
    endings = (".lines.gz", ".csv")
    def load(self, location, *, encoding=None): ...
@hookimpl
def sftcore_register_sources(): return [Bucket]
"""


@pytest.mark.parametrize(
    ("location", "qualified"),
    [
        ("bucket:a/b.csv", "guest:bucket"),
        ("BUCKET:a", "guest:bucket"),
        ("data/x.lines.gz", "guest:bucket"),
        ("data/x.y.LINES.GZ", "guest:bucket"),
        ("x.csv", "sftcore:csv"),
        ("package:some/x.csv", "sftcore:csv"),
        ("C:\\data.d\\x.tsv", "sftcore:tsv"),
        ("data/*.jsonl", "sftcore:jsonl"),
        ("folder.csv/none", None),
        ("org/name", None),
        ("x.gz", None),
    ],
)
def test_the_source_of_a_location(install: Install, location: str, qualified: str | None) -> None:
    install("guest", SOURCE)
    entry = found().source_for(location)
    assert (entry and entry.qualified) == qualified


def test_a_place_that_two_guests_claim(install: Install) -> None:
    install("one", SOURCE)
    install("two", SOURCE)
    registry = found()
    with pytest.raises(PluginError, match="one and two both read 'bucket'"):
        registry.source_for("bucket:x")
    with pytest.raises(RecipeError, match=r"data\.source"):
        read(registry, data={"source": "bucket:x"})


# -- who takes part --------------------------------------------------------------------------------------------------

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


# -- requires --------------------------------------------------------------------------------------------------------


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
