"""What a model without fault would reach, and rows with spans on their whole way to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore import Output, TextClassification, original_passage
from sftcore.data.ledger import Ledger
from sftcore.data.load import load_rows
from sftcore.data.preprocess import ORIGINAL, preprocess_rows
from sftcore.evaluation import ceiling as module
from sftcore.evaluation.ceiling import Ceiling, ceiling
from sftcore.models.base import locate_base
from sftcore.preparing import Prepared, prepare
from sftcore.reporter import SILENT
from tests.data.questions import Lookup, Same, articles, recipe_of, registry

CLEANERS = '[[preprocess]]\nuse = "lowercase"\n[[preprocess]]\nuse = "whitespace"\n'
FRESH = '[[augment]]\nuse = "random-deletion"\nrate = 0.5\nevery_epoch = true\n'
STATIC = '[[augment]]\nuse = "random-swap"\ncopies = 2\n'


@pytest.fixture
def prepared(tmp_path: Path, tiny_bert: str) -> Any:
    """Makes prepared rows of a recipe, and their ledger."""

    def make(more: str = "", count: int = 30, data: str = "") -> tuple[Prepared, Ledger]:
        (tmp_path / "squad.json").write_text(json.dumps(articles(count)), encoding="utf-8")
        recipe = recipe_of(tmp_path, tiny_bert, f'source = "squad.json"\nnear_duplicates = false\n{data}', more)
        ledger = Ledger()
        loaded = load_rows(recipe, registry(), ledger, SILENT)
        return prepare(recipe, loaded, locate_base(recipe), ledger), ledger

    return make


def reached(prepared: Prepared, *names: str) -> Ceiling | None:
    splits = {name: (getattr(prepared.splits, name), getattr(prepared, name)) for name in names}
    return ceiling(prepared.recipe.task, prepared.state, [Same()], splits, prepared.tokenizer, 42)


def test_windows_and_cleaners_leave_all_answers_to_be_found(prepared: Any) -> None:
    made, ledger = prepared(CLEANERS)
    found = reached(made, "validation", "test")
    assert found == Ceiling(12, ("validation", "test"), {"same": 1.0})
    entry = ledger.find("encode train")
    assert entry.details["features"] > entry.rows_in
    assert entry.details["counts"] == {"answer in no window": 0}


def test_an_answer_that_is_lost_can_not_be_reached(prepared: Any) -> None:
    made, ledger = prepared(CLEANERS + '[[preprocess]]\nuse = "stop-words"\nwords = ["anna"]\non = ["context"]\n')
    found = reached(made, "train", "validation", "test")
    assert found is not None
    assert (found.rows, found.metrics["same"]) == (60, pytest.approx(57 / 60))  # three of thirty people are Anna
    assert ledger.find("preprocess").details["spans"] == {"exact": 57, "trimmed": 3}


def test_rows_without_feature_are_missed_and_rows_without_answer_are_left_out(prepared: Any) -> None:
    made, _ = prepared()
    rows = made.splits.test.take([0, 1, 2])
    rows.values[2] = {**rows.values[2], "answers": None}
    encoded = made.test.take(made.test.parents == 1)
    found = ceiling(Lookup(), made.state, [Same()], {"test": (rows, encoded)}, made.tokenizer, 42)
    assert found == Ceiling(2, ("test",), {"same": 0.5})


def test_a_task_that_does_not_know_has_no_ceiling(prepared: Any) -> None:
    class Unsure(Lookup, name="unsure"):
        """Knows nothing."""

        def perfect(self, *given: Any) -> Sequence[Output] | None:
            return None

    made, _ = prepared()
    splits = {"test": (made.splits.test, made.test)}
    assert ceiling(Unsure(), made.state, [Same()], splits, made.tokenizer, 42) is None
    assert ceiling(TextClassification(), made.state, [], splits, made.tokenizer, 42) is None
    assert ceiling(Lookup(), made.state, [Same()], {}, made.tokenizer, 42) is None


def test_the_rows_are_drawn_by_the_seed(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Listening(Lookup, name="listening"):
        """Remembers whom it was asked about."""

        def perfect(self, row: Any, *given: Any) -> Any:
            asked.append(row["question"])
            return super().perfect(row, *given)

    monkeypatch.setattr(module, "MOST_ROWS", 20)
    made, _ = prepared(STATIC)
    splits = {"train": (made.splits.train, made.train)}
    for seed in (1, 1, 2):
        found = ceiling(Listening(), made.state, [Same()], splits, made.tokenizer, seed)
        assert found == Ceiling(20, ("train",), {"same": 1.0})
    assert asked[:20] == asked[20:40]
    assert asked[:20] != asked[40:]


def test_questions_about_one_text_lie_in_one_split(prepared: Any) -> None:
    made, ledger = prepared()
    contexts = [set(part.column("context")) for part in made.splits[:3]]
    assert not contexts[0] & contexts[1] | contexts[0] & contexts[2] | contexts[1] & contexts[2]
    assert made.splits.test_twins.all()
    details = ledger.find("split").details
    assert (details["families"], details["largest_family"]) == (30, 2)


def test_a_row_keeps_its_original_through_every_stage(prepared: Any) -> None:
    made, _ = prepared(CLEANERS + STATIC)
    given = {article["paragraphs"][0]["context"] for article in articles(30)["data"]}
    for part in made.splits[:3]:
        assert {row[ORIGINAL]["context"].text for row in part.values} <= given
    copies = made.train_rows.copy_numbers() > 0
    assert copies.any()
    for row, is_copy in zip(made.train_rows.values, copies.tolist(), strict=True):
        start, end = row["answers"]["answer_start"][0], row["answers"]["answer_end"][0]
        passage, low, high = original_passage(row, "context", start, end)
        if is_copy:  # a variant stands for no text of the data
            assert (passage, low, high) == (row["context"][start:end], start, end)
        else:
            assert passage == row["answers"]["text"][0]
            assert row[ORIGINAL]["context"].text[low:high] == passage


def test_what_fresh_variants_would_do_to_answers_is_in_the_ledger(prepared: Any) -> None:
    _, ledger = prepared(FRESH)
    assert ledger.find("augment").details["refused_edits"]["augment.0 random-deletion"] > 0


def test_predictions_are_of_the_given_text_and_can_be_written(prepared: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForQuestionAnswering

    from sftcore.evaluation.predict import predict
    from sftcore.runs.predictions import read_predictions, write_predictions

    made, _ = prepared(CLEANERS)
    recipe, rows = made.recipe, made.splits.test
    model: Any = AutoModelForQuestionAnswering.from_pretrained(recipe.model.base)
    predicted = predict(model, recipe.task, made.state, made.test, rows, made.tokenizer)
    for row, said in zip(rows.values, predicted.predictions, strict=True):
        assert said.value in row[ORIGINAL]["context"].text
    write_predictions(
        tmp_path / "predictions.parquet",
        rows=rows,
        origins=load_rows(recipe, registry(), Ledger(), SILENT).origins,
        task=recipe.task,
        labels=(),
        encoded=made.test,
        predictions=predicted.predictions,
        references=predicted.references,
        scored=np.ones(len(rows), bool),
        precision="fp32",
    )
    table = read_predictions(tmp_path / "predictions.parquet")
    assert ORIGINAL not in table.column_names
    assert table["prediction"].to_pylist() == [said.value for said in predicted.predictions]


def test_rows_to_predict_keep_their_original(prepared: Any) -> None:
    made, _ = prepared(CLEANERS)
    context = "In The  Year 1900 ANNA   Smith Sold The Old House"
    (row,) = preprocess_rows([{"question": "Who Sold it", "context": context}], made.recipe)
    assert isinstance(row, dict)
    assert row["context"] == "in the year 1900 anna smith sold the old house"
    assert original_passage(row, "context", 17, 27) == ("ANNA   Smith", 18, 30)
    assert original_passage(row, "question", 0, 3) == ("who", 0, 3)
