"""The same way on a GPU: chosen by itself, resumed to the same weights, loaded on a processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftcore import Recipe, load_model, run
from sftcore.runs.verify import verify

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]

RECIPE = """
name = "gpu"

[model]
base = {base!r}
max_length = 32

[data]
source = {data!r}
near_duplicates = false

[task]
use = "text-classification"

[train]
num_train_epochs = 2
learning_rate = 1e-3
"""


def test_a_run_uses_the_gpu_and_its_model_gives_the_recorded_outputs(
    tiny_bert: str, sentiment_csv: str, tmp_path: Path
) -> None:
    finished = run(Recipe.from_toml(RECIPE.format(base=tiny_bert, data=sentiment_csv)), runs=tmp_path)
    choices = finished.metrics["training"]["choices"]
    assert choices["device"] == "cuda"
    assert choices["precision"] == ("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32")
    assert verify(finished).outputs is not None
    assert load_model(finished).predict(["the best phone"])[0].value in {"negative", "neutral", "positive"}
