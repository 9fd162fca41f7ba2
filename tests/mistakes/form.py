"""The form in which a mistake is told, read back from what a command printed."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from sftcore.cli import main
from sftcore.registry import discover

QUIET = ("run", "check", "predict", "evaluate", "verify")


def run_folders(home: Path) -> set[str]:
    """Everything in folders of runs but locks."""
    return {str(path.relative_to(home)) for path in home.glob("runs/*/*") if path.name != ".lock"}


def leftovers(home: Path) -> list[str]:
    """Files and folders that somebody began to write."""
    return [path.name for path in home.rglob("*") if ".sftcore-part" in path.name or path.name.startswith(".starting-")]


def call(home: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> int:
    """The command in this process, quiet where it can be."""
    if (home / "site").exists():
        monkeypatch.syspath_prepend(str(home / "site"))
        discover.cache_clear()
    return main([*command, "-q"] if command[0] in QUIET else list(command))


def cells(text: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def marked(block: list[str]) -> str:
    """What the carets of a problem stand under, read off by column; "" where it has no excerpt."""
    carets = next((number for number, line in enumerate(block) if re.fullmatch(r" +│ +\^+", line)), None)
    if carets is None:
        return ""
    line, under = block[carets - 1], block[carets]
    start, end = under.index("^"), len(under)
    return "".join(letter for place, letter in enumerate(line) if start <= cells(line[:place]) < end)


def in_form(told: str) -> list[list[str]]:
    """The problems that were told, each its lines; asserts the contract of an error."""
    assert "Traceback" not in told
    lines = [line for line in told.splitlines() if not line.startswith("warning:")]
    assert 2 <= len(lines) <= 26, told  # 25, and "… and N more"
    blocks: list[list[str]] = []
    for line in lines:
        if line.startswith(" "):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    assert all(len(block) <= 6 for block in blocks), told
    assert all(len(block) > 1 for block in blocks if not block[0].startswith("… and ")), told
    return blocks
