"""Training with an adapter: resumed training equals what was never interrupted, the best adapter comes back, and noise
on the embeddings is there in training alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from sftcore.errors import Problem
from sftcore.models.adapters import with_adapter
from sftcore.recipe.schema import Adapter
from sftcore.training import checkpoints

MakeJob = Callable[..., Any]


@pytest.fixture
def make_adapted(make_job: MakeJob) -> MakeJob:
    """Makes a job whose model has an adapter with dropout."""

    def make(**settings: Any) -> Any:
        job = make_job(count=24)
        settings = {"r": 2, "lora_alpha": 8, "lora_dropout": 0.3, **settings}
        recipe: Any = SimpleNamespace(
            model=SimpleNamespace(adapter=Adapter(use="lora", **settings)),
            task=SimpleNamespace(auto_class="AutoModelForSequenceClassification"),
            problem=lambda key, message, advice="": Problem(message, key=key, advice=advice),
        )
        torch.manual_seed(5)
        job.model = with_adapter(recipe, job.model, ["classifier.weight", "classifier.bias"])
        return job

    return make


class Crash(TrainerCallback):
    """Ends the training before a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        if state.global_step == self._step:
            raise KeyboardInterrupt


CASES: dict[str, dict[str, Any]] = {
    "middle of an epoch": {},
    "validation between": {"validate": True, "eval_strategy": "steps", "eval_steps": 2.0},
    "noise on the embeddings": {"neftune_noise_alpha": 5.0},
    "biases, by the root of the rank": {"adapter": {"bias": "lora_only", "use_rslora": True}},
    "magnitude and direction": {"adapter": {"use_dora": True}},
    "bf16, fresh rows": {"precision": "bf16", "fresh": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_resumed_training_gives_the_same_weights(case: dict[str, Any], make_adapted: MakeJob, tmp_path: Path) -> None:
    settings = {"num_train_epochs": 1.0, "save_strategy": "steps", "save_steps": 3.0, "learning_rate": 1e-2, **case}
    adapter = settings.pop("adapter", {})
    whole, start = make_adapted(**adapter), make_adapted(**adapter).weights()
    expected = whole.train(tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        make_adapted(**adapter).train(tmp_path / "cut", callbacks=[Crash(4)], **settings)
    torch.manual_seed(99)
    again = make_adapted(**adapter)
    result = again.train(tmp_path / "cut", **settings)
    assert result.resumed_from == 3 < result.global_step == expected.global_step
    first, second = whole.weights(), again.weights()
    assert {name for name in first if not torch.equal(first[name], second[name])} == set()
    changed = {name for name in first if not torch.equal(first[name], start[name])}
    assert any("lora_B" in name for name in changed)
    assert all("lora_" in name or "classifier" in name or "bias" in name for name in changed)
    assert result.log_history == expected.log_history


def test_a_checkpoint_holds_the_adapter_alone_and_no_path(make_adapted: MakeJob, tmp_path: Path) -> None:
    job = make_adapted()
    job.train(tmp_path, num_train_epochs=1.0)
    checkpoint = checkpoints.checkpoints(tmp_path)[0]
    names = {path.name for path in checkpoint.iterdir()}
    assert "adapter_model.safetensors" in names
    assert "model.safetensors" not in names
    config = (checkpoint / "adapter_config.json").read_text("utf-8")
    assert '"base_model_name_or_path": ""' in config


def test_the_best_adapter_comes_back(make_adapted: MakeJob, tmp_path: Path) -> None:
    scores = iter([0.9, 0.1, 0.2, 0.3, 0.4, 0.5])
    job = make_adapted()
    result = job.train(
        tmp_path,
        num_train_epochs=1.0,
        learning_rate=1e-2,
        eval_strategy="steps",
        eval_steps=2.0,
        evaluate=lambda model: {"accuracy": next(scores)},
        metric_for_best_model="accuracy",
        load_best_model_at_end=True,
    )
    assert (result.best_step, result.loaded_step) == (2, 2)
    best = load_file(tmp_path / "checkpoint-2" / "adapter_model.safetensors")
    last = load_file(tmp_path / f"checkpoint-{result.global_step}" / "adapter_model.safetensors")
    weights = job.weights()
    for name, value in best.items():
        own = next(key for key in weights if _plain(key) == name)
        assert torch.equal(weights[own], value)
    assert any(not torch.equal(best[name], last[name]) for name in best)


def _plain(key: str) -> str:
    """The name of a weight as a saved adapter has it."""
    return key.replace(".default", "").replace(".modules_to_save", "")


class Watch(TrainerCallback):
    """Compares, at each step, two readings of the same tokens: in training, and in validation."""

    def __init__(self, embeddings: Callable[[Any], torch.nn.Module]) -> None:
        self._embeddings = embeddings
        self.noise: list[float] = []
        self.evaluated: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
        with torch.random.fork_rng():
            self.noise.append(self._difference(model))

    def _difference(self, model: Any) -> float:
        layer: Any = self._embeddings(model)
        ids = torch.arange(10, device=layer.weight.device).reshape(1, 10)
        return float((layer(ids) - layer.weight[ids]).detach().abs().max())

    def validate(self, model: Any) -> dict[str, float]:
        model.eval()
        self.evaluated.append(self._difference(model))
        return {"loss": 1.0}


def causal(tokenizer: Any) -> Any:
    from transformers import GPT2Config, GPT2ForSequenceClassification

    torch.manual_seed(3)
    size = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64}
    return GPT2ForSequenceClassification(
        GPT2Config(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, num_labels=2, **size)
    )


@pytest.mark.parametrize("kind", ["bert", "adapter", "causal"])
def test_noise_on_the_embeddings_is_there_in_training_alone(
    kind: str, make_job: MakeJob, make_adapted: MakeJob, tmp_path: Path
) -> None:
    job = make_adapted() if kind == "adapter" else make_job(count=24)
    if kind == "causal":
        job.model = causal(job.tokenizer)
    watch = Watch(lambda model: getattr(model, "module", model).get_input_embeddings())
    job.train(
        tmp_path,
        num_train_epochs=1.0,
        neftune_noise_alpha=5.0,
        eval_strategy="steps",
        eval_steps=3.0,
        evaluate=watch.validate,
        callbacks=[watch],
    )
    largest = 5.0 / (10 * 32) ** 0.5  # alpha over the root of length times width (Jain et al., 2023)
    assert len(watch.noise) == 6
    assert all(largest / 2 < noise <= largest for noise in watch.noise)
    assert watch.evaluated == [0.0, 0.0]
    layer = job.model.get_input_embeddings()
    assert not layer._forward_hooks
    job.model.train()
    one = torch.tensor([1], device=layer.weight.device)
    assert torch.equal(layer(one), layer.weight[[1]])
