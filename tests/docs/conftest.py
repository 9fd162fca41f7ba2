"""The folder of somebody who reads the pages and does what they say."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from sftcore import run

STAND_IN = """
requires = ["sftcore-plugin-sentiment>=0.1"]
data = { source = "../reviews.csv" }
task = { use = "sentiment" }
train = { max_steps = 10, learning_rate = 3e-3, eval_strategy = "no" }

[model.scratch]
config = { model_type = "bert", hidden_size = 32, num_hidden_layers = 1, num_attention_heads = 2 }
tokenizer = { kind = "wordpiece", vocab_size = 300 }
"""
WORDS = {"negative": "worst hate broken refund", "neutral": "box arrived blue", "positive": "great love happy best"}


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: reviews.csv, recipes/sentiment.toml (a small stand-in), and its finished run."""
    folder = tmp_path_factory.mktemp("desk")
    source = random.Random(0)
    rows = [
        (f"{' '.join(source.choices(WORDS[label].split(), k=3))} phone {number}", label)
        for label in WORDS
        for number in range(80)
    ]
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (folder / "recipes").mkdir()
    (folder / "recipes/sentiment.toml").write_text(STAND_IN, encoding="utf-8")
    assert run(folder / "recipes/sentiment.toml", runs=folder / "runs").sealed
    return folder
