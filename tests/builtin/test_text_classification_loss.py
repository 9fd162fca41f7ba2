"""The task text-classification: losses, in parts as whole."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sftcore import LossOptions, TextClassification, TextClassificationState
from tests.builtin.classes import MULTI, REGRESSION, SINGLE


def accumulated(task: TextClassification, split: int, options: LossOptions) -> Any:
    """The gradient of a linear model over 16 rows in `split` parts."""
    import torch

    torch.manual_seed(0)
    classes = 1 if task is REGRESSION else 3
    inputs, weight = torch.randn(16, 5), torch.zeros(5, classes, requires_grad=True)
    if task is SINGLE:
        labels = torch.arange(16) % 3
    else:
        labels = torch.rand(16) * 5 if task is REGRESSION else (torch.rand(16, 3) > 0.5).float()
    loss = task.loss_function(TextClassificationState(), options)
    total = labels.ne(-100).sum()
    for part, target in zip(inputs.chunk(split), labels.chunk(split), strict=True):
        loss({"logits": part @ weight}, target, num_items_in_batch=total).backward()
    return weight.grad, float(loss({"logits": inputs @ weight}, labels).detach()), (inputs @ weight).detach(), labels


@pytest.mark.parametrize("task", [SINGLE, MULTI, REGRESSION], ids=lambda task: task.problem_type)
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 2.0)])
def test_accumulation_is_exact(task: TextClassification, weights: tuple[float, ...] | None) -> None:
    options = LossOptions(None if task is REGRESSION else weights, 0.1)
    whole, *_ = accumulated(task, 1, options)
    for split in (2, 4, 8):
        assert (accumulated(task, split, options)[0] - whole).abs().max() < 1e-6 * whole.abs().max()


def test_plain_losses_are_those_of_transformers() -> None:
    from torch.nn import functional

    for task, expected in (
        (SINGLE, functional.cross_entropy),
        (MULTI, functional.binary_cross_entropy_with_logits),
        (REGRESSION, lambda logits, labels: functional.mse_loss(logits.squeeze(-1), labels)),
    ):
        _, loss, logits, labels = accumulated(task, 1, LossOptions())
        assert loss == pytest.approx(float(expected(logits, labels)), rel=1e-6)


def test_loss_is_computed_in_single_precision() -> None:
    import torch

    loss = SINGLE.loss_function(TextClassificationState(), LossOptions())
    value = loss({"logits": torch.zeros(2, 3, dtype=torch.bfloat16)}, torch.tensor([0, -100]))
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(math.log(3))
