from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, List, Value

from sftcore import DataError
from sftcore.builtin.sources import Json, JsonLines
from sftcore_plugin_qa.shapes import questions_of

CONTEXT = "The Broncos won in 2016."


def question(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"q{number}",
        "question": f"Question {number}?",
        "answers": [{"text": "2016", "answer_start": 19}],
        **more,
    }


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Super_Bowl",
            "paragraphs": [
                {"context": CONTEXT, "qas": [question(1), question(2)]},
                {
                    "context": "Nothing here.",
                    "qas": [
                        question(
                            3,
                            answers=[],
                            is_impossible=True,
                            plausible_answers=[{"text": "here", "answer_start": 8}],
                        )
                    ],
                },
            ],
        },
        {"title": "Else", "paragraphs": [{"context": CONTEXT, "qas": [question(4, is_impossible=False)]}]},
    ],
}


def read(content: Any, folder: Path, name: str = "data.json") -> Dataset:
    path = folder / name
    if name.endswith("jsonl"):
        path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in content), encoding="utf-8")
        return JsonLines().load(str(path))
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return Json().load(str(path))


def rows(table: Dataset, columns: dict[str, str] | None = None) -> tuple[list[dict[str, Any]], str]:
    reshaped, sentence = questions_of(table, columns or {})
    return reshaped.to_list(), sentence


@pytest.mark.filterwarnings("ignore:read the rows")
def test_squad_as_the_json_source_reads_it(tmp_path: Path) -> None:
    found, sentence = rows(read(SQUAD, tmp_path))
    assert sentence == "SQuAD JSON: 2 articles, 3 contexts, 4 questions, 1 without an answer"
    assert [row["id"] for row in found] == ["q1", "q2", "q3", "q4"]
    assert [row["title"] for row in found] == ["Super_Bowl"] * 3 + ["Else"]
    assert found[0]["context"] == CONTEXT
    assert found[0]["answers"] == {"text": ["2016"], "answer_start": [19]}
    assert found[2]["answers"] == {"text": [], "answer_start": []}


def test_rows_may_be_files_articles_or_paragraphs(tmp_path: Path) -> None:
    whole, _ = rows(Dataset.from_list([SQUAD]))
    articles, _ = rows(read(SQUAD["data"], tmp_path, "articles.jsonl"))
    paragraphs, sentence = rows(read(SQUAD["data"][0]["paragraphs"], tmp_path, "paragraphs.jsonl"))
    assert [row["id"] for row in whole] == [row["id"] for row in articles] == ["q1", "q2", "q3", "q4"]
    assert [row["answers"] for row in whole] == [row["answers"] for row in articles]
    assert [row["id"] for row in paragraphs] == ["q1", "q2", "q3"]
    assert sentence == "SQuAD JSON: 2 contexts, 3 questions, 1 without an answer"


@pytest.mark.filterwarnings("ignore:the column paragraphs")
@pytest.mark.filterwarnings("ignore:read the rows")
def test_ids_of_several_kinds_are_read_as_text(tmp_path: Path) -> None:
    article = {"title": "t", "paragraphs": [{"context": CONTEXT, "qas": [question(1), {**question(2), "id": 2}]}]}
    found, _ = rows(read({"version": "1", "data": [article]}, tmp_path))
    assert [row["id"] for row in found] == ["q1", "2"]
    assert found[1]["answers"] == {"text": ["2016"], "answer_start": [19]}


def test_the_first_release_of_cmrc() -> None:
    table = Dataset.from_list(
        [
            {
                "context_id": "TRIAL_0",
                "context_text": "曹雪芹是清代小说家。",
                "qas": [{"query_id": "TRIAL_0_Q1", "query_text": "作者是谁？", "answers": ["曹雪芹", "清代小说家"]}],
            }
        ]
    )
    (row,), sentence = rows(table)
    assert row["question"] == "作者是谁？"
    assert row["id"] == "TRIAL_0_Q1"
    assert row["answers"] == {"text": ["曹雪芹", "清代小说家"], "answer_start": [0, 4]}
    assert sentence == "SQuAD JSON: 1 context, 1 question, 0 without an answer"


def test_questions_alone_are_told_to_have_no_answers() -> None:
    asked = {"context": "Rain fell.", "qas": [{"id": "1", "question": "What fell?"}]}
    found, sentence = rows(Dataset.from_list([{"title": "t", "paragraphs": [asked]}]))
    assert sentence == "SQuAD JSON: 1 article, 1 context, 1 question, and no answers"
    assert "answers" not in found[0]


