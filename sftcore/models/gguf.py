"""Bases in GGUF files: the weights of llama.cpp, unpacked to float32 so that they train and save as any others."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sftcore.models.weight_files import LFS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ENDING = ".gguf"
SINGLE_DIGITS = frozenset({"codeshell", "command-r", "exaone", "minerva-7b", "refact", "smollm", "starcoder"})
"""Ways of cutting texts (`tokenizer.ggml.pre`) that llama.cpp describes as GPT-2's after every digit was set apart."""
LIKE_GPT2 = frozenset({"", "default", "gpt-2", "jais", "mpt", "olmo", "phi-2"})
"""Those that cut as GPT-2 does, or say nothing of it."""

_MAGIC = b"GGUF"
_PART = re.compile(r"-\d{5}-of-(?!00001)\d{5}\.gguf", re.IGNORECASE)
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST = 8, 9
_PRE, _MODEL = "tokenizer.ggml.pre", "tokenizer.ggml.model"


def gguf_flaw(file: Path) -> tuple[str, str]:
    """Why a GGUF file can't be a base and what to do; ("", "") where nothing is seen from its name and beginning."""
    with file.open("rb") as stream:
        start = stream.read(len(LFS))
    if start == LFS:
        return "this is a pointer of Git LFS in place of the file", "git lfs pull in the file's directory"
    if not start.startswith(_MAGIC):
        return "this is no GGUF file: it does not begin with the letters GGUF", "download the file again"
    if _PART.search(file.name):
        return "this is one part of several", "join them: llama-gguf-split --merge FIRST_PART JOINED.gguf"
    if find_spec("gguf") is None:
        return "GGUF files need the package gguf, which is not installed", 'pip install "sftcore[gguf]"'
    try:
        texts_of(file)
    except ValueError as error:
        return f"this GGUF file is damaged: {error}", "download the file again"
    return "", ""


def texts_of(file: Path) -> dict[str, str]:
    """The entries of a GGUF file's header that are texts, by key. Raises `ValueError` where the header is torn."""
    try:
        with file.open("rb") as stream:
            count = struct.unpack("<4sIQQ", stream.read(24))[3]
            return {key: value for key, value in _entries(stream, count) if value is not None}
    except (struct.error, OverflowError, MemoryError) as error:  # a length that was torn may be any number
        raise ValueError("the file ends within its header") from error


def _entries(stream: BinaryIO, count: int) -> Iterator[tuple[str, str | None]]:
    for _ in range(count):
        key = _text(stream)
        kind = _number(stream, "<I")
        if kind == _TEXT:
            yield key, _text(stream)
        else:
            _skip(stream, kind)
            yield key, None


def _skip(stream: BinaryIO, kind: int) -> None:
    """Pass over a value that is no text."""
    if kind != _LIST:
        stream.seek(_width(kind), 1)
        return
    inner, count = _number(stream, "<I"), _number(stream, "<Q")
    if inner == _TEXT:
        for _ in range(count):
            stream.seek(_number(stream, "<Q"), 1)
    else:
        stream.seek(_width(inner) * count, 1)


def _width(kind: int) -> int:
    if kind not in _WIDTHS:
        raise ValueError(f"its header holds a value of the unknown type {kind}")
    return _WIDTHS[kind]


def _number(stream: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, stream.read(struct.calcsize(form)))[0])


def _text(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "<Q")).decode("utf-8", "replace")


def mend_tokenizer(tokenizer: PreTrainedTokenizerBase, file: Path) -> None:
    """Make the tokenizer cut texts as the file says where transformers does not.

    Of the ways that set each digit apart transformers follows none: a blank line before a digit would become two
    tokens in place of one.
    """
    from tokenizers import Regex, pre_tokenizers

    if _cut(tokenizer, file) in SINGLE_DIGITS:
        digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
        whole = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
        cast(Any, tokenizer).backend_tokenizer.pre_tokenizer = whole


def unfollowed(tokenizer: PreTrainedTokenizerBase, file: Path) -> str:
    """The way of cutting texts that the file names and the tokenizer does not follow, or ""."""
    way = _cut(tokenizer, file)
    return "" if way in LIKE_GPT2 else way


def _cut(tokenizer: PreTrainedTokenizerBase, file: Path) -> str:
    """The file's way of cutting texts, where the tokenizer has but GPT-2's; "" where it has its own."""
    from tokenizers import pre_tokenizers

    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel):
        return ""
    texts = texts_of(file)
    return texts.get(_PRE, "") if texts.get(_MODEL) == "gpt2" else ""


@contextmanager
def without_bar() -> Iterator[None]:
    """Keep transformers' reader of GGUF files from drawing the one bar that its own switch leaves on."""
    from transformers import modeling_gguf_pytorch_utils

    reader: Any = modeling_gguf_pytorch_utils
    shown = getattr(reader, "tqdm", None)
    if shown is None:  # another version of transformers, with another bar or none
        yield
        return
    reader.tqdm = partial(shown, disable=True)
    try:
        yield
    finally:
        reader.tqdm = shown


def unpacking() -> dict[str, Any]:
    """What `from_pretrained` takes so that no weight stays packed, on a machine with kernels for packed ones too."""
    import transformers

    settings = getattr(transformers, "GgufConfig", None)  # before it came, weights were always unpacked
    return {} if settings is None else {"quantization_config": settings(dequantize=True)}


def as_ordinary(model: PreTrainedModel) -> PreTrainedModel:
    """The unpacked model without the marks by which transformers takes it for a quantised one, which it could neither
    train nor save."""
    marked = cast(Any, model)
    marked.hf_quantizer, marked.is_quantized = None, False
    for owner, name in ((marked, "quantization_method"), (marked.config, "quantization_config")):
        if name in vars(owner):
            delattr(owner, name)
    return model
