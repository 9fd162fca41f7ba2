"""Models from nothing of every kind: their tokenizers give texts back, and all is as it was after saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sftcore import ModelError, Recipe
from sftcore.models.base import locate_base
from sftcore.models.loading import load_plain, load_tokenizer
from sftcore.reporter import SILENT
from sftcore.task import TaskState

RecipeOf = Callable[..., Recipe]
TEXTS = [
    *("Hello world, this is  a test.\n\nNew line\tTab", "don't stop 123 4,567 now"),
    *("你好，世界！《民法典》第五百七十七条规定", "the contract, the party; this world 世界"),
]
SIZES = {
    "t5": "d_model = 16, d_kv = 8, d_ff = 32, num_layers = 1, num_heads = 2",
    "bart": "d_model = 16, encoder_layers = 1, decoder_layers = 1, encoder_attention_heads = 2, "
    "decoder_attention_heads = 2, encoder_ffn_dim = 32, decoder_ffn_dim = 32, max_position_embeddings = 100",
    "gpt2": "n_embd = 16, n_layer = 1, n_head = 2, n_positions = 100",
    "llama": "hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, num_key_value_heads = 2, "
    "intermediate_size = 32, max_position_embeddings = 100",
    "bert": "hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, intermediate_size = 32, "
    "max_position_embeddings = 100",
    "xlnet": "d_model = 16, n_layer = 1, n_head = 2, d_inner = 32",
    "qwen2": "hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, num_key_value_heads = 2",
}


def table(model_type: str, kind: str = "bpe", vocab_size: int = 320, more: str = "") -> str:
    config = f'model_type = "{model_type}", {SIZES[model_type]}'
    return (
        f'scratch = {{ config = {{ {config}{more} }}, tokenizer = {{ kind = "{kind}", vocab_size = {vocab_size} }} }}'
    )


def made(recipe: Recipe, auto: str, **config: Any) -> tuple[Any, Any]:
    """Model and tokenizer."""
    base = locate_base(recipe)
    task: Any = SimpleNamespace(
        name="any", auto_class=auto, config=lambda state: config, prepare_model=lambda model, *_: model
    )
    tokenizer = load_tokenizer(recipe, base, TEXTS)
    model, new = load_plain(recipe, base, task, TaskState(), tokenizer, SILENT)
    assert not new
    return model.eval(), tokenizer


def outputs(model: Any, batch: Mapping[str, torch.Tensor], name: str = "logits") -> torch.Tensor:
    more = {"labels": batch["input_ids"]} if model.config.is_encoder_decoder else {}
    with torch.no_grad():
        found: torch.Tensor = model(**batch, **more)[name]
    return found


@pytest.mark.parametrize(
    ("model_type", "auto", "name"),
    [
        ("t5", "AutoModelForSeq2SeqLM", "logits"),
        ("bart", "AutoModelForSeq2SeqLM", "logits"),
        ("gpt2", "AutoModelForCausalLM", "logits"),
        ("llama", "AutoModelForCausalLM", "logits"),
        ("llama", "AutoModelForSequenceClassification", "logits"),
        ("bert", "AutoModelForTokenClassification", "logits"),
        ("bert", "AutoModelForQuestionAnswering", "start_logits"),
    ],
)
def test_models_and_tokenizers_are_the_same_after_saving(
    model_type: str, auto: str, name: str, recipe_of: RecipeOf, tmp_path: Path
) -> None:
    import transformers

    model, tokenizer = made(recipe_of(table(model_type)), auto)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = getattr(transformers, auto).from_pretrained(tmp_path).eval()
    same = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in [*TEXTS, " ünseen ☃", ""]:
        assert dict(same(text, "pair")) == dict(tokenizer(text, "pair"))
        assert same.decode(same(text)["input_ids"]) == tokenizer.decode(tokenizer(text)["input_ids"])
    assert (same.model_max_length, same.model_input_names) == (
        tokenizer.model_max_length,
        tokenizer.model_input_names,
    )
    assert same.special_tokens_map == tokenizer.special_tokens_map
    batch = same(TEXTS[0], return_tensors="pt")
    assert torch.equal(outputs(model, batch, name), outputs(again, batch, name))
    assert again.config.vocab_size == len(same)
    assert again.config.pad_token_id == same.pad_token_id


@pytest.mark.parametrize("kind", ["characters", "wordpiece", "bpe", "unigram"])
@pytest.mark.parametrize("model_type", ["t5", "gpt2"])
def test_a_model_that_writes_can_write_every_text(kind: str, model_type: str, recipe_of: RecipeOf) -> None:
    recipe = recipe_of(table(model_type, kind))
    tokenizer = load_tokenizer(recipe, locate_base(recipe), TEXTS)
    unseen = [] if kind == "characters" else [" ünseen ☃ 龘\r\n  ", "x" * 500, "民" * 300, "##a Ġ▁ﬁ①Ａ", "a\u0301"]
    for text in [*TEXTS, *unseen]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert tokenizer.unk_token_id not in ids
    assert len(tokenizer) <= 320


def test_characters_that_were_not_seen_are_unknown(recipe_of: RecipeOf) -> None:
    recipe = recipe_of(table("t5", "characters"))
    tokenizer = load_tokenizer(recipe, locate_base(recipe), TEXTS)
    assert tokenizer.tokenize("世 ☃") == ["世", " ", "<unk>"]


def test_what_stands_around_a_text_is_of_the_family(recipe_of: RecipeOf) -> None:
    tokens = {}
    for model_type in ("t5", "gpt2", "bert"):
        recipe = recipe_of(table(model_type))
        tokenizer = load_tokenizer(recipe, locate_base(recipe), TEXTS)
        tokens[model_type] = tokenizer.convert_ids_to_tokens(tokenizer("a", "b")["input_ids"])
    assert tokens["t5"] == ["a", "</s>", "b", "</s>"]
    assert tokens["gpt2"] == ["a", "b"]
    assert (tokens["bert"][0], tokens["bert"][-1], tokens["bert"].count("[SEP]")) == ("[CLS]", "[SEP]", 2)


def test_the_numbers_of_special_tokens_are_in_config_and_generation_settings(recipe_of: RecipeOf) -> None:
    model, tokenizer = made(recipe_of(table("t5")), "AutoModelForSeq2SeqLM")
    found = (model.config.pad_token_id, model.config.eos_token_id, model.config.decoder_start_token_id)
    assert found == (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 0)
    settings = model.generation_config
    assert (settings.pad_token_id, settings.eos_token_id, settings.decoder_start_token_id) == (0, 1, 0)
    model, tokenizer = made(recipe_of(table("bart")), "AutoModelForSeq2SeqLM")
    assert (model.generation_config.forced_eos_token_id, model.config.decoder_start_token_id) == (1, 0)
    model, tokenizer = made(recipe_of(table("gpt2")), "AutoModelForCausalLM")
    settings = model.generation_config
    assert (settings.pad_token_id, settings.eos_token_id, settings.bos_token_id) == (0, 1, tokenizer.bos_token_id)


def test_a_task_may_change_what_it_needs(recipe_of: RecipeOf) -> None:
    model, _ = made(recipe_of(table("gpt2")), "AutoModelForSequenceClassification", num_labels=5)
    assert model.config.num_labels == 5


@pytest.mark.parametrize(
    ("model_type", "max_length", "expected"),
    [("t5", None, 512), ("t5", 900, 900), ("gpt2", None, 100), ("llama", 60, 60), ("xlnet", 700, 700)],
)
def test_the_longest_text(model_type: str, max_length: int | None, expected: int, recipe_of: RecipeOf) -> None:
    line = f"max_length = {max_length}\n" if max_length else ""
    recipe = recipe_of(line + table(model_type))
    assert load_tokenizer(recipe, locate_base(recipe), TEXTS).model_max_length == expected


def test_more_tokens_than_positions_are_refused(recipe_of: RecipeOf) -> None:
    recipe = recipe_of("max_length = 101\n" + table("gpt2"))
    with pytest.raises(ModelError, match="positions for 100 tokens"):
        load_tokenizer(recipe, locate_base(recipe), TEXTS)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (table("t5", "bpe", 200), "259 tokens at least"),
        (table("gpt2", "wordpiece", 259), "260 tokens at least"),
        (table("bert", "unigram", 20), "no tokenizer can be trained"),
        (table("gpt2", more=", vocab_size = 50"), "vocab_size is 50, and the tokenizer has"),
        (table("qwen2"), "by a class of its own"),
    ],
)
def test_what_can_not_be_built_is_said_before_training(model: str, message: str, recipe_of: RecipeOf) -> None:
    recipe = recipe_of(model)
    with pytest.raises(ModelError, match=message):
        load_tokenizer(recipe, locate_base(recipe), TEXTS)


def test_an_error_of_whoever_gives_the_texts_is_not_the_tokenizers(recipe_of: RecipeOf) -> None:
    def texts() -> Any:
        yield "a"
        raise KeyError("theirs")

    recipe = recipe_of(table("t5"))
    with pytest.raises(KeyError, match="theirs"):
        load_tokenizer(recipe, locate_base(recipe), texts())
