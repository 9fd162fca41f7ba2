"""docs/trust.md: every test that it names exists, and the one that is there for it alone."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pyarrow.parquet as pq

from sftcore import Recipe, Run, run
from tests.conftest import labelled_rows
from tests.docs.pages import DOCS, ROOT

RECIPE = """
name = "{name}"
task = {{ use = "text-classification" }}
train = {{ max_steps = 4, eval_strategy = "steps", eval_steps = 2, save_steps = 2, learning_rate = 1e-3 }}

[model]
base = {base!r}
max_length = 32

[data.source]
train = "train.csv"
validation = "validation.csv"
test = "{test}"
"""
NEXT = {"negative": "neutral", "neutral": "positive", "positive": "negative"}


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", (DOCS / "trust.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file} has no {name}"


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def test_other_test_labels_give_the_same_weights(tiny_bert: str, tmp_path: Path) -> None:
    """Training, the best checkpoint and all else that makes the weights never ask what the test split says."""
    rows = labelled_rows(150)
    write(tmp_path / "train.csv", rows[:90])
    write(tmp_path / "validation.csv", rows[90:120])
    write(tmp_path / "test.csv", rows[120:])
    write(tmp_path / "other.csv", [(text, NEXT[label]) for text, label in rows[120:]])
    done: list[Run] = []
    for name in ("test", "other"):
        path = tmp_path / f"{name}.toml"
        path.write_text(RECIPE.format(name=name, base=tiny_bert, test=f"{name}.csv"), encoding="utf-8")
        done.append(run(Recipe.read(path), runs=tmp_path / "runs"))
    weights = [(one.path / "model/model.safetensors").read_bytes() for one in done]
    tables = [pq.read_table(one.path / "predictions.parquet").to_pydict() for one in done]
    assert weights[0] == weights[1]
    assert tables[0]["prediction"] == tables[1]["prediction"]
    assert [NEXT[label] for label in tables[0]["reference"]] == tables[1]["reference"]
