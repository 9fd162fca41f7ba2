from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sftcore_plugin_qa as plugin
from sftcore import DataError, Output, Prediction, Recipe
from sftcore.data.preprocess import preprocess_rows
from sftcore.plugin_loading import Candidate, load
from sftcore_plugin_qa import ExtractiveQA, ExtractiveQAState
from sftcore_plugin_qa.windows import Window

CONTEXT = "The Denver Broncos won, by 24–10. 北京 didn't."


def row(answer: str | None = "Denver Broncos", context: str = CONTEXT, **more: Any) -> dict[str, Any]:
    answers = {"text": [], "answer_start": []} if answer is None else answer_of(context, answer)
    return {"question": "Who won?", "context": context, "answers": answers, **more}


def answer_of(context: str, *texts: str) -> dict[str, Any]:
    return {"text": list(texts), "answer_start": [context.index(text) for text in texts]}


def words_window(context: str, first: int = 1) -> Window:
    """A window whose tokens are the words between blanks."""
    offsets, at = [], 0
    for word in context.split(" "):
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    return Window(first, np.array(offsets, np.int32), 0)


def output(context: str, start: int, end: int, score: float = 5.0, null: float = 0.0) -> Output:
    """Logits that are for the words from start to end, and for no answer."""
    window = words_window(context)
    logits = np.zeros((2, len(window.offsets) + 2), np.float32)
    logits[0, 1 + start], logits[1, 1 + end], logits[:, 0] = score, score, null / 2
    return Output(logits, window)


def decode(task: ExtractiveQA, given_row: Any, *outputs: Output, threshold: float | None = None) -> Prediction:
    return task.decode(given_row, list(outputs), ExtractiveQAState(no_answer_threshold=threshold))


def test_the_answer_is_a_passage_of_the_context_with_its_place() -> None:
    found = decode(ExtractiveQA(), row(), output(CONTEXT, 1, 2))
    assert found.value == "Denver Broncos"
    assert (found.extra["start"], found.extra["end"]) == (4, 18)
    assert found.score == found.extra["n_best"][0]["score"] > found.extra["no_answer"]
    assert found.extra["n_best"][0]["text"] == "Denver Broncos"
    assert len(found.extra["n_best"]) == 3
    assert found.extra["margin"] == pytest.approx(-10)
    assert len(found.logits or ()) == 2 * (len(CONTEXT.split(" ")) + 2)


def test_the_best_of_several_windows() -> None:
    weak, strong = output(CONTEXT, 1, 1, 2.0), output(CONTEXT, 5, 5, 4.0)
    found = decode(ExtractiveQA(), row(), weak, strong)
    assert (found.value, found.feature) == ("24–10.", 1)
    assert found.logits == strong.logits.ravel().tolist()


def test_no_answer_is_said_above_the_threshold_only() -> None:
    unsure = output(CONTEXT, 1, 2, score=1.0, null=3.0)
    assert decode(ExtractiveQA(), row(), unsure, threshold=None).value == "Denver Broncos"
    assert decode(ExtractiveQA(), row(), unsure, threshold=1.5).value == "Denver Broncos"
    said = decode(ExtractiveQA(), row(), unsure, output(CONTEXT, 1, 1, 0.0, 4.0), threshold=0.5)
    assert (said.value, said.feature, said.extra["start"]) == ("", 0, None)
    assert said.score == said.extra["no_answer"]
    assert said.extra["n_best"][0]["text"] == "Denver Broncos"


def test_answers_are_no_longer_than_they_may_be() -> None:
    assert decode(ExtractiveQA(max_answer_length=1), row(), output(CONTEXT, 1, 2)).value in ("Denver", "Broncos")


def test_blanks_at_the_ends_of_tokens_are_no_part_of_the_answer() -> None:
    window = Window(1, np.array([[0, 3], [3, 10], [10, 19]], np.int32), 0)
    logits = np.zeros((2, 5), np.float32)
    logits[0, 2] = logits[1, 3] = 9
    found = decode(ExtractiveQA(), row(), Output(logits, window))
    assert (found.value, found.extra["start"], found.extra["end"]) == ("Denver Broncos", 4, 18)


def test_a_context_without_tokens_has_no_answer() -> None:
    empty = Output(np.zeros((2, 3), np.float32), Window(2, np.zeros((0, 2), np.int32), 0))
    found = decode(ExtractiveQA(), row(), empty)
    assert (found.value, found.extra["n_best"], found.extra["margin"]) == ("", [], None)


# -- through preprocessing to the original text ----------------------------------------------------------------------

CHAINS = [
    [],
    ["lowercase"],
    ["lowercase", "punctuation", "whitespace"],
    ["stop-words", "whitespace"],
    ["unicode-normalize", "lowercase", "stop-words", "punctuation", "whitespace"],
]


