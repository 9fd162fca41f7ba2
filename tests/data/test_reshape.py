"""Tables that a task makes its own of, on every way into sftcore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sftcore import DataError, PluginError, Recipe, RecipeError
from sftcore.data.fetch import Part
from sftcore.data.incoming import read_rows
from sftcore.data.ledger import Ledger
from sftcore.data.load import load_rows, read_table, rows_from_table
from sftcore.data.reshape import doubts, reshaped, shapes
from sftcore.data.rows import Rows
from sftcore.reporter import SilentReporter
from tests.data.questions import Lookup, articles, recipe_of, registry


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def warning(self, text: str) -> None:
        self.warned.append(text)


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def recipe(folder: Path, data: str) -> Recipe:
    return recipe_of(folder, "some/base", data)


def test_nested_questions_become_rows(tmp_path: Path) -> None:
    written(tmp_path / "squad.json", articles(3))
    ledger, notes = Ledger(), Notes()
    loaded = load_rows(recipe(tmp_path, 'source = "squad.json"\ngroup = "title"'), registry(), ledger, notes)
    assert isinstance(loaded.rows, Rows)
    assert loaded.rows.ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert loaded.rows.groups == ["house 0", "house 0", "house 1", "house 1", "house 2", "house 2"]
    row = loaded.rows.values[3]
    assert row["question"] == "what price had house 1"
    start = row["answers"]["answer_start"][0]
    assert row["context"][start : start + 4] == row["answers"]["text"][0] == "1037"
    assert loaded.origins.describe(5) == "squad.json row 6"
    sentence = "squad.json: 3 articles with 6 questions"
    assert notes.said[-1] == loaded.notes[-1] == sentence
    entry = ledger.find("load")
    assert entry is not None
    assert (entry.rows_in, entry.details["notes"][-1]) == (6, sentence)


def test_further_lines_of_a_task_are_warnings(tmp_path: Path) -> None:
    lines = [{"tokens": ["John", "left"], "tags": ["PER", "O"]}]
    (tmp_path / "people.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    text = '[model]\nbase = "some/base"\n[data]\nsource = "people.jsonl"\n[task]\nuse = "token-classification"\n'
    ledger, notes = Ledger(), Notes()
    load_rows(Recipe.from_toml(text, tmp_path), registry(), ledger, notes)
    (warning,) = notes.warned
    assert warning.startswith("people.jsonl: the tags of tags have no B- and I-")
    assert notes.said[-1].startswith("people.jsonl: tokens joined")
    entry = ledger.find("load")
    assert entry is not None
    assert entry.details["notes"][-2:] == [notes.said[-1], warning]


def test_texts_that_are_equal_are_one_object(tmp_path: Path) -> None:
    written(tmp_path / "squad.json", articles(2))
    rows = load_rows(recipe(tmp_path, 'source = "squad.json"'), registry(), Ledger(), Notes()).rows
    assert isinstance(rows, Rows)
    contexts = rows.column("context")
    assert contexts[0] is contexts[1]
    assert contexts[1] is not contexts[2]


def test_splits_of_their_own_are_reshaped_each(tmp_path: Path) -> None:
    written(tmp_path / "d/train.json", articles(4))
    written(tmp_path / "d/test.json", articles(2, questions=1))
    loaded = load_rows(recipe(tmp_path, 'source = "d"'), registry(), Ledger(), notes := Notes())
    assert {name: len(rows) for name, rows in loaded.rows.items()} == {"train": 8, "test": 2}  # type: ignore[union-attr]
    assert loaded.origins.starts == (0, 8)
    assert notes.said[-2:] == ["train.json: 4 articles with 8 questions", "test.json: 2 articles with 2 questions"]


def test_conditions_are_of_the_reshaped_table(tmp_path: Path) -> None:
    written(tmp_path / "squad.json", articles(3))
    data = 'source = "squad.json"\nwhere = { title = { equals = "house 2" } }'
    rows = load_rows(recipe(tmp_path, data), registry(), Ledger(), Notes()).rows
    assert isinstance(rows, Rows)
    assert rows.ids.tolist() == [4, 5]


def test_a_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    written(tmp_path / "squad.json", articles(3))
    with pytest.raises(RecipeError) as caught:
        load_rows(
            recipe(tmp_path, 'source = "squad.json"\ncolumns = { question = "ask" }'), registry(), Ledger(), Notes()
        )
    (problem,) = caught.value.problems
    assert "there is no column 'ask'" in problem.message
    assert "question, context, answers, title" in problem.message
    assert problem.advice == "the task made these columns: 3 articles with 6 questions"


def test_a_table_that_needs_nothing_is_as_it_was(tmp_path: Path) -> None:
    answers = {"text": ["b"], "answer_start": [2]}
    written(tmp_path / "flat.json", [{"question": "q", "context": "a b", "answers": answers}])
    loaded = load_rows(recipe(tmp_path, 'source = "flat.json"'), registry(), Ledger(), notes := Notes())
    assert loaded.rows.values == [{"question": "q", "context": "a b", "answers": answers}]  # type: ignore[union-attr]
    assert notes.said == []


def test_other_data_are_reshaped_too_and_need_no_targets(tmp_path: Path) -> None:
    path = written(tmp_path / "asked.json", articles(2, answered=False))
    asked = recipe(tmp_path, 'source = "absent.json"')
    table = read_table(str(path), tmp_path, None, registry(), notes := Notes(), recipe=asked)
    assert notes.said[-1] == "asked.json: 2 articles with 4 questions"
    assert rows_from_table(table, asked).column("question")[0] == "who sold house 0"
    with pytest.raises(DataError, match="no column 'answers' for the role answers"):
        rows_from_table(table, asked, targets=True)
    assert len(read_table(str(path), tmp_path, None, registry(), Notes())) == 2


def test_rows_to_predict_are_reshaped_and_what_the_task_doubts_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Lookup.reshape

    def doubting(task: Lookup, table: Any, columns: Mapping[str, str]) -> Any:
        return known(task, table, columns)[0], "houses\nno answers"

    monkeypatch.setattr(Lookup, "reshape", doubting)
    one = {"title": "t", "paragraphs": [{"context": "a house", "qas": [{"question": "who?"}]}]}
    asked, notes = recipe(tmp_path, 'source = "absent.json"'), Notes()
    rows = read_rows(asked, [one, {**one, "source": "x"}], reporter=notes)
    assert rows == [{"question": "who?", "context": "a house"}] * 2
    assert (notes.said, notes.warned) == (["the rows: houses"], ["the rows: no answers"])


def test_rows_that_have_all_that_is_needed_are_reshaped_where_that_changes_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opening(task: Lookup, table: Any, columns: Mapping[str, str]) -> Any:
        opened = [f"{row.get('before') or ''}{row['question']}" for row in table]
        return table.remove_columns("question").add_column("question", opened), "opened\nunread"

    monkeypatch.setattr(Lookup, "reshape", opening)
    asked, notes = recipe(tmp_path, 'source = "absent.json"'), Notes()
    row = {"question": "who?", "context": "a house"}
    assert read_rows(asked, [row, {**row, "id": 7}], reporter=notes) == [row, row]
    assert (notes.said, notes.warned) == ([], [])
    assert read_rows(asked, [{**row, "before": "so "}, row], reporter=notes) == [{**row, "question": "so who?"}, row]
    assert (notes.said, notes.warned) == (["the rows: opened"], ["the rows: unread"])


def test_a_doubt_needs_nothing_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import Dataset

    monkeypatch.setattr(Lookup, "reshape", lambda task, table, columns: (table, "\nunread"))
    part = reshaped(Part("a.json", "", Dataset.from_dict({"question": ["who?"]})), Lookup(), {})
    assert (shapes([part]), doubts([part])) == ([], ["a.json: unread"])


def test_nested_files_whose_parts_differ_are_one_table(tmp_path: Path) -> None:
    written(tmp_path / "d/a.json", [{"text": "a", "turns": [{"role": "user"}]}])
    written(tmp_path / "d/b.json", [{"text": "b", "turns": [{"role": "tool", "id": 7}]}])
    table = read_table("d", tmp_path, None, registry(), Notes())
    assert table["turns"][:] == [[{"role": "user"}], [{"role": "tool", "id": 7}]]


class Wrong(Lookup, name="wrong"):
    """Fails to reshape, in some way."""

    how: str = ""

    def reshape(self, table: Any, columns: Mapping[str, str]) -> Any:
        if self.how == "raises":
            raise KeyError("paragraphs")
        return {"none": None, "table alone": table, "empty": (table.select([]), "nothing in it")}[self.how]


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("raises", PluginError, "the task wrong can't reshape it: KeyError: 'paragraphs'"),
        ("none", PluginError, "reshape of the task wrong gave NoneType; a table and a sentence were expected"),
        ("table alone", PluginError, "gave Dataset; a table and a sentence were expected"),
        ("empty", DataError, "the task wrong finds no example in its 1 rows"),
    ],
)
def test_a_task_that_fails_is_named_with_the_file(how: str, error: type[Exception], said: str) -> None:
    from datasets import Dataset

    part = Part("squad.json", "", Dataset.from_dict({"paragraphs": [[1]]}))
    with pytest.raises(error, match=r"squad\.json") as caught:
        reshaped(part, Wrong(how=how), {})
    assert said in str(caught.value)


def test_what_a_task_refuses_has_its_file(tmp_path: Path) -> None:
    written(tmp_path / "squad.json", [{"title": "t", "paragraphs": "none"}])
    with pytest.raises(DataError) as caught:
        load_rows(recipe(tmp_path, 'source = "squad.json"'), registry(), Ledger(), Notes())
    assert (caught.value.problems[0].where, caught.value.problems[0].message) == ("squad.json", "paragraphs is no list")


def test_a_sentence_about_many_files_is_said_once() -> None:
    parts = [Part(name, "", None, shape) for name, shape in (("a", "x"), ("b", "y"), ("c", "x"), ("d", ""))]  # type: ignore[arg-type]
    assert shapes(parts) == ["a and 1 more: x", "b: y"]


def test_the_columns_that_the_recipe_names_are_handed_on() -> None:
    from datasets import Dataset

    class Asks(Lookup, name="asks"):
        """Keeps what it is told."""

        def reshape(self, table: Any, columns: Mapping[str, str]) -> Any:
            return table, json.dumps(dict(columns))

    part = reshaped(Part("a", "", Dataset.from_dict({"q": ["x"]})), Asks(), {"question": "q"})
    assert json.loads(part.shape) == {"question": "q"}


def test_a_tokenizer_from_nothing_is_trained_on_the_tasks_corpus() -> None:
    from sftcore.preparing import _texts

    asked: Any = recipe_of(".", "some/base", 'source = "a.json"')
    rows = Rows.of([{"question": "who", "context": "Anna"}, {"question": "what", "context": "a house"}])
    assert list(_texts(asked, rows)) == ["who Anna", "what a house"]
