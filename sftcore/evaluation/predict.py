"""Prediction: batches of like length, put back into the order of the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sftcore.components import Output
from sftcore.records import Prediction
from sftcore.reporter import SILENT

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.components import Row, Task, TaskState
    from sftcore.data.encode import EncodedRows
    from sftcore.data.rows import Rows
    from sftcore.reporter import Reporter

TOKENS_A_BATCH = 4_096
ROWS_A_BATCH = 256
NO_LABEL = -100


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was predicted of n rows, in their order.

    `references` have the form of `Prediction.value`, None where a row has no target. `loss` is the sum over all
    items divided by their number, None without labels or loss function. `tokens` counts those of the rows,
    `padded_tokens` those that the model read; `seconds` is the time it took.
    """

    predictions: list[Prediction]
    references: list[Any]
    loss: float | None = None
    items: int = 0
    seconds: float = 0.0
    tokens: int = 0
    padded_tokens: int = 0


@dataclass(slots=True)
class _Tally:
    """Loss and items so far."""

    loss: float = 0.0
    items: int = 0
    padded_tokens: int = 0
    outputs: list[Output | None] = field(default_factory=list)


def predict(
    model: PreTrainedModel,
    task: Task,
    state: TaskState,
    encoded: EncodedRows,
    rows: Rows | Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    *,
    tokens_per_batch: int = TOKENS_A_BATCH,
    precision: str = "fp32",
    loss_function: Callable[..., torch.Tensor] | None = None,
    reporter: Reporter = SILENT,
) -> Predicted:
    """Predict all rows with the model where it stands.

    Batches hold features of like length, at most `tokens_per_batch` tokens with their padding; `precision` is
    "fp32", "bf16" or "fp16" (autocast). Of each feature only what `task.outputs` gives is kept. The model is
    left in the mode that it was in, and no global random generator is touched. A row that gave no feature
    comes back with a reason in place of a value. Raises what the task raises for labels that it does not know.
    """
    values = cast("Sequence[Row]", getattr(rows, "values", rows))
    began = time.perf_counter()
    references = [task.reference(row, state) for row in values]
    tally = _Tally(outputs=[None] * len(encoded))
    batches = list(length_batches(encoded.lengths, tokens_per_batch))
    with _evaluating(model), _precision(model, precision):
        for number, index in enumerate(batches, 1):
            batch = task.collate([encoded.feature(int(i)) for i in index], tokenizer)
            _forward(model, task, state, batch, loss_function, tally, index, encoded)
            reporter.progress(number, len(batches), {})
    return Predicted(
        predictions=_decoded(task, state, values, encoded.parents, tally.outputs),
        references=references,
        loss=tally.loss / tally.items if tally.items else None,
        items=tally.items,
        seconds=time.perf_counter() - began,
        tokens=int(encoded.lengths.sum()),
        padded_tokens=tally.padded_tokens,
    )


def length_batches(lengths: np.ndarray, tokens_per_batch: int, most_rows: int = ROWS_A_BATCH) -> Iterator[np.ndarray]:
    """Positions of features in batches, longest first: at most `tokens_per_batch` with padding, `most_rows` rows.

    The longest come first, so that memory runs out at once or never. A single feature may exceed the budget.
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        size = min(most_rows, max(1, tokens_per_batch // longest))
        yield order[start : start + size]
        start += size


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module is in the mode that it was in."""
    import torch

    training = [module for module in model.modules() if module.training]
    model.train(False)
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True


def _precision(model: PreTrainedModel, precision: str) -> AbstractContextManager[Any]:
    import torch

    types = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(model.device.type, dtype=types[precision])


def _forward(
    model: PreTrainedModel,
    task: Task,
    state: TaskState,
    batch: dict[str, torch.Tensor],
    loss_function: Callable[..., torch.Tensor] | None,
    tally: _Tally,
    index: np.ndarray,
    encoded: EncodedRows,
) -> None:
    """One batch: keep its outputs, add its loss."""
    batch = {name: value.to(model.device) for name, value in batch.items()}
    outputs, kept = task.outputs(model, batch, state)
    for position, logits in zip(index.tolist(), kept, strict=True):
        tally.outputs[position] = Output(logits, encoded.info(position))
    tally.padded_tokens += int(batch["input_ids"].numel()) if "input_ids" in batch else 0
    if loss_function is not None and "labels" in batch:
        tally.loss += float(loss_function(outputs, batch["labels"], num_items_in_batch=1))
        tally.items += int(batch["labels"].ne(NO_LABEL).sum())


def _decoded(
    task: Task, state: TaskState, rows: Sequence[Row], parents: np.ndarray, outputs: Sequence[Output | None]
) -> list[Prediction]:
    """One prediction a row from the outputs of its features."""
    by_row: list[list[Output]] = [[] for _ in rows]
    for parent, output in zip(parents.tolist(), outputs, strict=True):
        if output is not None:
            by_row[parent].append(output)
    return [
        task.decode(row, found, state) if found else Prediction(None, reason="nothing of this row could be encoded")
        for row, found in zip(rows, by_row, strict=True)
    ]
