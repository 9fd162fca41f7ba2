from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sftcore import CausalLM, Generated, Output, Recipe, Seq2Seq, Task, load_model, run
from sftcore_plugin_qa import GenerativeQA
from sftcore_plugin_qa.base import QAState

ROW = {
    "question": "Who won the {context}?",
    "context": "The Broncos won {question}.",
    "answers": {"text": ["The Broncos", "Broncos"], "answer_start": [0, None]},
}


def written(text: str) -> list[Output]:
    return [Output(None, generated=Generated((5, 1), text))]  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", ["seq2seq", "causal"])
def test_the_built_in_task_does_the_writing(architecture: Any) -> None:
    task = GenerativeQA(architecture=architecture, max_answer_length=7)
    expected = {"seq2seq": Seq2Seq(max_target_length=7), "causal": CausalLM(max_new_tokens=7)}[architecture]
    assert task.writer == expected
    assert (task.auto_class, task.pipeline) == (expected.auto_class, expected.pipeline)
    assert task.logits_from == expected.logits_from
    assert task.generates is expected.generates is True


def test_nothing_that_the_built_in_tasks_do_is_forgotten() -> None:
    own = {"roles", "reshape", "check_row", "default_metrics", "reference", "records", "predicts", "name"}
    own |= {"family", "family_name"}
    parts = {name for name in vars(Task) if not name.startswith("_")} - own
    theirs = {
        name
        for name in parts
        for cls in (Seq2Seq, CausalLM)
        if getattr(cls, name, None) is not getattr(Task, name, None)
    }
    forgotten = {name for name in theirs if getattr(GenerativeQA, name, None) is getattr(Task, name, None)}
    assert forgotten == set()


def test_prompts_hold_question_and_context_as_they_are() -> None:
    asked = GenerativeQA().written(ROW)
    assert asked["prompt"] == "question: Who won the {context}? context: The Broncos won {question}."
    assert asked["completion"] == "The Broncos"
    causal = GenerativeQA(architecture="causal").written(ROW)
    assert causal["prompt"] == "The Broncos won {question}.\n\nWho won the {context}?"
    own = GenerativeQA(prompt="问：{question} 文：{context}").written({"question": "谁？", "context": "北京"})
    assert own == {"prompt": "问：谁？ 文：北京"}
    assert GenerativeQA().written({"question": "Who?", "context": None})["prompt"] == "Who?"
    assert GenerativeQA(prompt_without_context="Q: {question}").written({"question": "Who?"})["prompt"] == "Q: Who?"


def test_no_answer_is_written_in_words_and_read_as_none() -> None:
    task, state = GenerativeQA(no_answer="No answer."), QAState()
    nothing = ROW | {"answers": {"text": [], "answer_start": []}}
    assert task.written(nothing)["completion"] == "No answer."
    said = task.decode(nothing, written("no  answer"), state)
    assert (said.value, said.extra) == ("", {"written": "no  answer"})
    assert said.generated == (5, 1)
    assert task.decode(ROW, written("The Broncos"), state).value == "The Broncos"
    assert task.reference(ROW, state) == ("The Broncos", "Broncos")
    assert task.reference(nothing, state) == ()
    failed = task.decode(ROW, [Output(None)], state)  # type: ignore[arg-type]
    assert (failed.value, failed.reason) == (None, "nothing was generated")


def test_answers_need_not_be_in_the_context() -> None:
    task = GenerativeQA()
    assert task.check_row(ROW | {"answers": {"text": ["Denver"], "answer_start": [None]}}) == ""
    assert task.check_row(ROW | {"answers": "Denver"}).startswith("answers are not of the form")
    assert task.check_row({"question": "?"}) == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt": "{context}"}, "{question} in it once"),
        ({"prompt": "{question}"}, "{context} in it once"),
        ({"prompt_without_context": "{context}"}, "{question} in it once"),
        ({"no_answer": " "}, "some words"),
        ({"chat_template": "chatml"}, "only causal models"),
        ({"architecture": "t5"}, "seq2seq"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GenerativeQA.from_table(settings)


def test_baselines_need_a_context() -> None:
    task = GenerativeQA()
    rows = [
        {"question": "Who won?", "context": "The Broncos won.", "answers": {"text": ["Broncos"], "answer_start": [4]}}
    ]
    alone = [{"question": "Who won?", "answers": rows[0]["answers"]}]
    state = task.fit(rows)
    assert [one.name for one in task.baselines(rows, rows, state)] == ["sliding-window"]
    assert task.baselines(rows, alone, state)[0].predictions[0].value == ""
    assert task.baselines(alone, alone, state) == []
    assert task.family(rows[0]) is not None
    assert task.family(alone[0]) is None


CONFIGS = {
    "seq2seq": 'model_type = "t5", d_model = 32, d_kv = 16, d_ff = 64, num_layers = 1, num_heads = 2',
    "causal": 'model_type = "gpt2", n_embd = 32, n_layer = 1, n_head = 2, n_positions = 128',
}


@pytest.mark.parametrize("architecture", ["seq2seq", "causal"])
def test_a_whole_run(architecture: str, tmp_path: Path) -> None:
    lines = []
    for number in range(60):
        team = ("Broncos", "Panthers", "北京队")[number % 3]
        context = f"In game {number} the {team} won at home." if number % 5 else f"Game {number} was not played."
        entry = {"question": "Which team won?", "context": context, "type": "team"}
        lines.append(entry | ({"answer": team} if number % 5 else {"is_impossible": True}))
    (tmp_path / "games.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    recipe = Recipe.from_toml(f"""
        requires = ["sftcore-plugin-qa>=0.1"]
        data = {{ source = {json.dumps(str(tmp_path / "games.jsonl"))}, near_duplicates = false }}
        task = {{ use = "generative-qa", architecture = "{architecture}", max_answer_length = 8 }}
        train = {{ max_steps = 3, per_device_train_batch_size = 4, precision = "fp32" }}
        [model]
        max_length = 64
        scratch = {{ config = {{ {CONFIGS[architecture]} }}, tokenizer = {{ kind = "bpe", vocab_size = 300 }} }}
    """)
    finished = run(recipe, runs=tmp_path / "runs")
    scores = json.loads((finished.path / "metrics.json").read_text("utf-8"))["test"]
    assert {"rouge", "exact-match", "token-f1"} <= set(scores["metrics"])
    assert {"sliding-window", "no-answer", "base"} <= set(scores["baselines"])
    assert scores["slices"]["question type"] == {"team": scores["slices"]["question type"]["team"]}
    said = load_model(finished).predict(
        [{"question": "Which team won?", "context": "The Broncos won."}, {"question": "Who?"}]
    )
    assert [isinstance(one.value, str) for one in said] == [True, True]
