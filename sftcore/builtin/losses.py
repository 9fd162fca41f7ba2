"""Losses that stay exact under gradient accumulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]
"""As in the configuration of a transformers model."""

NO_LABEL = -100
"""What Trainer takes for a place that does not count in the loss."""


@dataclass(frozen=True, slots=True)
class ClassificationLoss:
    """The loss of text classification: summed, then divided by the number of items of the whole step.

    Items are counted as Trainer does: `labels.ne(-100).sum()`, which is rows for one label or a number, and rows
    times classes for label sets. So accumulated gradients are exact. Class weights scale the terms of a class and
    do not change the divisor (their mean over the training rows is 1).
    """

    problem_type: ProblemType
    class_weights: tuple[float, ...] | None = None
    label_smoothing_factor: float = 0.0

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """The loss of this batch's share of the step; None items: those of this batch."""
        logits = outputs["logits"].float()
        items = labels.ne(NO_LABEL).sum() if num_items_in_batch is None else num_items_in_batch
        summed = self._summed(logits, labels)
        return summed / (items.to(logits.device) if hasattr(items, "to") else items)

    def _summed(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        weights = None if self.class_weights is None else logits.new_tensor(self.class_weights)
        smoothing = self.label_smoothing_factor
        if self.problem_type == "single_label_classification":
            return functional.cross_entropy(logits, labels, weight=weights, reduction="sum", label_smoothing=smoothing)
        if self.problem_type == "multi_label_classification":
            targets = labels.float() * (1 - smoothing) + smoothing / 2
            return functional.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="sum")
        return functional.mse_loss(logits.squeeze(-1), labels.float(), reduction="sum")
