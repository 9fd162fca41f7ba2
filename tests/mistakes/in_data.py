"""Mistakes of the data: its place, its columns, its values."""

from __future__ import annotations

import gzip
import json
import re
import shutil

from tests.mistakes.kit import POINTER, add, data, file, m, put, source, table

ROWS = [{"text": "good phone", "label": "positive"}, {"text": "bad phone", "label": "negative"}]
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Hello, you</body></html>\n"

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
