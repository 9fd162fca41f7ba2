"""What holds of the journeys without carrying them out, the short one that is, and the rule for figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.carrying import Journey, commands
from tests.docs.figures import missing
from tests.docs.journeys import ELSEWHERE, JOURNEYS, LEFT_OUT, kept, stages
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, name_of

VISITED = {page for pages in JOURNEYS.values() for page in pages}


def test_every_page_with_commands_is_carried_out() -> None:
    pages = {name_of(page) for page in PAGES if any(block.language == "console" for block in blocks(page))}
    assert pages == VISITED | ELSEWHERE.keys()
    assert VISITED & ELSEWHERE.keys() == set()


def test_what_is_shown_as_printed_is_compared() -> None:
    marked = {block.place for page in PAGES for block in blocks(page) if block.mark in ("printed", "before", "written")}
    assert marked <= {block.place for page in VISITED for block in stages(ROOT / page)}


def test_what_is_left_out_stands_on_a_page() -> None:
    blocks_of_commands = [block for page in VISITED for block in stages(ROOT / page) if block.language == "console"]
    steps = [
        step.replace(".venv/bin/", "").removeprefix("$ ")
        for block in blocks_of_commands
        for line in block.text.splitlines()
        for step in line.split(" && ")
    ]
    assert [start for start in LEFT_OUT if not any(re.match(start, step) for step in steps)] == []


def test_installations_are_left_out_of_a_line() -> None:
    line = "python3 -m venv .venv && .venv/bin/pip install . && HF_HUB_OFFLINE=1 .venv/bin/sftcore run a.toml"
    assert kept(line) == "HF_HUB_OFFLINE=1 sftcore run a.toml"
    assert list(commands("$ pip install x\n$ sftcore try a\nhttp://127.0.0.1/\n")) == ["sftcore try a"]


def test_recipes_are_checked_without_an_editor(tmp_path: Path, tiny_bert: str) -> None:
    """docs/editor.md, which takes a second."""
    journey = Journey.begun(tmp_path, tiny_bert)
    for block in stages(DOCS / "editor.md"):
        journey.go_through(block)
    recipe = tmp_path / "recipes/qa.toml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("max_length = ", "max_lenght = "), encoding="utf-8")
    for command in commands("tombi lint --offline recipes/\ntaplo lint recipes/*.toml"):
        with pytest.raises(AssertionError, match="max_lenght"):
            journey.bash(command)


PRINTED = "check done, 12 s\nrows 240\naccuracy 0.904  0.890 to 0.918\n███ −0.020 to +0.011 worse on\n240 rows\n"


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        ("rows 240\naccuracy 0.9  0.91 to 0.918\n", True),
        ("rows 240\n…\n█ −0.010 to +0.015 worse on 240 rows\n", True),
        ("check done, 3 min 02 s\n", True),
        ("rows 241\n", False),
        ("accuracy 0.850  0.890 to 0.918\n", False),
        ("rows 240\n0.890 to 0.918\n", False),
        ("worse on 240\n\nrows 240\n", False),
        ("−0.020 to −0.030 worse\n", False),
    ],
)
def test_which_figures_may_differ(shown: str, right: bool) -> None:
    assert (missing(shown, PRINTED) == []) is right


def test_counts_may_differ_where_the_page_says_so() -> None:
    assert missing("rows 241\n", PRINTED, about=True) == []
    assert missing("lines 240\n", PRINTED, about=True) != []
