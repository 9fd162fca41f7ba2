"""What can be done to a folder that works, and how a case of the table says what must then be told."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECIPE = """name = "tiny"

[model]
base = "m"
max_length = 32

[data]
source = "reviews.csv"

[task]
use = "text-classification"

[train]
max_steps = 2
per_device_train_batch_size = 4
"""
WORDS = {"negative": ["awful", "bad", "hate"], "neutral": ["blue", "box", "size"], "positive": ["best", "good", "love"]}
FILLER = ["the", "phone", "was", "very", "camera", "book", "that", "monday", "with", "screen", "paper", "garden"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
NO_HEADER = b"\0" * 100

Change = Callable[[Path], object]


def table(rows: int = 60, head: str = "text,label\n") -> str:
    """Labelled rows as CSV, classes in turn."""
    draw = random.Random(0)
    lines = []
    for number in range(rows):
        label = list(WORDS)[number % 3]
        lines.append(f"{' '.join([*draw.choices(WORDS[label], k=2), *draw.sample(FILLER, 5)])} {number},{label}\n")
    return head + "".join(lines)


# -- what can be done to a folder ------------------------------------------------------------------------------------


def put(old: str, new: str) -> Change:
    """Replace a part of the recipe."""

    def change(home: Path) -> None:
        text = (home / "recipe.toml").read_text(encoding="utf-8")
        assert old in text, old
        (home / "recipe.toml").write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def add(text: str) -> Change:
    """Append to the recipe."""
    return put("per_device_train_batch_size = 4\n", f"per_device_train_batch_size = 4\n{text}")


def top(text: str) -> Change:
    """Write above the recipe's first table."""
    return put('name = "tiny"\n', f'name = "tiny"\n{text}\n')


def source(text: str) -> Change:
    """Another `[data] source`."""
    return put('source = "reviews.csv"', f"source = {text}")


def base(text: str) -> Change:
    """Another `[model] base`."""
    return put('base = "m"', f"base = {text}")


def scratch(text: str) -> Change:
    """A model from nothing in place of the base."""
    return put('base = "m"\nmax_length = 32\n', f"max_length = 16\n[model.scratch]\n{text}\n")


def file(name: str, content: str | bytes) -> Change:
    """Write a file."""

    def change(home: Path) -> None:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def changed(name: str, old: str, new: str) -> Change:
    """Replace a part of a file."""

    def change(home: Path) -> None:
        text = (home / name).read_text(encoding="utf-8")
        assert old in text, old
        (home / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def data(text: str | bytes) -> Change:
    """Another content of reviews.csv."""
    return file("reviews.csv", text)


def remove(name: str) -> Change:
    """Remove a file or folder."""

    def change(home: Path) -> None:
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def unseal(home: Path) -> None:
    """Make the finished run one that was killed before its end."""
    (home / "runs/tiny/0001/SHA256SUMS").unlink()


def plugin(code: str) -> Change:
    """Install a plugin called shouty; its one module is `plug_shouty.py`."""

    def change(home: Path) -> None:
        site = home / "site"
        site.mkdir()
        (site / "plug_shouty.py").write_text(f"from sftcore import *\nfrom sftcore import hookimpl\n{code}")
        info = site / "shouty-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouty\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[sftcore]\nmain = plug_shouty\n")
        (info / "RECORD").write_text("plug_shouty.py,,\n")

    return change


def component(kind: str, hook: str, method: str) -> str:
    """The code of a plugin with one component, `shout`, and this method."""
    return (
        f'class Shout({kind}, name="shout"):\n    """Shout."""\n    understands = ("labels",)\n'.replace(
            "" if kind == "Metric" else '    understands = ("labels",)\n', ""
        )
        + f"    {method}\n@hookimpl\ndef sftcore_register_{hook}(): return [Shout]\n"
    )


def shouting(body: str) -> tuple[Change, Change]:
    """A plugin with a row preprocessor, and the recipe using it."""
    code = component("RowPreprocessor", "preprocessors", f"def process(self, row): {body}")
    return plugin(code), add('[[preprocess]]\nuse = "shout"\n')


# -- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """`place` is the first line of what is told, `mark` what carets stand under ("": no excerpt)."""

    name: str
    place: str
    mark: str
    said: tuple[str, ...]
    changes: tuple[Change, ...]
    command: tuple[str, ...] = ("run", "recipe.toml")
    code: int = 2
    needs_run: bool = False


def m(name: str, place: str, mark: str, said: str | tuple[str, ...], *changes: Change, **more: Any) -> Mistake:
    return Mistake(name, place, mark, (said,) if isinstance(said, str) else said, changes, **more)


def run(name: str, place: str, said: str | tuple[str, ...], *changes: Change, **more: Any) -> Mistake:
    """A mistake with a finished run at hand."""
    return Mistake(name, place, "", (said,) if isinstance(said, str) else said, changes, needs_run=True, **more)


LOCK = "runs/tiny/0001/lock.json"
