"""Finding entities: the shapes of data, tags and their entities, tokens that cut across, places in the given text."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from pydantic import ValidationError

from sftcore import (
    DataError,
    ModelError,
    Output,
    Problem,
    TokenClassification,
    TokenClassificationState,
)
from sftcore.builtin.preprocessors import Lowercase, StopWords, Whitespace
from sftcore.data.encode import encode_rows
from sftcore.data.ledger import Ledger
from sftcore.data.preprocess import preprocess
from sftcore.data.rows import Rows
from tests.builtin.entities import STATE, TASK, marked, row_of


@pytest.fixture(scope="module")
def tokenizer(minilm: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(minilm)


def test_the_state_has_the_labels_of_the_training_rows() -> None:
    rows = [row_of("John met Ann in York", ("John", "PER"), ("Ann", "PER"), ("York", "LOC")), row_of("No one")]
    state = TASK.fit(rows)
    assert (state.labels, state.counts) == (("LOC", "PER"), (1, 2))
    assert TokenClassificationState.model_validate_json(state.model_dump_json()) == state
    assert TASK.config(state)["id2label"] == {0: "O", 1: "B-LOC", 2: "I-LOC", 3: "B-PER", 4: "I-PER"}
    assert TASK.label_names(state) == tuple(TASK.config(state)["label2id"])
    assert (TASK.stratum(rows[0]), TASK.stratum(rows[1]), TASK.stratum({"text": "x"})) == (("LOC", "PER"), (), None)
    listed = TokenClassification(labels=("PER", "LOC", "ORG")).fit(rows)
    assert (listed.labels, listed.counts) == (("PER", "LOC", "ORG"), (2, 1, 0))
    assert TASK.notes(listed) == ["no training row has the label 'ORG'"]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="did you mean PER"):
        TokenClassification(labels=("PER",)).fit([row_of("John", ("John", "PERS"))])
    with pytest.raises(DataError, match="nothing to find"):
        TASK.fit([row_of("John")])
    with pytest.raises(DataError, match="ORG"):
        TASK.reference(row_of("UN", ("UN", "ORG")), STATE)
    with pytest.raises(ValidationError, match="twice"):
        TokenClassification(labels=("A", "A"))
    with pytest.raises(ValidationError, match="at least one"):
        TokenClassification(labels=())


def tags_of(row: dict[str, Any], tokenizer: Any, max_length: int = 32) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Each token that counts with its tag, and what was counted."""
    encoded = TASK.encode([row], tokenizer, STATE, max_length)
    tokens = tokenizer.convert_ids_to_tokens(encoded.columns["input_ids"][0])
    pairs = zip(tokens, encoded.columns["labels"][0], strict=True)
    counts = {name: count[0] for name, count in encoded.counts.items() if count[0]}
    return [(token, STATE.tags[tag]) for token, tag in pairs if tag != -100], counts


def test_every_token_of_an_entity_is_tagged(tokenizer: Any) -> None:
    tags, counts = tags_of(row_of("Zbigniew saw New York.", ("Zbigniew", "PER"), ("New York", "LOC")), tokenizer)
    assert tags[:2] == [("z", "B-PER"), ("##bi", "I-PER")]
    assert tags[-4:] == [("saw", "O"), ("new", "B-LOC"), ("york", "I-LOC"), (".", "O")]
    assert not counts


def test_special_tokens_do_not_count(tokenizer: Any) -> None:
    encoded = TASK.encode([row_of("John", ("John", "PER"))], tokenizer, STATE, 32)
    assert encoded.columns["labels"][0].tolist() == [-100, 3, -100]
    assert encoded.info is not None
    assert encoded.info[0].tolist() == [[0, 0], [0, 4], [0, 0]]


