"""The base's tokenizer and model, ready for the task: head, changed configuration, adapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sftcore.errors import ModelError, did_you_mean
from sftcore.models.adapters import with_adapter
from sftcore.models.base import Base
from sftcore.models.calls import as_model_error
from sftcore.models.gguf import as_ordinary, mend_tokenizer, unfollowed, unpacking, without_bar
from sftcore.models.scratch import scratch_config, train_tokenizer
from sftcore.models.tokenizers import require_reloadable

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.recipe import Recipe
    from sftcore.reporter import Reporter
    from sftcore.task import Task, TaskState

TOKENS_WITHOUT_LIMIT = 10**6
OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta"),
    *("roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
}
"""Model types that number positions from their padding token's number + 1 on, and so have fewer than they say."""


def load_tokenizer(recipe: Recipe, base: Base, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The base's tokenizer, or one trained on `texts` (the training split) for a model from nothing.

    Its `model_max_length` is the recipe's `max_length`, else the least that tokenizer and model take.
    """
    scratch = recipe.model.scratch
    if base.path is None:
        assert scratch is not None
        tokenizer = train_tokenizer(recipe, scratch, texts)
        config: Any = scratch_config(recipe, scratch, tokenizer)
    else:
        tokenizer, config = _tokenizer_of(recipe, base)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # some tokenizer.json files truncate or pad by themselves
        backend.no_truncation()
        backend.no_padding()
    tokenizer.model_max_length = _max_length(recipe, tokenizer, config)
    if base.path is None or base.gguf_file:
        require_reloadable(recipe, tokenizer, config)
    return tokenizer


def _tokenizer_of(recipe: Recipe, base: Base) -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    """The base's tokenizer and configuration. Raises `ModelError`."""
    from transformers import AutoTokenizer

    config = _config_of(recipe, base)
    with as_model_error(recipe, "the tokenizer can't be loaded"):
        tokenizer = AutoTokenizer.from_pretrained(base.path, **base.keywords)
        if base.gguf_file:
            assert base.path is not None
            mend_tokenizer(tokenizer, base.path / base.gguf_file)
    _require_vocabulary(recipe, tokenizer, config)
    return tokenizer, config


def _config_of(recipe: Recipe, base: Base) -> PretrainedConfig:
    """The base's configuration. Raises `ModelError`."""
    from transformers import AutoConfig

    what = "its header can't be used" if base.gguf_file else "its config.json can't be used"
    assert base.path is not None
    with as_model_error(recipe, what):
        config: PretrainedConfig = AutoConfig.from_pretrained(base.path, **base.keywords)
    return config


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
    if positions is not None and positions <= 0:  # XLNet's way to say that there is no limit
        positions = None
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
    """The model with the task's head, in float32, and the recipe's adapter around it.

    New weights are drawn from the recipe's seed. Raises `ModelError`.
    """
    model, new = load_plain(recipe, base, task, state, tokenizer, reporter)
    return with_adapter(recipe, model, new)


def load_plain(
    recipe: Recipe, base: Base, task: Task, state: TaskState, tokenizer: PreTrainedTokenizerBase, reporter: Reporter
) -> tuple[PreTrainedModel, set[str]]:
    """The model as `load_model` gives it, without an adapter, and the names of the weights that the base lacks."""
    import transformers

    transformers.set_seed(recipe.seed)
    with as_model_error(recipe, f"the task {task.name} asks for {task.auto_class}", "task.use"):
        auto = getattr(transformers, task.auto_class)
    if base.path is None:
        model, new = _from_nothing(recipe, auto, task, state, tokenizer, reporter), set[str]()
    else:
        model, new = _from_base(recipe, base, auto, task, state, reporter)
        if base.gguf_file:
            _tell_of_gguf(tokenizer, base.path / base.gguf_file, reporter)
    if task.auto_class == "AutoModelForCausalLM":
        _require_causal(recipe, model)
    return task.prepare_model(model, tokenizer, state), new


def _require_causal(recipe: Recipe, model: PreTrainedModel) -> None:
    """Refuse an encoder, which transformers loads as a language model without a word although it reads the tokens that
    it is to predict: tried with another last token, since configurations do not tell. Raises `ModelError`."""
    import torch

    training = model.training
    ids = torch.tensor([[1, 2, 3], [1, 2, 4]], device=model.device)
    with torch.inference_mode():
        first, second = model.train(False)(input_ids=ids).logits[:, :2].float()
    model.train(training)
    if not torch.allclose(first, second, atol=1e-4, rtol=1e-3):
        message = f"{model.config.model_type} is an encoder: it reads the words that it is to predict"
        advice = "take a model that was made to write, like GPT-2, Llama or Qwen"
        raise ModelError(recipe.problem("model.base" if recipe.model.base else "model.scratch", message, advice))


def _from_nothing(
    recipe: Recipe, auto: Any, task: Task, state: TaskState, tokenizer: PreTrainedTokenizerBase, reporter: Reporter
) -> PreTrainedModel:
    import torch

    assert recipe.model.scratch is not None
    reporter.warning("this model starts from nothing: no pretrained weights")
    config = scratch_config(recipe, recipe.model.scratch, tokenizer, **task.config(state))
    with as_model_error(recipe, "no such model can be built", "model.scratch"):
        model: PreTrainedModel = auto.from_config(config, dtype=torch.float32)
    return model


def _from_base(
    recipe: Recipe, base: Base, auto: Any, task: Task, state: TaskState, reporter: Reporter
) -> tuple[PreTrainedModel, set[str]]:
    """The model in the base's directory or GGUF file, and the names of the weights that are not there."""
    import torch

    changed = {**_changed_config(recipe, base), **task.config(state)}
    with as_model_error(recipe, f"{task.auto_class} can't load it"), without_bar() if base.gguf_file else nullcontext():
        model, info = auto.from_pretrained(
            base.path,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **base.keywords,
            **(unpacking() if base.gguf_file else {}),
            **changed,
        )
    if base.gguf_file:
        as_ordinary(model)
    other_shapes = {entry[0]: entry[1:] for entry in info.get("mismatched_keys", ())}
    _require_shapes(recipe, model, other_shapes)
    new = {*info["missing_keys"], *other_shapes}
    _report_new(model, new, reporter)
    return model, new


def _tell_of_gguf(tokenizer: PreTrainedTokenizerBase, file: Path, reporter: Reporter) -> None:
    reporter.note("the weights of the GGUF file are unpacked to float32: what its quantisation lost stays lost")
    way = unfollowed(tokenizer, file)
    if way:
        reporter.warning(
            f"the GGUF file says that texts are cut as {way!r} does, which transformers does not know: numbers and "
            "spaces may become other tokens than those that the model learned"
        )


def _changed_config(recipe: Recipe, base: Base) -> dict[str, Any]:
    """The recipe's `[model] config`: values of the base's configuration to change. Raises `ModelError`."""
    wanted = dict(recipe.model.config)
    known = _config_of(recipe, base).to_dict() if wanted else {}
    problems = [
        recipe.problem(f"model.config.{key}", f"the base's configuration has no such key{did_you_mean(key, known)}")
        for key in wanted
        if key not in known
    ]
    if problems:
        raise ModelError(*problems)
    return wanted


def _require_shapes(recipe: Recipe, model: PreTrainedModel, found: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse a body whose weights have other shapes than the configuration says: it would start at random.

    `found`: shape in the file and shape in the model, by name. Raises `ModelError`.
    """
    body = sorted(key for key in found if _is_body(model, key))
    if not body:
        return
    in_file, in_model = (list(shape) for shape in found[body[0]])
    message = (
        f"{len(body)} of its weights have another shape than its configuration says, {body[0]} for one: {in_file} in "
        f"the file, {in_model} in the model"
    )
    if recipe.model.config:
        raise ModelError(recipe.problem("model.config", message, "change nothing here that sets a size"))
    raise ModelError(recipe.problem("model.base", message, "config.json and weights belong to different models"))


def _report_new(model: PreTrainedModel, new: set[str], reporter: Reporter) -> None:
    """Say which weights are new: a head often is; more than that means that the base fits badly."""
    body = sorted(key for key in new if _is_body(model, key))
    if body:
        names = ", ".join(body[:3])
        reporter.warning(f"{len(body)} weights of the body are not in the base and start at random: {names} …")
    head = new.difference(body)
    if any(_writes(model, key) for key in head):
        reporter.warning("the part that writes the next token is not in the base and starts at random")
    elif head:
        reporter.note(f"{len(head)} weights of the head are new (not in the base), as is usual for a new task")


def _is_body(model: PreTrainedModel, key: str) -> bool:
    """Whether a weight is of what a base without a head has; some models (T5) keep that beside the head."""
    from torch.nn import Embedding
    from transformers import PreTrainedModel

    if "pooler" in key:
        return False
    if model.base_model is not model:
        return key.startswith(f"{model.base_model_prefix}.")
    return isinstance(getattr(model, key.partition(".")[0], None), PreTrainedModel | Embedding)


def _writes(model: PreTrainedModel, key: str) -> bool:
    """Whether a weight is of the layer that gives the scores of the next token."""
    output = cast(Any, model).get_output_embeddings()
    return output is not None and model.get_submodule(key.rpartition(".")[0]) is output
