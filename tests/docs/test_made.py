"""What the pages show of things that have to be made first: `<!-- made: NAME -->` is what comes out of `NAME` here."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sftcore import Recipe, run
from tests.docs.calling import missing, sftcore
from tests.docs.conftest import STAND_IN
from tests.docs.journeys import carried_out, written
from tests.docs.pages import DOCS, PAGES, Block, blocks
from tests.hub import TOKEN, serving

RECIPE = "recipes/sentiment.toml"


@dataclass(frozen=True)
class Given:
    """A fresh folder, that of a reader with a finished run, and the folder of a tiny BERT."""

    folder: Path
    desk: Path
    base: str
    patch: pytest.MonkeyPatch

    def stand_in(self, *overrides: str) -> Recipe:
        """The stand-in for the starter with a copy of its data, in the fresh folder."""
        (self.folder / "recipes").mkdir()
        shutil.copy(self.desk / "reviews.csv", self.folder)
        (self.folder / RECIPE).write_text(STAND_IN, encoding="utf-8")
        return Recipe.read(self.folder / RECIPE, overrides)

    def says(self, command: str, folder: Path | None = None) -> str:
        return "".join(sftcore(command, folder or self.folder))


def changed(given: Given) -> str:
    """A run that ended before its end, and another recipe."""

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    once = ("train.max_steps=-1", "train.num_train_epochs=1", "train.learning_rate=3e-4")
    recipe = given.stand_in(*once)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sftcore.pipeline.evaluate_test", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, runs=given.folder / "runs")
    twice = (*once[:1], "train.num_train_epochs=2", "train.learning_rate=5e-5")
    return given.says(f"sftcore run {RECIPE} {' '.join(f'--set {each}' for each in twice)}")


def guessed(given: Given) -> str:
    given.stand_in()
    text = (given.folder / "reviews.csv").read_text(encoding="utf-8").replace("great", "很好").replace("worst", "最差")
    (given.folder / "reviews.csv").write_text(text, encoding="gb18030")
    return given.says(f"sftcore check {RECIPE}")


def without_texts(given: Given) -> str:
    run(given.stand_in("report.texts=false"), runs=given.folder / "runs")
    return given.says("sftcore verify sentiment --folder recipes")


def entities(given: Given) -> str:
    """Of each three texts one has entities that overlap, and one has one that ends inside a token."""
    spans = {"Ada King moved to Oslo": [(0, 8), (4, 8)], "Johnson stayed": [(0, 4)], "Ada left": [(0, 3)]}
    rows = [
        {"text": f"{text} {n}", "entities": [{"start": start, "end": end, "label": "PER"} for start, end in places]}
        for n in range(20)
        for text, places in spans.items()
    ]
    (given.folder / "reports.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    table = {"model": {"base": given.base}, "data": {"source": "reports.jsonl", "near_duplicates": False}}
    lines = [f"{key} = {json.dumps(value).replace(':', ' =')}" for key, value in table.items()]
    (given.folder / "reports.toml").write_text("\n".join([*lines, 'task.use = "token-classification"']))
    return given.says("sftcore check reports.toml")


def asked(given: Given) -> str:
    """At a terminal, with a stand-in for the hub."""
    from huggingface_hub import constants

    terminal = io.StringIO("n\n")
    given.patch.setattr(terminal, "isatty", lambda: True)
    given.patch.setattr("sys.stdin", terminal)
    given.patch.setattr("sftcore.cli.console.Console.is_terminal", True)
    given.patch.setenv("HF_TOKEN", TOKEN)
    with serving() as hub:
        given.patch.setattr(constants, "ENDPOINT", hub.url)
        given.patch.setattr(constants, "HF_HUB_OFFLINE", False)
        return given.says("sftcore push sentiment", given.desk)


def chinese(given: Given, **wrong: str) -> str:
    """The check of the Chinese quickstart's data and recipe, as they stand on the page or with something wrong."""
    page = DOCS / "zh/quickstart.md"
    carried_out(written(page, "造评论.py"), given.folder)
    recipe = written(page, "评论.toml").text
    for right, instead in wrong.items():
        assert right in recipe
        recipe = recipe.replace(right, instead)
    (given.folder / "评论.toml").write_text(recipe, encoding="utf-8")
    base = shutil.copytree(given.base, given.folder / "bert-base-chinese")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (base / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 512}), encoding="utf-8")
    return given.says("sftcore check 评论.toml")


def chinese_column(given: Given) -> str:
    return chinese(given, **{'text = "评论"': 'text = "评价"'})


def chinese_keys(given: Given) -> str:
    upside_down = {'["消极", "中性", "积极"]': '["积极", "中性", "消极"]'}
    return chinese(given, **upside_down, learning_rate="learnig_rate")


EXACT: dict[str, Callable[[Given], str]] = {
    "changed": changed,
    "guessed": guessed,
    "chinese-check": chinese,
    "chinese-column": chinese_column,
    "chinese-keys": chinese_keys,
}
ALIKE: dict[str, Callable[[Given], str]] = {"without-texts": without_texts, "entities": entities, "asked": asked}
"""Of these the numbers are others than on the page."""
SHOWN = [block for page in PAGES for block in blocks(page) if block.mark == "made"]


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in SHOWN])
def test_this_comes_out(
    block: Block, desk: Path, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = (EXACT | ALIKE)[block.note](Given(tmp_path, desk, tiny_bert, monkeypatch))
    assert missing(block, output, numbers=block.note in EXACT) == [], output


def test_nothing_is_made_for_no_page() -> None:
    assert {block.note for block in SHOWN} == EXACT.keys() | ALIKE.keys()
