from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

GOOD = '''
from sftcore import TextPreprocessor, hookimpl

print("a plugin that talks at import")


class Shout(TextPreprocessor, name="shout"):
    """Write everything large."""

    def edits(self, text):
        yield (0, len(text), text.upper())


@hookimpl
def sftcore_register_preprocessors():
    return [Shout]
'''


def distribution(folder: Path, name: str, code: str) -> None:
    """A distribution as an installer would leave it: a module, and its metadata with an entry point."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    metadata = folder / f"{module}-0.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[sftcore]\n{module} = {module}\n", encoding="utf-8")


@pytest.fixture
def installed(tmp_path: Path) -> str:
    distribution(tmp_path, "zz-good", GOOD)
    distribution(tmp_path, "zz-broken", "raise RuntimeError('no such luck \\x1b[31m')")
    distribution(tmp_path, "zz-leaving", "raise SystemExit(7)")
    return str(tmp_path)


def test_plugins_are_listed_with_what_they_offer_and_why_they_are_broken(installed: str, sftcore: Call) -> None:
    shown = sftcore("plugins", PYTHONPATH=installed)
    assert shown.returncode == 0, shown.stderr
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    assert lines[0].startswith("sftcore  ")
    assert any(line.split()[:3] == ["text-classification", "task", "Classify"] for line in lines)
    at = lines.index("zz-good  0.3")
    assert lines[at + 1] == "  shout  preprocessor  Write everything large"
    assert "zz-broken  0.3  broken" in lines
    assert "no such luck" in shown.stdout and "\x1b" not in shown.stdout
    assert "zz-leaving  0.3  broken" in lines
    assert "talks" not in shown.stdout
    assert "zz-good: a plugin that talks at import\n" in shown.stderr


@pytest.mark.parametrize(
    "arguments", [("plugins", "--json"), ("plugins", "list", "--json"), ("plugins", "--json", "list")]
)
def test_plugins_as_json(arguments: tuple[str, ...], installed: str, sftcore: Call) -> None:
    shown = sftcore(*arguments, PYTHONPATH=installed)
    assert shown.returncode == 0, shown.stderr
    plugins = {plugin["distribution"]: plugin for plugin in json.loads(shown.stdout)["plugins"]}
    assert plugins["zz-good"]["offers"] == {"preprocessor": ["shout"]}
    assert plugins["zz-good"]["descriptions"] == {"preprocessor shout": "Write everything large"}
    assert plugins["zz-good"]["problem"] is None
    assert "no such luck" in plugins["zz-broken"]["problem"]
    assert plugins["zz-broken"]["version"] == "0.3"


def test_help_does_not_care_for_broken_plugins(installed: str, sftcore: Call) -> None:
    shown = sftcore("--help", PYTHONPATH=installed)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_the_list_loads_no_torch(installed: str, environment: Callable[..., dict[str, str]]) -> None:
    code = (
        "import sys; from sftcore.cli import main; main(['plugins', '--json']); "
        "print([name for name in ('torch', 'transformers', 'datasets', 'evaluate') if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(PYTHONPATH=installed), capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"
