"""docs/plugins.md carried out: its files written, its distribution made visible, its tests and commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"<!-- file: (?P<path>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)


def distribution(site: Path, name: str, version: str, entry_points: dict[str, str]) -> None:
    """The metadata that pip would write, so that the test needs no installation."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    lines = [f"{key} = {value}" for key, value in entry_points.items()]
    (folder / "entry_points.txt").write_text("\n".join(["[sftcore]", *lines, ""]))


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The tutorial's folder, with its plugin visible to Python and one that raises at import beside it."""
    folder = tmp_path_factory.mktemp("sftcore-plugin-tickets")
    for match in FILE.finditer((ROOT / "docs/plugins.md").read_text(encoding="utf-8")):
        path = folder / match["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["text"], encoding="utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    site = folder / "site"
    distribution(site, project["name"], project["version"], project["entry-points"]["sftcore"])
    distribution(site, "sftcore-plugin-broken", "1.0", {"broken": "broken_plugin"})
    (site / "broken_plugin.py").write_text("raise RuntimeError('as bad as can be')\n")
    paths = os.pathsep.join(str(path) for path in (folder / "src", site, ROOT))
    environment = os.environ | {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1", "COLUMNS": "200"}
    environment.pop("PYTEST_ADDOPTS", None)  # of the tests that run this one

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    def python(*arguments: str) -> str:
        done = call(*arguments)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    python("make_tickets.py")
    return SimpleNamespace(folder=folder, python=python, call=call)


def test_its_tests_pass(tutorial: SimpleNamespace) -> None:
    assert "5 passed" in tutorial.python("-m", "pytest", "-p", "no:cacheprovider", "tests")


def test_the_plugin_is_listed_and_so_is_the_broken_one(tutorial: SimpleNamespace) -> None:
    plugins = json.loads(tutorial.python("-m", "sftcore", "plugins", "--json"))["plugins"]
    by_name = {plugin["distribution"]: plugin for plugin in plugins}
    assert by_name["sftcore-plugin-tickets"]["offers"] == {
        "preprocessor": ["mask-order-numbers"],
        "metric": ["missed"],
        "task": ["urgency"],
    }
    assert "as bad as can be" in by_name["sftcore-plugin-broken"]["problem"]


def test_the_schema_knows_its_components(tutorial: SimpleNamespace) -> None:
    schema = tutorial.python("-m", "sftcore", "schema")
    assert '"mask-order-numbers"' in schema
    assert '"urgency"' in schema


def test_it_checks_runs_and_predicts(tutorial: SimpleNamespace) -> None:
    tutorial.python("-m", "sftcore", "check", "--shape", "tickets.toml")
    tutorial.python("-m", "sftcore", "check", "tickets.toml")
    tutorial.python("-m", "sftcore", "run", "tickets.toml")
    metrics = json.loads((tutorial.folder / "runs/tickets/0001/metrics.json").read_text())
    assert "missed" in json.dumps(metrics)
    test = metrics["test"]
    assert test["metrics"]["accuracy"]["value"] >= test["baselines"]["tfidf"]["metrics"]["accuracy"]["value"]
    said = json.loads(tutorial.python("-m", "sftcore", "predict", "tickets", "--text", "everything is down"))
    assert (said["prediction"], said["score"] > 0.9) == ("urgent", True)


def test_a_misspelt_class_is_told_before_the_training(tutorial: SimpleNamespace) -> None:
    recipe = tutorial.folder / "misspelt.toml"
    text = (tutorial.folder / "tickets.toml").read_text() + '\n[[metrics]]\nuse = "missed"\nlabel = "urgnt"\n'
    recipe.write_text(text)
    done = tutorial.call("-m", "sftcore", "check", recipe.name)
    assert done.returncode == 2
    assert "misspelt.toml:" in done.stderr
    assert "there is no class 'urgnt'; did you mean urgent?" in done.stderr
