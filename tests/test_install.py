"""Core and plugin as wheels, in an environment of their own: installed and uninstalled separately."""

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


def call(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/")
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that sees this one's libraries, but not sftcore and its plugin as they lie here."""
    folder = tmp_path_factory.mktemp("environment")
    wheels = folder / "wheels"
    for project in (ROOT, ROOT / "plugins/sftcore-plugin-sentiment"):
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


def test_the_plugin_comes_and_goes_and_its_recipe_says_what_to_install(environment: Path) -> None:
    sftcore, python = environment / "bin/sftcore", environment / "bin/python"
    where = call(python, "-c", "import sftcore; print(sftcore.__file__)").stdout
    assert str(environment) in where
    listed = json.loads(call(sftcore, "plugins", "--json").stdout)
    assert "sftcore-plugin-sentiment" in json.dumps(listed)
    call(sftcore, "check", "--shape", ROOT / "recipes/sentiment.toml")
    call(python, "-m", "pip", "uninstall", "-q", "-y", "sftcore-plugin-sentiment")
    refused = call(sftcore, "check", "--shape", ROOT / "recipes/sentiment.toml", check=False)
    assert refused.returncode == 2
    assert "pip install" in refused.stderr
    assert "sftcore-plugin-sentiment" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_wheel_carries_the_package_and_nothing_else(environment: Path) -> None:
    from zipfile import ZipFile

    wheel = next((environment.parent / "wheels").glob("sftcore-[0-9]*.whl"))
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert tops == {"sftcore", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}
    assert "sftcore/py.typed" in ZipFile(wheel).namelist()
