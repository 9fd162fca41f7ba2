"""The task causal-lm: batches, the loss where something counts, packing."""

from __future__ import annotations

import pytest

from sftcore import ModelError
from sftcore.builtin.causal_batches import (
    logits_to_keep,
    packed_batch,
    packs,
    prompt_length,
)
from sftcore.builtin.causal_lm import CausalLM
from sftcore.builtin.losses import NO_LABEL
from tests.builtin.chats import tiny_model, tokenizer_of
from tests.builtin.conversations import LOSS, ROWS, batch_of


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
