"""Models from nothing: their configuration, and a tokenizer trained on the training split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from sftcore.errors import ModelError, did_you_mean
from sftcore.models.calls import as_model_error

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import Scratch

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
UNKNOWN = SPECIAL_TOKENS["unk_token"]
ALGORITHMS = {
    "characters": ("WordLevel", "WordLevelTrainer"),
    "wordpiece": ("WordPiece", "WordPieceTrainer"),
    "bpe": ("BPE", "BpeTrainer"),
    "unigram": ("Unigram", "UnigramTrainer"),
}
"""Kinds of tokenizers, and what the tokenizers library calls their models and trainers."""


def scratch_config(
    recipe: Recipe, scratch: Scratch, tokenizer: PreTrainedTokenizerBase, **task_config: Any
) -> PretrainedConfig:
    """The recipe's `[model.scratch] config`, completed with what tokenizer and task say. Raises `ModelError`."""
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
    with as_model_error(recipe, "no such model can be built", "model.scratch"):
        config: PretrainedConfig = AutoConfig.for_model(model_type, **{**special, **wanted, **task_config})
    return config


def train_tokenizer(scratch: Scratch, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """A fast tokenizer in BERT's manner (`[CLS] a [SEP] b [SEP]`), trained on `texts`.

    "characters" gives one token a character; the others are trained to `vocab_size` by the tokenizers library.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    raw: Any = _untrained(scratch.tokenizer.kind)
    raw.train_from_iterator(texts, _trainer(scratch.tokenizer.kind, scratch.tokenizer.vocab_size))
    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    template: Any = processors.TemplateProcessing  # not annotated
    raw.post_processor = template(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, raw.token_to_id(token)) for token in (cls, sep)],
    )
    positions = int(scratch.config.get("max_position_embeddings", 512))
    fast: Any = PreTrainedTokenizerFast  # its constructor is not annotated
    names = ["input_ids", *(["token_type_ids"] if _has_token_types(scratch) else []), "attention_mask"]
    tokenizer = fast(
        tokenizer_object=raw,
        model_max_length=positions,
        model_input_names=names,
        clean_up_tokenization_spaces=False,
        **SPECIAL_TOKENS,
    )
    return cast("PreTrainedTokenizerBase", tokenizer)


def _has_token_types(scratch: Scratch) -> bool:
    """Whether the architecture tells the two texts of a pair apart by token types."""
    from transformers import CONFIG_MAPPING

    model_type = str(scratch.config.get("model_type", "bert"))
    default = CONFIG_MAPPING[model_type]() if model_type in CONFIG_MAPPING else None
    return int(scratch.config.get("type_vocab_size", getattr(default, "type_vocab_size", 0)) or 0) > 1


def _untrained(kind: str) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    library: Any = models  # not annotated
    raw: Any = Tokenizer(getattr(library, ALGORITHMS[kind][0])(**({} if kind == "unigram" else {"unk_token": UNKNOWN})))
    raw.normalizer = normalizers.NFKC()
    if kind == "characters":
        letters = pre_tokenizers.Split(Regex("."), "isolated")
        raw.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), letters])
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

    library: Any = trainers  # not annotated
    special = {"special_tokens": list(SPECIAL_TOKENS.values()), "vocab_size": vocab_size, "show_progress": False}
    unknown = {"unk_token": UNKNOWN} if kind == "unigram" else {}
    return getattr(library, ALGORITHMS[kind][1])(**special, **unknown)
