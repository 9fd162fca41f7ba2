"""The model of a finished run of each task, in a process that has transformers and no sftcore: it says again what is
recorded. (Text classification has its own such test beside the pipeline's.)"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sftcore import run
from tests.runs.small_tasks import small_recipe

SPANS = ("token-classification", "extractive-qa")
CHANGED = "extractive-qa with other weights"
WRITERS = ("seq2seq", "generative-qa", "causal-lm")
PROGRAM = """
import json, sys
sys.modules["sftcore"] = None  # not to be had
import pyarrow.parquet as pq, torch, transformers

worst = {}
for name in sys.argv[1:]:
    table = pq.read_table(f"{name}/predictions.parquet")
    facts = json.loads(table.schema.metadata[b"sftcore"])
    auto = getattr(transformers, facts["auto_class"])
    model = auto.from_pretrained(f"{name}/model").eval()
    differences = []
    for row in table.to_pylist():
        inputs = {key: torch.tensor([row[key]]) for key in ("input_ids", "token_type_ids") if row.get(key)}
        with torch.inference_mode():
            if facts["generates"]:
                start = 1 if model.config.is_encoder_decoder else len(row["input_ids"])
                ids = model.generate(**inputs, max_new_tokens=len(row["generated"]))[0, start:].tolist()
                differences.append(float(ids != row["generated"]))
            else:
                outputs = model(**inputs)
                said = torch.cat([outputs[part].flatten() for part in facts["logits_from"]])
                differences.append((said - torch.tensor(row["logits"])).abs().max().item())
    worst[name] = [len(differences), max(differences)]
print(json.dumps(worst))
"""


def with_other_weights(finished: Path, copy: Path) -> None:
    """A copy of the run whose model has another head."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(finished, copy)
    weights = load_file(copy / "model/model.safetensors")
    weights["qa_outputs.weight"] = weights["qa_outputs.weight"] + torch.eye(*weights["qa_outputs.weight"].shape)
    save_file(weights, copy / "model/model.safetensors", {"format": "pt"})


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, float]]:
    """By task: how many rows were read, and how far at most a logit is from the recorded one, or 1 where an id is."""
    place = tmp_path_factory.mktemp("plain")
    for kind in (*SPANS, *WRITERS):
        folder = place / f"data-{kind}"
        folder.mkdir()
        run(small_recipe(kind, folder, texts=True), runs=place / "runs").path.rename(place / kind)
    with_other_weights(place / "extractive-qa", place / CHANGED)
    command = [sys.executable, "-c", PROGRAM, *SPANS, *WRITERS, CHANGED]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", SPANS)
def test_the_plain_class_gives_the_recorded_logits(kind: str, repeated: dict[str, tuple[int, float]]) -> None:
    rows, difference = repeated[kind]
    assert rows == 12
    assert difference < 1e-5


@pytest.mark.parametrize("kind", WRITERS)
def test_the_plain_class_writes_the_recorded_tokens(kind: str, repeated: dict[str, tuple[int, float]]) -> None:
    assert repeated[kind] == [12, 0.0]


def test_another_model_is_noticed(repeated: dict[str, tuple[int, float]]) -> None:
    """The program above can fail: with other weights the logits are others."""
    rows, difference = repeated[CHANGED]
    assert rows == 12
    assert difference > 1e-2
