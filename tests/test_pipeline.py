"""The whole way on a tiny model: what is in the run folder, and what the same command does the second time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sftcore import Recipe, RunError, evaluate, load_model, run
from sftcore.runs.folder import Run
from sftcore.runs.predictions import read_predictions
from sftcore.runs.verify import verify

RECIPE = """
name = "tiny"

[model]
base = {base!r}
max_length = 32

[data]
source = {data!r}
near_duplicates = false

[[preprocess]]
use = "lowercase"

[[augment]]
use = "random-deletion"
every_epoch = true

[task]
use = "text-classification"

[train]
num_train_epochs = 20
learning_rate = 1e-3
per_device_train_batch_size = 16
lr_scheduler_type = "cosine"
precision = "fp32"
save_steps = 60
"""


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []

    def stage(self, name: str, detail: str = "") -> None:
        self.stages.append(name)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, step: int, total: int, values: Any) -> None: ...

    def result(self, title: str, value: Any) -> None: ...


@pytest.fixture(scope="module")
def recipe(tiny_bert: str, sentiment_csv: str) -> Recipe:
    return Recipe.from_toml(RECIPE.format(base=tiny_bert, data=sentiment_csv))


@pytest.fixture(scope="module")
def finished(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Told]:
    told = Told()
    return run(recipe, runs=tmp_path_factory.mktemp("runs"), reporter=told), told


def test_the_stages_come_in_the_order_of_the_contract(finished: tuple[Run, Told]) -> None:
    assert finished[1].stages == (
        ["load", "preprocess", "split", "augment", "encode", "model", "train", "evaluate", "save", "report"]
    )


def test_the_run_folder_holds_what_the_contract_lists(finished: tuple[Run, Told]) -> None:
    path = finished[0].path
    names = {child.name for child in path.iterdir() if not child.name.startswith(".")}
    assert names == {
        *("recipe.toml", "overrides.json", "lock.json", "ledger.json", "model", "metrics.json"),
        *("predictions.parquet", "train_rows.parquet", "report.html", "log.jsonl", "SHA256SUMS"),
    }
    check = subprocess.run(["sha256sum", "-c", "SHA256SUMS", "--quiet"], cwd=path, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


def test_it_learns_and_says_by_how_much(finished: tuple[Run, Told]) -> None:
    metrics = finished[0].metrics
    scores = metrics["test"]
    assert scores["metrics"]["accuracy"]["value"] > 0.8
    assert scores["baselines"]["majority"]["metrics"]["accuracy"]["value"] < 0.5
    assert scores["baselines"]["majority"]["differences"]["accuracy"]["low"] > 0
    assert metrics["training"]["global_step"] == 240
    assert {"load", "train", "evaluate"} <= metrics["time"].keys()


def test_the_ledger_follows_the_rows(finished: tuple[Run, Told]) -> None:
    stages = {entry["stage"]: entry for entry in finished[0].ledger["stages"]}
    assert stages["load"]["rows_in"] == 240
    parts = [stages[f"encode {name}"]["rows_in"] for name in ("train", "validation", "test")]
    assert parts == [192, 24, 24]


def test_the_reloaded_model_gives_the_recorded_outputs(finished: tuple[Run, Told]) -> None:
    result = verify(finished[0])
    assert result.outputs is not None
    assert result.outputs.rows == 24
    assert result.outputs.max_difference < 1e-5


def test_plain_transformers_without_sftcore_gives_the_recorded_logits(finished: tuple[Run, Told]) -> None:
    program = """
import sys
sys.modules["sftcore"] = None  # not to be had
import pyarrow.parquet as pq, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained("model").eval()
tokenizer = AutoTokenizer.from_pretrained("model")
worst = 0.0
for row in pq.read_table("predictions.parquet").to_pylist():
    assert tokenizer(row["model_input"], truncation=True)["input_ids"] == row["input_ids"]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([row["input_ids"]])).logits[0]
    worst = max(worst, (logits - torch.tensor(row["logits"])).abs().max().item())
print(worst)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=finished[0].path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5


def test_pipeline_on_model_input_gives_the_recorded_scores(finished: tuple[Run, Told]) -> None:
    from transformers import pipeline

    table = read_predictions(finished[0].path / "predictions.parquet").to_pylist()
    plain = pipeline("text-classification", model=str(finished[0].model_path))
    said = plain([row["model_input"] for row in table], truncation=True)
    assert [one["label"] for one in said] == [row["prediction"] for row in table]
    assert [one["score"] for one in said] == pytest.approx([row["score"] for row in table], abs=1e-5)