def recipe(chain: list[str]) -> Recipe:
    steps = "".join(f'[[preprocess]]\nuse = "{name}"\n' for name in chain)
    table = '[data]\nsource = "x.csv"\n[model]\nbase = "owner/base"\n[task]\nuse = "extractive-qa"\n'
    return Recipe.from_toml(f'requires = ["sftcore-plugin-qa>=0.1"]\n{table}{steps}')


RECIPES = [recipe(chain) for chain in CHAINS]
WORD = st.sampled_from(
    [
        "The",
        "Denver",
        "BRONCOS",
        "won,",
        "2016!",
        "of",
        "24–10.",
        "(Café)",
        "«ﬁne»",
        "北京",
        "的",
        "首都。",
        "🙂",
        "don't",
    ]
)


def perfect(task: ExtractiveQA, given_row: dict[str, Any], tokenizer: Any, length: int = 40) -> tuple[Prediction, bool]:
    """What a faultless model says of a row, and whether it could be learned."""
    state = ExtractiveQAState(no_answer_threshold=0.0)
    encoded = task.encode([given_row], tokenizer, state, length)
    count = len(encoded.parents or ())
    features = [{name: column[place] for name, column in encoded.columns.items()} for place in range(count)]
    outputs = task.perfect(given_row, features, encoded.info or (), tokenizer)
    assert outputs is not None
    return task.decode(given_row, outputs, state), not (encoded.masked or [False])[0]


@settings(max_examples=150, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=40), st.integers(0, 39), st.integers(0, 4), st.integers(0, len(CHAINS) - 1))
def test_a_faultless_model_gives_the_answer_as_it_stands_in_the_given_text(
    wordpiece: Any, words: list[str], first: int, size: int, chain: int
) -> None:
    words[first:first] = []
    chosen = words[first : first + size + 1]
    if not chosen:
        return
    context = " ".join(words)
    start = len(" ".join([*words[:first], ""]))
    answer = " ".join(chosen)
    given_row = row(None, context) | {"answers": {"text": [answer], "answer_start": [start]}}
    (ready,) = preprocess_rows([given_row], RECIPES[chain])
    if not isinstance(ready, dict):
        return
    found, learned = perfect(ExtractiveQA(), ready, wordpiece)
    if not learned:
        return
    low, high = found.extra["start"], found.extra["end"]
    assert context[low:high] == found.value
    assert start <= low < high <= start + len(answer)
    if chain < 3:  # steps that take words away may take the answer's first or last
        letters = [one for one in answer.casefold() if one.isalnum()]
        assert [one for one in found.value.casefold() if one.isalnum()] == letters


def test_the_answer_comes_back_as_it_was_written(wordpiece: Any) -> None:
    (ready,) = preprocess_rows([row("Denver Broncos")], RECIPES[2])
    assert isinstance(ready, dict)
    assert ready["context"] == "the denver broncos won by 24 10 北京 didn't"
    found, _ = perfect(ExtractiveQA(), ready, wordpiece)
    assert found.value == "Denver Broncos"
    assert (found.extra["start"], found.extra["end"]) == (4, 18)
    (chinese,) = preprocess_rows([row("北京")], RECIPES[2])
    assert isinstance(chinese, dict)
    assert perfect(ExtractiveQA(), chinese, wordpiece)[0].value == "北京"


def test_a_faultless_model_fails_where_nothing_can_be_learned(wordpiece: Any) -> None:
    context = " ".join(["won"] * 60)
    long = row(None, context) | {"answers": {"text": [context], "answer_start": [0]}}
    assert perfect(ExtractiveQA(), long, wordpiece)[0].value == ""
    assert perfect(ExtractiveQA(), row(None), wordpiece)[0].value == ""
    assert perfect(ExtractiveQA(max_answer_length=1), row(), wordpiece)[0].value != "Denver Broncos"


def test_without_answers_nothing_is_known_of_a_faultless_model() -> None:
    assert ExtractiveQA().perfect(row(), [{"input_ids": [1]}], [None], None) is None  # type: ignore[arg-type]


# -- state -----------------------------------------------------------------------------------------------------------


def test_fit_counts_and_allows_no_answer_only_where_it_saw_some() -> None:
    assert ExtractiveQA().fit([row(), row()]) == ExtractiveQAState(answered=2, unanswered=0, no_answer_threshold=None)
    assert ExtractiveQA().fit([row(), row(None)]).no_answer_threshold == 0.0
    with pytest.raises(DataError, match="none of the 2 training rows has an answer"):
        ExtractiveQA().fit([row(None), row(None)])


def said(margin: float, text: str) -> Prediction:
    return Prediction(text, extra={"n_best": [{"text": text}], "margin": margin})


