"""Tokenizers of three families, with chat templates as models have them, and what their tokens stand for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "chat_templates"
CORPUS = [
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    "What is the capital of France? The capital of France is Paris.",
    "And of Italy? Rome. Thank you very much, that was all that I wanted to know about it.",
    "system user assistant model [INST] [/INST] ### Instruction: ### Response:",
    "法国的首都是哪里？巴黎。",
] * 4
SPECIALS = {
    "chatml": {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "unk_token": "<|endoftext|>"},
    "llama3": {"eos_token": "<|end_of_text|>", "bos_token": "<|begin_of_text|>"},
    "mistral": {"eos_token": "</s>", "bos_token": "<s>", "unk_token": "<unk>"},
    "zephyr": {"eos_token": "</s>", "bos_token": "<s>", "unk_token": "<unk>"},
    "gemma": {"eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"},
    "bare": {"eos_token": "<|endoftext|>"},
}
OTHERS = {
    "llama3": ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "gemma": ["<start_of_turn>", "<end_of_turn>"],
}
ADDS_START = ("llama3", "mistral", "zephyr", "gemma")
SENTENCEPIECE = ("mistral",)


@cache
def _trained(family: str) -> str:
    """A byte-level tokenizer as JSON, or one in SentencePiece's manner, with the family's special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    names = [*dict.fromkeys(SPECIALS[family].values()), *OTHERS.get(family, ())]
    library: Any = models
    raw: Any = Tokenizer(library.BPE(unk_token="<unk>" if family in SENTENCEPIECE else None))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if family in SENTENCEPIECE:
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        raw.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
        alphabet = sorted({letter for text in CORPUS for letter in text} | set("(!)\n"))
    else:
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=names, initial_alphabet=alphabet, show_progress=False, max_token_length=12
    )
    raw.train_from_iterator(CORPUS, trainer)
    template: Any = processors.TemplateProcessing
    trim: Any = processors.ByteLevel(trim_offsets=True)
    steps = [] if family in SENTENCEPIECE else [trim]
    if family in ADDS_START:
        start = SPECIALS[family]["bos_token"]
        steps.append(template(single=f"{start} $A", special_tokens=[(start, raw.token_to_id(start))]))
    if steps:
        raw.post_processor = processors.Sequence(steps)
    return str(raw.to_str())


def tokenizer_of(family: str, template: str | None = None) -> Any:
    """A tokenizer of the family with its own chat template, or the one named; "bare" has none. Pad is the end token."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    raw: Any = Tokenizer.from_str(_trained(family))
    made: Any = PreTrainedTokenizerFast
    special = {**SPECIALS[family], "pad_token": SPECIALS[family]["eos_token"]}
    tokenizer = made(tokenizer_object=raw, additional_special_tokens=OTHERS.get(family, []), **special)
    name = template or family
    path = TEMPLATES / f"{name}.jinja"
    tokenizer.chat_template = path.read_text(encoding="utf-8") if path.exists() else None
    tokenizer.model_max_length = 512
    return tokenizer


def bytes_of(tokenizer: Any, number: int) -> bytes:
    """What a token of a byte-level tokenizer stands for, by the table of GPT-2 (printable bytes stand for themselves,
    the others for the letters from 256 on)."""
    token = tokenizer.convert_ids_to_tokens(number)
    if number in tokenizer.added_tokens_decoder:
        return token.encode()
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}
    return bytes(letters[letter] for letter in token)


def tiny_model(kind: str, tokenizer: Any, **settings: Any) -> Any:
    """A Llama or GPT-2 of two layers and 32 dimensions with random weights."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if kind == "gpt2":
        config = GPT2Config(
            vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, **{"n_positions": 512, **settings}
        )
        return GPT2LMHeadModel(config).eval()
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_key_value_heads=2, **{"max_position_embeddings": 512, **shape, **settings}
    )
    return LlamaForCausalLM(config).eval()
