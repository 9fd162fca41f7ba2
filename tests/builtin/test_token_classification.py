"""Finding entities: the shapes of data, tags and their entities, tokens that cut across, places in the given text."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from pydantic import ValidationError

from sftcore import (
    DataError,
    EntityF1,
    EntityPrecision,
    EntityRecall,
    ModelError,
    Output,
    Prediction,
    Problem,
    Records,
    TokenClassification,
    TokenClassificationState,
)
from sftcore.builtin.entity_dictionary import EntityDictionary
from sftcore.builtin.preprocessors import Lowercase, StopWords, Whitespace
from sftcore.builtin.tags import stretches, tag_names
from sftcore.data.encode import encode_rows
from sftcore.data.ledger import Ledger
from sftcore.data.preprocess import preprocess
from sftcore.data.rows import Rows
from sftcore.evaluation.intervals import bootstrap

TASK = TokenClassification()
STATE = TokenClassificationState(labels=("LOC", "PER"), counts=(1, 1))
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


@pytest.fixture(scope="module")
def tokenizer(minilm: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(minilm)


def row_of(text: str, *marked: tuple[str, str]) -> dict[str, Any]:
    """A text with the first occurrence of each of these marked by its label."""
    spans = [(text.index(part), text.index(part) + len(part), label) for part, label in marked]
    return {"text": text, "entities": [{"start": start, "end": end, "label": label} for start, end, label in spans]}


def reshaped(columns: dict[str, str] | None = None, features: Any = None, **table: Any) -> tuple[list[Any], str]:
    result, sentence = TASK.reshape(Dataset.from_dict(table, features=features), columns or {})
    return list(result), sentence


def marked(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The entities of a row as their texts and labels, both ways of saying which text agreeing."""
    assert all(one["text"] == row["text"][one["start"] : one["end"]] for one in row["entities"])
    assert all(one["at"] == one["start"] for one in row["entities"])
    return [(one["text"], one["label"]) for one in row["entities"]]


# --- tags

