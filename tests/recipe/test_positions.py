from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from sftcore.recipe.positions import KeyPath, Positions, parsed_path, written

DOCUMENTS = [
    'a = 1\n"b c" = "x"\n\'d.e\' = true\n"é\\u00e9" = 2\n',
    "# comment = 1\n\n[t] # more\n a.b . c = 1.5\na.b.d = [1, 2,\n  3, # no\n]\n",
    'x = { y = 1, "z.w" = { q = [ { r = 2 }, { r = 3 } ] } }\nafter = 1\n',
    '[[p]]\nuse = "a"\n[[p]]\nuse = "b"\n[p.inner]\nk = 1\n[[p.more]]\nm = 1\n[[p.more]]\nm = 2\n[q]\np = 1\n',
    's = """\na = 1 # no key\n[t]\n\\""" still"""\nn = \'\'\'\nx = 2\'\'\'\'\nz = 3\n',
    'quotes = """He said ""hi""."""\nfive = """"a"""""\nlit = \'\'\'\'\'x\'\'\'\'\'\nend = 1\n',
    "d = 1979-05-27 07:32:00Z\nl = [1979-05-27, 07:32:00]\nf = -1_000.5e+3\nh = 0xDEAD\ni = inf\n",
    'path = \'C:\\dir\'\nesc = "a\\"b\\\\"\nhash = "#no"\nbrackets = "[a] = {b}"\n',
    "[a.b.c]\nx = 1\n[a]\ny = 2\n[a.b]\nz = 3\n",
    "empty = []\nt = {}\nnested = [[1, 2], [3], []]\n",
    "标签 = 1".replace("标签", '"标签"') + '\ncolumns = { "情感" = "x" }\n',
    "a.b.c = 1\na.b.d = 2\n[x.y]\nz = 1\n",
    "last = 1",
    "",
]


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield path, value
    for key, child in children:
        yield from leaves(child, (*path, key))


@pytest.mark.parametrize("text", DOCUMENTS)
def test_every_key_and_value_of_a_valid_text_has_its_span(text: str) -> None:
    positions = Positions(text)
    found = dict(leaves(tomllib.loads(text)))
    assert set(positions.spans) == set(found) - {()}
    for path, span in positions.spans.items():
        if not isinstance(found[path], dict):
            value = text[slice(*span.value)]
            if not value.startswith("[["):  # an array of tables has its first header
                assert tomllib.loads(f"value = {value}")["value"] == found[path], path
        if isinstance(path[-1], str):
            key = text[slice(*span.key)]
            assert list(tomllib.loads(f"{key} = 1")) == [path[-1]], path


def test_an_excerpt_is_the_line_with_what_is_meant() -> None:
    positions = Positions('[train]\n  rate = "very long"\n')
    excerpt = positions.excerpt(positions.spans["train", "rate"].value)
    assert (excerpt.line, excerpt.text) == (2, '  rate = "very long"')
    assert excerpt.text[excerpt.start : excerpt.start + excerpt.length] == '"very long"'


def test_an_excerpt_of_several_lines_is_the_first_one() -> None:
    positions = Positions("a = [\n 1,\n]\n")
    excerpt = positions.excerpt(positions.spans["a",].value)
    assert (excerpt.line, excerpt.start, excerpt.length) == (1, 4, 1)


def test_the_nearest_part_of_a_path_that_stands_there() -> None:
    positions = Positions("[data.where]\nx = { min = 1 }\n")
    assert positions.nearest(("data", "where", "x", "max")) == ("data", "where", "x")
    assert positions.nearest(("data", "limit")) == ("data",)
    assert positions.nearest(("model", "base")) == ()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("train.lr", ("train", "lr")),
        ("preprocess.0.rate", ("preprocess", 0, "rate")),
        ('data.where."a column".min', ("data", "where", "a column", "min")),
        ("data.columns.'a.b'", ("data", "columns", "a.b")),
        ("data.columns.文本", ("data", "columns", "文本")),
    ],
)
def test_a_dotted_path(text: str, path: KeyPath) -> None:
    assert parsed_path(text) == path
    assert parsed_path(written(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", '"a'])
def test_what_is_no_dotted_path(text: str) -> None:
    with pytest.raises(ValueError):
        parsed_path(text)
