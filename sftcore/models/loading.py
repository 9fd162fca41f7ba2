"""The base's tokenizer and model, ready for the task: head, changed configuration, adapter."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sftcore.errors import ModelError, did_you_mean
from sftcore.models.base import Base
from sftcore.models.calls import as_model_error
from sftcore.models.scratch import scratch_config, train_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.components import Task, TaskState
    from sftcore.recipe import Recipe
    from sftcore.reporter import Reporter

TOKENS_WITHOUT_LIMIT = 10**6
OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta"),
    *("roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
}
"""Model types that number positions from their padding token's number + 1 on, and so have fewer than they say."""
TASK_TYPES = {
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForTokenClassification": "TOKEN_CLS",
    "AutoModelForQuestionAnswering": "QUESTION_ANS",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM",
    "AutoModelForCausalLM": "CAUSAL_LM",
}
"""PEFT's name for what a transformers class is for; it decides which head is trained beside the adapter."""


def load_tokenizer(recipe: Recipe, base: Base, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The base's tokenizer, or one trained on `texts` (the training split) for a model from nothing.

    Its `model_max_length` is the recipe's `max_length`, else the least that tokenizer and model take.
    """
    scratch = recipe.model.scratch
    if base.path is None:
        assert scratch is not None
        tokenizer = train_tokenizer(scratch, texts)
        config: Any = scratch_config(recipe, scratch, tokenizer)
    else:
        from transformers import AutoConfig, AutoTokenizer

        with as_model_error(recipe, "its config.json can't be used"):
            config = AutoConfig.from_pretrained(base.path, local_files_only=True)
        with as_model_error(recipe, "the tokenizer can't be loaded"):
            tokenizer = AutoTokenizer.from_pretrained(base.path, local_files_only=True)
        _require_vocabulary(recipe, tokenizer, config)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # some tokenizer.json files truncate or pad by themselves
        backend.no_truncation()
        backend.no_padding()
    tokenizer.model_max_length = _max_length(recipe, tokenizer, config)
    return tokenizer


def _require_vocabulary(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> None:
    """Without its files transformers makes a tokenizer that knows nothing, and says nothing of it."""
    words, embeddings = tokenizer.vocab_size, getattr(config, "vocab_size", None)
    if words <= len(tokenizer.all_special_tokens):
        message = "no tokenizer in this directory: neither tokenizer.json nor a vocabulary"
        raise ModelError(recipe.problem("model.base", message, "save the model's own tokenizer beside it"))
    if embeddings is not None and words > embeddings:
        message = f"the tokenizer has {words:,} tokens, and the model embeddings for {embeddings:,}"
        raise ModelError(recipe.problem("model.base", message, "the two belong to different models"))


def _max_length(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> int:
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and config.model_type in OFFSET_POSITIONS:
        positions -= (config.pad_token_id or 0) + 1
    own = [n for n in (tokenizer.model_max_length, positions) if n is not None and 0 < n < TOKENS_WITHOUT_LIMIT]
    limit = min(own, default=None)
    wanted = recipe.model.max_length
    if wanted is not None and positions is not None and wanted > positions:
        message = f"the model has positions for {positions} tokens at most"
        raise ModelError(recipe.problem("model.max_length", message, f"set it to {limit} or less"))
    special = tokenizer.num_special_tokens_to_add()
    if wanted is not None and wanted <= special:
        message = f"the tokenizer adds {special} tokens of its own, so that nothing of a text is left"
        raise ModelError(recipe.problem("model.max_length", message, "128 is usual for short texts"))
    return wanted or limit or 512


def load_model(
    recipe: Recipe, base: Base, task: Task, state: TaskState, tokenizer: PreTrainedTokenizerBase, reporter: Reporter
) -> PreTrainedModel:
    """The model with the task's head, in float32. New weights are drawn from the recipe's seed."""
    import torch
    import transformers

    transformers.set_seed(recipe.seed)
    with as_model_error(recipe, f"the task {task.name} asks for {task.auto_class}", "task.use"):
        auto = getattr(transformers, task.auto_class)
    if base.path is None:
        assert recipe.model.scratch is not None
        reporter.warning("this model starts from nothing: no pretrained weights")
        config = scratch_config(recipe, recipe.model.scratch, tokenizer, **task.config(state))
        with as_model_error(recipe, "no such model can be built", "model.scratch"):
            model = auto.from_config(config, dtype=torch.float32)
    else:
        with as_model_error(recipe, f"{task.auto_class} can't load it"):
            model, info = auto.from_pretrained(
                base.path,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **{**_config(recipe, base.path), **task.config(state)},
            )
        _report_loading(model, info, reporter)
    return _with_adapter(recipe, task.prepare_model(model, tokenizer, state))


def _with_adapter(recipe: Recipe, model: PreTrainedModel) -> PreTrainedModel:
    """The model with the recipe's PEFT adapter around it, which alone is trained (beside a new head)."""
    adapter = recipe.model.adapter
    if adapter is None:
        return model
    import peft

    keys = {key: value for key, value in adapter.model_dump().items() if key != "use" and value is not None}
    lists: dict[str, Any] = {key: list(v) if isinstance(v, tuple) else v for key, v in keys.items()}
    with as_model_error(recipe, "the adapter does not fit the model", "model.adapter"):
        config: Any = peft.LoraConfig(task_type=TASK_TYPES.get(recipe.task.auto_class), **lists)
        wrapped: Any = peft.get_peft_model(model, config)
    return cast("PreTrainedModel", wrapped)


def merged(model: PreTrainedModel) -> PreTrainedModel:
    """A model with an adapter with its weights added to its own, so that plain transformers loads it; else as it is."""
    merge: Any = getattr(model, "merge_and_unload", None)
    return model if merge is None else cast("PreTrainedModel", merge())


def _config(recipe: Recipe, path: Path) -> dict[str, Any]:
    """The recipe's `[model] config`: values of the base's configuration to change. Raises `ModelError`."""
    from transformers import AutoConfig

    wanted = dict(recipe.model.config)
    known = AutoConfig.from_pretrained(path, local_files_only=True).to_dict() if wanted else {}
    problems = [
        recipe.problem(f"model.config.{key}", f"the base's configuration has no such key{did_you_mean(key, known)}")
        for key in wanted
        if key not in known
    ]
    if problems:
        raise ModelError(*problems)
    return wanted


def _report_loading(model: PreTrainedModel, info: dict[str, Any], reporter: Reporter) -> None:
    """Say which weights are new: a head always is; more than that means that the base fits badly."""
    new = {*info["missing_keys"], *(entry[0] for entry in info.get("mismatched_keys", ()))}
    body = sorted(key for key in new if key.startswith(f"{model.base_model_prefix}.") and "pooler" not in key)
    if body:
        names = ", ".join(body[:3])
        reporter.warning(f"{len(body)} weights of the body are not in the base and start at random: {names} …")
    head = len(new) - len(body)
    if head:
        reporter.note(f"{head} weights of the head are new (not in the base), as is usual for a new task")
