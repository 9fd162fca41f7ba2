"""Batches of causal models: padded on the right to learn from, packed without padding, padded on the left to write."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from sftcore import Feature, Generated
from sftcore.builtin.losses import NO_LABEL
from sftcore.builtin.tokens import padded, padding_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PACKING_ATTENTION = ("flash_attention_2", "flash_attention_3", "flash_attention_4", "flex_attention")
"""The kinds of attention that skip what packed rows may not see; the others would compute it and mask it."""
_ROUNDING = 0.02
"""By so much of the largest logit, packed and alone may differ in half precision."""
_PACKS: WeakKeyDictionary[Any, tuple[str, bool]] = WeakKeyDictionary()


def padded_batch(features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """`input_ids`, `attention_mask` and `labels`, each (features, longest) int64, filled up on the right."""
    import torch

    ids = padded([feature["input_ids"] for feature in features], padding_id(tokenizer), False)
    lengths = np.array([len(feature["input_ids"]) for feature in features])[:, None]
    mask = (np.arange(ids.shape[1]) < lengths).astype(np.int64)
    labels = padded([feature["labels"] for feature in features], NO_LABEL, False)
    columns = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(column) for name, column in columns.items()}


def packed_batch(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A padded batch as one row without padding, (1, tokens): with each feature `position_ids` begin anew, and its
    first label counts for nothing, so that no feature sees or predicts another."""
    import torch

    real = batch["attention_mask"].bool()
    positions = torch.arange(real.shape[1], device=real.device).expand(real.shape)[real]
    labels = batch["labels"][real].masked_fill(positions.eq(0), NO_LABEL)
    packed = {"input_ids": batch["input_ids"][real], "position_ids": positions, "labels": labels}
    return {name: column[None] for name, column in packed.items()}


def packs(model: PreTrainedModel) -> bool:
    """Whether the model keeps packed rows apart: tried once for each kind of attention, since signatures do not tell.

    Two packed rows are read twice, the second time with another first row: what comes out for the second row must be
    the same.
    """
    kind = f"{getattr(model.config, '_attn_implementation', '')} {getattr(model.config, 'use_cache', '')}"
    known = _PACKS.get(model)
    if known is None or known[0] != kind:
        known = _PACKS[model] = (kind, _keeps_apart(model))
    return known[1]


def _keeps_apart(model: PreTrainedModel) -> bool:
    import torch

    if not takes(model, "position_ids"):
        return False
    first, second = [[1, 2, 3], [3, 1, 2]], [2, 3, 1, 1]
    rows = torch.tensor([[*ids, *second] for ids in first], device=model.device)
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3]], device=model.device)
    with _reading(model), torch.no_grad():
        found = [model(input_ids=row[None], position_ids=positions).logits[0, 3:] for row in rows]
        alone = model(input_ids=rows[:1, 3:], position_ids=positions[:, 3:]).logits[0]
    largest = alone.float().abs().max()
    return torch.equal(*found) and bool((found[0] - alone).float().abs().max() <= _ROUNDING * largest)


@contextmanager
def _reading(model: PreTrainedModel) -> Iterator[None]:
    """Evaluation mode within the block; afterwards each module is in the mode that it was in."""
    training = [module for module in model.modules() if module.training]
    model.train(False)
    try:
        yield
    finally:
        for module in training:
            module.training = True


def takes(model: PreTrainedModel, name: str) -> bool:
    """Whether the model's `forward`, beneath an adapter, takes an argument of this name."""
    inner = getattr(model, "get_base_model", lambda: model)()
    return name in inspect.signature(type(inner).forward).parameters


def logits_to_keep(labels: torch.Tensor) -> int:
    """From how many positions at the end of (features, length) labels logits are needed, at least 1: those of a prompt
    that all features have in common are not, and the head is the dearest layer of a small model.

    The logits at a position speak of the next token.
    """
    counting = labels.ne(NO_LABEL).any(dim=0).nonzero()
    return labels.shape[1] - max(0, int(counting[0]) - 1) if len(counting) else 1


