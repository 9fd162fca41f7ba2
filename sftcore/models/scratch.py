"""Models from nothing: the configuration of any architecture, completed with what the tokenizer and the task say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sftcore.errors import ModelError, did_you_mean
from sftcore.models.calls import as_model_error
from sftcore.models.tokenizers import Family, trained_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import Scratch


def train_tokenizer(recipe: Recipe, scratch: Scratch, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The tokenizer of a model from nothing, trained on `texts` (the training split). Raises `ModelError`."""
    default = _default_config(recipe, scratch)
    types = int(scratch.config.get("type_vocab_size", getattr(default, "type_vocab_size", 0)) or 0)
    return trained_tokenizer(recipe, scratch.tokenizer, family(scratch, default), texts, token_types=types > 1)


def scratch_config(
    recipe: Recipe, scratch: Scratch, tokenizer: PreTrainedTokenizerBase, **task_config: Any
) -> PretrainedConfig:
    """The recipe's `[model.scratch] config`, completed with what tokenizer and task say. Raises `ModelError`."""
    from transformers import AutoConfig

    default = _default_config(recipe, scratch)
    wanted = {key: value for key, value in scratch.config.items() if key != "model_type"}
    size = wanted.get("vocab_size")
    if isinstance(size, int) and size < len(tokenizer):
        message = f"vocab_size is {size:,}, and the tokenizer has {len(tokenizer):,} tokens"
        advice = "leave it out: the model gets as many as there are"
        raise ModelError(recipe.problem("model.scratch.config.vocab_size", message, advice))
    completed = {"vocab_size": len(tokenizer), **_token_ids(tokenizer, family(scratch, default), default)}
    with as_model_error(recipe, "no such model can be built", "model.scratch"):
        config: PretrainedConfig = AutoConfig.for_model(default.model_type, **{**completed, **wanted, **task_config})
    return config


def family(scratch: Scratch, default: PretrainedConfig) -> Family:
    """Whether the model reads a text as a whole, goes on with it, or writes another one about it."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    if scratch.config.get("is_encoder_decoder", getattr(default, "is_encoder_decoder", False)):
        return "encoder-decoder"
    writes = type(default) in MODEL_FOR_CAUSAL_LM_MAPPING and type(default) not in MODEL_FOR_MASKED_LM_MAPPING
    return "decoder" if scratch.config.get("is_decoder", writes) else "encoder"


def _token_ids(tokenizer: PreTrainedTokenizerBase, kind: Family, default: PretrainedConfig) -> dict[str, int | None]:
    """What the architecture's own defaults say of special tokens holds for another vocabulary."""
    others = [name for name in ("cls", "sep", "mask") if hasattr(default, f"{name}_token_id")]
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos", *others)}
    if kind == "encoder-decoder":
        ids["decoder_start_token_id"] = tokenizer.pad_token_id
        if getattr(default, "forced_eos_token_id", None) is not None:
            ids["forced_eos_token_id"] = tokenizer.eos_token_id
    return ids


def _default_config(recipe: Recipe, scratch: Scratch) -> PretrainedConfig:
    """The architecture's configuration as transformers has it. Raises `ModelError` for unknown types and keys."""
    from transformers import CONFIG_MAPPING

    model_type = str(scratch.config.get("model_type", "bert"))
    if model_type not in CONFIG_MAPPING:
        message = f"unknown model_type {model_type!r}{did_you_mean(model_type, CONFIG_MAPPING)}"
        raise ModelError(recipe.problem("model.scratch.config", message))
    default: PretrainedConfig = CONFIG_MAPPING[model_type]()
    known = {*default.to_dict(), *default.attribute_map}
    unknown = [key for key in scratch.config if key != "model_type" and key not in known]
    if unknown:
        message = f"{model_type} has no {unknown[0]!r}{did_you_mean(unknown[0], known)}"
        raise ModelError(recipe.problem("model.scratch.config", message))
    return default
