"""Small models that tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sftcore import Recipe

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LAYERS, WIDTH, INNER, HEADS = 2, 32, 64, 2


@pytest.fixture
def recipe_of() -> Callable[..., Recipe]:
    """A recipe of a `[model]` table's lines, with a task."""

    def make(model: str, folder: Path | str = ".", task: str = "text-classification") -> Recipe:
        text = f'[data]\nsource = "x.csv"\n[task]\nuse = "{task}"\n[model]\n{model}\n'
        return Recipe.from_toml(text, folder)

    return make


WriteGguf = Callable[..., Path]


@pytest.fixture
def write_gguf(tmp_path: Path) -> WriteGguf:
    """Writes a random Llama of 2 layers with tied embeddings, quantised to 8 bits, and a tokenizer of bytes."""
    gguf = pytest.importorskip("gguf")

    def write(name: str = "tiny.gguf", pre: str = "smollm", architecture: str = "llama") -> Path:
        path = tmp_path / "models" / name
        path.parent.mkdir(exist_ok=True)
        writer = gguf.GGUFWriter(path, architecture)
        tokens = _tokens()
        _write_shape(writer, len(tokens))
        _write_tokenizer(writer, gguf, tokens, pre)
        for key, shape in _shapes(len(tokens)).items():
            values = np.random.default_rng(len(key)).normal(0, 0.1, shape).astype(np.float32)
            kind = gguf.GGMLQuantizationType.F32 if len(shape) == 1 else gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(key, gguf.quants.quantize(values, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


def _tokens() -> list[str]:
    from tokenizers import pre_tokenizers

    return ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "ĊĊ", "Ġa"]


def _write_shape(writer: object, vocabulary: int) -> None:
    settings = {
        "context_length": 64,
        "embedding_length": WIDTH,
        "block_count": LAYERS,
        "feed_forward_length": INNER,
        "head_count": HEADS,
        "head_count_kv": HEADS,
        "layer_norm_rms_eps": 1e-5,
        "rope_freq_base": 10_000.0,
        "rope_dimension_count": WIDTH // HEADS,
        "vocab_size": vocabulary,
    }
    for name, value in settings.items():
        getattr(writer, f"add_{name}")(value)


def _write_tokenizer(writer: object, gguf: object, tokens: list[str], pre: str) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL  # type: ignore[attr-defined]
    settings = {
        "tokenizer_model": "gpt2",
        "tokenizer_pre": pre,
        "token_list": tokens,
        "token_types": [control if token.startswith("<|") else normal for token in tokens],
        "token_merges": ["Ċ Ċ", "Ġ a"],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "unk_token_id": 0,
        "add_bos_token": False,
        "chat_template": TEMPLATE,
    }
    for name, value in settings.items():
        getattr(writer, f"add_{name}")(value)


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Tensors by llama.cpp's names, (outputs, inputs)."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{part}.weight"] = (WIDTH, WIDTH)
        for part in ("ffn_gate", "ffn_up"):
            shapes[f"blk.{layer}.{part}.weight"] = (INNER, WIDTH)
        shapes[f"blk.{layer}.ffn_down.weight"] = (WIDTH, INNER)
        for part in ("attn_norm", "ffn_norm"):
            shapes[f"blk.{layer}.{part}.weight"] = (WIDTH,)
    return shapes
