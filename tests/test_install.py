"""Core and plugins as wheels, in an environment of their own: installed and uninstalled separately."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent
RECIPES = {"sentiment": "sentiment", "legal": "legal-clauses", "qa": "qa"}
"""Plugins in the order in which they go, each with a recipe that needs it; legal's contract-qa needs qa."""


def call(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/")
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that sees this one's libraries, but not sftcore and its plugins as they lie here."""
    folder = tmp_path_factory.mktemp("environment")
    wheels = folder / "wheels"
    for project in (ROOT, *(ROOT / f"plugins/sftcore-plugin-{name}" for name in RECIPES)):
        call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, project)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    site = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").stdout.strip())
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith("sftcore"):
            (libraries / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    call(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--ignore-installed", *wheels.glob("*.whl"))
    return folder / "venv"


def test_plugins_come_and_go_one_by_one_and_their_recipes_say_what_to_install(environment: Path) -> None:
    sftcore, python = environment / "bin/sftcore", environment / "bin/python"
    where = call(python, "-c", "import sftcore; print(sftcore.__file__)").stdout
    assert str(environment) in where
    left = dict(RECIPES)
    while left:
        listed = call(sftcore, "plugins", "--json").stdout
        for name, recipe in left.items():
            assert f"sftcore-plugin-{name}" in listed
            call(sftcore, "check", "--shape", ROOT / f"recipes/{recipe}.toml")
        gone = next(iter(left))
        call(python, "-m", "pip", "uninstall", "-q", "-y", f"sftcore-plugin-{gone}")
        refused = call(sftcore, "check", "--shape", ROOT / f"recipes/{left.pop(gone)}.toml", check=False)
        assert refused.returncode == 2
        assert f'pip install "sftcore-plugin-{gone}' in refused.stderr
        assert "Traceback" not in refused.stderr


def test_without_the_plugin_for_questions_only_contracts_are_lost(environment: Path) -> None:
    sftcore, python = environment / "bin/sftcore", environment / "bin/python"
    wheels = environment.parent / "wheels"
    call(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", *wheels.glob("sftcore_plugin_legal*.whl"))
    listed = json.loads(call(sftcore, "plugins", "--json").stdout)
    problems = {plugin["part"]: plugin["problem"] for plugin in listed["plugins"] if "legal" in plugin["distribution"]}
    assert not problems["legal"]
    assert "pip install sftcore-plugin-qa" in problems["legal-contracts"]
    call(sftcore, "check", "--shape", ROOT / "recipes/legal-clauses.toml")


def test_the_wheel_carries_the_package_and_nothing_else(environment: Path) -> None:
    from zipfile import ZipFile

    wheel = next((environment.parent / "wheels").glob("sftcore-[0-9]*.whl"))
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert tops == {"sftcore", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}
    assert "sftcore/py.typed" in ZipFile(wheel).namelist()