def test_calibration_finds_the_threshold() -> None:
    rows = [row() for _ in range(6)] + [row(None) for _ in range(6)]
    predictions = [said(n - 1.0, "Denver Broncos") for n in range(6)] + [said(7.0 + n, "24") for n in range(6)]
    state = ExtractiveQA().fit(rows)
    assert ExtractiveQA().calibrate(rows, predictions, state).no_answer_threshold == 5.5
    assert ExtractiveQA().calibrate(rows[:10], predictions[:10], state).no_answer_threshold == 0.0
    always = ExtractiveQA().fit(rows[:6])
    assert ExtractiveQA().calibrate(rows, predictions, always) == always


def test_calibration_reads_chinese_by_characters() -> None:
    rows = [row("北京")] * 5 + [row(None)] * 5
    predictions = [said(1.0, "北京人")] * 5 + [said(3.0, "x")] * 5
    assert ExtractiveQA().calibrate(rows, predictions, ExtractiveQA().fit(rows)).no_answer_threshold == 2.0


# -- rows ------------------------------------------------------------------------------------------------------------


def test_references_families_and_slices() -> None:
    task, state = ExtractiveQA(), ExtractiveQAState()
    assert task.reference(row(), state) == ("Denver Broncos",)
    assert task.reference(row(None), state) == ()
    assert task.reference({"question": "?", "context": CONTEXT}, state) is None
    assert task.family(row()) == task.family(row(None)) != task.family(row(context="The Denver Broncos lost"))
    parts = {"answer": "answer", "question type": "person", "answer length": "2 to 3 words"}
    assert task.slices(row(question_type="person")) == parts
    assert task.slices(row(None)) == {"answer": "no answer", "question type": "who"}
    assert (task.stratum(row()), task.stratum(row(None))) == ("answer", "no answer")
    assert list(task.corpus(row())) == ["Who won?", CONTEXT]


def test_the_prediction_tells_in_how_many_windows_the_text_was_read() -> None:
    task, window = ExtractiveQA(), output(CONTEXT, 1, 2)
    for windows, part in ((1, "1 window"), (2, "2 windows"), (4, "3 to 5 windows"), (11, "11 windows or more")):
        found = decode(task, row(), *[window] * windows)
        assert task.slices_told(row(), found) == {**task.slices(row()), "windows": part}
    assert task.slices_told(row(), Prediction(None, reason="nothing to read")) == task.slices(row())


def test_answers_that_are_not_in_their_context_are_dropped_with_the_reason() -> None:
    wrong = row() | {"answers": {"text": ["Denver"], "answer_start": [0]}}
    assert ExtractiveQA().check_row(wrong) == "answers are not in the context at answer_start"
    assert ExtractiveQA().check_row(row()) == ""


def test_records() -> None:
    predictions = [Prediction("a", 0.9), Prediction("", 0.5)]
    records = ExtractiveQA().records(np.arange(2), predictions, [("a", "b"), ()], ExtractiveQAState())
    assert (records.kind, records.predictions.tolist(), records.references.tolist()) == (
        "texts",
        ["a", ""],
        [("a", "b"), ()],
    )
    assert records.scores is not None
    assert records.scores.shape == (2, 1)
    failed = ExtractiveQA().records(np.arange(1), [Prediction(None, reason="x")], [("a",)], ExtractiveQAState())
    assert (failed.predictions.tolist(), failed.scores) == ([""], None)


def test_baselines_give_passages_of_the_given_text() -> None:
    data = [row("The Denver Broncos won", question="Which Broncos won?"), row("The Denver Broncos won")]
    ready = [one for one in preprocess_rows(data, RECIPES[2]) if isinstance(one, dict)]
    task = ExtractiveQA()
    (found,) = task.baselines(ready, ready, task.fit(ready))
    assert found.name == "sliding-window"
    assert all(prediction.value in CONTEXT for prediction in found.predictions)
    _, nothing = task.baselines([*ready, row(None)], ready, task.fit([*ready, row(None)]))
    assert (nothing.name, [one.value for one in nothing.predictions]) == ("no-answer", ["", ""])


# -- the plugin ------------------------------------------------------------------------------------------------------


def test_the_registry_takes_everything() -> None:
    loaded = load(Candidate.of("sftcore-plugin-qa", plugin))
    assert loaded.problem == ""
    assert set(loaded.offers["task"]) >= {"extractive-qa"}
    assert set(loaded.offers["metric"]) == {"char-f1", "char-exact-match"}


def test_readme_and_docs_name_everything() -> None:
    folder = Path(__file__).parents[1]
    readme = (folder / "README.md").read_text("utf-8")
    page = (folder.parents[1] / "docs/tasks/question-answering.md").read_text("utf-8")
    for entry in load(Candidate.of("sftcore-plugin-qa", plugin)).entries:
        assert f"`{entry.name}`" in readme
        assert f"`{entry.name}`" in page
        assert [name for name in entry.cls.model_fields if f"| `{name}` |" not in page] == []


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = "torch transformers datasets evaluate sklearn tokenizers pyarrow"
    code = f"import sys, sftcore_plugin_qa; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
