"""Which attention trains, and that the model has its own back afterwards."""

from __future__ import annotations

import pytest
import torch

from sftcore.models.attention import attention_of_any_length, training_attention


@pytest.fixture
def model(tiny_bert: str) -> torch.nn.Module:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(tiny_bert).eval()


def test_short_rows_on_a_processor_train_with_eager_attention_and_the_same_outputs(model: torch.nn.Module) -> None:
    ids = torch.randint(1000, 2000, (3, 12))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    own = model(input_ids=ids, attention_mask=mask).logits
    with training_attention(model, "cpu", 64) as chosen:  # type: ignore[arg-type]
        assert chosen == model.config._attn_implementation == "eager"
        assert torch.allclose(model(input_ids=ids, attention_mask=mask).logits, own, atol=1e-5)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("device", "longest"), [("cuda", 64), ("cpu", 513)])
def test_elsewhere_the_model_keeps_its_own(model: torch.nn.Module, device: str, longest: int) -> None:
    with training_attention(model, device, longest) as chosen:  # type: ignore[arg-type]
        assert chosen == model.config._attn_implementation == "sdpa"


def test_an_error_in_between_gives_it_back(model: torch.nn.Module) -> None:
    with pytest.raises(RuntimeError), training_attention(model, "cpu", 8):  # type: ignore[arg-type]
        raise RuntimeError
    assert model.config._attn_implementation == "sdpa"


def test_within_it_no_attention_needs_a_plan_for_each_length(model: torch.nn.Module) -> None:
    def allowed() -> bool:
        return torch.backends.cuda.cudnn_sdp_enabled()

    within = []
    torch.backends.cuda.enable_cudnn_sdp(True)  # as it is at first
    with training_attention(model, "cpu", 8):  # type: ignore[arg-type]
        within.append(allowed())
        with attention_of_any_length():
            within.append(allowed())
        within.append(allowed())
    assert within == [False] * 3
    assert allowed()
