from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sftcore import Recipe
from sftcore.builtin.preprocessors import Length, Lowercase, Punctuation, StopWords, Whitespace
from sftcore.components import Drop, Edit, Row, RowPreprocessor, TextPreprocessor
from sftcore.data.ledger import Ledger
from sftcore.data.preprocess import (
    ORIGINAL,
    Processed,
    original_passage,
    preprocess,
    preprocess_row,
    preprocess_rows,
)
from sftcore.data.rows import Rows
from sftcore.errors import DataError, PluginError, Problem
from sftcore.task import Role

TEXT = {"text": Role(), "label": Role(kind="label", target=True)}
PAIR = {"text": Role(), "pair": Role(required=False), "label": Role(kind="label", target=True)}
SPANS = {
    "question": Role(),
    "context": Role(),
    "answers": Role(kind="any", target=True, protects="context", required=False),
}


def recipe(*steps: Any, roles: Mapping[str, Role] = TEXT) -> Recipe:
    """As much of a recipe as preprocessing asks for."""

    def problem(key: str, message: str, advice: str = "") -> Problem:
        return Problem(message, key=key, advice=advice)

    return cast("Recipe", SimpleNamespace(preprocess=steps, task=SimpleNamespace(roles=roles), problem=problem))


def run(texts: Sequence[str], *steps: Any) -> tuple[list[str], dict[str, Any]]:
    ledger = Ledger()
    rows = preprocess(Rows.of([{"text": text, "label": "A"} for text in texts]), recipe(*steps), ledger)
    return rows.column("text"), ledger.as_json()["stages"][0]


class Raises(TextPreprocessor, name="raises"):
    """Raises for one text."""

    def edits(self, text: str) -> Iterable[Edit]:
        """Raise."""
        yield Edit(0, 1, "x")
        if text == "bad":
            raise KeyError("thing")


