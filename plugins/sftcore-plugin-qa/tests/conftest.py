"""Small tokenizers of the three families, made from nothing, and a tiny model."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"

TEXTS = [
    "Super Bowl 50 was an American football game to determine the champion of the National Football League.",
    "The American Football Conference champion Denver Broncos defeated the Carolina Panthers 24–10.",
    "The game was played on February 7, 2016, at Levi's Stadium in the San Francisco Bay Area.",
    "Who won? What was it? When, where and why did they play, and how many points did the defense surrender?",
    "北京是中华人民共和国的首都，位于华北平原的北部。人口约两千万，是中国第二大城市。",
    "《红楼梦》的作者是谁？曹雪芹（约1715年—约1763年），清代小说家。",
    "Naïve café 🙂 costs €5.30 – ﬁne; l'été à São Paulo.",
] * 3
KINDS = ("wordpiece", "bytes", "metaspace")


def word_pieces(special: list[str]) -> dict[str, int]:
    """The characters of the texts, at the start of a word and within, and their words."""
    letters = sorted({letter for text in TEXTS for letter in text.lower() if not letter.isspace()})
    words = sorted({word for text in TEXTS for word in text.lower().split() if word.isalpha()})
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


@cache
def tokenizer_of(kind: str) -> Any:
    """A fast tokenizer: BERT's WordPiece, RoBERTa's byte-level BPE, or XLM-R's Unigram with ▁ for blanks."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(word_pieces(special), unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = None  # its trainer gives another vocabulary in each process
    elif kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="[UNK]")
    if trainer is not None:
        tokenizer.train_from_iterator(TEXTS, trainer)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    pair = "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
    if kind == "bytes":
        tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", sep), ("[CLS]", cls), add_prefix_space=False)
    else:
        ids = [("[CLS]", cls), ("[SEP]", sep)]
        tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", pair, ids)
    inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * (kind == "wordpiece")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names)


@pytest.fixture(scope="session", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return tokenizer_of(request.param)


@pytest.fixture(scope="session")
def wordpiece() -> Any:
    return tokenizer_of("wordpiece")


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Any]:
    return {kind: tokenizer_of(kind) for kind in KINDS}


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a BERT of 2 layers and 48 dimensions with random weights, and its WordPiece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    folder, tokenizer = tmp_path_factory.mktemp("tiny"), tokenizer_of("wordpiece")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        max_position_embeddings=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
