"""Distributions that are really installed: metadata folders and modules on sys.path."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.kit import HEAD, Install


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
