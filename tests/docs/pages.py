"""The pages of the documentation, in English and Chinese: their fenced blocks and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    {
        *DOCS.rglob("*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("plugins/*/README.md"),
        *ROOT.glob("recipes/**/*.md"),
        *ROOT.glob("benchmarks/**/*.md"),
    }
    - {DOCS / "index.md"}  # the site's navigation, no page of its own
)
BLOCK = re.compile(
    r"(?:^<!-- *(?P<mark>\w+)(?P<note>.*?)-->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, its line, and the comment before it: a `mark`, and after a colon a `note`.

    Of TOML: `fragment` (part of a recipe), `pyproject`, `file` (the tutorial's). Of text: see test_outputs.py.
    """

    page: Path
    line: int
    language: str
    mark: str
    note: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    text = page.read_text(encoding="utf-8")
    return tuple(
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["mark"] or "",
            (found["note"] or "").removeprefix(":").strip(),
            found["text"],
        )
        for found in BLOCK.finditer(text)
    )


def all_blocks(language: str) -> list[Any]:
    chosen = [block for page in PAGES for block in blocks(page) if block.language == language and block.mark != "file"]
    return [pytest.param(block, id=block.place) for block in chosen]


@cache
def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> list[str]:
    """What the code host and the site make of the headings."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]
