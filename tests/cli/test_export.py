"""`sftcore export`: base and adapter merged anew with the same outputs, the adapter alone, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sftcore import Recipe, Run, RunError, run
from sftcore.cli import main
from sftcore.runs.exporting import _weights_difference
from sftcore.runs.seal import read_sums
from sftcore.runs.verify import verify

RECIPE = """
name = "tiny"
model = { base = "base", max_length = 32, adapter = { use = "lora", r = 2, lora_dropout = 0.1 } }
data = { source = "reviews.csv", near_duplicates = false, limit = 60 }
task = { use = "text-classification" }
train = { num_train_epochs = 1, learning_rate = 1e-2, per_device_train_batch_size = 16, precision = "fp32" }
"""


@pytest.fixture(scope="module")
def home(tiny_bert: str, sentiment_csv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base, a recipe and a finished run with an adapter."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_bert, home / "base")
    shutil.copy(sentiment_csv, home)
    run(Recipe.from_toml(RECIPE, home), runs=home / "runs")
    return home


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may spoil, as the current folder."""
    copy = shutil.copytree(home, tmp_path / "home")
    monkeypatch.chdir(copy)
    return copy


def test_a_run_keeps_its_adapter_under_the_seal(here: Path) -> None:
    finished = Run.find("tiny", here / "runs")
    names = set(read_sums(finished.path / "SHA256SUMS"))
    assert {f"adapter/{name}" for name in ("README.md", "adapter_config.json", "adapter_model.safetensors")} < names
    outputs = verify(finished).outputs
    assert outputs is not None
    assert outputs.max_difference <= 1e-5
    config = json.loads((finished.path / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "base"


def test_base_and_adapter_merged_are_the_runs_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import pipeline

    assert main(["export", "tiny", "--merge", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["path"], told["what"], told["merged"]) == ("exports/tiny-0001", "model", True)
    assert told["weights_difference"] <= 1e-6
    assert told["outputs"]["rows"] > 0
    assert told["outputs"]["max_difference"] <= told["outputs"]["tolerance"]
    made, model = here / "exports" / "tiny-0001", here / "runs" / "tiny" / "0001" / "model"
    assert {path.name for path in made.iterdir()} == {path.name for path in model.iterdir()}
    modes = {path.stat().st_mode for folder in (made, model) for path in folder.iterdir()}
    assert modes == {(here / "reviews.csv").stat().st_mode}
    assert (made / "config.json").read_bytes() == (model / "config.json").read_bytes()
    text = "the best phone"
    assert pipeline("text-classification", str(made))(text) == pipeline("text-classification", str(model))(text)
    assert [path.name for path in (here / "exports").iterdir()] == ["tiny-0001"]


def test_the_adapter_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "runs/tiny/0001", "--adapter", "--to", "given/adapter"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["adapter", "given/adapter"]
    source = here / "runs" / "tiny" / "0001" / "adapter"
    assert {path.name: path.read_bytes() for path in (here / "given" / "adapter").iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }


def test_the_base_may_lie_elsewhere_now(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "base").rename(here / "moved")
    assert main(["export", "tiny", "--merge"]) == 2
    assert "--base PLACE" in capsys.readouterr().err
    assert main(["export", "tiny", "--merge", "--base", "moved"]) == 0
    assert "largest difference" in capsys.readouterr().out


def test_weights_that_are_no_numbers_are_seen(tmp_path: Path) -> None:
    for name, last in (("one", 1.0), ("other", float("nan"))):
        (tmp_path / name).mkdir()
        weights = {"a": torch.ones(3), "b": torch.tensor([1.0, last]), "empty": torch.zeros(0)}
        save_file(weights, tmp_path / name / "model.safetensors")
    assert _weights_difference(tmp_path / "one", tmp_path / "one") == 0
    with pytest.raises(RunError, match=r"differ .* by up to nan"):
        _weights_difference(tmp_path / "one", tmp_path / "other")


def test_another_base_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = here / "base" / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    assert main(["export", "tiny", "--merge", "--to", "made"]) == 2
    assert "not the base that the adapter was trained on" in capsys.readouterr().err
    assert {path.name for path in here.iterdir()} == {"base", "reviews.csv", "runs"}


def test_what_is_there_is_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "made").mkdir()
    assert main(["export", "tiny", "--adapter", "--to", "made"]) == 0
    assert main(["export", "tiny", "--merge", "--to", "made"]) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    assert main(["export", "tiny", "--merge", "--to", "runs/tiny/0001/model/new"]) == 2
    assert "lies in a run" in capsys.readouterr().err
    assert main(["export", "tiny", "--adapter", "--to", "reviews.csv"]) == 2
    assert "this is a file" in capsys.readouterr().err


def test_a_spoilt_adapter_is_not_handed_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "runs" / "tiny" / "0001" / "adapter" / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    for what in ("--merge", "--adapter"):
        assert main(["export", "tiny", what, "--to", "made"]) == 2
        assert "has changed since the run was sealed" in capsys.readouterr().err
    assert not (here / "made").exists()


def test_a_merged_model_with_other_outputs_gets_no_name(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sftcore.models.adapters.merged", lambda model: model.unload())
    assert main(["export", "tiny", "--merge", "--to", "made"]) == 2
    assert "differ from those of the run's model" in capsys.readouterr().err
    assert not (here / "made").exists()


def test_a_run_without_an_adapter_is_copied(
    here: Path, make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_run(here / "others")
    assert main(["export", str(other.path), "--adapter"]) == 2
    assert "has no adapter" in capsys.readouterr().err
    assert main(["export", str(other.path), "--merge", "--to", "made"]) == 0
    out = capsys.readouterr().out
    assert "merged" not in out
    assert "it gives the recorded outputs of 24 rows" in out
    same = {path.name: path.read_bytes() for path in other.model_path.iterdir()}
    assert {path.name: path.read_bytes() for path in (here / "made").iterdir()} == same


def test_an_unfinished_run_is_not_exported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "runs" / "tiny" / "0001" / "SHA256SUMS").unlink()
    assert main(["export", "tiny", "--merge"]) == 2
    assert "not finished" in capsys.readouterr().err


def test_one_of_the_two_has_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "tiny"]) == 2
    assert "--merge (the whole model) or --adapter" in capsys.readouterr().err
