from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from sftcore import (
    DataError,
    Drop,
    Problem,
    Recipe,
    Role,
    Row,
    RunError,
    TaskState,
    TextClassification,
    evaluate,
    load_model,
    serving,
)
from sftcore.data.incoming import read_row, read_rows
from sftcore.data.rows import Rows
from sftcore.reporter import SilentReporter
from sftcore.runs import train_rows
from sftcore.runs.folder import SUMS, Run
from sftcore.runs.predictions import read_predictions
from sftcore.runs.train_rows import write_train_rows
from sftcore.serving import Model
from tests.data.questions import Lookup, articles, recipe_of

MakeRun = Callable[..., Run]


def test_a_loaded_model_repeats_the_recorded_predictions(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path)
    table = read_predictions(run.path / "predictions.parquet").to_pylist()
    model = load_model("tiny", runs=tmp_path)
    assert model.labels == ("negative", "neutral", "positive")
    found = model.predict([row["text"] for row in table])
    assert [prediction.value for prediction in found] == [row["prediction"] for row in table]
    for prediction, row in zip(found, table, strict=True):
        assert prediction.logits == pytest.approx(row["logits"], abs=1e-5)


def test_rows_out_are_rows_in(tmp_path: Path, make_run: MakeRun) -> None:
    model = load_model(make_run(tmp_path, '[[preprocess]]\nuse = "whitespace"\n'))
    found = model.predict(["good book", "  ", "bad \ud800 phone", {"review": None}, {"text": "best"}])
    assert [prediction.value is None for prediction in found] == [False, True, False, True, False]
    assert found[1].reason
    assert found[3].reason == "text is missing"
    assert found[0].logits == pytest.approx(model.predict(["good book"])[0].logits, abs=1e-6)
    assert model.predict([]) == []
    assert model.predict([""])[0].value is None


def test_one_row_is_no_list_of_rows(tmp_path: Path, make_run: MakeRun) -> None:
    model = load_model(make_run(tmp_path))
    for row, kind in (("good book", "text"), ({"text": "good book"}, "dict")):
        with pytest.raises(DataError, match=rf"not one {kind}\n  give a list: \[{kind}\]"):
            model.predict(row)
    assert repr(model) == "<sftcore Model 'tiny': text-classification, 3 labels>"


def test_preprocessing_is_part_of_the_model(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path, '[[preprocess]]\nuse = "strip-html"\n')
    model = load_model(run.model_path)
    first, second = model.predict(["<p>good book</p>", "good book"])
    assert first.logits == pytest.approx(second.logits, abs=1e-6)


def test_the_texts_of_a_row_are_found_by_column_or_by_role(recipe: Recipe) -> None:
    assert read_row(recipe, {"review": "a", "text": "another column"}, 1) == {"text": "a"}
    assert read_row(recipe, {"text": "a", "label": "unread"}, 1) == {"text": "a"}
    assert read_row(recipe, "a", 1) == {"text": "a"}
    assert read_row(recipe, {"text": float("nan")}, 1) == Drop("text is missing")
    assert read_row(recipe, {"review": "a", "text_pair": "b"}, 1) == {"text": "a", "text_pair": "b"}


def test_columns_that_are_given_come_before_the_recipes(recipe: Recipe) -> None:
    row = {"review": "a", "text": "b", "body": "c", "question": "d"}
    assert read_row(recipe, row, 1, {"text": "body"}) == {"text": "c"}
    assert read_row(recipe, row, 1, {"text_pair": "question"}) == {"text": "a", "text_pair": "d"}
    del row["review"]
    assert read_row(recipe, row, 1, {"text_pair": "question"}) == {"text": "b", "text_pair": "d"}
    with pytest.raises(DataError, match=r"text \(column body\) is missing"):
        read_row(recipe, {"review": "a"}, 1, {"text": "body"})


