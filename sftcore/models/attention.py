"""The attention that a model computes with: its own, or a faster one of transformers and torch for the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LONGEST_FOR_EAGER = 512
"""Tokens; eager attention keeps a square of this side for each head."""


@contextmanager
def training_attention(model: PreTrainedModel, device: str, longest: int) -> Iterator[str]:
    """Give the model the faster attention for the block, and its own one back after it; yields the name.

    On a processor, backward through torch's fused attention ("sdpa") costs more than through the plain one
    ("eager"): a step of MiniLM with 32 rows of about 32 tokens took 0.46 against 0.52 CPU-seconds, and 0.45
    against 0.63 without attention dropout. `longest` is the longest row in tokens.
    """
    config = cast(Any, model.config)
    own = str(getattr(config, "_attn_implementation", "") or "")
    chosen = "eager" if device == "cpu" and own == "sdpa" and longest <= LONGEST_FOR_EAGER else own
    _set(model, own, chosen)
    try:
        with attention_of_any_length():
            yield chosen
    finally:
        _set(model, chosen, own)


@contextmanager
def attention_of_any_length() -> Iterator[None]:
    """Leave cuDNN out of torch's fused attention for the block: in half precision on newer GPUs torch prefers it, and
    it makes a plan for each new shape of a batch, which takes longer than many steps (docs/benchmarks/gpu.md)."""
    import torch

    cuda: Any = torch.backends.cuda  # its functions are not annotated
    before = cuda.cudnn_sdp_enabled()
    cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        cuda.enable_cudnn_sdp(before)


def _set(model: PreTrainedModel, before: str, after: str) -> None:
    if before != after:
        cast(Any, model).set_attn_implementation(after)
