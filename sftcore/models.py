"""The base model and its tokenizer: from the hub, a directory, an installed package, or from nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sftcore import locations
from sftcore.errors import ModelError, Problem, SftcoreError, did_you_mean
from sftcore.scratch import scratch_config, train_tokenizer
from sftcore.transformers_calls import as_model_error
from sftcore.weight_files import weights_flaw

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.components import Task, TaskState
    from sftcore.recipe import Recipe
    from sftcore.reporter import Reporter

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
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


@dataclass(frozen=True, slots=True)
class Base:
    """Where a run starts: a local directory (None: from nothing), the hub's commit, and a hash of the content."""

    name: str
    path: Path | None
    commit: str = ""
    sha256: str = ""


def locate_base(recipe: Recipe) -> Base:
    """Find the base model, downloading it from the hub where it is a hub id.

    Raises `ModelError` with what there is instead.
    """
    _require_peft(recipe)
    name = recipe.model.base
    if name is None:
        text = recipe.model.model_dump_json(include={"scratch"})
        return Base("from nothing", None, sha256=hashlib.sha256(text.encode()).hexdigest())
    if locations.is_hub_id(name, recipe.folder):
        path = _download(recipe, name)
        _require_weights(recipe, path)
        return Base(name, path, commit=path.name, sha256=path.name)
    try:
        path = locations.resolve(name, recipe.folder)
    except SftcoreError as error:
        found = error.problems[0]
        raise ModelError(recipe.problem("model.base", found.message, found.advice)) from error
    if not (path / "config.json").is_file():
        raise ModelError(_no_model(recipe, path))
    _require_weights(recipe, path)
    return Base(name, path, sha256=_directory_hash(path))


def _require_peft(recipe: Recipe) -> None:
    if recipe.model.adapter is not None and find_spec("peft") is None:
        message, advice = "adapters need the package peft, which is not installed", 'pip install "sftcore[peft]"'
        raise ModelError(recipe.problem("model.adapter", message, advice))


def _require_weights(recipe: Recipe, path: Path) -> None:
    message, advice = weights_flaw(path)
    if message:
        raise ModelError(recipe.problem("model.base", message, advice))


def _no_model(recipe: Recipe, path: Path) -> Problem:
    if path.suffix.lower() == ".gguf":
        message = "GGUF files can't be trained from: their weights are quantized for inference"
        return recipe.problem("model.base", message, "give the directory or hub id of the model that it was made from")
    if path.is_file():
        message = "a directory with config.json was expected, this is a file"
        advice = f"give its directory: {Path(str(recipe.model.base)).parent}" if _beside(path) else ""
        return recipe.problem("model.base", message, advice)
    inside = [child.parent.name for child in path.glob("*/config.json")]
    message = "no config.json in this directory, so it holds no transformers model"
    return recipe.problem("model.base", message + did_you_mean(path.name, inside), f"looked in {recipe.model.base}")


def _beside(file: Path) -> bool:
    return (file.parent / "config.json").is_file()


def _download(recipe: Recipe, name: str) -> Path:
    """The snapshot's directory, which the hub's library names after the commit."""
    from huggingface_hub import snapshot_download

    revision = recipe.model.revision
    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=list(HUB_FILES)))
        if not any(path.glob("*.safetensors")):
            path = Path(snapshot_download(name, revision=revision, allow_patterns=[*HUB_FILES, "pytorch_model*.bin"]))
    except Exception as error:  # the hub's library raises a dozen kinds, from httpx to its own
        offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
        why = "HF_HUB_OFFLINE is set and it is not in the cache" if offline else str(error).splitlines()[0][:120]
        here = locations.near_file(name, recipe.folder)
        near = f" (did you mean {here}?)" if here and (recipe.folder / here).is_dir() else ""
        message = f"not a directory here{near}, and the hub's model {name} ({revision}) can't be had: {why}"
        advice = "give a directory, package:<import name>/<path>, or download it where there is a connection"
        raise ModelError(recipe.problem("model.base", message, advice)) from error
    return path


def _directory_hash(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(child for child in path.rglob("*") if child.is_file()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{content}  {file.relative_to(path).as_posix()}\n".encode())
    return digest.hexdigest()


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
