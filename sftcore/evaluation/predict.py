"""Prediction: batches of like length, put back into the order of the rows."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sftcore.data.untargeted import without_targets
from sftcore.models.attention import attention_of_any_length
from sftcore.records import Prediction
from sftcore.reporter import SILENT
from sftcore.task import Generated, Output

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.components import Row
    from sftcore.data.encode import EncodedRows
    from sftcore.data.rows import Rows
    from sftcore.reporter import Reporter
    from sftcore.task import Task, TaskState

TOKENS_A_BATCH = 4_096
ROWS_A_BATCH = 256
LOGITS_A_BATCH = 1 << 27
"""A task that generates has a logit for each token of the vocabulary: at most so many at once, 512 MiB in float32."""
NO_LABEL = -100
NOTHING_ENCODED = "nothing of this row could be encoded"
NOT_GENERATED = "not generated"
_SHORT = 64
"""Logits of more numbers than this are kept as an array: a tuple takes eight times the room."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was predicted of n rows, in their order.

    `references` have the form of `Prediction.value`, None where a row has no target. `loss` is the sum over all
    items (labels that count: tokens, for tasks that generate) divided by their number, None without labels or loss
    function. `tokens` counts those of the rows, `padded_tokens` those that the model read; `seconds` is the time it
    took.
    """

    predictions: list[Prediction]
    references: list[Any]
    loss: float | None = None
    items: int = 0
    seconds: float = 0.0
    tokens: int = 0
    padded_tokens: int = 0


@dataclass(slots=True)
class _Pass:
    """One way of a model through encoded rows: outputs, loss and items so far. The loss adds up in float64."""

    model: PreTrainedModel
    task: Task
    state: TaskState
    tokenizer: PreTrainedTokenizerBase
    encoded: EncodedRows
    loss_function: Callable[..., torch.Tensor] | None
    generates: bool
    outputs: list[Output | None]
    loss: float = 0.0
    items: int = 0
    padded_tokens: int = 0

    def batch(self, index: np.ndarray) -> None:
        """Send the features at these positions through the model: keep their outputs, add their loss."""
        features = [self.encoded.feature(position) for position in index.tolist()]
        collated = self.task.collate(features, self.tokenizer)
        batch = {name: value.to(self.model.device) for name, value in collated.items()}
        outputs, kept = self.task.outputs(self.model, batch, self.state)
        self._add_loss(outputs, batch)
        del outputs  # what it holds would stand in memory beside all that generation needs
        written: Sequence[Generated | None] = [None] * len(kept)
        if self.generates:
            written = self.task.generate(self.model, batch, self.tokenizer, self.state)
        for position, logits, generated in zip(index.tolist(), kept, written, strict=True):
            self.outputs[position] = Output(logits, self.encoded.info(position), generated)

    def _add_loss(self, outputs: Any, batch: dict[str, torch.Tensor]) -> None:
        self.padded_tokens += int(batch["input_ids"].numel()) if "input_ids" in batch else 0
        if self.loss_function is not None and outputs is not None and "labels" in batch:
            self.loss += float(self.loss_function(outputs, batch["labels"], num_items_in_batch=1))
            self.items += int(batch["labels"].ne(NO_LABEL).sum())


def predict(
    model: PreTrainedModel,
    task: Task,
    state: TaskState,
    encoded: EncodedRows,
    rows: Rows | Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    *,
    tokens_per_batch: int = TOKENS_A_BATCH,
    rows_per_batch: int = ROWS_A_BATCH,
    precision: str = "fp32",
    loss_function: Callable[..., torch.Tensor] | None = None,
    generate: bool = True,
    reporter: Reporter = SILENT,
) -> Predicted:
    """Predict all rows with the model where it stands.

    Batches hold features of like length, at most `rows_per_batch` of them and `tokens_per_batch` tokens with their
    padding, and with what is to be generated; `precision` is "fp32", "bf16" or "fp16" (autocast). Of each feature only
    what `task.outputs` gives is kept, and what `task.generate` gives where the task generates; with `generate=False`
    there is the loss alone, and no row has a value. The model is left in the mode that it was in, and no global random
    generator is touched. A row that gave no feature comes back with a reason in place of a value. Raises what the task
    raises for labels that it does not know.
    """
    values = cast("Sequence[Row]", getattr(rows, "values", rows))
    began = time.perf_counter()
    references = [task.reference(row, state) for row in values]
    generates = task.generates and generate
    through = _Pass(model, task, state, tokenizer, encoded, loss_function, generates, [None] * len(encoded))
    batches = list(_batches(model, task, encoded.lengths, tokens_per_batch, rows_per_batch, generates))
    with _evaluating(model), _precision(model, precision), attention_of_any_length():
        for number, index in enumerate(batches, 1):
            through.batch(index)
            reporter.progress(number, len(batches), {})
    return Predicted(
        predictions=_decoded(through, values, decodes=generate or not task.generates),
        references=references,
        loss=through.loss / through.items if through.items else None,
        items=through.items,
        seconds=time.perf_counter() - began,
        tokens=int(encoded.lengths.sum()),
        padded_tokens=through.padded_tokens,
    )


def _batches(
    model: PreTrainedModel, task: Task, lengths: np.ndarray, tokens: int, rows: int, generates: bool
) -> Iterator[np.ndarray]:
    """Batches as `length_batches` makes them; of a task that generates so small that logits and new tokens fit."""
    if not task.generates:
        return length_batches(lengths, tokens, rows)
    new = getattr(getattr(model, "generation_config", None), "max_new_tokens", None) or 0
    vocabulary = getattr(model.config.get_text_config(), "vocab_size", None) or 1
    return length_batches(lengths + (new if generates else 0), min(tokens, LOGITS_A_BATCH // vocabulary), rows)


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


def _decoded(through: _Pass, rows: Sequence[Row], decodes: bool) -> list[Prediction]:
    """One prediction a row from the outputs of its features; the task sees the row without its targets."""
    roles = through.task.roles
    by_row: list[list[Output]] = [[] for _ in rows]
    for parent, output in zip(through.encoded.parents.tolist(), through.outputs, strict=True):
        if output is not None:
            by_row[parent].append(output)
    return [
        Prediction(None, reason=NOTHING_ENCODED)
        if not found
        else _compact(through.task.decode(without_targets(row, roles), found, through.state), found)
        if decodes
        else Prediction(None, reason=NOT_GENERATED)
        for row, found in zip(rows, by_row, strict=True)
    ]


def _compact(prediction: Prediction, outputs: Sequence[Output]) -> Prediction:
    """The prediction with long logits as an array, and with the ids that were generated for its feature."""
    changed: dict[str, Any] = {}
    if prediction.logits is not None and len(prediction.logits) > _SHORT:
        changed["logits"] = array("f", np.asarray(prediction.logits, np.float32).reshape(-1).tobytes())
    written = outputs[prediction.feature].generated
    if prediction.generated is None and written is not None:
        changed["generated"] = written.ids
    return replace(prediction, **changed) if changed else prediction
