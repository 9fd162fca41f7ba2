"""What a saved model says of recorded inputs, by plain transformers classes, and how that compares with the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import Problem, RunError
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.loading import load_saved

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Floats = NDArray[np.float64]

TOLERANCES = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 8e-2}
"""How far a recomputed logit may be from one recorded in this precision, as a share of the largest logit (at
least of 1): fp32 rounds sums in another order, bf16 keeps 8 bits of each product's factors."""

_TOKENS_A_BATCH = 8192
_ROWS_A_BATCH = 16


@dataclass(frozen=True, slots=True)
class Outputs:
    """How the reloaded model's logits, in float32, compare with the recorded ones.

    `near_ties` counts rows whose recorded label is not the recomputed one although the logits agree within
    the precision's tolerance.
    """

    rows: int
    precision: str
    max_difference: float
    tolerance: float
    near_ties: int
    device: str

    @property
    def agree(self) -> bool:
        """Whether every logit is within the tolerance."""
        return self.max_difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class Regenerated:
    """How what the reloaded model writes greedily, in float32, compares with the recorded ids.

    `near_ties` counts rows that differ from a token on whose score, at that place, is within the tolerance (fp32) of
    the recorded one's: the two were a tie that batches with other padding round otherwise. `different` are the
    positions of the rows that differ in any other way.
    """

    rows: int
    tokens: int
    near_ties: int
    different: tuple[int, ...]
    device: str


def compare_logits(
    model_path: Path,
    facts: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Sequence[int]]],
    recorded: Sequence[Floats],
    reporter: Reporter = SILENT,
) -> Outputs:
    """Recompute the logits of the inputs and compare them with the recorded, a flat array a row.

    Raises `RunError` where their numbers differ.
    """
    model, tokenizer = load_saved(model_path, facts["auto_class"])
    names = facts.get("logits_from") or ["logits"]
    computed: list[Any] = [None] * len(inputs)
    done = 0
    for batch in _batches([len(row["input_ids"]) for row in inputs]):
        parts = _forward(model, tokenizer, [inputs[row] for row in batch], names)
        for place, row in enumerate(batch):
            left, length = tokenizer.padding_side == "left", len(inputs[row]["input_ids"])
            computed[row] = _without_padding([part[place] for part in parts], recorded[row].size, length, left)
        done += len(batch)
        reporter.progress(done, len(inputs), {})
    return compared(recorded, computed, facts, model.device.type)


def _forward(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Mapping[str, Sequence[int]]],
    names: Sequence[str],
) -> list[Floats]:
    """The named outputs of one batch, (rows, …) each."""
    import torch

    batch = {name: torch.from_numpy(ids).to(model.device) for name, ids in _padded(model, tokenizer, rows).items()}
    with torch.inference_mode():
        outputs: Any = model(**batch)
    if absent := [name for name in names if getattr(outputs, name, None) is None]:
        raise RunError(Problem(f"the reloaded model gives no {absent[0]}, which is recorded"))
    return [getattr(outputs, name).double().cpu().numpy() for name in names]


def _padded(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Mapping[str, Sequence[int]]]
) -> dict[str, NDArray[np.int64]]:
    """The inputs (rows, longest) and their attention mask, on the tokenizer's side; it may lack a padding token."""
    lengths = [len(row["input_ids"]) for row in rows]
    numbers = (tokenizer.pad_token_id, getattr(model.config, "pad_token_id", None))
    padding = next((number for number in numbers if number is not None), 0)
    batch = {name: np.zeros((len(rows), max(lengths)), np.int64) for name in ("attention_mask", *rows[0])}
    batch["input_ids"][:] = padding
    for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        there = slice(-length, None) if tokenizer.padding_side == "left" else slice(length)
        batch["attention_mask"][place, there] = 1
        for name, values in row.items():
            batch[name][place, there] = values
    return batch


def _without_padding(parts: Sequence[Floats], size: int, length: int, left: bool) -> Floats:
    """The parts of one row's output, flat, one after the other. Outputs that have a value a token are cut to the
    `length` tokens of the row: those are not as many numbers as were recorded."""
    whole = np.concatenate([part.reshape(-1) for part in parts])
    if whole.size == size:
        return whole
    return np.concatenate([(part[-length:] if left else part[:length]).reshape(-1) for part in parts])


