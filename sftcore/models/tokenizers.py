"""Tokenizers of models from nothing, trained on the training split by the tokenizers library.

A model that only reads gets BERT's manner: `[CLS] a [SEP] b [SEP]`, forms that mean the same (NFKC) and runs of blanks
made one. A model that writes must be able to write any text, so its tokens join to what they were made of, blank by
blank: pieces of bytes, as in GPT-2, or single characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from sftcore.errors import ModelError
from sftcore.models.calls import first_line, without_progress_bars
from sftcore.models.vocabularies import learn_vocabulary

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import ScratchTokenizer

Family: TypeAlias = Literal["encoder", "decoder", "encoder-decoder"]

_READS: Mapping[str, str] = MappingProxyType(
    {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
)
_ANSWERS: Mapping[str, str] = MappingProxyType({"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"})
SPECIAL_TOKENS: Mapping[Family, Mapping[str, str]] = MappingProxyType(
    {
        "encoder": _READS,
        "encoder-decoder": _ANSWERS,
        "decoder": MappingProxyType({**_ANSWERS, "bos_token": "<s>"}),
    }
)
"""The special tokens of each family, in the order of their numbers."""
TEMPLATES: Mapping[Family, tuple[str, str]] = MappingProxyType(
    {
        "encoder": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
        "encoder-decoder": ("$A </s>", "$A </s> $B </s>"),
        "decoder": ("$A", "$A $B"),
    }
)
"""What a tokenizer puts around one text, and around two. Nothing for a decoder: its text may go on."""
ALGORITHMS = {"characters": "WordLevel", "wordpiece": "WordPiece", "bpe": "BPE", "unigram": "Unigram"}
"""Kinds of tokenizers, and what the tokenizers library calls their models."""
LONGEST_WORD = 100
"""Bytes; a longer run of letters is cut, since WordPiece takes time in the square of a word's length."""

PROBES = ("Hello  world\n\n12 34", "don't  stop 4,567", "你好，世界！《民法典》第五百七十七条", " ünseen\t☃ …")


def trained_tokenizer(
    recipe: Recipe, wanted: ScratchTokenizer, family: Family, texts: Iterable[str], *, token_types: bool
) -> PreTrainedTokenizerBase:
    """A fast tokenizer for a model of this family, trained on `texts` to at most `vocab_size` tokens.

    "characters" gives one token a character. `token_types` says whether the architecture tells the two texts of a
    pair apart by them. Raises `ModelError` where `vocab_size` is too small.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    special = SPECIAL_TOKENS[family]
    raw = _reader(wanted.kind, special["unk_token"]) if family == "encoder" else _writer(wanted.kind)
    alphabet = [] if family == "encoder" or wanted.kind == "characters" else _bytes()
    least = len(special) + len(alphabet)
    if alphabet and wanted.vocab_size < least:
        message = f"{least} tokens at least: one for each byte, so that the model can write any text"
        raise ModelError(recipe.problem("model.scratch.tokenizer.vocab_size", message))
    with _refused(recipe):
        learn_vocabulary(raw, wanted, list(special.values()), alphabet, texts)
    single, pair = TEMPLATES[family]
    around = [(token, raw.token_to_id(token)) for token in special.values() if token in pair]
    template: Any = processors.TemplateProcessing  # not annotated
    raw.post_processor = template(single=single, pair=pair, special_tokens=around)
    fast: Any = PreTrainedTokenizerFast  # its constructor is not annotated
    names = ["input_ids", *(["token_type_ids"] if token_types else []), "attention_mask"]
    tokenizer = fast(tokenizer_object=raw, model_input_names=names, clean_up_tokenization_spaces=False, **special)
    return cast("PreTrainedTokenizerBase", tokenizer)


@contextmanager
def _refused(recipe: Recipe) -> Iterator[None]:
    """The tokenizers library raises bare exceptions, sentencepiece runtime errors; others come with the texts."""
    try:
        yield
    except Exception as error:
        if type(error) not in (Exception, RuntimeError):
            raise
        message = f"no tokenizer can be trained: {first_line(error)}"
        raise ModelError(recipe.problem("model.scratch.tokenizer", message)) from error


def require_reloadable(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> None:
    """Raise `ModelError` where transformers loads the tokenizer, saved beside such a model, as another one.

    For a few architectures it takes a class of its own, whatever the saved files say.
    """
    from transformers import AutoTokenizer

    with TemporaryDirectory() as place, without_progress_bars():
        tokenizer.save_pretrained(place)
        config.save_pretrained(place)
        again = AutoTokenizer.from_pretrained(Path(place), local_files_only=True)
    ids, found = (reader(list(PROBES))["input_ids"] for reader in (tokenizer, again))
    if ids != found or tokenizer.batch_decode(ids) != again.batch_decode(ids):
        message = (
            f"transformers loads the tokenizer of a saved {config.model_type} model by a class of its own "
            f"({type(again).__name__}), which reads texts otherwise than this one"
        )
        advice = "take another architecture of the kind: llama, gpt2, t5 and bert are loaded as they were saved"
        raise ModelError(recipe.problem("model", message, advice))


def _reader(kind: str, unknown: str) -> Any:
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    raw = _untrained(kind, {"unk_token": unknown})
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


def _writer(kind: str) -> Any:
    """One whose tokens join to the text that they were made of, character by character."""
    from tokenizers import Regex, decoders, pre_tokenizers

    if kind == "characters":
        raw = _untrained(kind, {"unk_token": _ANSWERS["unk_token"]})
        raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        raw.decoder = decoders.Fuse()
        return raw
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if kind == "wordpiece":
        raw = _untrained(kind, {"unk_token": _ANSWERS["unk_token"], "continuing_subword_prefix": ""})
        apart = pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated")
        short = pre_tokenizers.Split(Regex(f".{{1,{LONGEST_WORD}}}"), "isolated")
        raw.pre_tokenizer = pre_tokenizers.Sequence([apart, pieces, short])
    else:
        raw = _untrained(kind, {})
        raw.pre_tokenizer = pieces
    raw.decoder = decoders.ByteLevel()
    return raw


def _untrained(kind: str, keywords: dict[str, Any]) -> Any:
    from tokenizers import Tokenizer, models

    library: Any = models  # not annotated
    return Tokenizer(getattr(library, ALGORITHMS[kind])(**({} if kind == "unigram" else keywords)))


def _bytes() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())
