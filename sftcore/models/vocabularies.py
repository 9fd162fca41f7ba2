"""Vocabularies of tokenizers from nothing: the same texts give the same one in every process.

The tokenizers library keeps words in a hash table whose order changes from process to process. Its trainers of
characters and of byte pairs put that right by sorting; two of them don't. WordPiece numbers the characters inside of
words in the order in which it meets them, and the numbers decide between pairs that are equally frequent: here they are
given to it, sorted. The unigram trainer adds up floats in that order, so sentencepiece, whose result is stable, learns
its pieces.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.recipe.schema import ScratchTokenizer

INSIDE = "##"
"""How the pieces of WordPiece begin that go on with a word."""
TRAINERS: Mapping[str, str] = {"characters": "WordLevelTrainer", "wordpiece": "WordPieceTrainer", "bpe": "BpeTrainer"}


def learn_vocabulary(
    raw: Any, wanted: ScratchTokenizer, special: Sequence[str], alphabet: Sequence[str], texts: Iterable[str]
) -> None:
    """Give the `tokenizers.Tokenizer` a vocabulary of at most `vocab_size` tokens, the special ones first.

    `alphabet` holds the characters that are in it whether or not the texts have them.
    """
    if wanted.kind == "unigram":
        raw.model = _unigram(raw, wanted.vocab_size, special, alphabet, texts)
    elif wanted.kind == "wordpiece" and not alphabet:
        raw.model = _wordpiece(raw, wanted.vocab_size, special, texts)
    else:
        raw.train_from_iterator(texts, _trainer(wanted.kind, wanted.vocab_size, special, alphabet))
    raw.add_special_tokens(list(special))


def _trainer(kind: str, size: int, special: Sequence[str], alphabet: Sequence[str], prefix: str = "") -> Any:
    from tokenizers import trainers

    keywords: dict[str, Any] = {"initial_alphabet": list(alphabet)} if alphabet else {}
    if kind == "wordpiece":
        keywords["continuing_subword_prefix"] = prefix
    library: Any = trainers  # not annotated
    return getattr(library, TRAINERS[kind])(
        special_tokens=list(special), vocab_size=size, show_progress=False, **keywords
    )


def _wordpiece(raw: Any, size: int, special: Sequence[str], texts: Iterable[str]) -> Any:
    """A WordPiece model learned by a tokenizer of its own, to which the pieces given are special tokens."""
    from tokenizers import Tokenizer, models

    texts = list(texts)
    inside = sorted({INSIDE + letter for text in texts for word in _words(raw, text) for letter in word[1:]})
    learner = Tokenizer(models.WordPiece(unk_token=raw.model.unk_token))
    learner.normalizer, learner.pre_tokenizer = raw.normalizer, raw.pre_tokenizer
    learner.train_from_iterator(texts, _trainer("wordpiece", size, [*special, *inside], (), INSIDE))
    return models.WordPiece(learner.get_vocab(), unk_token=raw.model.unk_token)


def _unigram(raw: Any, size: int, special: Sequence[str], alphabet: Sequence[str], texts: Iterable[str]) -> Any:
    """A unigram model (Kudo 2018) of the words that the tokenizer divides the texts into."""
    import sentencepiece
    from tokenizers import models

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=chain(alphabet, (word for text in texts for word in _words(raw, text))),
        model_writer=written,
        model_type="unigram",
        vocab_size=size - len(special) + 1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_whitespace=False,
        split_by_unicode_script=False,
        split_by_number=False,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    learned = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = [(learned.id_to_piece(number), learned.get_score(number)) for number in range(1, len(learned))]
    unknown = next(number for number, token in enumerate(special) if "unk" in token.lower())
    return models.Unigram([*((token, 0.0) for token in special), *pieces], unknown)


def _words(raw: Any, text: str) -> Iterable[str]:
    """What the tokenizer takes a text for before it looks for pieces: normalised words."""
    text = raw.normalizer.normalize_str(text) if raw.normalizer else text
    return (word for word, _ in raw.pre_tokenizer.pre_tokenize_str(text))