def test_entities_that_tokens_can_not_hold_are_counted(tokenizer: Any) -> None:
    assert tags_of(row_of("Johnson left", ("John", "PER")), tokenizer) == (
        [("johnson", "B-PER"), ("left", "O")],
        {"entity ends inside a token": 1},
    )
    long = row_of("John met Ann in York", ("John", "PER"), ("York", "LOC"))
    assert tags_of(long, tokenizer, 5) == ([("john", "B-PER"), ("met", "O"), ("ann", "O")], {"entity cut off": 1})
    half = row_of("John met Ann of New York", ("New York", "LOC"))
    assert tags_of(half, tokenizer, 7)[1] == {"entity cut off": 1}
    nested = row_of("New York Times", ("York", "PER"), ("New York", "LOC"))
    assert tags_of(nested, tokenizer) == (
        [("new", "B-LOC"), ("york", "I-LOC"), ("times", "O")],
        {"entity overlaps another": 1},
    )


def test_tokens_beyond_the_cut_are_counted(tokenizer: Any) -> None:
    encoded = TASK.encode([{"text": "one two three four five"}, {"text": "one"}], tokenizer, STATE, 5)
    assert encoded.lost_tokens == [2, 0]
    assert set(encoded.columns) == {"input_ids"}


def test_a_row_that_lost_an_entity_is_not_trained_on(tokenizer: Any) -> None:
    row = row_of("John left", ("John", "PER"))
    lost = {"text": "John left", "entities": [{"start": -1, "end": -1, "label": "LOC"}, *row["entities"]]}
    encoded = TASK.encode([lost, row], tokenizer, STATE, 32)
    assert encoded.masked == [True, False]
    assert set(encoded.columns["labels"][0].tolist()) == {-100}


def test_a_tokenizer_without_places_is_refused() -> None:
    slow: Any = SimpleNamespace(is_fast=False, model_input_names=[])
    with pytest.raises(ModelError, match="does not tell where"):
        TASK.encode([{"text": "x"}], slow, STATE, 8)


