"""What the pages show as output is what comes out. A comment before each block of text says how that is known:

<!-- output: sftcore check recipes/x.toml -->   the lines come out in the checkout, in this order, as they stand
<!-- like: sftcore verify sentiment -->         they come out of a small stand-in, but for the numbers
<!-- error -->                                  the recipe that it quotes gives this very error
<!-- files -->                                  the tutorial's files
<!-- toml -->                                   a file of another program
<!-- figures: docs/benchmarks/starter.md -->    each number stands on the page that says how it was measured
<!-- made: changed -->                          they come out of what test_made.py makes
<!-- printed -->, <!-- written: x.toml -->      test_snippets.py: `pytest -m snippets`
<!-- lua -->                                    a line of an editor's configuration
<!-- unchecked: why -->                         no test repeats it
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sftcore import Recipe, RecipeError
from tests.docs.calling import NUMBER, missing, sftcore
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks, name_of

CHECKED = {"toml", "python", "console", "json", "text"}
MARKS = {"output", "like", "error", "files", "toml", "lua", "figures", "made", "printed", "written", "unchecked"}
PLACE = re.compile(r"^(?P<file>\S+\.toml):(?P<line>\d+)  (?P<key>\S+)$", re.MULTILINE)
QUOTED = re.compile(r"^ +(?P<line>\d+) │ (?P<text>.*)$", re.MULTILINE)
REST = {"model": 'base = "owner/base"', "data": 'source = "data.csv"', "task": 'use = "text-classification"'}


def marked(*marks: str, language: str = "text") -> list[Any]:
    chosen = [b for page in PAGES for b in blocks(page) if b.language == language and (b.mark in marks or not marks)]
    return [pytest.param(block, id=block.place) for block in chosen]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fences = [line for line in text.splitlines() if line.lstrip().startswith("```")]
    assert len(fences) == 2 * len(blocks(page)), "a block without a language, or one that is indented"
    for block in blocks(page):
        if block.language == "text" or block.language not in CHECKED:
            assert block.mark in MARKS, f"{block.place}: write before it how it is known (tests/docs/test_outputs.py)"
        assert block.mark != "unchecked" or block.note, f"{block.place}: unchecked, and why?"


@pytest.mark.parametrize("block", marked(language="json"))
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", marked("toml", "written"))
def test_files_of_other_programs_are_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", marked("lua", language="lua"))
def test_the_editor_is_told_of_a_server_that_the_page_tells_of(block: Block) -> None:
    found = re.fullmatch(r'vim\.lsp\.enable\("(\w+)"\)\n', block.text)
    assert found
    assert f'command = "{found[1]}"' in block.page.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", marked("files"))
def test_the_tutorials_files_are_those_it_writes(block: Block) -> None:
    shown = {line.split("── ")[1] for line in block.text.splitlines() if "── " in line}
    assert shown == {other.note for other in blocks(block.page) if other.mark == "file"}


@pytest.mark.parametrize("block", marked("figures"))
def test_figures_are_those_that_were_measured(block: Block) -> None:
    source = set(NUMBER.findall((ROOT / block.note).read_text(encoding="utf-8")))
    shown = {found.rstrip(".,") for found in NUMBER.findall(block.text)} - {"1", "95"}
    assert shown
    assert shown - {found.rstrip(".,") for found in source} == set()


# -- errors ----------------------------------------------------------------------------------------------------------


def recipe_of(places: list[tuple[int, str]], quoted: dict[int, str]) -> str:
    """A recipe with these lines at their places, each below the header of its table, and else nothing wrong."""
    tables = {key.partition(".")[0] for _, key in places}
    lines = [text for name in REST.keys() - tables for text in (f"[{name}]", REST[name])]
    for line, key in places:
        lines += [""] * (line - 2 - len(lines)) + [f"[{key.partition('.')[0]}]", quoted[line]]
    return "\n".join(lines) + "\n"


def error_of(file: str, places: list[tuple[int, str]], quoted: dict[int, str], folder: Path) -> RecipeError:
    (folder / file).write_text(recipe_of(places, quoted), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        Recipe.read(Path(file))
    return caught.value


@pytest.mark.parametrize("block", marked("error"))
def test_errors_are_told_like_this(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = [(int(found["line"]), found["key"]) for found in PLACE.finditer(block.text)]
    quoted = {int(found["line"]): found["text"] for found in QUOTED.finditer(block.text)}
    found = PLACE.search(block.text)
    assert found
    assert str(error_of(found["file"], places, quoted, tmp_path)) == block.text.rstrip("\n")


@pytest.mark.parametrize("block", marked("error", language="json"))
def test_errors_are_told_like_this_as_json(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    problems = json.loads(block.text)["error"]["problems"]
    places = [(problem["line"], problem["key"]) for problem in problems]
    quoted = {problem["line"]: problem["excerpt"]["text"] for problem in problems}
    error_of(problems[0]["where"], places, quoted, tmp_path)
    done, _ = sftcore(f"sftcore check {problems[0]['where']} --shape --json", tmp_path)
    assert json.loads(done) == json.loads(block.text)


# -- what commands print ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", marked("output"))
def test_commands_print_this(block: Block) -> None:
    output = "".join(sftcore(block.note, ROOT))
    assert missing(block, output, numbers=True) == [], output


@pytest.mark.parametrize("block", marked("like"))
def test_commands_print_such_lines(block: Block, desk: Path) -> None:
    output = "".join(sftcore(block.note, desk))
    assert missing(block, output, numbers=False) == [], output


def test_a_line_that_does_not_come_is_noticed() -> None:
    block = Block(DOCS / "x.md", 1, "text", "output", "", "one 1\n…\nthree 3\n")
    assert missing(block, "one 1\ntwo\nthree 3", numbers=True) == []
    assert missing(block, "three 3\none 1", numbers=True) == ["three 3"]
    assert missing(block, "one 7\nthree 9", numbers=True) == ["one 1", "three 3"]
    assert missing(block, "one 7\nthree 9", numbers=False) == []
