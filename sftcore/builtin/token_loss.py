"""The loss of models that answer token by token, exact under gradient accumulation, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.builtin.losses import NO_LABEL

if TYPE_CHECKING:
    import torch

_NUMBERS_AT_ONCE = 1 << 26
"""So many logits are turned into float32 at a time where no gradient is needed: 256 MiB."""


@dataclass(frozen=True, slots=True)
class TokenLoss:
    """Cross entropy over the tokens that count, summed, then divided by the number of items of the whole step.

    Items are counted as Trainer does, `labels.ne(-100).sum()`, so that accumulated gradients are those of the one
    big batch. `shift`: the logits at position i speak of the label at i + 1 (causal models; the first label of a
    feature must be -100, for nothing predicts it); without it, of the label at i. Float32 is made of the logits of
    counting tokens alone. `label_smoothing_factor` as in torch: that share of the target is spread over all tokens.
    """

    shift: bool
    label_smoothing_factor: float = 0.0

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """The loss of this batch's share of the step, in nats; None items: those of this batch.

        `outputs["logits"]` is (batch, length, tokens or classes), `labels` (batch, length).
        """
        from torch.nn import functional

        logits, targets, _ = _counting(outputs["logits"], labels, self.shift)
        smoothing = self.label_smoothing_factor
        summed = functional.cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=smoothing)
        items = len(targets) if num_items_in_batch is None else num_items_in_batch
        return summed / (items.to(summed.device) if hasattr(items, "to") else items)


def token_logprobs(logits: torch.Tensor, labels: torch.Tensor, shift: bool) -> list[np.ndarray]:
    """The log-probabilities (nats, float32) of the tokens that count: an array a feature, in the order of its tokens.

    Shapes and `shift` as in `TokenLoss`; minus the sum of all is its loss without smoothing, before the division.
    """
    import torch

    kept, targets, features = _counting(logits, labels, shift)
    size = max(1, _NUMBERS_AT_ONCE // kept.shape[-1])
    parts = [
        kept[at : at + size].float().log_softmax(-1).gather(-1, targets[at : at + size, None])[:, 0]
        for at in range(0, max(1, len(kept)), size)
    ]
    values = torch.cat(parts).detach().cpu().numpy()
    counts = torch.bincount(features, minlength=len(labels)).cpu().numpy()
    return np.split(values, np.cumsum(counts)[:-1])


def _counting(
    logits: torch.Tensor, labels: torch.Tensor, shift: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The logits (m, tokens), labels (m,) and features (m,) of the m tokens that count."""
    from torch.nn import functional

    # Adapters with virtual tokens put them, and their logits, in front of the real ones.
    logits = logits[:, -labels.shape[1] :]
    aligned = functional.pad(labels, (0, 1), value=NO_LABEL)[:, 1:] if shift else labels
    # A model that left out the logits at the beginning (`logits_to_keep`) has those of the last positions alone.
    aligned = aligned[:, -logits.shape[1] :]
    features, places = aligned.ne(NO_LABEL).nonzero(as_tuple=True)
    if len(features) == aligned.numel():
        return logits.flatten(0, 1), aligned.flatten(), features
    # One index a row: the backward pass then adds whole rows, which is exact in any order, for no row comes twice.
    rows = features * aligned.shape[1] + places
    return logits.flatten(0, 1).index_select(0, rows), aligned[features, places], features