def test_other_columns_are_predicted_and_scored(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path)
    rows = [("good phone", "positive"), ("bad phone", "negative"), ("a box", "neutral")] * 4
    lines = [f"{text} {number},{label},x" for number, (text, label) in enumerate(rows)]
    (tmp_path / "other.csv").write_text("\n".join(["body,mood,review", *lines]), encoding="utf-8")
    columns = {"text": "body", "label": "mood"}
    found = evaluate(run, str(tmp_path / "other.csv"), columns=columns)
    assert found["scores"]["rows"] == 12
    model = load_model(run)
    (one,) = model.reading(columns).predict([{"body": "good phone 0", "mood": "positive", "review": "x"}])
    assert one.logits == pytest.approx(model.predict(["good phone 0"])[0].logits, abs=1e-6)
    with pytest.raises(DataError, match="no role 'txt'; did you mean text"):
        model.reading({"txt": "body"})
    with pytest.raises(DataError, match="no column 'label' for the role label"):
        evaluate(run, str(tmp_path / "other.csv"))


def test_rows_of_other_data_that_can_t_be_scored_are_written_down_as_a_run_does(
    tmp_path: Path, make_run: MakeRun
) -> None:
    lines = ["review,label", *(f"good {number},positive" for number in range(9)), "none,", ",negative", "no,", ","]
    (tmp_path / "other.csv").write_text("\n".join(lines), encoding="utf-8")
    (check,) = (
        entry
        for entry in evaluate(make_run(tmp_path), str(tmp_path / "other.csv"))["ledger"]["stages"]
        if entry["stage"] == "check"
    )
    assert list(check["dropped"].items()) == [("label is missing", 2), ("text is missing", 2)]
    assert check["examples"] == {"label is missing": [9, 11], "text is missing": [10, 12]}


def test_the_data_of_the_training_is_warned_of(tmp_path: Path, make_run: MakeRun) -> None:
    run, path, heard = make_run(tmp_path), tmp_path / "reviews.csv", Warnings()
    path.write_text("review,label\ngood phone,positive\nbad phone,negative\n", encoding="utf-8")
    evaluate(run, str(path), reporter=heard)
    assert not heard.warnings
    run.lock["fingerprint"]["data"] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    evaluate(run, str(path), reporter=heard)
    assert [text for text in heard.warnings if "the data that the run was trained on" in text]


def test_single_rows_of_the_training_are_counted(tmp_path: Path, make_run: MakeRun) -> None:
    run, path, heard = make_run(tmp_path), tmp_path / "reviews.csv", Warnings()
    path.write_text("review,label\nGood  phone!,positive\nbad phone,negative\n", encoding="utf-8")
    assert evaluate(run, str(path), reporter=heard)["data"]["training_rows"] is None
    assert any("is not known" in text for text in heard.notes) and not heard.warnings
    trained = Rows.of([{"text": "good phone", "label": "positive"}, {"text": "a box", "label": "neutral"}])
    write_train_rows(run.path / train_rows.FILE, trained, run.recipe().task.roles)
    assert evaluate(run, str(path), reporter=heard)["data"]["training_rows"] == 1
    assert [text for text in heard.warnings if text.startswith("1 of 2 rows was among the training rows")]


def test_labels_that_a_model_does_not_know_are_mended_in_the_data(tmp_path: Path, make_run: MakeRun) -> None:
    run, path = make_run(tmp_path), tmp_path / "other.csv"
    path.write_text("review,label\ngood phone,positive\nbad phone,negatve\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        evaluate(run, str(path))
    (problem,) = caught.value.problems
    assert (problem.where, problem.row, problem.key) == (str(path), 2, "")
    assert "the model knows negative, neutral, positive; mend the data" in problem.advice
    assert "--column label=NAME" in problem.advice


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"reviews": "a"}, r"row 7  text\n  text \(in the recipe's data: review\) is missing; did you mean reviews\?"),
        ({"text": 3}, r"row 7  text\n  found: 3\n  a text was expected, not int"),
        (3, r"row 7\n  a text or a dict was expected, not int"),
    ],
)
def test_rows_that_lack_a_text_are_named(recipe: Recipe, row: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_row(recipe, row, 7)


def test_a_role_that_some_rows_have_all_rows_need(tmp_path: Path, make_run: MakeRun) -> None:
    model = load_model(make_run(tmp_path))
    found = model.predict([{"text": "a phone", "text_pair": "a box"}, "a phone"])
    assert [prediction.reason for prediction in found] == ["", "text_pair is missing"]


def test_an_unfinished_or_damaged_run_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path)
    (run.path / SUMS).rename(run.path / "aside")
    with pytest.raises(RunError, match="not finished"):
        load_model(run)
    (run.path / "aside").rename(run.path / SUMS)
    (run.model_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="model\n  can't be loaded"):
        load_model(run)
    (run.model_path / "task_state.json").write_text('{"state": {"labels": 3}}')
    with pytest.raises(RunError, match=r"task_state\.json"):
        load_model(run)
    (run.model_path / "task_state.json").unlink()
    with pytest.raises(RunError, match="is missing"):
        load_model(run)


