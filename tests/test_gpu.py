"""The same way on a GPU: chosen by itself, the same weights each time, and a model that a processor takes over.

All other tests use a GPU where there is one, too; here is what can be seen on a GPU alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sftcore import Recipe, ResourceError, Run, load_model, run
from sftcore.builtin.causal_batches import packed_batch, packs
from sftcore.runs.verify import verify
from tests.builtin.chats import tiny_model, tokenizer_of
from tests.builtin.conversations import ROWS, batch_of

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]

SAMPLES = Path(__file__).parent.parent / "recipes/samples"
CLASSES = """
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
WRITES = """
name = "gpu"
[model]
max_length = 160
[model.scratch]
config = {config}
tokenizer = {{ kind = "bpe", vocab_size = 600 }}
[data]
source = {data!r}
limit = 60
near_duplicates = false
{columns}
[task]
use = {task!r}
max_new_tokens = 8
{options}
[train]
num_train_epochs = 2
learning_rate = 1e-3
per_device_train_batch_size = 4
"""
LLAMA = (
    '{ model_type = "llama", hidden_size = 32, intermediate_size = 64, num_hidden_layers = 2, '
    "num_attention_heads = 2, num_key_value_heads = 2 }"
)
T5 = '{ model_type = "t5", d_model = 32, d_kv = 16, d_ff = 64, num_layers = 2, num_heads = 2 }'
CHAT = {"task": "causal-lm", "config": LLAMA, "data": str(SAMPLES / "chat.jsonl"), "columns": ""}
ALPACA = 'chat_template = "alpaca"'
WRITERS = {
    "causal-lm": CHAT | {"options": ALPACA},
    "causal-lm, packed": CHAT | {"options": f"{ALPACA}\npacking = true"},
    "seq2seq": {
        "task": "seq2seq",
        "config": T5,
        "data": str(SAMPLES / "t5-qa.jsonl"),
        "columns": "columns = { prompt = 'question', completion = 'answer' }",
        "options": "",
    },
}


@pytest.fixture
def classes(tiny_bert: str, sentiment_csv: str) -> str:
    """The text of a recipe that classifies."""
    return CLASSES.format(base=tiny_bert, data=sentiment_csv)


def carried_out(text: str, runs: Path, *overrides: str) -> Run:
    return run(Recipe.from_toml(text, overrides=overrides), runs=runs)


def weights_of(finished: Run) -> bytes:
    return (finished.model_path / "model.safetensors").read_bytes()


def test_a_run_uses_the_gpu_and_its_model_gives_the_recorded_outputs(classes: str, tmp_path: Path) -> None:
    finished = carried_out(classes, tmp_path)
    choices = finished.metrics["training"]["choices"]
    assert choices["device"] == "cuda"
    assert choices["precision"] == ("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32")
    assert verify(finished).outputs is not None
    assert load_model(finished).predict(["the best phone"])[0].value in {"negative", "neutral", "positive"}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_two_runs_have_the_same_weights(precision: str, classes: str, tmp_path: Path) -> None:
    override = f"train.precision={precision!r}"
    first, second = (carried_out(classes, tmp_path / name, override) for name in "ab")
    assert first.metrics["training"]["choices"]["precision"] == precision
    assert weights_of(first) == weights_of(second)
    assert [one.metrics["test"]["metrics"] for one in (first, second)] == [first.metrics["test"]["metrics"]] * 2


@pytest.mark.parametrize("name", WRITERS)
def test_models_that_write_do_so_again_and_two_runs_have_the_same_weights(name: str, tmp_path: Path) -> None:
    first, second = (carried_out(WRITES.format(**WRITERS[name]), tmp_path / place) for place in "ab")
    assert first.metrics["training"]["choices"]["device"] == "cuda"
    assert weights_of(first) == weights_of(second)
    generated = verify(first).generated
    assert generated is not None
    assert generated.rows > 0


def on_a_processor(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "sftcore", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


def test_a_model_trained_on_a_gpu_gives_the_recorded_outputs_on_a_processor(classes: str, tmp_path: Path) -> None:
    finished = carried_out(classes, tmp_path)
    said = on_a_processor("verify", finished.path, "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    outputs = json.loads(said.stdout)["outputs"]
    assert outputs["max_difference"] <= outputs["tolerance"]


def test_a_run_of_a_gpu_is_not_gone_on_with_by_a_processor(classes: str, tmp_path: Path) -> None:
    recipe = tmp_path / "gpu.toml"
    recipe.write_text(classes, encoding="utf-8")
    begun = run(Recipe.read(recipe), runs=tmp_path / "runs")
    (begun.path / "SHA256SUMS").unlink()  # as if it had been stopped before the end
    said = on_a_processor("run", recipe, "--runs", tmp_path / "runs")
    assert said.returncode == 2, said.stdout + said.stderr
    assert "device" in said.stdout + said.stderr


def test_memory_that_runs_out_is_said_in_one_sentence(classes: str, tmp_path: Path) -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 2**21) / total))
    try:
        with pytest.raises(ResourceError) as error:
            carried_out(classes, tmp_path, "train.per_device_train_batch_size=128")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert error.value.problems[0].key == "train.per_device_train_batch_size"
    assert "per_device_train_batch_size = 64" in error.value.problems[0].advice


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("attention", ["eager", "sdpa", "flex_attention"])
def test_packed_rows_don_t_see_each_other(attention: str, precision: Any) -> None:
    tokenizer = tokenizer_of("chatml")
    model = tiny_model("llama", tokenizer, use_cache=False, hidden_size=64).to("cuda", precision)  # flex: heads of 16
    model.set_attn_implementation(attention)
    batch = {name: value.to("cuda") for name, value in batch_of(tokenizer, ROWS).items()}
    packed = packed_batch(batch)
    assert packs(model)
    with torch.no_grad():
        padded = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        flat = model(input_ids=packed["input_ids"], position_ids=packed["position_ids"]).logits
    real = batch["attention_mask"].bool()
    close = 1e-4 if precision == torch.float32 else 2e-2
    assert (padded[real] - flat[0]).abs().max() <= close * padded[real].abs().max()