def compared(
    recorded: Sequence[Floats] | Floats, computed: Sequence[Floats] | Floats, facts: Mapping[str, Any], device: str
) -> Outputs:
    """How computed logits are from the recorded ones, row by row, each a flat array. `facts` are those of
    predictions.parquet. Raises `RunError` where their numbers differ."""
    for before, after in zip(recorded, computed, strict=True):
        if before.shape != after.shape:
            message = f"gives {after.size} logits for a row, {before.size} are recorded"
            raise RunError(Problem(f"the reloaded model {message}"))
    pairs, precision = list(zip(recorded, computed, strict=True)), str(facts["precision"])
    largest = max([1.0, *(float(np.abs(row).max(initial=0.0)) for row in recorded)])
    tips = [
        bool(np.any(_decisions(before, facts["predicts"]) != _decisions(after, facts["predicts"])))
        for before, after in pairs
    ]
    return Outputs(
        rows=len(pairs),
        precision=precision,
        max_difference=max(float(np.abs(before - after).max(initial=0.0)) for before, after in pairs),
        tolerance=TOLERANCES.get(precision, TOLERANCES["bf16"]) * largest,
        near_ties=sum(tips),
        device=device,
    )


def _decisions(logits: Floats, predicts: str) -> NDArray[Any]:
    """What a reader of a row's logits would decide: a class number, (k,) yes or no, nothing for anything else."""
    if predicts == "labels":
        return np.asarray([logits.argmax()])
    return logits > 0 if predicts == "label_sets" else logits[:0]


def regenerate(
    model_path: Path,
    auto_class: str,
    prompts: Sequence[Sequence[int]],
    recorded: Sequence[Sequence[int]],
    reporter: Reporter = SILENT,
) -> Regenerated:
    """Let the model write for each prompt by its saved settings, as many tokens as are recorded, and compare.

    In batches, which is several times as fast; a row that differs is written once more by itself, so that padding plays
    no part in it.
    """
    model, _ = load_saved(model_path, auto_class)
    ties, different, done = 0, [], 0
    for batch in _written_batches(model, prompts, recorded):
        found, _ = _written(model, [prompts[row] for row in batch], max(len(recorded[row]) for row in batch))
        for row, ids in zip(batch, found, strict=True):
            if ids[: len(recorded[row])] != list(recorded[row]):
                (alone,), scores = _written(model, [prompts[row]], len(recorded[row]))
                tie = alone != list(recorded[row]) and _is_tie(alone, list(recorded[row]), scores)
                ties += tie
                different += [] if tie or alone == list(recorded[row]) else [row]
        done += len(batch)
        reporter.progress(done, len(prompts), {})
    return Regenerated(len(prompts), sum(map(len, recorded)), ties, tuple(sorted(different)), model.device.type)


def _written_batches(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], recorded: Sequence[Sequence[int]]
) -> Iterator[list[int]]:
    """Rows of like length together, as far as the model's positions reach."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 10**9
    batch: list[int] = []
    for row in sorted(range(len(prompts)), key=lambda number: len(prompts[number])):
        new = max(len(recorded[other]) for other in (*batch, row))
        if batch and (len(batch) == _ROWS_A_BATCH or len(prompts[row]) + new > positions):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _written(
    model: Any, prompts: Sequence[Sequence[int]], tokens: int
) -> tuple[list[list[int]], Sequence[torch.Tensor]]:
    """The new ids for each prompt, and the scores (prompts, vocabulary) of each new token where there is one prompt."""
    import torch

    width, alone = max(map(len, prompts)), len(prompts) == 1
    padding = model.generation_config.pad_token_id or 0
    ids = torch.tensor([[padding] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    result = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        max_new_tokens=tokens,
        output_scores=alone,
        return_dict_in_generate=True,
    )
    start = 1 if model.config.is_encoder_decoder else width
    return result.sequences[:, start:].tolist(), result.scores if alone else ()


def _is_tie(written: list[int], ids: list[int], scores: Sequence[torch.Tensor]) -> bool:
    """Whether, at the first place where they differ, both tokens have the same score but for rounding."""
    place = next((n for n, (one, other) in enumerate(zip(written, ids, strict=False)) if one != other), None)
    if place is None:
        return False
    row = scores[place][0].double()
    finite = row[row.isfinite()].abs()
    largest = max(1.0, float(finite.max())) if len(finite) else 1.0
    return float(row[written[place]] - row[ids[place]]) <= TOLERANCES["fp32"] * largest


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of like length together, at most so many padded tokens a batch."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > _TOKENS_A_BATCH:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