class Chatty(TextClassification, name="chatty"):
    """Answers a prompt or a conversation, perhaps under instructions; reads Alpaca's columns."""

    @property
    def roles(self) -> Mapping[str, Role]:
        return {
            "messages": Role("any", required=False),
            "prompt": Role(required=False),
            "system": Role(required=False),
            "completion": Role(target=True),
        }

    def check_row(self, row: Row) -> str:
        return "" if row.get("completion") else "completion is missing"

    def reshape(self, table: Any, columns: Mapping[str, str]) -> tuple[Any, str]:
        if "instruction" not in table.column_names:
            return table, ""
        return table.add_column("prompt", [f"{row['instruction']}!" for row in table]), "read as Alpaca"


def chat_recipe(columns: Mapping[str, str] = MappingProxyType({})) -> Recipe:
    data = {"source": "a.csv", "columns": dict(columns)}
    made = Recipe.from_dict(
        {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    )
    return made.model_copy(update={"task": Chatty(), "data": made.data.model_copy(update=data)})


def test_a_text_alone_goes_to_the_first_text_and_must_be_enough(recipe: Recipe) -> None:
    assert read_row(chat_recipe(), "hello", 1) == {"prompt": "hello"}
    asked = recipe.model_copy(update={"task": Lookup()})
    with pytest.raises(DataError) as caught:
        read_row(asked, "who sold it", 3)
    (problem,) = caught.value.problems
    assert (problem.message, problem.row) == ("context is missing: the row is a text alone", 3)
    assert problem.advice == 'give a dict, or a file with these columns: {"question": …, "context": …}'


def test_roles_of_any_kind_are_handed_on_as_they_are() -> None:
    turns = [{"role": "user", "content": "hi", "extra": {"deep": [1]}}]
    assert read_row(chat_recipe(), {"messages": turns, "id": 7}, 1) == {"messages": turns}


def test_a_role_that_can_be_missing_goes_by_its_own_name_too() -> None:
    asked = chat_recipe({"prompt": "question", "system": "rules"})
    assert read_row(asked, {"question": "a", "prompt": "b"}, 1) == {"prompt": "a"}
    assert read_row(asked, {"prompt": "b", "rules": "be brief"}, 1) == {"prompt": "b", "system": "be brief"}
    assert read_row(asked, {"prompt": None}, 1) == Drop("prompt is missing")
    with pytest.raises(DataError, match=r"row 2\n  none of messages, prompt, system is there; did you mean mesages\?"):
        read_row(asked, {"mesages": "b"}, 2)


def test_rows_may_differ_in_what_the_task_can_do_without() -> None:
    turns = [{"role": "user", "content": "hi"}]
    found = read_rows(chat_recipe(), ["a", {"prompt": "b", "system": "c"}, {"messages": turns}, {"prompt": None}])
    assert found == [
        {"prompt": "a", "messages": None, "system": None},
        {"prompt": "b", "messages": None, "system": "c"},
        {"prompt": None, "messages": turns, "system": None},
        Drop("prompt is missing"),
    ]


def test_dicts_of_a_shape_that_the_task_knows_are_reshaped() -> None:
    heard = Warnings()
    rows = [{"instruction": "add", "output": "2"}, {"instruction": "sing", "more": [{"a": 1}, {"b": 2}]}]
    assert read_rows(chat_recipe(), rows, reporter=heard) == [{"prompt": "add!"}, {"prompt": "sing!"}]
    assert heard.notes == ["the rows: read as Alpaca"]
    with pytest.raises(DataError, match="none of messages, prompt, system is there"):
        read_rows(chat_recipe(), [{"instruct": "add"}])


def test_rows_of_several_shapes_are_read_each_by_its_own() -> None:
    turns, heard = [{"role": "user", "content": "hi"}], Warnings()
    rows = [{"instruction": "add"}, {"messages": turns}, "a", {"instruction": "sing", "output": "la"}]
    found = read_rows(chat_recipe(), rows, reporter=heard)
    assert [(row["prompt"], row["messages"]) for row in found if not isinstance(row, Drop)] == [
        *(("add!", None), (None, turns), ("a", None), ("sing!", None)),
    ]
    assert heard.notes == ["the rows: read as Alpaca"]


def test_a_row_that_the_task_refuses_to_encode_is_named(reader: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = type(reader.task).encode

    def refuses(task: Any, rows: Any, *others: Any) -> Any:
        if any("turns" in row["question"] for row in rows):
            raise DataError(Problem("no template writes turns", key="task.chat_template"))
        return encode(task, rows, *others)

    monkeypatch.setattr(type(reader.task), "encode", refuses)
    rows = [{"question": question, "context": "Anna sold it"} for question in (None, "Who?", "turns?", "turns!")]
    with pytest.raises(DataError) as caught:
        reader.predict(rows)
    assert [(problem.row, problem.message) for problem in caught.value.problems] == [(3, "no template writes turns")]


def test_a_row_that_the_task_cant_read_comes_back_with_the_reason(
    reader: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flaw(task: object, row: dict[str, str]) -> str:
        return "question asks nothing" if "?" not in row["question"] else ""

    monkeypatch.setattr(type(reader.task), "check_input", flaw)
    rows = [{"question": question, "context": "Anna sold the old house"} for question in ("Who?", "Hm", "What?")]
    assert [prediction.reason for prediction in reader.predict(rows)] == ["", "question asks nothing", ""]


@pytest.fixture
def reader(tmp_path: Path, tiny_bert: str) -> Model:
    """An untrained model that finds answers in texts."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    more = '[[preprocess]]\nuse = "lowercase"\n'
    recipe = recipe_of(tmp_path, tiny_bert, 'source = "absent.json"', more)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert, model_max_length=24)
    return Model(recipe, TaskState(), tokenizer, AutoModelForQuestionAnswering.from_pretrained(tiny_bert))


def test_answers_are_of_the_given_text(reader: Model) -> None:
    contexts = ["Anna SOLD the Old House", "Boris BOUGHT it"]
    rows = [{"question": "Who?", "context": context} for context in contexts] * 2
    found = reader.predict([*rows, {"question": None, "context": "x"}])
    for prediction, row in zip(found, rows, strict=False):
        assert prediction.value
        assert prediction.value in row["context"]
    assert found[-1].reason == "question is missing"
    with pytest.raises(DataError, match="context is missing: the row is a text alone"):
        reader.predict(["Who?"])


def test_other_data_of_a_shape_that_the_task_knows_are_scored(
    reader: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, heard = tmp_path / "squad.json", Warnings()
    path.write_text(json.dumps(articles(4)), encoding="utf-8")
    monkeypatch.setattr(serving, "find_run", lambda run: SimpleNamespace(lock={}, path=tmp_path))
    monkeypatch.setattr(serving, "load_model", lambda run: reader)
    found = evaluate("any", str(path), reporter=heard)
    assert (found["data"]["rows"], found["scores"]["rows"]) == (8, 8)
    assert "squad.json: 4 articles with 8 questions" in heard.notes
    assert 0 <= found["scores"]["metrics"]["same"]["value"] < 1
    path.write_text(json.dumps(articles(4, answered=False)), encoding="utf-8")
    with pytest.raises(DataError, match="no column 'answers' for the role answers"):
        evaluate("any", str(path))


@pytest.fixture
def recipe() -> Recipe:
    data = {"source": "a.csv", "columns": {"text": "review"}}
    return Recipe.from_dict({"model": {"base": "x"}, "data": data, "task": {"use": "text-classification"}})