def test_facts_of_article_paragraph_and_question_become_columns() -> None:
    entry = {
        "document": 7,
        "paragraphs": [{"context": CONTEXT, "page": 2, "qas": [question(1, type="when", hard=True)]}],
    }
    (row,), _ = rows(Dataset.from_list([entry]))
    assert (row["document"], row["page"], row["type"], row["hard"], row["question_type"]) == (
        7,
        2,
        "when",
        True,
        "when",
    )


def test_questions_without_answers_can_be_predicted() -> None:
    entry = {"paragraphs": [{"context": CONTEXT, "qas": [{"question": "Who?", "id": "1"}]}]}
    found, _ = rows(Dataset.from_list([entry]))
    assert found == [{"context": CONTEXT, "question": "Who?", "id": "1"}]


def test_what_is_no_squad_is_refused_with_the_key() -> None:
    with pytest.raises(DataError, match="list of tables under 'paragraphs'") as caught:
        questions_of(Dataset.from_list([{"paragraphs": "none"}]), {})
    assert caught.value.problems[0].key == "paragraphs"


def test_flat_squad_is_left_as_it_is() -> None:
    kind = Features(
        question=Value("string"),
        context=Value("string"),
        answers={"text": List(Value("string")), "answer_start": List(Value("int32"))},
    )
    row = {"question": "When?", "context": CONTEXT, "answers": {"text": ["2016"], "answer_start": [19]}}
    table = Dataset.from_list([row], features=kind)
    assert questions_of(table, {}) == (table, "")


def test_lists_of_tables_in_flat_rows() -> None:
    row = {"question": "When?", "context": CONTEXT, "answers": [{"text": "2016", "answer_start": 19}]}
    found, sentence = rows(Dataset.from_list([row, {**row, "answers": []}]))
    assert [one["answers"]["text"] for one in found] == [["2016"], []]
    assert sentence == "answers read from answers: 2 rows, 1 without an answer"


def test_a_table_with_the_answer_as_text() -> None:
    columns = {"question": ["When?", "Who?", "Why?"], "context": [CONTEXT] * 3}
    texts = {"answer": ["2016", "The Broncos", None], "answer_start": ["19", None, None]}
    found, sentence = rows(Dataset.from_dict({**columns, **texts, "is_impossible": ["false", "false", "true"]}))
    assert [row["answers"]["answer_start"] for row in found] == [[19], [0], []]
    assert found[0]["answer"] == "2016"
    assert sentence == "answers read from answer and answer_start: 3 rows, 1 without an answer"
    found, sentence = rows(Dataset.from_dict({**columns, "answer_text": texts["answer"]}))
    assert [row["answers"] for row in found][1:] == [{"text": ["The Broncos"], "answer_start": [0]}, None]
    assert sentence == "answers read from answer_text: 2 rows, 0 without an answer"


def test_columns_that_the_recipe_names() -> None:
    table = Dataset.from_dict(
        {"问题": ["何时？"], "段落": ["曹雪芹约生于1715年。"], "答案": ["1715年"], "类别": ["时间"]}
    )
    named = {"question": "问题", "context": "段落", "answers": "答案", "question_type": "类别"}
    (row,), _ = rows(table, named)
    assert row["答案"] == {"text": ["1715年"], "answer_start": [6]}
    assert set(row) == set(table.column_names)


def test_nested_names_that_the_recipe_names() -> None:
    entry = {"paragraphs": [{"text": CONTEXT, "qas": [{"q": "When?", "gold": ["2016"]}]}]}
    (row,), _ = rows(Dataset.from_list([entry]), {"question": "q", "context": "text", "answers": "gold"})
    assert row == {"text": CONTEXT, "q": "When?", "gold": {"text": ["2016"], "answer_start": [19]}}


def test_types_of_questions_are_texts_only() -> None:
    columns: dict[str, Any] = {"question": ["When?"], "context": [CONTEXT], "type": [3], "category": ["time"]}
    (row,), _ = rows(Dataset.from_dict(columns))
    assert row["question_type"] == "time"


def test_a_flat_table_with_a_column_called_data() -> None:
    table = Dataset.from_dict({"question": ["When?"], "context": [CONTEXT], "data": ["x"]})
    assert questions_of(table, {}) == (table, "")
