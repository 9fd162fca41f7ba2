"""The task causal-lm: shapes of data, batches, packing, what is written and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore import Generated, LossOptions, ModelError, Output, Prediction
from sftcore.builtin.causal_batches import (
    generated,
    logits_to_keep,
    packed_batch,
    packs,
    prompt_length,
    prompts_of,
    written,
)
from sftcore.builtin.causal_lm import CausalLM
from sftcore.builtin.losses import NO_LABEL
from sftcore.data.rows import Rows
from sftcore.data.twins import find_twins
from tests.builtin.chats import tiny_model, tokenizer_of

TURNS = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "It."}]
CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
ROWS = [
    {"prompt": f"{'Please: ' * (place % 3)}what is the capital of {country}?", "completion": city}
    for place, (country, city) in enumerate(CAPITALS.items())
]
STATE = CausalLM().fit([])
LOSS = CausalLM().loss_function(STATE, LossOptions())


def features_of(tokenizer: Any, rows: list[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
    found = CausalLM(**settings).encode(rows, tokenizer, STATE, 512)
    return [{name: column[at].tolist() for name, column in found.columns.items()} for at in range(len(found.parents))]


def batch_of(tokenizer: Any, rows: list[dict[str, Any]], **settings: Any) -> Any:
    return CausalLM().collate(features_of(tokenizer, rows, **settings), tokenizer)


# Shapes of data


def table(rows: list[dict[str, Any]]) -> Any:
    from datasets import Dataset

    return Dataset.from_list(rows)


def shaped(rows: list[dict[str, Any]], columns: dict[str, str] | None = None) -> tuple[list[dict[str, Any]], str]:
    """The rows by role, as the core reads them of the reshaped table, and what was recognised."""
    task, columns = CausalLM(), columns or {}
    made, sentence = task.reshape(table(rows), columns)
    assert set(table(rows).column_names) <= set(made.column_names) | {"prompt", "completion"}
    names = {role: columns.get(role, role) for role in task.roles}
    return [{role: row.get(name) for role, name in names.items() if name in row} for row in made], sentence


def chat(*turns: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(turns)]


def sharegpt(*turns: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(turns)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"messages": chat("What?", "It."), "id": 7}, "turns of conversations, in the column messages"),
        ({"conversations": sharegpt("What?", "It."), "id": 7}, "turns of conversations, in the column conversations"),
        ({"dialog_of_mine": chat("What?", "It.")}, "turns of conversations, in the column dialog_of_mine"),
        ({"messages": json.dumps(chat("What?", "It."))}, "turns of conversations, in the column messages"),
        (
            {"prompt": chat("What?"), "completion": chat("What?", "It.")[1:]},
            "prompt and completion, both of them turns",
        ),
        ({"prompt": "What?", "completion": "It."}, "prompt and completion"),
        (
            {"instruction": "What?", "input": "", "output": "It."},
            "instruction, input, output (Alpaca): prompt and completion are made of them",
        ),
        (
            {"instruction": "What?", "response": "It."},
            "instruction, response (Alpaca): prompt and completion are made of them",
        ),
    ],
)
def test_every_shape_gives_the_same_turns_and_is_told(row: dict[str, Any], sentence: str) -> None:
    (found,), said = shaped([row])
    assert said == sentence
    assert CausalLM().conversation(found) == TURNS
    assert CausalLM().check_row(found) == ""


def test_alpacas_input_stands_below_its_instruction() -> None:
    rows, _ = shaped([{"instruction": "Add.", "input": "1 + 1", "output": "2"}, {"instruction": "Hi", "input": None}])
    assert [row["prompt"] for row in rows] == ["Add.\n\n1 + 1", "Hi"]
    assert [row["completion"] for row in rows] == ["2", None]


def test_columns_that_the_recipe_names_are_taken_as_they_are() -> None:
    rows, said = shaped(
        [{"instruction": "no", "output": "no", "question": "What?", "answer": "It."}],
        {"prompt": "question", "completion": "answer"},
    )
    assert (CausalLM().conversation(rows[0]), said) == (TURNS, "")
    rows, _ = shaped([{"talk": chat("What?", "It."), "messages": chat("no", "no")}], {"messages": "talk"})
    assert CausalLM().conversation(rows[0]) == TURNS


def test_turns_of_different_keys_are_read_from_a_file(tmp_path: Path) -> None:
    from datasets import load_dataset

    odd = [{**turn, "tool_calls": None, "weight": {"a": 1} if at else 1} for at, turn in enumerate(TURNS)]
    lines = [{"conversation": TURNS}, {"conversation": odd}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    read = load_dataset("json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path))
    made, _ = CausalLM().reshape(read, {})
    assert CausalLM().conversation(made[0]) == TURNS
    assert [turn["content"] for turn in CausalLM().conversation(made[1])] == ["What?", "It."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "prompt is missing"),
        ({"prompt": " ", "completion": "It."}, "prompt is empty"),
        ({"prompt": "What?"}, "completion is missing"),
        ({"prompt": "What?", "completion": " \n"}, "completion is empty"),
        ({"messages": "What?"}, "messages is a text, not a list of turns"),
        ({"messages": []}, "messages is no list of turns"),
        ({"messages": [{"content": "What?"}]}, "messages has a turn without a role"),
        ({"messages": ["What?"]}, "messages has a turn without a role"),
        ({"messages": [{"role": "assitant", "content": "It."}]}, "messages has a turn of the unknown role 'assitant'"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages has a turn whose content is no text"),
        ({"messages": chat("What?")}, "messages does not end with a turn of the assistant"),
        ({"messages": chat("What?", " ")}, "messages has an empty turn"),
        ({"messages": [TURNS[1]]}, "messages begins with an answer"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages has no turn of the user"),
        ({"messages": [*TURNS, TURNS[1]]}, "messages has two turns of the assistant in a row"),
    ],
)
def test_rows_that_cant_be_learned_from_say_why(row: dict[str, Any], reason: str) -> None:
    assert CausalLM().check_row(row) == reason


def test_tools_parts_of_text_and_empty_systems_pass() -> None:
    turns = [
        {"role": "system", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "time?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "clock"}]},
        {"role": "observation", "content": "noon"},
        {"role": "gpt", "content": "Noon."},
    ]
    found = CausalLM().conversation({"messages": turns})
    assert CausalLM().check_row({"messages": turns}) == ""
    assert [turn["role"] for turn in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert (found[1]["content"], found[2]["content"]) == ("What time?", "")


def test_a_row_to_predict_that_cant_be_read_says_why() -> None:
    assert CausalLM().check_input({}) == "prompt is missing"
    assert CausalLM().check_input({"messages": [TURNS[1]]}).startswith("messages begins with an answer")
    assert CausalLM().check_input({"messages": "hello"}).startswith("messages")
    assert CausalLM().check_input({"prompt": "What time?"}) == ""


def test_conversations_with_one_prompt_stay_together_and_copies_are_twins() -> None:
    task, long = CausalLM(), "What is it that one calls the capital of a country, and why does it matter so much?"
    rows = [
        chat(long, "A city."),
        chat(long, "Where the government sits."),
        chat(f"{long} ", "A city."),
        chat("Why?", "So."),
    ]
    values = [{"messages": turns} for turns in rows]
    families = [task.family(row) for row in values]
    assert families[0] == families[1] and len(set(families)) == 3
    assert task.family(ROWS[0]) is None
    groups = find_twins(Rows.of(values), Rows.of(values), task.roles, None).groups.tolist()
    assert groups == [0, 0, 0, 3]
    assert list(task.corpus(values[3])) == ["Why?", "So."]


# Batches and the loss


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_head_is_computed_only_where_something_counts_and_the_gradient_is_the_same(kind: str) -> None:
    import torch

    tokenizer = tokenizer_of("chatml")
    batch, model = batch_of(tokenizer, ROWS), tiny_model(kind, tokenizer)
    labels = batch["labels"]
    inputs = CausalLM().inputs(model, batch)
    first = min(prompt_length(row.tolist()) for row in labels)
    assert inputs["logits_to_keep"] == logits_to_keep(labels) == labels.shape[1] - first + 1
    gradients = []
    for given in (batch, inputs):
        model.zero_grad()
        outputs = model(**{name: value for name, value in given.items() if name != "labels"})
        loss = LOSS(outputs, labels, num_items_in_batch=torch.tensor(7))
        loss.backward()
        gradients.append([loss.detach(), *(weight.grad.clone() for weight in model.parameters())])
    assert outputs.logits.shape[1] == logits_to_keep(labels)
    for whole, kept in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, kept, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_packed_rows_give_the_logits_and_the_loss_of_padded_ones(kind: str, attention: str) -> None:
    import torch

    tokenizer = tokenizer_of("chatml")
    model, batch = tiny_model(kind, tokenizer, use_cache=False), batch_of(tokenizer, ROWS)
    model.set_attn_implementation(attention)
    packed = packed_batch(batch)
    assert packed["input_ids"].shape == (1, int(batch["attention_mask"].sum()))
    assert int(packed["labels"].ne(NO_LABEL).sum()) == int(batch["labels"].ne(NO_LABEL).sum())
    with torch.no_grad():
        padded = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        flat = model(input_ids=packed["input_ids"], position_ids=packed["position_ids"])
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(padded.logits[real], flat.logits[0], rtol=1e-5, atol=1e-5)
    items = batch["labels"].ne(NO_LABEL).sum()
    assert abs(float(LOSS(padded, batch["labels"], items) - LOSS(flat, packed["labels"], items))) < 1e-5


def test_the_first_token_of_a_packed_row_is_never_predicted_from_the_row_before() -> None:
    import torch

    ids = torch.tensor([[5, 6, 7], [8, 9, 0]])
    packed = packed_batch({"input_ids": ids, "attention_mask": ids.ne(0), "labels": ids})
    assert {name: column.tolist() for name, column in packed.items()} == {
        "input_ids": [[5, 6, 7, 8, 9]],
        "position_ids": [[0, 1, 2, 0, 1]],
        "labels": [[NO_LABEL, 6, 7, NO_LABEL, 9]],
    }


def test_rows_are_packed_in_training_alone_and_only_where_the_model_keeps_them_apart() -> None:
    tokenizer = tokenizer_of("chatml")
    batch = batch_of(tokenizer, ROWS)
    model = tiny_model("llama", tokenizer, use_cache=False)
    assert "position_ids" not in CausalLM(packing=True).inputs(model, batch)
    model.train()
    assert set(CausalLM(packing=True).inputs(model, batch)) == {"input_ids", "position_ids", "labels"}
    assert model.training
    assert "position_ids" not in CausalLM().inputs(model, batch), "auto packs on a GPU alone"
    assert packs(model)
    mixing = tiny_model(
        "llama", tokenizer, use_cache=True
    ).train()  # with a cache transformers looks for no packed rows
    assert not packs(mixing)
    with pytest.raises(ModelError, match="see each other") as error:
        CausalLM(packing=True).inputs(mixing, batch)
    assert error.value.problems[0].key == "task.packing"


def test_batches_are_padded_on_the_right_wherever_the_tokenizer_pads() -> None:
    tokenizer = tokenizer_of("llama3")
    tokenizer.padding_side = "left"
    batch = batch_of(tokenizer, ROWS)
    assert batch["attention_mask"][:, 0].all()
    assert not batch["attention_mask"][:, -1].all()
    assert (batch["labels"][batch["attention_mask"] == 0] == NO_LABEL).all()


# What is written


def test_prompts_are_what_stands_before_the_last_run_of_labels() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    rows = [*ROWS, {"prompt": "and of nothing?"}, {"messages": [*chat("Who?", "I."), *chat("And you?", "He.")]}]
    features = features_of(tokenizer, rows)
    prompts = prompts_of(task.collate(features, tokenizer))
    assert prompts == [list(task.prompt_ids(feature)) for feature in features]
    for row, prompt in zip(rows, prompts, strict=True):
        turns = task.model_input(row)
        assert prompt == tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert [turn["content"] for turn in task.model_input(rows[-1])] == ["Who?", "I.", "And you?"]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_batch_is_written_as_each_prompt_by_itself(kind: str) -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM(max_new_tokens=12)
    model = task.prepare_model(tiny_model(kind, tokenizer), tokenizer, STATE)
    batch = batch_of(tokenizer, ROWS)
    together = task.generate(model, batch, tokenizer, STATE)
    alone = [written(model, [prompt], tokenizer)[0] for prompt in prompts_of(batch)]
    assert [found.ids for found in together] == [found.ids for found in alone]
    assert all(0 < (found.score or 0) <= 1 for found in together)
    assert all(len(found.ids) <= 12 for found in together)


def test_writing_ends_with_the_turn_and_with_the_positions_of_the_model() -> None:
    import torch

    tokenizer, task = tokenizer_of("llama3"), CausalLM(max_new_tokens=12)
    model = task.prepare_model(tiny_model("gpt2", tokenizer, n_positions=40), tokenizer, STATE)
    prompts = [[5] * 10, [6] * 36]
    assert [len(found.ids) for found in written(model, prompts, tokenizer)] == [12, 4]
    with torch.no_grad():
        model.lm_head.weight.zero_()
    stop = tokenizer.convert_tokens_to_ids("<|eot_id|>")
    model.generation_config.eos_token_id = [0, stop]
    (found,) = written(model, [[5] * 10], tokenizer)
    assert found == Generated((0,), "", pytest.approx(1 / len(tokenizer)))


def test_texts_come_without_special_tokens_and_blanks_around_them() -> None:
    tokenizer = tokenizer_of("llama3")
    ids = tokenizer(" Paris <|eot_id|> and on", add_special_tokens=False)["input_ids"]
    stop = tokenizer.convert_tokens_to_ids("<|eot_id|>")
    found = generated(tokenizer, ids, [stop], [np.log(0.5)] * len(ids))
    assert (found.text, found.ids[-1], found.score) == ("Paris", stop, pytest.approx(0.5))
    assert generated(tokenizer, ids[:2], [stop]).score is None


def test_the_model_is_made_to_write_greedily_and_its_own_stops_are_kept() -> None:
    from transformers import GenerationConfig

    tokenizer = tokenizer_of("llama3")
    model = tiny_model("llama", tokenizer)
    other = tokenizer.convert_tokens_to_ids("<|start_header_id|>")
    model.generation_config = GenerationConfig(do_sample=True, temperature=0.1, eos_token_id=[other, 300])
    tokenizer.pad_token = None
    vocabulary = model.get_input_embeddings().weight.shape
    settings = CausalLM(max_new_tokens=9).prepare_model(model, tokenizer, STATE).generation_config
    names = tokenizer.convert_ids_to_tokens(settings.eos_token_id)
    assert names == ["<|eot_id|>", "<|end_of_text|>", "<|start_header_id|>"]
    assert (settings.do_sample, settings.temperature, settings.max_new_tokens) == (False, None, 9)
    assert tokenizer.pad_token_id == settings.pad_token_id == tokenizer.eos_token_id == model.config.pad_token_id
    assert model.get_input_embeddings().weight.shape == vocabulary


@pytest.mark.parametrize("family", ["chatml", "bare"])
def test_plain_transformers_write_the_same(family: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    tokenizer, task = tokenizer_of(family), CausalLM(max_new_tokens=6)
    features = features_of(tokenizer, ROWS)
    model = task.prepare_model(tiny_model("llama", tokenizer), tokenizer, STATE)
    found = task.generate(model, task.collate(features, tokenizer), tokenizer, STATE)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    write = pipeline(task.pipeline, model=saved, tokenizer=AutoTokenizer.from_pretrained(tmp_path))
    for row, mine in zip(ROWS, found, strict=True):
        (said,) = write([task.model_input(row)])[0]
        assert said["generated_text"][-1]["content"].strip() == mine.text


def test_a_model_learns_to_answer_and_to_stop() -> None:
    import torch

    tokenizer, task = tokenizer_of("chatml"), CausalLM(max_new_tokens=12)
    model = task.prepare_model(tiny_model("llama", tokenizer, hidden_size=64), tokenizer, STATE).train()
    batch = batch_of(tokenizer, ROWS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(40):
        given = task.inputs(model, batch)
        loss = LOSS(model(**{name: value for name, value in given.items() if name != "labels"}), batch["labels"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        outputs, logprobs = task.outputs(model.eval(), batch, STATE)
    assert sum(row.sum() for row in logprobs) == pytest.approx(-float(LOSS(outputs, batch["labels"], 1)), abs=1e-3)
    found = task.generate(model, batch, tokenizer, STATE)
    assert [one.text for one in found] == list(CAPITALS.values())
    assert {one.ids[-1] for one in found} == {tokenizer.eos_token_id}
    assert all((one.score or 0) > 0.5 for one in found)


# What is said of it


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
