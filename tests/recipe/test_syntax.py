from __future__ import annotations

import pytest

from sftcore.errors import RecipeError, render
from sftcore.recipe import Recipe

# text, what is said, what the excerpt marks
CASES = [
    ("情感 = 1\n", 'write "情感" = ...', "情感"),
    ('columns = { text = "a", 标签 = "b" }\n', 'write "标签" = ...', "标签"),
    ("[模型]\n", 'write ["模型"]', "模型"),
    ("name = 情感\n", 'write "情感"', "情感"),
    ("name = sentiment\n", 'write "sentiment"', "sentiment"),
    ("base = bert-base-chinese # x\n", 'write "bert-base-chinese"', "bert-base-chinese"),
    ("source = C:\\data\\x.csv\n", "write 'C:\\data\\x.csv'", "C:\\data\\x.csv"),
    ("name = “x”\n", "“ is a typographic quotation mark", "“"),
    ("name = ‘x’\n", "‘ is a typographic quotation mark", "‘"),
    ('name＝"x"\n', "＝ is a typographic sign; TOML takes = only", "＝"),
    ('labels = ["a"，"b"]\n', "， is a typographic sign", "，"),
    ("【model】\n", "【 is a typographic sign; TOML takes [ only", "【"),
    (
        'source = "C:\\Users\\me.csv"\n',
        "write 'C:\\Users\\me.csv' (single quotes) or \"C:/Users/me.csv\"",
        "C:\\Users\\me.csv",
    ),
    ('source = "D:\\数据.csv"\n', '"D:/数据.csv"', "D:\\数据.csv"),
    ("seed = 1\nx = 2\nseed = 2\n", "seed is given twice, first in line 1", "seed"),
    ("[train]\nx = 1\n[data]\n[train]\n", "[train] stands twice, first in line 1", "[train]"),
    ('[preprocess]\nuse = "a"\n[preprocess]\n', "write [[preprocess]], in double brackets", "[preprocess]"),
    ('task.use = "a"\n[task]\n', "task is given already, by keys further up", "[task]"),
    ("seed =\n", "a value is missing after the equals sign", None),
    ("a = True\n", "write true, in small letters", "True"),
    ("a = yes\n", "write true", "yes"),
    ("a = off\n", "write false", "off"),
    ("a = None\n", "TOML has no None", "None"),
    ("a = null\n", "leave the key out", "null"),
    ("a = .5\n", "a number begins with a digit: 0.5", ".5"),
    ("a = 0,5\n", "a number has a point, not a comma: 0.5", ",5"),
    ("a = 0,001\n", "a number has a point, not a comma: 0.001", ",001"),
    ("a = 2,000\n", "write 2000, or 2.000", ",000"),
    ("a = 12,345,678\n", "write 12345678", ",345,678"),
    ("a = `x`\n", 'write "x"', "`x`"),
    ("a = 2 // steps\n", "a comment begins with #, not with //", "//"),
    ("; steps\na = 2\n", "a comment begins with #, not with ;", ";"),
    ('columns = { text = "a; b", }\n', "no comma after its last key", ","),
    ('columns = {\n  text = "a",\n}\n', "a table in { } stands on one line", None),
    ("a = 8:1:1\n", 'as a text, write "8:1:1"', "8:1:1"),
    ("model: bert\n", "write model = bert", ":"),
    ("model:\n  base: x\n", "write [model] for a table", "model:"),
    ('{"model": {}}\n', "this looks like JSON", "{"),
    ('name = "x\n', "the closing quotation mark is missing", '"x'),
    ('a = """x\n', "the closing quotation mark is missing", '"""x'),
    ('a = ["a" "b"]\n', "a comma is missing in it", '"'),
    ("a = [1, 2\n", "a list is not closed", None),
    ("a = { b = 1\n c = 2 }\n", "stands on one line", None),
    ('a = "x", "y"\n', 'write a = ["x", "y"]', ","),
    ("learning rate = 1\n", "write learning_rate = ...", "learning rate"),
    ("seed\n", "expected key = value", "seed"),
    ('seed = 1 name = "x"\n', "one key = value on each line", 'name = "x"'),
    ('name = "x" y\n', "the line should end here", "y"),
    ("[train\n", "expected a table's name in brackets", "[train"),
    ("a = 1\u200b\n", "U+200B", "\u200b"),
    ("= 3\n", "this is not TOML", "="),
]


@pytest.mark.parametrize(("text", "said", "marked"), CASES, ids=[case[0].strip()[:30] for case in CASES])
def test_a_text_that_is_not_toml_gets_the_sentence_for_it(text: str, said: str, marked: str | None) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(text)
    (problem,) = caught.value.problems
    assert said in f"{problem.message}\n{problem.advice}"
    assert problem.excerpt is not None
    assert problem.line == problem.excerpt.line
    start, length = problem.excerpt.start, problem.excerpt.length
    assert marked is None or problem.excerpt.text[start : start + length] == marked
    assert len(render(caught.value.problems).splitlines()) <= 6


def test_lines_are_counted_after_a_byte_order_mark_and_with_windows_line_ends() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml('\ufeffname = "x"\r\nseed = true1\r\n')
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert problem.excerpt is not None
    assert problem.excerpt.text == "seed = true1"
