"""Which pages are carried out one after the other, what the reader is taken to have, and what is not carried out."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sftcore import Recipe, run
from tests.docs.pages import DOCS, Block, blocks
from tests.runs.small_tasks import small_recipe

JOURNEYS = {
    "starter": (
        *("docs/quickstart.md", "README.md", "README.zh-CN.md", "docs/check.md", "docs/tasks/sentiment.md"),
        *("docs/run-folder.md", "docs/report.md", "docs/zh/README.md", "docs/trust.md", "docs/errors.md"),
        *("docs/sharing.md", "docs/try.md", "docs/recipe.md", "docs/editor.md"),
    ),
    "comparison": ("docs/compare.md",),
    "chinese": ("docs/zh/quickstart.md", "docs/zh/report.md"),
    "chat": ("docs/tasks/chat.md", "docs/models.md"),
    "questions": ("docs/recipes.md",),
    "others": ("docs/tasks/legal.md", "docs/tasks/text-classification.md", "docs/tasks/text-to-text.md"),
}
"""Each has a fresh folder with what a checkout has, and ends with it."""

ELSEWHERE = {
    "docs/plugins.md": "test_plugin_tutorial.py carries it out by default",
    "CONTRIBUTING.md": "these commands are the tests, and .ci/run carries them out",
    "docs/benchmarks/report.md": "a measurement",
    "plugins/sftcore-plugin-legal/README.md": "an installation: tests/test_install.py",
    "plugins/sftcore-plugin-qa/README.md": "an installation: tests/test_install.py",
    "plugins/sftcore-plugin-sentiment/README.md": "an installation: tests/test_install.py",
}
"""The other pages with commands, and who carries those out."""

LEFT_OUT = {
    r"python3 -m venv|(?:source|\.) \S*activate|\S*pip install": "installations: .ci/run and tests/test_install.py",
    r"HF_HUB_OFFLINE=1 \S*python -m pytest": "the tests, in the tests",
    r"hf download|HF_ENDPOINT=": "they need the web",
    r"sftcore push sentiment$": "it asks a person: test_made.py answers, on the same stand-in of the hub",
    r"python benchmarks/": "measurements",
}
"""Commands that are not carried out, and why."""

STAGES = ("written", "printed", "figures")


def kept(command: str) -> str:
    """A line of a block without what is left out of it."""
    steps = command.replace(".venv/bin/", "").split(" && ")
    return " && ".join(step for step in steps if not any(re.match(start, step) for start in LEFT_OUT))


def stages(page: Path) -> list[Block]:
    """The blocks that are carried out, written or compared."""
    return [each for each in blocks(page) if each.language == "console" or each.mark in STAGES]


# -- what the reader is taken to have --------------------------------------------------------------------------------


def for_the_quickstart(folder: Path, base: str) -> None:
    """tweets.csv, whose columns have either name, a file of one's own, and the base model in the hub's cache."""
    said = [("great phone, love it", "positive"), ("the worst camera", "negative"), ("it is a phone", "neutral")]
    rows = [(f"{text} {number}", label) for number in range(40) for text, label in said]
    table(folder / "tweets.csv", ["text", "sentiment", "body", "mood"], [row * 2 for row in rows])
    table(folder / "reviews.csv", ["text", "label"], rows)
    in_cache(folder, "distilbert-base-uncased", base)


def for_chinese(folder: Path, base: str) -> None:
    """In bert-base-chinese's place a small BERT that has met such reviews, and a second file."""
    carried_out(written(DOCS / "zh/quickstart.md", "造评论.py"), folder)
    (folder / "stand-in.toml").write_text(CHARACTERS, encoding="utf-8")
    made = run(Recipe.read(folder / "stand-in.toml"), runs=folder / ".runs")
    shutil.copytree(made.model_path, folder / "bert-base-chinese")
    shutil.copy(folder / "评论.csv", folder / "新评论.csv")
    (folder / "评论.csv").unlink()


CHARACTERS = """
data = { source = "评论.csv", encoding = "gb18030", columns = { text = "评论", label = "情感" } }
task = { use = "sentiment", labels = ["消极", "中性", "积极"] }
train = { learning_rate = 1e-3, num_train_epochs = 8 }

[model.scratch]
config = { model_type = "bert", hidden_size = 64, num_hidden_layers = 2, num_attention_heads = 2 }
tokenizer = { kind = "characters" }
"""


def for_legal(folder: Path, base: str) -> None:
    """A contract's clauses by another name."""
    text = (folder / "recipes/legal-clauses.toml").read_text(encoding="utf-8").replace("samples/", "recipes/samples/")
    (folder / "clauses.toml").write_text(text.replace("num_train_epochs = 6", "max_steps = 4"), encoding="utf-8")
    shutil.copy(folder / "recipes/samples/legal-clauses.csv", folder / "new-clauses.csv")


def for_pairs(folder: Path, base: str) -> None:
    """A finished run on pairs of texts."""
    rows = [("Who wrote it?", f"{word} wrote it, page {n}.", word) for n in range(30) for word in ("Anna", "Nobody")]
    table(folder / "pairs.csv", ["question", "passage", "answers_it"], rows)
    roles = {"text": "question", "text_pair": "passage", "label": "answers_it"}
    recipe = {"name": "pairs", "model": {"base": base}, "task": {"use": "text-classification"}}
    data = {"source": "pairs.csv", "columns": roles, "near_duplicates": False}
    run(Recipe.from_dict({**recipe, "data": data, "train": {"max_steps": 4}}, folder), runs=folder / "runs")


def for_summaries(folder: Path, base: str) -> None:
    """A finished run of a small T5."""
    small_recipe("seq2seq", folder)
    run(Recipe.read(folder / "recipe.toml", ['name="summaries"']), runs=folder / "runs")


Given = Callable[[Path, str], None]
GIVEN: dict[str, Given] = {
    "docs/quickstart.md": for_the_quickstart,
    "docs/zh/quickstart.md": for_chinese,
    "docs/tasks/legal.md": for_legal,
    "docs/tasks/text-classification.md": for_pairs,
    "docs/tasks/text-to-text.md": for_summaries,
}
"""By page, what makes the files that it takes for granted; `base` is the folder of a tiny BERT."""


def table(path: Path, names: list[str], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def in_cache(folder: Path, name: str, base: str) -> None:
    """Lay a model where the hub's downloads lie."""
    place, commit = folder / f"home/hub/models--{name}", "0" * 40
    shutil.copytree(base, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs/main").write_text(commit)


def written(page: Path, name: str) -> Block:
    """The block that the page has its reader write into a file of this name."""
    return next(block for block in blocks(page) if block.mark == "written" and block.note == name)


def carried_out(block: Block, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", block.text], cwd=folder, check=True)
