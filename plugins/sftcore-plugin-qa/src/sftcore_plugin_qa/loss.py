"""The loss of extractive question answering, exact under gradient accumulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NO_LABEL = -100
"""What does not count in the loss."""


@dataclass(frozen=True, slots=True)
class SpanLoss:
    """The mean of the cross entropies of start and end, summed over features and divided by their number.

    `labels` (n, 3) are start, end and length of each feature: positions are told apart only up to its length, so that
    padding, which depends on what else is in a batch, changes nothing. All three are -100 for a feature that does not
    count. Trainer counts three items a feature; the sum is multiplied by three accordingly.
    """

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """The loss of this batch's share of the step, in nats; None items: those of this batch."""
        import torch
        from torch.nn import functional

        counting = labels[:, 0].ne(NO_LABEL).nonzero()[:, 0]
        starts, ends, lengths = labels[counting].unbind(1)
        logits = [outputs[f"{side}_logits"][counting].float() for side in ("start", "end")]
        padding = torch.arange(logits[0].shape[1], device=labels.device) >= lengths[:, None]
        parts = [
            functional.cross_entropy(some.masked_fill(padding, -torch.inf), positions, reduction="sum")
            for some, positions in zip(logits, (starts, ends), strict=True)
        ]
        items = labels.ne(NO_LABEL).sum() if num_items_in_batch is None else num_items_in_batch
        items = items.to(logits[0].device) if hasattr(items, "to") else items
        return (parts[0] + parts[1]) / 2 * labels.shape[1] / items
