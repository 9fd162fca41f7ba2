"""The real language servers with the schema that `sftcore schema` writes: what an editor completes, shows and finds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sftcore.cli import main
from sftcore.cli.new import recipe_text
from sftcore.registry import discover
from tests.editor.lsp import Server, proxy

ROOT = Path(__file__).parents[2]
RECIPES = sorted([*(ROOT / "recipes").glob("*.toml"), *ROOT.glob("plugins/*/recipes/*.toml")])
BRIDGE = Path(__file__).parent / "taplo_stdio.mjs"
INSTALL = "npm install --prefix tests/editor @taplo/lsp@0.8.0"
TOP = "#:schema ./recipe.schema.json\n\n"
MINIMAL = '[model]\nbase = "some/base"\n\n[data]\nsource = "reviews.csv"\n\n[task]\nuse = "sentiment"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    assert main(["schema", "--out", str(folder / "recipe.schema.json")]) == 0
    return folder


def installed(program: str) -> str | None:
    """Where a program is: beside this Python, whose environment need not be the active one, or on the PATH."""
    return shutil.which(program, path=sysconfig.get_path("scripts")) or shutil.which(program)


def command_of(name: str) -> list[str]:
    """The command that starts a server; skips where it is not installed."""
    if name == "tombi":
        found = installed("tombi")
        return [found, "lsp", "--offline"] if found else pytest.skip("tombi is not installed: pip install tombi")
    node = shutil.which("node")
    if not node or not (BRIDGE.parent / "node_modules/@taplo/lsp").is_dir():
        pytest.skip(f"Taplo's server needs node and a package of npm's: {INSTALL}")
    return [node, str(BRIDGE), str(BRIDGE.parent)]


@pytest.fixture(scope="module", params=["tombi", "taplo"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    """A server that reaches no network, and that must not have tried to once all is asked."""
    command = command_of(request.param)
    place = folder / request.param
    place.mkdir()
    shutil.copy(folder / "recipe.schema.json", place)
    with proxy() as (environment, arrived):
        started = Server(command, place, 1 if request.param == "tombi" else 3, os.environ | environment)
        try:
            started.findings(TOP + MINIMAL)
            time.sleep(1)  # tombi publishes its first findings again once it has looked for a configuration
            yield started
        finally:
            started.close()
        assert arrived == []


# -- what is completed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("‸\n", {"name", "model", "data", "task", "preprocess"}),
        ("[train]\n‸\n", {"learning_rate", "num_train_epochs", "class_weights", "precision"}),
        ("[train]\nlearn‸\n", {"learning_rate"}),
        ('[train]\nprecision = "‸"\n', {"auto", "bf16", "fp32"}),
        ('[task]\nuse = "‸"\n', {"text-classification", "sentiment", "extractive-qa"}),
        ('[task]\nuse = "sentiment"\n‸\n', {"labels"}),
        ('[[preprocess]]\nuse = "‸"\n', {"lowercase", "emoji", "legal-citations"}),
        ('[[preprocess]]\nuse = "emoji"\n‸\n', {"on", "language", "skin_tones"}),
        ('[[preprocess]]\nuse = "emoji"\nlanguage = "‸"\n', {"en", "zh"}),
        ('[[metrics]]\nuse = "‸"\n', {"f1", "ordinal-mae", "char-f1"}),
        ('[[metrics]]\nuse = "f1"\naverage = "‸"\n', {"macro", "weighted"}),
        ('[[augment]]\nuse = "‸"\n', {"random-deletion"}),
    ],
)
def test_keys_and_names_are_completed(server: Server, text: str, some: set[str]) -> None:
    assert some <= set(server.completions(TOP + text))


def test_what_is_offered_comes_with_what_it_means(server: Server) -> None:
    offered = server.completions(TOP + "[train]\n‸\n")["learning_rate"]
    assert "The highest learning rate, reached after the warm-up." in offered["documentation"]["value"]
    offered = server.completions(TOP + '[[preprocess]]\nuse = "‸"\n')["emoji"]
    assert "Replace emoji and emoticons by the words of their names" in offered["documentation"]["value"]


def test_every_installed_component_is_offered(server: Server) -> None:
    for table, kind in {"task": "task", "[preprocess]": "preprocessor", "[metrics]": "metric"}.items():
        offered = server.completions(f'{TOP}[{table}]\nuse = "‸"\n')
        assert set(discover().names(kind)) <= set(offered)


# -- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[model]\nba‸se = "x"\n', "A hub id, a directory, a GGUF file"),
        ("[train]\nlearning‸_rate = 3e-5\n", "The highest learning rate, reached after the warm-up."),
        ('requ‸ires = ["x"]\n', "Distributions that the recipe needs, as pip names them"),
        ('[ta‸sk]\nuse = "sentiment"\n', "A task, chosen by `use`."),
        ('[task]\nuse = "sentiment"\nlab‸els = ["a", "b"]\n', "`sentiment`: The classes from worst to best"),
        ('[[preprocess]]\nuse = "em‸oji"\n', "Replace emoji and emoticons by the words of their names"),
        ('[[preprocess]]\nu‸se = "emoji"\n', "`lowercase`: Write every letter small"),
        ('[[preprocess]]\nuse = "emoji"\nlang‸uage = "zh"\n', "`emoji`: The language of the names"),
        (
            '[[metrics]]\nuse = "f1"\naver‸age = "macro"\n',
            "macro: the mean of the classes; micro: all decisions together",
        ),
    ],
)
def test_a_key_is_explained_where_the_cursor_is(server: Server, text: str, shown: str) -> None:
    assert shown in server.hover(TOP + text)


# -- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        ("[train]", 'learning_rate = "high"', r"Float, but found String|not of type \"number\""),
        ("[train]", "per_device_train_batch_size = 0", r"≥ 1|less than the minimum of 1"),
        ("[train]", 'precision = "fp8"', r"\"fp8\""),
        ('[[preprocess]]\nuse = "emoji"', "emoticons = 1", r"Boolean, but found Integer|not of type \"boolean\""),
        ('[[preprocess]]\nuse = "elongation"', "keep = 1.5", r"Integer, but found Float|not of type \"integer\""),
        ('[[metrics]]\nuse = "f1"', 'average = "makro"', r"\"makro\""),
        ("[[metrics]]", 'use = "acuracy"', r"\"acuracy\""),
        ('[[augment]]\nuse = "random-swap"', "rate = 2", r"\b2\b"),
        ("[report]", "texts = 1", r"Boolean, but found Integer|not of type \"boolean\""),
    ],
)
def test_a_wrong_value_is_found_at_its_line(server: Server, table: str, line: str, said: str) -> None:
    findings = server.findings(f"{TOP}{MINIMAL}\n{table}\n{line}\n")
    assert findings
    assert {finding.line for finding in findings} == {line}
    assert any(re.search(said, finding.message) for finding in findings)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("[train]", "learnig_rate = 3e-5"),
        ('[[preprocess]]\nuse = "emoji"', 'langage = "zh"'),
        ('[[preprocess]]\nuse = "emoji"', "casefold = true"),  # another preprocessor's
        ("[plugins]", "leagl = {}"),
    ],
)
def test_an_unknown_key_is_named(server: Server, table: str, line: str) -> None:
    findings = server.findings(f"{TOP}{MINIMAL}\n{table}\n{line}\n")
    assert findings
    assert all(line.split()[0] in finding.message for finding in findings)
    assert {finding.line for finding in findings} <= {*table.splitlines(), line}
    if "not allowed" in findings[0].message and "Additional" not in findings[0].message:  # tombi; taplo marks the table
        assert [finding.line for finding in findings] == [line]


def test_what_is_missing_is_named(server: Server) -> None:
    findings = server.findings(TOP + '[model]\nbase = "some/base"\n')
    assert {key for key in ("data", "task") for finding in findings if key in finding.message} == {"data", "task"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_a_shipped_recipe_gives_no_finding(server: Server, path: Path) -> None:
    assert server.findings(TOP + path.read_text(encoding="utf-8")) == []


def test_a_recipe_by_new_gives_no_finding(server: Server) -> None:
    assert server.findings(TOP + recipe_text("sentiment", "bert-base-chinese", "评论.csv")) == []


def test_chinese_and_qualified_names_give_no_finding(server: Server) -> None:
    text = MINIMAL.replace('use = "sentiment"', 'use = "sftcore-plugin-sentiment:sentiment"\nlabels = ["消极", "积极"]')
    text = text.replace(
        '"reviews.csv"\n', '"评论.csv"\ncolumns = { text = "评论" }\nwhere = { "可信度" = { min = 0.9 } }\n'
    )
    text += '\n[[preprocess]]\nuse = "stop-words"\nkeep = ["不"]\n\n[[metrics]]\nuse = "sftcore:f1"\n'
    assert server.findings(TOP + text) == []


# -- the command line of both ----------------------------------------------------------------------------------------

LINTERS = {"taplo": ["taplo", "lint"], "tombi": ["tombi", "lint", "--offline"]}


def lint(name: str, path: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = LINTERS[name]
    found = installed(program)
    if not found:
        pytest.skip(f"{name} is not installed: pip install {name}")
    with proxy() as (environment, arrived):
        command = [found, *arguments, path.name]
        environment = os.environ | environment | {"NO_COLOR": "1"}
        done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)
    assert arrived == []
    return done


@pytest.mark.parametrize("name", LINTERS)
def test_the_linter_passes_what_is_right_and_names_what_is_wrong(name: str, folder: Path) -> None:
    text = (ROOT / "recipes/sentiment-zh.toml").read_text(encoding="utf-8")
    right, wrong = folder / "right.toml", folder / "wrong.toml"
    right.write_text(TOP + text, encoding="utf-8")
    wrong.write_text(TOP + text.replace("learning_rate =", "learnig_rate ="), encoding="utf-8")
    assert lint(name, right).returncode == 0
    done = lint(name, wrong)
    assert done.returncode == 1
    assert "learnig_rate" in done.stdout + done.stderr


CONFIGURATIONS = {
    "taplo": (".taplo.toml", '[[rule]]\ninclude = ["**/plain.toml"]\n\n[rule.schema]\npath = "recipe.schema.json"\n'),
    "tombi": ("tombi.toml", '[[schemas]]\npath = "recipe.schema.json"\ninclude = ["**/plain.toml"]\n'),
}


@pytest.mark.parametrize("name", LINTERS)
def test_a_configuration_does_what_the_first_line_does(name: str, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "recipe.schema.json", tmp_path)
    path = tmp_path / "plain.toml"
    path.write_text(MINIMAL + "\n[train]\nlearnig_rate = 1\n", encoding="utf-8")
    assert lint(name, path).returncode == 0
    file, text = CONFIGURATIONS[name]
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert lint(name, path).returncode == 1
