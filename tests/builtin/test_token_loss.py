"""The loss of tokens against torch's own, batches split and put together, and log-probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from sftcore import TokenLoss, token_logprobs

SIZE = 11


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (4, 6, 11) and labels (4, 6): one row whole, two in part, one without any that counts."""
    torch.manual_seed(seed)
    labels = torch.randint(0, SIZE, (4, 6))
    labels[0, :3], labels[1, 4:], labels[2] = -100, -100, -100
    labels[:, 0] = -100
    return torch.randn(4, 6, SIZE, dtype=torch.float64).float().requires_grad_(), labels


def expected(logits: torch.Tensor, labels: torch.Tensor, shift: bool, smoothing: float = 0.0) -> torch.Tensor:
    """The mean as causal and other models compute it."""
    if shift:
        logits, labels = logits[:, :-1], labels[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shift", [False, True])
def test_it_is_the_mean_over_the_tokens_that_count(shift: bool, smoothing: float) -> None:
    logits, labels = example()
    loss = TokenLoss(shift, smoothing)({"logits": logits}, labels)
    torch.testing.assert_close(loss, expected(logits, labels, shift, smoothing), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shift", [False, True])
def test_gradients_of_parts_add_up_to_those_of_the_whole(shift: bool) -> None:
    whole, labels = example()
    items = labels.ne(-100).sum()
    TokenLoss(shift)({"logits": whole}, labels, items).backward()
    parts, _ = example()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 4)):
        TokenLoss(shift)({"logits": parts[rows]}, labels[rows], items).backward()
    assert whole.grad is not None
    assert whole.grad.abs().sum() > 0
    torch.testing.assert_close(parts.grad, whole.grad, atol=0, rtol=0)


def test_labels_that_all_count_give_the_same_as_torch() -> None:
    logits, _ = example()
    labels = torch.randint(0, SIZE, (4, 6))
    loss = TokenLoss(shift=False)({"logits": logits}, labels)
    torch.testing.assert_close(loss, expected(logits, labels, False))


def test_a_batch_without_labels_adds_nothing_to_its_step() -> None:
    logits, labels = example()
    loss = TokenLoss(shift=True)({"logits": logits}, torch.full_like(labels, -100), 7)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_low_precision_is_summed_in_float32() -> None:
    logits, labels = example()
    half = logits.detach().bfloat16()
    loss = TokenLoss(shift=False)({"logits": half}, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected(half.float(), labels, False))


def test_logits_of_virtual_tokens_in_front_are_left_out() -> None:
    logits, labels = example()
    virtual = torch.cat([torch.randn(4, 3, SIZE), logits], dim=1)
    for shift in (False, True):
        torch.testing.assert_close(TokenLoss(shift)({"logits": virtual}, labels), expected(logits, labels, shift))


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("at_once", [1 << 26, 3 * SIZE])
def test_log_probabilities_are_those_of_the_tokens_that_count(
    shift: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sftcore.builtin import token_loss

    monkeypatch.setattr(token_loss, "_NUMBERS_AT_ONCE", at_once)
    logits, labels = example()
    found = token_logprobs(logits.detach(), labels, shift)
    assert [len(row) for row in found] == [3, 3, 0, 5]
    assert all(row.dtype == np.float32 for row in found)
    loss = -sum(row.sum() for row in found) / 11
    assert loss == pytest.approx(expected(logits, labels, shift).item(), abs=1e-6)
    place = 1 if shift else 0
    first = logits.detach()[3, 1 - place].log_softmax(-1)[labels[3, 1]]
    assert found[3][0] == pytest.approx(first.item(), abs=1e-6)


def test_log_probabilities_where_nothing_counts() -> None:
    logits, labels = example()
    none: Any = token_logprobs(logits.detach(), torch.full_like(labels, -100), shift=False)
    assert [row.size for row in none] == [0, 0, 0, 0]
