"""The task causal-lm: predictions, references and records."""

from __future__ import annotations

import numpy as np

from sftcore import Generated, Output, Prediction
from sftcore.builtin.causal_lm import CausalLM
from tests.builtin.chats import tiny_model, tokenizer_of
from tests.builtin.conversations import ROWS, STATE, TURNS, batch_of, features_of


def test_a_faultless_model_writes_the_labels_and_a_cut_answer_is_less() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    (feature,) = features_of(tokenizer, ROWS[:1])
    outputs = task.perfect(ROWS[0], [feature], [None], tokenizer)
    assert outputs is not None
    assert task.decode(ROWS[0], outputs, STATE).value == "Paris" == task.reference(ROWS[0], STATE)[0]
    (asked,) = features_of(tokenizer, [{"prompt": "What?"}])
    assert task.perfect({"prompt": "What?"}, [asked], [None], tokenizer) is None


def test_predictions_are_of_the_last_feature_and_rows_without_an_answer_have_no_reference() -> None:
    task, empty = CausalLM(), np.zeros(0, np.float32)
    outputs = [Output(empty, generated=Generated((at,), text, 0.5)) for at, text in enumerate(("I.", "He."))]
    assert task.decode({}, outputs, STATE) == Prediction("He.", score=0.5, feature=1, generated=(1,))
    assert task.decode({}, [Output(empty)], STATE).reason == "nothing was generated"
    assert task.reference({"prompt": "What?"}, STATE) is None
    assert task.reference({"messages": [*TURNS, TURNS[0]]}, STATE) is None
    assert task.reference({"messages": TURNS}, STATE) == ("It.",)


def test_records_hold_texts_references_and_confidence() -> None:
    task = CausalLM()
    said = [Prediction("It.", score=0.5), Prediction("No.", score=0.25)]
    records = task.records(np.arange(2), said, [("It.",), ("Yes.", "Yes!")], STATE)
    assert records.kind == task.predicts == "texts"
    assert records.predictions.tolist() == ["It.", "No."]
    assert records.references.tolist() == [("It.",), ("Yes.", "Yes!")]
    assert records.scores is not None and records.scores.tolist() == [[0.5], [0.25]]
    lost = task.records(np.arange(1), [Prediction(None, reason="dropped")], [("It.",)], STATE)
    assert (lost.predictions.tolist(), lost.scores) == ([""], None)
    assert [metric.score(records)[metric.name] for metric in task.default_metrics()][-1] == 0.5


def test_prompts_to_go_on_from_need_no_forward_pass() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    batch = batch_of(tokenizer, [{"prompt": "What?"}, {"prompt": "What is it?"}])
    outputs, kept = task.outputs(tiny_model("llama", tokenizer), batch, STATE)
    assert outputs is None
    assert [len(one) for one in kept] == [0, 0]