SCHEMES: dict[str, tuple[list[str], list[tuple[int, int, str]]]] = {
    "IOB2": (["B-PER", "I-PER", "O", "B-LOC", "B-LOC"], [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]),
    "IOB1": (["I-PER", "I-PER", "B-PER", "O", "I-LOC"], [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC")]),
    "IOBES": (["B-PER", "E-PER", "S-PER", "S-LOC", "O"], [(0, 2, "PER"), (2, 3, "PER"), (3, 4, "LOC")]),
    "BILOU": (["B-PER", "I-PER", "L-PER", "U-PER", "O"], [(0, 3, "PER"), (3, 4, "PER")]),
    "BMES": (["B-PER", "M-PER", "E-PER", "B_LOC", "E_LOC"], [(0, 3, "PER"), (3, 5, "LOC")]),
    "label changes without B": (
        ["B-PER", "I-LOC", "I-LOC", "O", "I-PER"],
        [(0, 1, "PER"), (1, 3, "LOC"), (4, 5, "PER")],
    ),
    "goes on after an end": (["S-PER", "I-PER", "E-PER", "I-PER", "O"], [(0, 1, "PER"), (1, 3, "PER"), (3, 4, "PER")]),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_are_read_as_in_the_evaluation_of_conll(scheme: str) -> None:
    tags, expected = SCHEMES[scheme]
    assert [tuple(one) for one in stretches(tags)] == expected


def test_tags_without_prefixes_join_their_neighbours() -> None:
    assert [tuple(one) for one in stretches(["PER", "PER", "LOC", "O", "LOC"], prefixed=False)] == [
        (0, 2, "PER"),
        (2, 3, "LOC"),
        (4, 5, "LOC"),
    ]
    assert tag_names(("LOC", "PER")) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


# --- shapes of data


def test_tokens_with_class_numbers_become_texts_with_entities() -> None:
    features = Features(
        {"tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=NAMES)), "id": Value("int64")}
    )
    tokens = [["John", "Smith", "saw", "New", "York", "."], ["No", "name"], []]
    rows, sentence = reshaped(None, features, tokens=tokens, ner_tags=[[1, 2, 0, 3, 4, 0], [0, 0], []], id=[7, 8, 9])
    assert rows[0]["text"] == "John Smith saw New York ."
    assert marked(rows[0]) == [("John Smith", "PER"), ("New York", "LOC")]
    assert (rows[1]["text"], rows[1]["entities"], rows[1]["id"]) == ("No name", [], 8)
    assert rows[2]["text"] == ""
    assert sentence.startswith("tokens joined with blanks between words; entities read from ner_tags")


def test_chinese_characters_are_joined_without_blanks() -> None:
    rows, sentence = reshaped(
        words=[list("张三在北京2024年"), list("abc")],
        tags=[["B-PER", "E-PER", "O", "B-LOC", "E-LOC", *["O"] * 5], ["O"] * 3],
    )
    assert [row["text"] for row in rows] == ["张三在北京2024年", "abc"]
    assert marked(rows[0]) == [("张三", "PER"), ("北京", "LOC")]
    assert "without blanks" in sentence


def test_words_of_mixed_text_have_blanks_only_between_letters() -> None:
    rows, _ = reshaped(
        tokens=[["我们", "在", "New", "York", "，", "见到", "John"]], tags=[["O", "O", "LOC", "LOC", "O", "O", "PER"]]
    )
    assert rows[0]["text"] == "我们在New York，见到John"
    assert marked(rows[0]) == [("New York", "LOC"), ("John", "PER")]


SPANS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "triples as JSON text": ({"label": [json.dumps([[0, 4, "PER"], [9, 15, "LOC"]]), "[]"]}, {}),
    "tables with labels": (
        {"label": [[{"start": 0, "end": 4, "labels": ["PER"]}, {"start": 9, "end": 15, "labels": ["LOC"]}], []]},
        {},
    ),
    "tables with offsets": (
        {
            "spans": [
                [
                    {"start_offset": 0, "end_offset": 4, "label": "PER"},
                    {"start_offset": 9, "end_offset": 15, "label": "LOC"},
                ],
                [],
            ]
        },
        {},
    ),
    "the column that the recipe names": (
        {"ner": ['[[0, 4, "PER"], [9, 15, "LOC"]]', "[]"], "label": ["x", "y"]},
        {"entities": "ner"},
    ),
    "as they should be": (
        {"entities": [[{"start": 0, "end": 4, "label": "PER"}, {"start": 9, "end": 15, "label": "LOC"}], []]},
        {},
    ),
}


@pytest.mark.parametrize("shape", SPANS)
def test_spans_in_many_shapes_become_entities(shape: str) -> None:
    table, columns = SPANS[shape]
    rows, sentence = reshaped(columns, text=["John saw London", "Nobody"], **table)
    rows = [row | {"entities": row[columns.get("entities", "entities")]} for row in rows]
    assert marked(rows[0]) == [("John", "PER"), ("London", "LOC")]
    assert rows[1]["entities"] == []
    assert bool(sentence) == (shape != "as they should be")
    assert [TASK.check_row(row) for row in rows] == ["", ""]


def test_a_table_to_predict_is_left_as_it_is_or_joined() -> None:
    assert reshaped(text=["John"], label=["news"]) == ([{"text": "John", "label": "news"}], "")
    rows, sentence = reshaped(tokens=[["John", "left"]])
    assert (rows[0]["text"], sentence) == ("John left", "tokens joined with blanks between words")


def test_columns_that_the_recipe_names_hold_the_result() -> None:
    columns = {"text": "tokens", "entities": "ner_tags"}
    rows, _ = reshaped(columns, tokens=[["John", "left"]], ner_tags=[["B-PER", "O"]])
    assert rows == [
        {"tokens": "John left", "ner_tags": [{"start": 0, "end": 4, "label": "PER", "text": "John", "at": 0}]}
    ]


def test_tags_that_fit_no_tokens_are_named_with_their_row() -> None:
    with pytest.raises(DataError, match="2 tokens, but 1 tags") as caught:
        reshaped(tokens=[["a"], ["b", "c"]], tags=[["O"], ["O"]])
    assert caught.value.problems[0].row == 2
    with pytest.raises(DataError, match="numbers without names"):
        reshaped(tokens=[["a"]], tags=[[1]])


@pytest.mark.parametrize(
    ("entities", "reason"),
    [
        ([{"start": 1, "end": 9, "label": "x"}], "lies outside the text"),
        ([{"start": 2, "end": 2, "label": "x"}], "is empty or lies"),
        ([{"start": -1, "end": 2, "label": "x"}], "lies outside"),
        ([{"start": 0, "end": 2, "label": " "}], "without a label"),
        ([[0, 2, "x"]], "no list of tables"),
        ("PER", "no list of tables"),
        ([], ""),
        (None, ""),
    ],
)
def test_rows_that_can_not_be_used(entities: Any, reason: str) -> None:
    flaw = TASK.check_row({"text": "abc", "entities": entities})
    assert reason in flaw
    assert bool(flaw) == bool(reason)


# --- labels


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


# --- encoding


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


# --- decoding


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


# --- metrics


def records(predictions: Sequence[Any], references: Sequence[Any], labels: tuple[str, ...] = ("LOC", "PER")) -> Records:
    columns = [np.empty(len(predictions), object) for _ in range(2)]
    for place, pair in enumerate(zip(predictions, references, strict=True)):
        columns[0][place], columns[1][place] = pair
    return Records("spans", np.arange(len(predictions)), *columns, labels)


A, B, C = (0, 4, "PER"), (9, 15, "LOC"), (9, 14, "LOC")
FOUND = records([(A, B), (A,), (), (C,)], [(A, B), (), (A,), (B,)])


def test_entities_count_with_both_ends_and_label() -> None:
    # right: A and B of the first row; predicted 4, referred 4; of LOC 1 of 2 and 2, of PER 1 of 2 and 2
    for metric in (EntityF1(), EntityPrecision(), EntityRecall()):
        name = metric.name
        assert metric.score(FOUND) == {name: 0.5, f"{name}.LOC": 0.5, f"{name}.PER": 0.5}
    other = records([((0, 4, "LOC"),), (A, A)], [(A,), (A,)])
    assert EntityPrecision().score(other) == {
        "entity-precision": 0.5,
        "entity-precision.LOC": 0,
        "entity-precision.PER": 1,
    }
    assert EntityRecall().score(other)["entity-recall"] == 0.5


def test_what_is_not_defined_is_nan() -> None:
    none = records([(), ()], [(), ()])
    assert all(math.isnan(value) for value in EntityF1().score(none).values())
    found = EntityF1().score(records([(A,)], [()]))
    assert (found["entity-f1"], found["entity-f1.PER"]) == (0, 0)
    assert math.isnan(found["entity-f1.LOC"])
    assert math.isnan(EntityF1().score(records([], []))["entity-f1"])
    assert EntityF1().score(records([None], [(A,)]))["entity-f1"] == 0


def test_labels_are_those_that_are_seen_where_none_are_named() -> None:
    assert EntityF1().score(records(FOUND.predictions, FOUND.references, ())) == EntityF1().score(FOUND)
    metric = EntityF1().build(labels=("LOC", "PER"))
    metric.add_batch(predictions=[[list(A), list(B)], [list(A)]], references=[[list(A), list(B)], []])
    assert metric.compute() == pytest.approx({"entity-f1": 0.8, "entity-f1.LOC": 1, "entity-f1.PER": 2 / 3})


def test_a_thousand_resamples_of_a_thousand_rows_take_little() -> None:
    rng = np.random.default_rng(0)
    rows = [
        tuple((int(n), int(n) + 3, "PER" if n % 2 else "LOC") for n in rng.integers(0, 60, 4)) for _ in range(2_000)
    ]
    metric, made = EntityF1(), records(rows[:1_000], rows[1_000:])
    result = bootstrap(metric.score, [made], rng, times=20)
    by_hand = [
        (len({*left} & {*right}), len({*left}) + len({*right}))
        for left, right in zip(made.predictions, made.references, strict=True)
    ]
    expected = 2 * sum(right for right, _ in by_hand) / sum(all_ for _, all_ in by_hand)
    assert result.values["entity-f1"][0] == pytest.approx(expected)
    began = time.perf_counter()
    bootstrap(metric.score, [made], rng, times=1_000)
    assert time.perf_counter() - began < 8


def test_records_are_tuples_in_the_given_text() -> None:
    references = [TASK.reference(row_of("John left", ("John", "PER")), STATE), []]
    predictions = [Prediction(references[0], 0.5), Prediction(None, reason="dropped")]
    made = TASK.records(np.array([4, 9]), predictions, references, STATE)
    assert made.references.tolist() == [((0, 4, "PER"),), ()]
    assert made.predictions.tolist() == [((0, 4, "PER"),), ()]
    assert made.labels == ("LOC", "PER")
    assert made.scores is not None
    assert made.scores.shape == (2, 1)
    assert EntityF1().score(made)["entity-f1"] == 1


# --- the dictionary


def test_the_dictionary_finds_what_was_mostly_marked() -> None:
    rows = [
        row_of("New York and York", ("New York", "LOC")),
        row_of("May left", ("May", "PER")),
        row_of("May is here"),
        row_of("in May we may"),
        row_of("张三去北京", ("北京", "LOC"), ("张三", "PER")),
    ]
    (baseline,) = TASK.baselines(rows, [{"text": "New Yorkers like New York, not May"}, {"text": "他在北京"}], STATE)
    assert baseline.name == "dictionary"
    assert [one.value for one in baseline.predictions] == [
        [{"start": 17, "end": 25, "label": "LOC", "text": "New York"}],
        [{"start": 2, "end": 4, "label": "LOC", "text": "北京"}],
    ]


def test_the_dictionary_takes_the_commonest_label_and_the_longest_entry() -> None:
    known = EntityDictionary.of(
        [
            ("Ford drives a Ford", [(0, 4, "PER"), (14, 18, "PER")]),
            ("Ford Motor", [(0, 10, "ORG")]),
            ("x", [(0, 9, "A")]),
        ]
    )
    assert list(known.find("a Ford Motor by Ford")) == [(2, 12, "ORG"), (16, 20, "PER")]