def prompt_length(labels: Sequence[int]) -> int:
    """How many tokens come before the last run of labels that count; all where none does."""
    counts = np.asarray(labels) != NO_LABEL
    if not counts.any():
        return len(counts)
    last = int(np.flatnonzero(counts)[-1])
    masked = np.flatnonzero(~counts[:last])
    return int(masked[-1]) + 1 if len(masked) else 0


def prompts_of(batch: Mapping[str, torch.Tensor]) -> list[list[int]]:
    """The ids of each feature up to its answer, without padding."""
    ids, lengths = batch["input_ids"].tolist(), batch["attention_mask"].sum(dim=1).tolist()
    labels = batch["labels"].tolist()
    return [row[: prompt_length(given[:size])] for row, given, size in zip(ids, labels, lengths, strict=True)]


def written(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase
) -> list[Generated]:
    """What the model writes after each prompt, by its own generation settings (see `CausalLM.prepare_model`).

    Prompts are filled up on the left. One after which the model has too few positions for all new tokens is gone on
    with by itself, as far as they reach. The score is the geometric mean of the tokens' probabilities.
    """
    settings = cast(Any, model).generation_config
    most, positions = settings.max_new_tokens, getattr(model.config, "max_position_embeddings", None) or 10**9
    tight = [place for place, prompt in enumerate(prompts) if len(prompt) + most > positions]
    groups = [[place for place in range(len(prompts)) if place not in tight], *([place] for place in tight)]
    found: dict[int, Generated] = {}
    for group in filter(None, groups):
        some = [prompts[place] for place in group]
        room = min(most, positions - max(map(len, some)))
        found |= zip(group, _written(model, some, tokenizer, room), strict=True)
    return [found[place] for place in range(len(prompts))]


def _written(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase, room: int
) -> list[Generated]:
    import torch
    from transformers import LogitsProcessorList

    if room < 1:
        return [generated(tokenizer, (), ()) for _ in prompts]
    ids = padded(prompts, padding_id(tokenizer), True)
    lengths = np.array([len(prompt) for prompt in prompts])[:, None]
    mask = (np.arange(ids.shape[1]) >= ids.shape[1] - lengths).astype(np.int64)
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    placed = {name: value.to(model.device) for name, value in inputs.items()}
    surety = _surety()
    made = cast(Any, model).generate(**placed, max_new_tokens=room, logits_processor=LogitsProcessorList([surety]))
    sure = torch.stack(surety.kept, dim=1).tolist()
    ends = cast(Any, model).generation_config.eos_token_id
    stops = tuple(ends) if isinstance(ends, list) else (ends,)
    rows = zip(made[:, ids.shape[1] :].tolist(), sure, strict=True)
    return [generated(tokenizer, new, stops, known) for new, known in rows]


def generated(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[int], logprobs: Sequence[float] = ()
) -> Generated:
    """The new tokens up to the first of `stops`, which is kept, and their text without it, without special tokens and
    without the blanks around it."""
    size = next((at for at, number in enumerate(ids) if number in stops), len(ids))
    text = str(tokenizer.decode(list(ids[:size]), skip_special_tokens=True, clean_up_tokenization_spaces=False))
    score = float(np.exp(np.mean(logprobs[: size + 1]))) if len(logprobs) else None
    return Generated(tuple(map(int, ids[: size + 1])), text.strip(), score)


def _surety() -> Any:
    """A logits processor that changes nothing and keeps, of each step, the log-probability of the likeliest token."""
    from transformers import LogitsProcessor

    class Surety(LogitsProcessor):
        def __init__(self) -> None:
            self.kept: list[torch.Tensor] = []

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            self.kept.append(scores.float().log_softmax(dim=-1).amax(dim=-1))
            return scores

    return Surety()
