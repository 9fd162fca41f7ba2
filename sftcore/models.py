"""The base model and its tokenizer: from the hub, a directory, an installed package, or from nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore import locations
from sftcore.errors import ModelError, SftcoreError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.components import Task, TaskState
    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import Scratch
    from sftcore.reporter import Reporter

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
TOKENS_WITHOUT_LIMIT = 10**6
SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


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
    name = recipe.model.base
    if name is None:
        text = recipe.model.model_dump_json(include={"scratch"})
        return Base("from nothing", None, sha256=hashlib.sha256(text.encode()).hexdigest())
    if locations.is_hub_id(name, recipe.folder):
        path = _download(recipe, name)
        return Base(name, path, commit=path.name, sha256=path.name)
    try:
        path = locations.resolve(name, recipe.folder)
    except SftcoreError as error:
        found = error.problems[0]
        raise ModelError(recipe.problem("model.base", found.message, found.advice)) from error
    if not (path / "config.json").is_file():
        raise ModelError(_no_model(recipe, path))
    return Base(name, path, sha256=_directory_hash(path))


def _no_model(recipe: Recipe, path: Path) -> Any:
    if path.is_file():
        return recipe.problem("model.base", "a directory with config.json was expected, this is a file")
    inside = [child.parent.name for child in path.glob("*/config.json")]
    message = "no config.json in this directory, so it holds no transformers model"
    return recipe.problem("model.base", message + did_you_mean(path.name, inside), f"looked in {recipe.model.base}")


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
        message = f"not a directory here, and the hub's model {name} ({revision}) can't be had: {why}"
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
        config: Any = _scratch_config(recipe, scratch, tokenizer)
    else:
        from transformers import AutoConfig, AutoTokenizer

        with _as_model_error(recipe, "the tokenizer can't be loaded"):
            tokenizer = AutoTokenizer.from_pretrained(base.path, local_files_only=True)
            config = AutoConfig.from_pretrained(base.path, local_files_only=True)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # some tokenizer.json files truncate or pad by themselves
        backend.no_truncation()
        backend.no_padding()
    tokenizer.model_max_length = _max_length(recipe, tokenizer, config)
    return tokenizer


def _max_length(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> int:
    positions = getattr(config, "max_position_embeddings", None)
    own = [n for n in (tokenizer.model_max_length, positions) if n is not None and 0 < n < TOKENS_WITHOUT_LIMIT]
    limit = min(own, default=None)
    wanted = recipe.model.max_length
    if wanted is not None and positions is not None and wanted > positions:
        raise ModelError(recipe.problem("model.max_length", f"the model has positions for {positions} tokens at most"))
    return wanted or limit or 512


def load_model(
    recipe: Recipe, base: Base, task: Task, state: TaskState, tokenizer: PreTrainedTokenizerBase, reporter: Reporter
) -> PreTrainedModel:
    """The model with the task's head, in float32. New weights are drawn from the recipe's seed."""
    import torch
    import transformers

    transformers.set_seed(recipe.seed)
    auto = getattr(transformers, task.auto_class)
    if base.path is None:
        assert recipe.model.scratch is not None
        reporter.warning("this model starts from nothing: no pretrained weights")
        config = _scratch_config(recipe, recipe.model.scratch, tokenizer, **task.config(state))
        with _as_model_error(recipe, "no such model can be built", "model.scratch"):
            model = auto.from_config(config, dtype=torch.float32)
    else:
        with _as_model_error(recipe, f"{task.auto_class} can't load it"):
            model, info = auto.from_pretrained(
                base.path,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **task.config(state),
            )
        _report_loading(model, info, reporter)
    prepared: PreTrainedModel = task.prepare_model(model, tokenizer, state)
    return prepared


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


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing progress bars, and from logging what sftcore says in its own words."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # its functions are not all typed
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


@contextmanager
def _as_model_error(recipe: Recipe, what: str, key: str = "model.base") -> Iterator[None]:
    """Turn what transformers raises for a base that does not fit into the contract's form."""
    try:
        with without_progress_bars():
            yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(recipe.problem(key, f"{what}: {first.strip()[:200]}")) from error


def _scratch_config(
    recipe: Recipe, scratch: Scratch, tokenizer: PreTrainedTokenizerBase, **task_config: Any
) -> PretrainedConfig:
    from transformers import CONFIG_MAPPING, AutoConfig

    wanted = dict(scratch.config)
    model_type = str(wanted.pop("model_type", "bert"))
    if model_type not in CONFIG_MAPPING:
        message = f"unknown model_type {model_type!r}{did_you_mean(model_type, CONFIG_MAPPING)}"
        raise ModelError(recipe.problem("model.scratch.config", message))
    known = set(CONFIG_MAPPING[model_type]().to_dict())
    unknown = [key for key in wanted if key not in known]
    if unknown:
        message = f"{model_type} has no {unknown[0]!r}{did_you_mean(unknown[0], known)}"
        raise ModelError(recipe.problem("model.scratch.config", message))
    special = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    with _as_model_error(recipe, "no such model can be built", "model.scratch"):
        config: PretrainedConfig = AutoConfig.for_model(model_type, **{**special, **wanted, **task_config})
    return config


def train_tokenizer(scratch: Scratch, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """A fast tokenizer in BERT's manner (`[CLS] a [SEP] b [SEP]`), trained on `texts`.

    "characters" gives one token a character; the others are trained to `vocab_size` by the tokenizers library.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    raw = _untrained(scratch.tokenizer.kind)
    raw.train_from_iterator(texts, _trainer(scratch.tokenizer.kind, scratch.tokenizer.vocab_size))
    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    raw.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, raw.token_to_id(cls)), (sep, raw.token_to_id(sep))],
    )
    positions = int(scratch.config.get("max_position_embeddings", 512))
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=positions, **SPECIAL_TOKENS)


def _untrained(kind: str) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    unknown = SPECIAL_TOKENS["unk_token"]
    model = {
        "characters": lambda: models.WordLevel(unk_token=unknown),
        "wordpiece": lambda: models.WordPiece(unk_token=unknown),
        "bpe": lambda: models.BPE(unk_token=unknown),
        "unigram": models.Unigram,
    }[kind]()
    raw = Tokenizer(model)
    raw.normalizer = normalizers.NFKC()
    if kind == "characters":
        raw.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
        )
        raw.decoder = decoders.Fuse()
    elif kind == "wordpiece":
        raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        raw.decoder = decoders.WordPiece()
    else:
        raw.pre_tokenizer = pre_tokenizers.Metaspace()
        raw.decoder = decoders.Metaspace()
    return raw


def _trainer(kind: str, vocab_size: int) -> Any:
    from tokenizers import trainers

    special = list(SPECIAL_TOKENS.values())
    common: dict[str, Any] = {"vocab_size": vocab_size, "special_tokens": special, "show_progress": False}
    return {
        "characters": lambda: trainers.WordLevelTrainer(**common),
        "wordpiece": lambda: trainers.WordPieceTrainer(**common),
        "bpe": lambda: trainers.BpeTrainer(**common),
        "unigram": lambda: trainers.UnigramTrainer(unk_token=SPECIAL_TOKENS["unk_token"], **common),
    }[kind]()