def byte_level(trim: bool) -> Any:
    """A byte-level tokenizer, whose tokens may begin with a blank and be parts of a character."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(["<pad>", *letters, "ĠJ"])}
    backend = Tokenizer(models.BPE(vocabulary, [("Ġ", "J")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=trim)
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>")


@pytest.mark.parametrize("trim", [True, False])
def test_tokens_with_blanks_and_parts_of_characters(trim: bool) -> None:
    row = row_of("a Jo 张三 x", ("Jo", "PER"), ("张三", "LOC"))
    tokenizer = byte_level(trim)
    tags, counts = tags_of(row, tokenizer)
    assert not counts
    names = [tag for _, tag in tags]
    assert names[:3] == ["O", "B-PER", "I-PER"]
    assert names[3:9] == ["B-LOC", *["I-LOC"] * 5]
    assert found_by_a_perfect_model(row, tokenizer) == [("Jo", "PER"), ("张三", "LOC")]


def found_by_a_perfect_model(row: dict[str, Any], tokenizer: Any, max_length: int = 64) -> list[tuple[str, str]]:
    encoded = encode_rows(Rows.of([row]), TASK, STATE, tokenizer, max_length)
    outputs = TASK.perfect(row, [encoded.feature(0)], [encoded.info(0)], tokenizer)
    assert outputs is not None
    prediction = TASK.decode(row, outputs, STATE)
    assert prediction.score is not None
    assert 0.99 < prediction.score < 1
    assert prediction.logits is not None
    assert len(prediction.logits) == np.asarray(outputs[0].logits).size
    return [(one["text"], one["label"]) for one in prediction.value]


def test_a_perfect_model_finds_what_the_tokens_can_hold(tokenizer: Any) -> None:
    row = row_of("Zoë met Ann-Marie  in\nNew York.", ("Zoë", "PER"), ("Ann-Marie", "PER"), ("New York", "LOC"))
    assert found_by_a_perfect_model(row, tokenizer) == [("Zoë", "PER"), ("Ann-Marie", "PER"), ("New York", "LOC")]
    assert found_by_a_perfect_model(row_of("Johnson", ("John", "PER")), tokenizer) == [("Johnson", "PER")]
    assert TASK.perfect(row, [{"input_ids": [1]}], [None], tokenizer) is None


def test_the_score_is_the_probability_of_the_least_certain_tag() -> None:
    places = np.array([[0, 0], [0, 4], [5, 9]], np.int32)
    logits = np.array([[0, 9.0, 0, 0, 0], [0, 0, 0, 2, 0], [1, 0, 0, 0, 0]])
    prediction = TASK.decode({"text": "John left"}, [Output(logits, places)], STATE)
    assert prediction.value == [{"start": 0, "end": 4, "label": "PER", "text": "John"}]
    assert prediction.score == pytest.approx(math.e / (math.e + 4))
    assert prediction.logits == logits.ravel().tolist()


def recipe(*steps: Any) -> Any:
    """As much of a recipe as preprocessing asks for."""
    return SimpleNamespace(
        preprocess=steps, task=TASK, problem=lambda key, message, advice="": Problem(message, key=key)
    )


def test_predictions_and_references_lie_in_the_text_as_it_was_given(tokenizer: Any) -> None:
    text = "  The   BANK  of  England \n met MR.  SMITH"
    spans = row_of(text, ("BANK  of  England", "LOC"), ("MR.  SMITH", "PER"))["entities"]
    (given,) = TASK.reshape(Dataset.from_dict({"text": [text], "label": [spans]}), {})[0]
    assert marked(given) == [("BANK  of  England", "LOC"), ("MR.  SMITH", "PER")]
    (row,) = preprocess(Rows.of([given]), recipe(Whitespace(), Lowercase()), Ledger()).values
    assert row["text"] == "the bank of england met mr. smith"
    encoded = encode_rows(Rows.of([row]), TASK, STATE, tokenizer, 32)
    outputs = TASK.perfect(row, [encoded.feature(0)], [encoded.info(0)], tokenizer)
    assert outputs is not None
    assert TASK.decode(row, outputs, STATE).value == TASK.reference(row, STATE)
    assert [one["text"] for one in TASK.reference(row, STATE) or ()] == [one["text"] for one in given["entities"]]


def test_an_entity_that_preprocessing_lost_still_counts_as_one_to_find(tokenizer: Any) -> None:
    (given,) = TASK.reshape(Dataset.from_dict({"text": ["Tom saw The The"], "label": ['[[8, 15, "PER"]]']}), {})[0]
    (row,) = preprocess(Rows.of([given]), recipe(StopWords()), Ledger()).values
    assert row["entities"][0]["start"] == -1
    assert TASK.reference(row, STATE) == [{"start": 8, "end": 15, "label": "PER", "text": "The The"}]
    assert encode_rows(Rows.of([row]), TASK, STATE, tokenizer, 32).masked.tolist() == [True]


def test_references_of_rows_that_were_never_reshaped() -> None:
    row = row_of("John left", ("John", "PER"))
    assert TASK.reference(row, STATE) == [{"start": 0, "end": 4, "label": "PER", "text": "John"}]
    assert TASK.reference({"text": "x"}, STATE) is None


def test_it_gives_what_the_pipeline_gives(tokenizer: Any, tiny_bert: str) -> None:
    import torch
    from transformers import AutoModelForTokenClassification, pipeline

    torch.manual_seed(3)
    model = AutoModelForTokenClassification.from_pretrained(tiny_bert, **TASK.config(STATE)).eval()
    with torch.no_grad():
        model.classifier.weight.mul_(8)
    rows = [{"text": "John saw the Bank of England in New York."}, {"text": "Zbigniew"}]
    encoded = encode_rows(Rows.of(rows), TASK, STATE, tokenizer, 64)
    batch = TASK.collate([encoded.feature(0), encoded.feature(1)], tokenizer)
    with torch.no_grad():
        _, kept = TASK.outputs(model, dict(batch), STATE)
    assert [len(row) for row in kept] == encoded.lengths.tolist()
    serve: Any = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple")
    for number, row in enumerate(rows):
        found = TASK.decode(row, [Output(kept[number], encoded.info(number))], STATE).value
        served = [(one["start"], one["end"], one["entity_group"]) for one in serve(TASK.model_input(row))]
        assert [(one["start"], one["end"], one["label"]) for one in found] == served
    assert len(served) > 0
