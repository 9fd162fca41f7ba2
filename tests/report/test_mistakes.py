from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sftcore.report import Evidence, mistakes
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def body(evidence: Evidence, words: Words = WORDS) -> str:
    section = mistakes.section(evidence, words)
    assert section
    return str(section.body)


def rewritten(path: Path, predicts: str, rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> Evidence:
    """The run with other predictions and mistakes."""
    table = pa.Table.from_pylist(
        [{"scored": True, "file": "data.json", "file_row": row["row"] + 1, **row} for row in rows]
    )
    facts = {"texts": True, "predicts": predicts, "labels": []}
    pq.write_table(
        table.replace_schema_metadata({b"sftcore": json.dumps(facts).encode()}), path / "predictions.parquet"
    )
    evidence = Evidence.read(path)
    return replace(evidence, metrics={"test": {**evidence.test, "mistakes": found}})


def test_mistakes_have_text_label_prediction_and_score_in_their_order(made: Made) -> None:
    evidence = Evidence.read(made())
    page = body(evidence)
    found = evidence.test["mistakes"]
    assert found
    places = [page.index(f"row {one['row_id']} ") for one in found]
    assert places == sorted(places)
    for one in found:
        assert f"<strong>{one['label']}</strong>" in page
        assert f"confidence {one['score']:.3f}" in page


def test_what_preprocessing_changed_is_marked(made: Made) -> None:
    page = body(Evidence.read(made()))
    number = re.search(r"<del>ROW</del><ins>row</ins> \d+ <del>", page)
    assert number
    assert "what the model read" in page


@pytest.mark.parametrize("kind", ["labels", "label_sets", "scores", "texts"])
def test_without_texts_there_are_ids_and_scores_alone(made: Made, kind: str) -> None:
    evidence = Evidence.read(made(kind=kind, texts=False, text="SECRET", right=0.5))
    page = body(evidence)
    assert "SECRET" not in page
    assert "<ol" not in page
    assert page.count('<th scope="row"') == len(evidence.test["mistakes"])
    assert (">the model said<" in page) == (kind != "texts")


def test_at_most_fifty_are_shown_and_most_of_them_folded(made: Made) -> None:
    evidence = Evidence.read(made())
    many = list(evidence.test["mistakes"]) * 30
    page = body(replace(evidence, metrics={"test": {**evidence.test, "mistakes": many}}))
    assert page.count('<li class="case">') == 50
    assert "40 more mistakes" in page


def test_long_answers_are_texts_of_their_own_and_not_in_the_line_above(made: Made) -> None:
    long = "word " * 500
    rows = [{"row": 1, "text": "a question", "reference": ["short"], "prediction": long}]
    page = body(rewritten(made(), "texts", rows, [{"row_id": 1, "score": 0.9}]))
    assert f"<strong>{long}" not in page
    assert '<p class="role">the model said</p>' in page
    assert long in page  # folded
    assert "short" in page


def test_markup_in_texts_stays_text(made: Made) -> None:
    page = body(Evidence.read(made(text="<script>alert(1)</script>&amp;")))
    assert "<script" not in page


def test_the_passage_stands_in_the_text_as_it_was_given(made: Made) -> None:
    context = "The Mill was built in 1900. It was sold in 1900."
    start = context.rindex("1900")
    row = {
        "row": 4,
        "question": "when was it sold?",
        "given_question": "When was it sold?",
        "context": context.lower(),
        "given_context": context,
        "reference": ["The Mill"],
        "prediction": "1900",
        "extra": json.dumps({"start": start, "end": start + 4}),
    }
    page = body(rewritten(made(), "texts", [row], [{"row_id": 4, "score": 0.75}]))
    assert '<mark class="mark-right">The Mill</mark> was built in 1900.' in page
    assert 'It was sold in <mark class="mark-said">1900</mark>.' in page
    assert "<del>When</del><ins>when</ins>" in page
    assert "letter by letter" in page


def test_no_answer_is_said_to_be_none(made: Made) -> None:
    row = {"row": 4, "question": "Who?", "context": "Nobody was there.", "reference": ["Ann", "Anna"], "prediction": ""}
    page = body(rewritten(made(), "texts", [row], [{"row_id": 4, "score": None}]))
    assert "<strong>Ann or Anna</strong>" in page
    assert "<strong>(no answer)</strong>" in page


def test_spans_are_marked_as_they_should_be_and_as_they_were_said(made: Made) -> None:
    entity = {"start": 0, "end": 3, "label": "PER", "text": "Ada"}
    elsewhere = {"start": 4, "end": 7, "label": "PER", "text": "not"}
    row = {
        "row": 4,
        "text": "Ada met Bo",
        "reference": [entity],
        "prediction": [elsewhere | {"text": "met"}, elsewhere],
    }
    page = body(rewritten(made(), "spans", [row], [{"row_id": 4, "score": 0.5}]))
    assert '<mark class="mark-right">Ada <small>PER</small></mark> met Bo' in page
    assert page.count('<mark class="mark-said">met <small>PER</small></mark>') == 1


def test_a_chat_shows_what_was_asked(made: Made) -> None:
    asked = json.dumps([{"role": "user", "content": "Which colour?"}])
    row = {"row": 4, "model_input": asked, "reference": ["Green."], "prediction": "Red."}
    page = body(rewritten(made(), "texts", [row], [{"row_id": 4, "score": 0.5}]))
    assert '<p class="role">user</p>' in page
    assert "Which colour?" in page


def test_a_run_without_mistakes_has_no_section(made: Made) -> None:
    assert mistakes.section(Evidence.read(made(right=1.0)), WORDS) is None
