"""A folder in which everything works, and a finished run of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sftcore.cli import main
from sftcore.registry import discover
from tests.mistakes.kit import RECIPE, table


@pytest.fixture
def home(tmp_path: Path, tiny_bert: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which `sftcore run recipe.toml` works: recipe, data, model `m`; plugins are found in `site`."""
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "reviews.csv").write_text(table(), encoding="utf-8")
    shutil.copytree(tiny_bert, tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SFTCORE_RUNS", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    yield tmp_path
    if (tmp_path / "site").exists():
        sys.modules.pop("plug_shouty", None)
        monkeypatch.undo()
        discover.cache_clear()


@pytest.fixture(scope="module")
def finished(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one finished run, made by the recipe as it stands."""
    home = tmp_path_factory.mktemp("finished")
    (home / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (home / "reviews.csv").write_text(table(), encoding="utf-8")
    shutil.copytree(tiny_bert, home / "m")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["run", "recipe.toml", "-q"]) == 0
    return home / "runs"
