"""A real run ends in its page, which is sealed with it, and which no setting of the report makes another run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sftcore import Recipe, run
from sftcore.report import write_report
from sftcore.runs.folder import Run
from sftcore.runs.seal import read_sums

RECIPE = """
name = "tiny"
model = {{ base = {base!r}, max_length = 32 }}
data = {{ source = {data!r}, near_duplicates = false }}
task = {{ use = "text-classification" }}
report = {{ language = "zh" }}

[train]
max_steps = 3
per_device_train_batch_size = 8
precision = "fp32"
eval_strategy = "no"
"""


@pytest.fixture(scope="module")
def finished(tiny_bert: str, sentiment_csv: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = Recipe.from_toml(RECIPE.format(base=tiny_bert, data=sentiment_csv))
    return run(recipe, runs=tmp_path_factory.mktemp("runs"))


def test_the_page_is_whole_and_sealed_with_the_run(finished: Run) -> None:
    html = finished.report_path.read_text(encoding="utf-8")

    assert "report.html" in read_sums(finished.path / "SHA256SUMS")
    assert '<html lang="zh-Hans">' in html and "未能生成" not in html
    assert '"failed"' not in (finished.path / "log.jsonl").read_text(encoding="utf-8")
    value = finished.metrics["test"]["metrics"][next(iter(finished.metrics["test"]["greater_is_better"]))]["value"]
    assert f">{value:.3f}<" in html


def test_made_again_it_has_the_same_bytes(finished: Run, tmp_path: Path) -> None:
    assert write_report(finished.path, to=tmp_path / "again.html") == ()

    assert (tmp_path / "again.html").read_bytes() == finished.report_path.read_bytes()


def test_another_report_is_the_same_run(finished: Run, tiny_bert: str, sentiment_csv: str) -> None:
    text = RECIPE.format(base=tiny_bert, data=sentiment_csv).replace('"zh"', '"en", texts = false')

    again = run(Recipe.from_toml(text), runs=finished.path.parents[1])

    assert again.path == finished.path
    recorded = json.loads((finished.path / "lock.json").read_text(encoding="utf-8"))["fingerprint"]
    assert "report" not in recorded["recipe"]