class Unordered(TextPreprocessor, name="unordered"):
    """Breaks the contract."""

    def edits(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Overlap."""
        return [(0, 2, ""), (1, 2, "")]


class Returns(RowPreprocessor, name="returns"):
    """Returns what it is told."""

    what: Any = None

    def process(self, row: Row) -> Any:
        """The thing, or the row with it."""
        return {**row, **self.what} if isinstance(self.what, dict) else self.what


class Cut(RowPreprocessor, name="cut"):
    """Takes the first words of the context away."""

    characters: int = 4
    move: bool = False

    def process(self, row: Row) -> Row:
        """The shortened row; with `move` it moves the answers itself."""
        new = {**row, "context": row["context"][self.characters :]}
        if self.move and "answers" in row:
            new["answers"] = [[start - self.characters, end - self.characters] for start, end in row["answers"]]
        return new


class Labelled(RowPreprocessor, name="labelled"):
    """Looks at the label, in one of several ways."""

    way: str = "drops"

    def process(self, row: Row) -> Row | Drop:
        """What the way says."""
        if self.way == "needs":
            return Drop("in the text") if row["label"] in row["text"] else row
        if self.way == "quotes" and "label" not in row:
            raise ValueError(row["text"])
        if self.way == "wants":
            return row if row.get("label") else Drop("no label")
        if self.way == "writes":
            return {**row, "text": row["text"].replace(row.get("label") or "B", "_")}
        if self.way == "relabels":
            return {**row, "label": "B"} if row.get("label") else row
        return Drop("in the text") if row.get("label", "?") in row["text"] else row


def test_in_order_and_counted() -> None:
    texts, entry = run(["The  CAT", "a dog", "ok"], Lowercase(), StopWords(), Whitespace())
    assert texts == ["cat", "dog"]
    assert entry["rows_in"] == 3
    assert entry["rows_out"] == 2
    assert entry["dropped"] == {"nothing left of the text": 1}
    assert entry["examples"] == {"nothing left of the text": [2]}
    assert entry["details"]["changed"] == {"preprocess.0 lowercase": 1, "preprocess.1 stop-words": 3}


def test_order_matters() -> None:
    strict = Length(min_words=2)
    assert run(["cats!", "cats dogs!"], strict, StopWords(words=("dogs",)), Punctuation())[0] == ["cats  "]
    with pytest.raises(DataError):
        run(["cats!", "cats dogs!"], StopWords(words=("dogs",)), strict, Punctuation())


def test_dropped_rows_keep_ids_and_groups_of_the_others() -> None:
    rows = Rows.of([{"text": "a"}, {"text": "a b"}, {"text": "a b c"}], ids=[5, 7, 9], groups=["x", "y", "z"])
    kept = preprocess(rows, recipe(Length(min_words=2, max_words=2)), ledger := Ledger())
    assert kept.ids.tolist() == [7]
    assert kept.groups == ["y"]
    assert ledger.as_json()["stages"][0]["dropped"] == {
        "text has fewer than 2 words": 1,
        "text has more than 2 words": 1,
    }


def test_rows_of_several_splits_are_counted_by_split() -> None:
    from sftcore.preparing import preprocessed

    parts = {"train": Rows.of([{"text": "a"}, {"text": "b c"}]), "test": Rows.of([{"text": "a b"}])}
    preprocessed(parts, recipe(Length(min_words=2)), ledger := Ledger())
    assert [(entry.stage, entry.rows_in, entry.rows_out) for entry in ledger] == [
        ("preprocess train", 2, 1),
        ("preprocess test", 1, 1),
    ]
    with pytest.raises(DataError) as error:
        preprocessed(parts, recipe(Length(min_words=9)), Ledger())
    assert error.value.problems[0].key == "preprocess"
    assert "preprocess train leaves none of 2 rows" in error.value.problems[0].message


def test_nothing_to_do_keeps_the_objects() -> None:
    row = {"text": "cat", "label": "A"}
    rows = Rows.of([row])
    result = preprocess(rows, recipe(Lowercase(), Whitespace()), Ledger())
    assert result.values[0] is rows.values[0]


def test_the_given_rows_stay_as_they_are() -> None:
    rows = Rows.of([{"text": "CAT", "label": "A"}])
    preprocess(rows, recipe(Lowercase()), Ledger())
    assert rows.values == [{"text": "CAT", "label": "A"}]


def test_only_input_texts_unless_told_otherwise() -> None:
    row = {"text": "A", "pair": "B", "label": "C"}
    assert preprocess_row(row, recipe(Lowercase(), roles=PAIR)) == Processed({"text": "a", "pair": "b", "label": "C"})
    assert cast("Processed", preprocess_row(row, recipe(Lowercase(on=("pair",)), roles=PAIR))).row["text"] == "A"


def test_an_optional_text_may_be_missing_or_become_empty() -> None:
    for pair in (None, "the"):
        result = preprocess_row({"text": "cat", "pair": pair}, recipe(StopWords(), roles=PAIR))
        assert isinstance(result, Processed)


def test_rows_to_predict_come_out_one_for_one() -> None:
    results = preprocess_rows([{"text": "The"}, {"text": "The Cat"}], recipe(StopWords()))
    assert results == [Drop("nothing left of the text"), {"text": "Cat"}]
    assert preprocess_row({"text": "x"}, recipe(Length(min_characters=2))) == Drop("text has fewer than 2 characters")


def test_prediction_and_training_agree() -> None:
    texts = ["The  Cat", "don't!", "  好的 ", "a b c d e"]
    steps = (Lowercase(), Punctuation(), Whitespace(), Length(max_words=4))
    trained, _ = run(texts, *steps)
    predicted = [preprocess_row({"text": text}, recipe(*steps)) for text in texts]
    assert trained == [result.row["text"] for result in predicted if isinstance(result, Processed)]


def test_no_row_left_is_an_error() -> None:
    with pytest.raises(DataError, match="preprocess leaves none of 1 rows"):
        run(["the"], StopWords())


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Raises(), ["raises raised KeyError: 'thing'", "row 2 of the data"]),
        (Unordered(), ["unordered: the edit (1, 2, '') starts before 2"]),
        (Returns(what=None), ["returns returned NoneType, not a row"]),
        (Returns(what={"text": 3}), ["returns returned int for the text 'text'"]),
        (Returns(what={"text": None}), ["without 'text'"]),
        (Returns(what={"tekst": "x"}), ["unknown role 'tekst'; did you mean text?"]),
        (Returns(what=Drop("")), ["without a reason"]),
    ],
)
def test_a_broken_component_is_named_with_row_and_place(step: Any, said: list[str]) -> None:
    rows, ledger = Rows.of([{"text": "good"}, {"text": "bad"}]), Ledger()
    with pytest.raises(PluginError) as caught:
        preprocess(rows, recipe(Lowercase(), step), ledger)
    assert all(part in str(caught.value) for part in [*said, "of the data"])
    assert caught.value.problems[0].key == "preprocess.1"
    assert len(ledger) == 0
    assert rows.column("text") == ["good", "bad"]


def test_a_row_preprocessor_cannot_change_the_row_in_place() -> None:
    class Mutates(RowPreprocessor, name="mutates"):
        """Writes into the row."""

        def process(self, row: Row) -> Row:
            """Write."""
            row["text"] = "x"  # type: ignore[index]  # that is the mistake
            return row

    with pytest.raises(PluginError, match="mutates raised TypeError"):
        preprocess_row({"text": "a"}, recipe(Mutates()))


def test_spans_move_with_their_text() -> None:
    context = "The Capital  of France is  PARIS, of course!"
    start = context.index("PARIS")
    row = {"question": "Which?", "context": context, "answers": {"text": ["PARIS"], "answer_start": [start]}}
    ledger = Ledger()
    steps = (Lowercase(), Punctuation(on=("context",)), Whitespace())
    result = preprocess(Rows.of([row]), recipe(*steps, roles=SPANS), ledger).values[0]
    low, high = result["answers"]["answer_start"][0], result["answers"]["answer_end"][0]
    assert result["context"][low:high] == "paris"
    assert result["answers"]["text"] == ["PARIS"]
    assert result[ORIGINAL]["context"].passage(low, high) == "PARIS"
    assert ledger.as_json()["stages"][0]["details"]["spans"] == {"exact": 1}


def test_lost_and_grown_spans_are_counted_and_not_trained_on() -> None:
    rows = Rows.of([{"question": "q", "context": "cat of", "answers": [[4, 6], [0, 3]]}], ids=[3])
    ledger = Ledger()
    result = preprocess(rows, recipe(StopWords(on=("context",)), roles=SPANS), ledger).values[0]
    assert result["answers"] == [[-1, -1], [0, 3]]
    entry = ledger.as_json()["stages"][0]
    assert entry["details"]["spans"] == {"lost": 1, "exact": 1, "not trained on": 1}
    assert entry["examples"] == {"span not trained on": [3]}


def test_to_original_for_rows_to_predict() -> None:
    result = preprocess_row(
        {"question": "q", "context": "  好的。 GOOD"}, recipe(Whitespace(), Lowercase(), roles=SPANS)
    )
    assert isinstance(result, Processed)
    assert result.row["context"] == "好的。 good"
    assert result.to_original("context", 4, 8) == (6, 10)
    assert result.to_original("question", 0, 1) == (0, 1)
    assert ORIGINAL not in result.row


@pytest.mark.parametrize("move", [True, False])
def test_a_row_preprocessor_that_changes_a_text_with_spans(move: bool) -> None:
    context = "xx  The CAT sat"
    row = {"question": "q", "context": context, "answers": [[8, 11]]}
    steps = (Whitespace(), Cut(characters=3, move=move), Lowercase())
    result = preprocess(Rows.of([row]), recipe(*steps, roles=SPANS), Ledger()).values[0]
    (low, high) = result["answers"][0]
    assert result["context"] == "the cat sat"
    assert result["context"][low:high] == "cat"
    assert result[ORIGINAL]["context"].passage(low, high) == "CAT"


def test_answers_that_are_no_spans_are_an_error_of_the_data() -> None:
    with pytest.raises(DataError, match="not a list of spans"):
        preprocess_row({"question": "q", "context": "c", "answers": "c"}, recipe(Lowercase(), roles=SPANS))


def test_the_passage_of_the_given_text() -> None:
    row = {"question": "Which?", "context": "The Capital  of France is  PARIS, of course!", "answers": None}
    steps = (Lowercase(), Punctuation(on=("context",)), Whitespace())
    result = preprocess(Rows.of([row]), recipe(*steps, roles=SPANS), Ledger()).values[0]
    start = result["context"].index("paris")
    assert original_passage(result, "context", start, start + 5) == ("PARIS", 27, 32)
    assert original_passage(result, "context", 0, 0) == ("", 0, 0)
    assert original_passage(result, "question", 0, 5) == ("which", 0, 5)
    assert original_passage({"text": "A b"}, "text", 2, 3) == ("b", 2, 3)
    for role in ("context", "question"):
        with pytest.raises(IndexError):
            original_passage(result, role, 3, 99)


class Counts(TextPreprocessor, name="counts"):
    """Counts the texts that it is shown."""

    def edits(self, text: str) -> Iterable[Edit]:
        """Replace the first character."""
        SHOWN.append(text)
        yield Edit(0, 1, "x")


SHOWN: list[str] = []


def test_a_document_that_many_rows_are_about_is_rewritten_once() -> None:
    SHOWN.clear()
    rows = [{"question": f"q{n}", "context": context, "answers": None} for context in ("abc", "def") for n in range(3)]
    values = preprocess(Rows.of(rows), recipe(Counts(on=("context",)), roles=SPANS), Ledger()).values
    assert SHOWN == ["abc", "def"]
    assert [row["context"] for row in values] == ["xbc"] * 3 + ["xef"] * 3
    assert values[0]["context"] is values[2]["context"]
    assert values[0][ORIGINAL]["context"].positions.steps[0] is values[2][ORIGINAL]["context"].positions.steps[0]
    assert original_passage(values[5], "context", 0, 2) == ("de", 0, 2)


def test_position_maps_are_built_only_for_tasks_with_spans() -> None:
    result = preprocess(Rows.of([{"text": "CAT"}]), recipe(Lowercase()), Ledger()).values[0]
    assert result == {"text": "cat"}


def test_fast_enough() -> None:
    rows = Rows.of(
        [{"text": f"@User{number} Some words of a Tweet,  about LIFE and so on. " * 2} for number in range(6000)]
    )
    began = time.process_time()
    preprocess(rows, recipe(Lowercase(), Whitespace()), Ledger())
    assert time.process_time() - began < 1


def test_with_a_real_recipe() -> None:
    text = """
        [model]
        base = "x"
        [data]
        source = "a.csv"
        [task]
        use = "text-classification"
        [[preprocess]]
        use = "lowercase"
        [[preprocess]]
        use = "stop-words"
        languages = ["de"]
    """
    assert preprocess_row({"text": "Das ist NICHT gut"}, Recipe.from_toml(text)) == Processed({"text": "nicht gut"})


def test_out_of_memory_is_no_mistake_of_the_component() -> None:
    class Hungry(RowPreprocessor, name="hungry"):
        """Asks for too much."""

        def process(self, row: Row) -> Row:
            """Raise."""
            raise MemoryError

    with pytest.raises(MemoryError):
        preprocess_row({"text": "a"}, recipe(Hungry()))


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("needs", r"labelled raised KeyError: 'label' \(data/test_preprocess.py:\d+\) in process\(row\) without label"),
        ("wants", r"labelled drops a row that has no label \(no label\)"),
        ("quotes", r"labelled raised ValueError \(data/test_preprocess.py:\d+\) in process\(row\) without label"),
    ],
)
def test_a_step_that_rows_to_predict_could_not_pass_is_told_of(way: str, said: str) -> None:
    texts, entry = run(["an A", "B"], Labelled(way=way))
    assert texts
    (step,) = entry["details"]["needs_target"]
    assert step == "preprocess.0 labelled"
    assert re.fullmatch(said, entry["details"]["needs_target"][step])


def test_a_step_that_writes_into_a_text_what_the_target_says_is_refused() -> None:
    with pytest.raises(PluginError, match=r"labelled makes another text of a row that has no label.*row 1 of the data"):
        run(["an A", "B"], Labelled(way="writes"))


def test_a_step_may_change_targets_and_drop_rows_for_them_and_these_are_counted() -> None:
    assert run(["an A", "B"], Labelled(way="relabels"))[1]["details"] == {"changed": {"preprocess.0 labelled": 2}}
    texts, entry = run(["an A", "B", "all A"] + ["c"] * 500 + ["A"], Lowercase(), Labelled(), Length(min_words=1))
    assert (len(texts), entry["details"].get("dropped_for_target")) == (504, None)
    texts, entry = run(["an A", "B", "all A"] + ["c"] * 500 + ["A"], Labelled(), Length(min_words=1))
    assert (len(texts), entry["details"]["dropped_for_target"]) == (501, {"preprocess.0 labelled": 3})


def test_a_row_that_is_dropped_with_and_without_its_target_is_not_counted() -> None:
    assert run(["a b", "c"], Length(min_words=2))[1]["dropped"] == {"text has fewer than 2 words": 1}
    assert "details" not in run(["a b", "c"], Length(min_words=2))[1]