def test_serving_gives_the_recorded_predictions(finished: tuple[Run, Told], sentiment_csv: str) -> None:
    table = read_predictions(finished[0].path / "predictions.parquet").to_pylist()
    model = load_model(finished[0])
    assert [said.value for said in model.predict([row["text"] for row in table])] == [
        row["prediction"] for row in table
    ]
    again = evaluate(finished[0], sentiment_csv)
    assert again["scores"]["rows"] == 240
    assert again["scores"]["metrics"]["accuracy"]["value"] > 0.8


def test_a_finished_run_is_shown_and_a_changed_one_is_followed_by_the_next(
    finished: tuple[Run, Told], recipe: Recipe
) -> None:
    first, told = finished[0], Told()
    runs = first.path.parent.parent
    assert run(recipe, runs=runs, reporter=told).path == first.path
    assert any("is finished" in note for note in told.notes)
    changed = Recipe.from_toml(recipe.text, overrides=["train.max_steps=1"])
    assert run(changed, runs=runs).id == "0002"


def test_the_same_recipe_gives_the_same_weights_and_a_killed_run_goes_on_to_them(
    finished: tuple[Run, Told], recipe: Recipe, tmp_path: Path
) -> None:
    """The process kills itself when the second checkpoint has its name."""
    path = tmp_path / "tiny.toml"
    path.write_text(recipe.text, encoding="utf-8")
    program = f"""
import os, signal
from sftcore.training import checkpoints
publish, times = checkpoints.publish, []
def killing(staged, folder):
    publish(staged, folder)
    times.append(1)
    if len(times) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
checkpoints.publish = killing
import sftcore
sftcore.run({str(path)!r}, runs={str(tmp_path / "runs")!r})
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    told = Told()
    resumed = run(path, runs=tmp_path / "runs", reporter=told)
    assert resumed.id == "0001"
    assert any("going on after step" in note for note in told.notes)
    weights = "model/model.safetensors"
    assert (resumed.path / weights).read_bytes() == (finished[0].path / weights).read_bytes()
    losses = [_losses(one.path) for one in (resumed, finished[0])]
    assert losses[0] == losses[1]


def _losses(path: Path) -> dict[int, float]:
    events = [json.loads(line) for line in (path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return {event["step"]: event["loss"] for event in events if "loss" in event}


def test_a_change_to_an_unfinished_run_is_refused_with_old_and_new(recipe: Recipe, tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    class Interrupting(Told):
        def stage(self, name: str, detail: str = "") -> None:
            if name == "evaluate":
                raise Interrupted

    with pytest.raises(Interrupted):
        run(recipe, runs=tmp_path, reporter=Interrupting())
    changed = Recipe.from_toml(recipe.text, overrides=["train.learning_rate=2e-3"])
    with pytest.raises(RunError) as caught:
        run(changed, runs=tmp_path)
    assert "recipe.train.learning_rate" in str(caught.value)
    assert "0.001 → 0.002" in str(caught.value)
    assert "--fresh" in str(caught.value)


KINDS = {
    "multi_label_classification": lambda n, label: f"{label}|{'even' if n % 2 else 'odd'}",
    "regression": lambda n, label: str({"negative": -1.0, "neutral": 0.0, "positive": 1.5}[label]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_label_sets_and_numbers_go_the_same_way(kind: str, recipe: Recipe, sentiment_csv: str, tmp_path: Path) -> None:
    with open(sentiment_csv, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (tmp_path / "data.csv").open("w", encoding="utf-8", newline="") as stream:
        labels = [KINDS[kind](number, row["label"]) for number, row in enumerate(rows)]
        csv.writer(stream).writerows([("text", "label"), *zip([row["text"] for row in rows], labels, strict=True)])
    overrides = [f"data.source={str(tmp_path / 'data.csv')!r}", f"task.problem_type={kind!r}", "train.max_steps=3"]
    done = run(Recipe.from_toml(recipe.text, overrides=overrides), runs=tmp_path / "runs")
    result = verify(done)
    assert result.outputs is not None
    assert result.outputs.max_difference < 1e-5
    state = json.loads((done.model_path / "task_state.json").read_text(encoding="utf-8"))["state"]
    said = load_model(done).predict(["the best phone"])[0].value
    if kind == "regression":
        assert isinstance(said, float)
    else:
        assert len(state["thresholds"]) == len(state["labels"]) == 5
        assert isinstance(said, tuple)
