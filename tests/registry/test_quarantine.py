"""What is wrong with a plugin puts it aside, says why, and harms no other."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from sftcore.errors import RecipeError
from sftcore.recipe.requirements import lacking
from tests.registry.kit import GOOD, Install, found, plugin, read

pytestmark = pytest.mark.filterwarnings("ignore:Field name:UserWarning")


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


def test_the_last_line_that_a_plugin_prints_is_ended(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("half", "print('half a line', end='')\n" + GOOD)
    found()
    assert "half: half a line\n" in capsys.readouterr().err


def test_what_programs_print_that_a_plugin_starts_is_no_result(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("starter", "import os\nos.write(1, b'from below')\n" + GOOD)
    found()
    print("a result")
    captured = capfd.readouterr()
    assert (captured.out, "from below" in captured.err) == ("a result\n", True)


def test_a_plugin_has_no_say_in_what_others_log(install: Install) -> None:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    install("talker", "import logging\nlogging.basicConfig(level=1, force=True)\n" + GOOD)
    assert plugin("talker").problem == ""
    assert (root.level, root.handlers) == before


def test_how_long_a_plugin_takes_to_load_is_known(install: Install) -> None:
    install("sleeper", "import time\ntime.sleep(0.1)\n" + GOOD)
    install("quick", GOOD)
    assert plugin("sleeper").seconds >= 0.1 > plugin("quick").seconds
