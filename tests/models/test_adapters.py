"""Adapters: what is trained beside them, weights that stand in two places, merging, and PEFT's own way to load them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sftcore import ModelError, Recipe
from sftcore.models.adapters import is_adapted, merged, with_adapter, with_saved_adapter
from sftcore.models.base import Base, locate_base
from sftcore.models.loading import load_plain, load_tokenizer
from sftcore.reporter import SILENT
from sftcore.runs.adapter import save_adapter, snippet

RecipeOf = Callable[..., Recipe]
IDS = torch.tensor([[5, 6, 7, 8]])


def tied(kind: str) -> Any:
    """A tiny model whose input and output embeddings are one matrix."""
    import transformers as tf

    torch.manual_seed(0)
    size: dict[str, Any] = {"vocab_size": 40, "tie_word_embeddings": True}
    if kind == "gpt2":
        return tf.GPT2LMHeadModel(tf.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=32, **size)).eval()
    if kind == "llama":
        wide = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        return tf.LlamaForCausalLM(tf.LlamaConfig(**wide, **size)).eval()
    deep: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    return tf.T5ForConditionalGeneration(tf.T5Config(**deep, **size, decoder_start_token_id=0)).eval()


def recipe_for(auto: str, **adapter: Any) -> Any:
    """As much of a recipe as adapters read."""
    from sftcore.errors import Problem
    from sftcore.recipe.schema import Adapter

    return SimpleNamespace(
        name="tiny",
        model=SimpleNamespace(adapter=Adapter(use="lora", r=2, **adapter)),
        task=SimpleNamespace(auto_class=auto),
        problem=lambda key, message, advice="": Problem(message, key=key, advice=advice),
    )


AUTO = {"gpt2": "AutoModelForCausalLM", "llama": "AutoModelForCausalLM", "t5": "AutoModelForSeq2SeqLM"}


def logits(model: Any, kind: str) -> torch.Tensor:
    more = {"labels": IDS} if kind == "t5" else {}
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=IDS, **more).logits
    return found


def stirred(model: Any) -> Any:
    """The adapter's second matrices begin at zero; here they are random."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    return model


@pytest.mark.parametrize("kind", AUTO)
@pytest.mark.parametrize("settings", [{}, {"use_dora": True}, {"target_modules": "all-linear"}], ids=str)
def test_tied_embeddings_stay_tied_when_merged(kind: str, settings: dict[str, Any], tmp_path: Path) -> None:
    import transformers

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = stirred(with_adapter(recipe_for(AUTO[kind], **settings), tied(kind)))
    assert is_adapted(model)
    before = logits(model, kind)
    whole = merged(model)
    whole.save_pretrained(tmp_path)
    again = getattr(transformers, AUTO[kind]).from_pretrained(tmp_path)
    assert torch.allclose(logits(again, kind), before, atol=1e-5)
    assert again.get_output_embeddings().weight is again.get_input_embeddings().weight


@pytest.mark.parametrize(
    ("kind", "settings", "name"),
    [
        ("gpt2", {"target_modules": ("c_attn", "lm_head")}, "lm_head"),
        ("llama", {"target_modules": ("q_proj", "embed_tokens")}, "embed_tokens"),
        ("llama", {"modules_to_save": ("lm_head",)}, "lm_head"),
        ("t5", {"target_modules": ("q", "shared")}, "shared"),
    ],
)
def test_an_adapter_of_tied_weights_is_refused(kind: str, settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} has the same weights"):
        with_adapter(recipe_for(AUTO[kind], **settings), tied(kind))


def headless(tiny_bert: str, folder: Path) -> str:
    """The tiny model without its pooler, as many bases are."""
    import shutil

    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(tiny_bert, folder / "headless")
    weights = load_file(copy / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "pooler" not in k}, copy / "model.safetensors", {"format": "pt"})
    return str(copy)


@pytest.mark.parametrize("targets", ["", ', target_modules = "all-linear"'])
def test_modules_that_the_base_lacks_are_trained_and_saved_with_the_adapter(
    targets: str, tiny_bert: str, recipe_of: RecipeOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_path = headless(tiny_bert, tmp_path)
    recipe = recipe_of(f'base = {base_path!r}\nadapter = {{ use = "lora", r = 2{targets} }}')
    base, model, inputs = adapted(recipe)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert any("pooler.dense.modules_to_save" in name for name in trained)
    assert any("classifier.modules_to_save" in name for name in trained)
    assert not any("pooler" in name and "lora_" in name for name in trained)
    before = model.eval()(**inputs).logits
    run: Any = SimpleNamespace(path=tmp_path, writes=True)
    save_adapter(run, recipe, model, base)
    whole = merged(model)
    whole.save_pretrained(tmp_path / "model")
    assert torch.allclose(whole(**inputs).logits, before, atol=1e-5)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(snippet(recipe, Base(Path(base_path).name, Path(base_path))), names)
    assert torch.allclose(names["model"](**inputs).logits, before, atol=1e-6)


def adapted(recipe: Recipe) -> tuple[Base, Any, Any]:
    """Base, model with a stirred adapter, and some inputs."""
    base = locate_base(recipe)
    tokenizer = load_tokenizer(recipe, base, [])
    model = stirred(with_adapter(recipe, *plain(recipe, base, tokenizer)))
    return base, model, tokenizer("a good day", return_tensors="pt")


def plain(recipe: Recipe, base: Base, tokenizer: Any) -> tuple[Any, set[str]]:
    state = recipe.task.fit([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    return load_plain(recipe, base, recipe.task, state, tokenizer, SILENT)


def test_the_saved_adapter_names_the_base_as_the_recipe_does(
    tiny_bert: str, recipe_of: RecipeOf, tmp_path: Path
) -> None:
    import json
    import shutil

    shutil.copytree(tiny_bert, tmp_path / "bases" / "small")
    recipe = recipe_of('base = "bases/small"\nadapter = { use = "lora", r = 2 }', tmp_path)
    base, model, inputs = adapted(recipe)
    before = model.eval()(**inputs).logits
    run: Any = SimpleNamespace(path=tmp_path, writes=True)
    save_adapter(run, recipe, model, base)
    save_adapter(run, recipe, model, base)  # of a run that goes on after a kill
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [
        *("README.md", "adapter_config.json", "adapter_model.safetensors")
    ]
    assert len({path.stat().st_mode for path in (tmp_path / "adapter").iterdir()}) == 1
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "bases/small"
    assert config["target_modules"] == sorted(config["target_modules"])
    written = b"".join(path.read_bytes() for path in (tmp_path / "adapter").iterdir())
    assert str(tmp_path).encode() not in written
    whole, _ = plain(recipe, base, load_tokenizer(recipe, base, []))
    again = with_saved_adapter(whole, tmp_path / "adapter")
    assert torch.allclose(again.eval()(**inputs).logits, before, atol=1e-6)


def test_without_an_adapter_nothing_is_written(tiny_bert: str, recipe_of: RecipeOf, tmp_path: Path) -> None:
    recipe = recipe_of(f"base = {tiny_bert!r}")
    base, model, _ = adapted(recipe)
    run: Any = SimpleNamespace(path=tmp_path, writes=True)
    save_adapter(run, recipe, model, base)
    assert not list(tmp_path.iterdir())
    assert merged(model) is model
