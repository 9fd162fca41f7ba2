"""What the documentation shows is true: recipes validate, Python runs, commands exist, what must be said is said."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import sftcore
from sftcore import Recipe, hooks
from sftcore.cli import group
from sftcore.components import Component
from sftcore.plugin_loading import Candidate, load
from sftcore.registry import Registry, discover
from tests.docs.pages import DOCS, PAGES, ROOT, Block, all_blocks, blocks, name_of

RECIPES = sorted([*(ROOT / "recipes").glob("*.toml"), *ROOT.glob("plugins/*/recipes/*.toml")])
MINIMAL = {
    "model": {"base": "owner/base"},
    "data": {"source": "data.csv"},
    "task": {"use": "text-classification"},
}
WRITTEN_OUT = "plugins.md"
"""The page whose files test_plugin_tutorial.py writes and runs."""


# -- recipes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_recipes_validate(path: Path) -> None:
    assert Recipe.read(path).name == path.stem


@pytest.mark.parametrize("block", all_blocks("toml"))
def test_toml_validates(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = tomllib.loads(block.text)
    if block.mark == "pyproject":
        assert {"project", "build-system"} & values.keys(), block.place
        return
    if block.mark == "fragment":
        assert not values.keys() >= MINIMAL.keys(), f"{block.place} is a whole recipe and no fragment"
        values = merged(MINIMAL, values)
    registry = discover()
    if set(values.get("plugins", {})):  # the section belongs to the plugin that the page makes
        monkeypatch.chdir(tmp_path)
        registry = Registry([*registry.plugins, load(Candidate.of("documented-plugin", executed(block.page)))])
    Recipe.from_dict(values, registry=registry)


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: merged(base[key], more[key]) for key in base.keys() & more.keys() if isinstance(base[key], dict)}
    return {**base, **more, **both}


# -- Python ----------------------------------------------------------------------------------------------------------


def pages_with_python() -> list[Any]:
    chosen = [page for page in PAGES if any(b.language == "python" and b.mark != "file" for b in blocks(page))]
    return [pytest.param(page, id=name_of(page)) for page in chosen]


@pytest.mark.parametrize("page", pages_with_python())
def test_python_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    executed(page)


@cache
def executed(page: Path) -> ModuleType:
    """The module that the page's Python blocks make, one after the other."""
    module = ModuleType("documented_" + re.sub(r"\W", "_", name_of(page)))
    sys.modules[module.__name__] = module
    for block in blocks(page):
        if block.language == "python" and block.mark != "file":
            lines = "\n" * block.line + block.text
            exec(compile(lines, name_of(page), "exec"), module.__dict__)
    return module


def test_only_the_tutorial_has_files() -> None:
    assert {block.page.name for page in PAGES for block in blocks(page) if block.mark == "file"} == {WRITTEN_OUT}


# -- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", all_blocks("console"))
def test_commands_exist(block: Block) -> None:
    for arguments in commands(block.text):
        parse(group, "sftcore", arguments)


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each call of sftcore."""
    for line in text.replace("\\\n", " ").splitlines():
        for call in re.split(r"&&|\|", line.removeprefix("$ ")):
            words = shlex.split(call, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words and Path(words[0]).name == "sftcore":
                yield words[1:]


def parse(command: click.Command, name: str, arguments: list[str], parent: click.Context | None = None) -> None:
    """Parse without carrying out; an unknown command, option or argument raises."""
    try:
        context = command.make_context(name, list(arguments), parent=parent)
    except click.exceptions.Exit:  # --version
        return
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and rest:
        verb, found, left = command.resolve_command(context, rest)
        assert found is not None
        parse(found, str(verb), left, context)


@pytest.mark.parametrize("wrong", ["sftcore chek recipe.toml", "sftcore run recipe.toml --frsh", "sftcore plugins nw"])
def test_a_command_that_does_not_exist_is_noticed(wrong: str) -> None:
    (arguments,) = commands(wrong)
    with pytest.raises((click.ClickException, sftcore.SftcoreError)):
        parse(group, "sftcore", arguments)


@pytest.mark.parametrize("heading", ["Try it", "Test"])
def test_the_readme_has_one_command_of_one_line(heading: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert len(parts) == 1
    (command,) = re.findall(r"^```console\n(.*?)^```$", parts[0], re.DOTALL | re.MULTILINE)
    assert len(command.splitlines()) == 1
    assert text.count(command) == 1
    assert "-c constraints.txt" in command


# -- what must be said -----------------------------------------------------------------------------------------------


@cache
def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.is_relative_to(DOCS))


def test_every_hook_is_documented() -> None:
    text = (ROOT / "docs/hooks.md").read_text(encoding="utf-8")
    names = [name for name in vars(hooks) if name.startswith("sftcore_")]
    assert len(names) > 5
    assert [name for name in names if f"\n## {name}\n" not in text or f"`{name}(" not in text] == []


@pytest.mark.parametrize("name", sftcore.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert re.search(rf"`(sftcore\.)?{name}\b[^`\n]*`", everything()), f"no page says what {name} is"


def test_every_member_that_plugins_override_is_documented() -> None:
    text = (ROOT / "docs/hooks.md").read_text(encoding="utf-8")
    kinds = [sftcore.Task, sftcore.Metric, sftcore.Source, sftcore.TextPreprocessor, sftcore.RowPreprocessor]
    kinds += [sftcore.TextAugmenter, sftcore.RowAugmenter]
    common = set(dir(Component))
    members = {name for kind in kinds for name in dir(kind) if not name.startswith("_")} - common
    members |= {name for kind in kinds for name in kind.model_fields} | {"on", "copies", "every_epoch"}
    assert [name for name in sorted(members) if not re.search(rf"`(\w+\.)?{name}\b", text)] == []


def test_every_command_is_shown() -> None:
    shell = [block.text for page in PAGES for block in blocks(page) if block.language == "console"]
    shown = {arguments[0] for text in shell for arguments in commands(text)}
    assert set(group.list_commands(click.Context(group))) - shown == set()


def test_every_error_has_its_exit_code() -> None:
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    kinds = [kind for kind in vars(sftcore.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    public = [kind for kind in kinds if kind.__name__ in sftcore.__all__ and kind is not sftcore.SftcoreError]
    for kind in public:
        code = "130, 143" if kind is sftcore.Stopped else str(kind.exit_code)
        assert f"| `{kind.__name__}` | {code} |" in text
