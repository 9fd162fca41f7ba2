"""The task causal-lm: what a model writes, and that it learns to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sftcore import Generated
from sftcore.builtin.causal_batches import (
    generated,
    prompts_of,
    written,
)
from sftcore.builtin.causal_lm import CausalLM
from tests.builtin.chats import tiny_model, tokenizer_of
from tests.builtin.conversations import CAPITALS, LOSS, ROWS, STATE, batch_of, chat, features_of


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
