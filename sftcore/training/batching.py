"""Which rows meet in which batch: rows of like length, in an order that (seed, epoch) alone decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

from sftcore.data.randomness import generator

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from sftcore.data.encode import EncodedRows
    from sftcore.task import Task

MEGA = 128
"""Steps' worth of shuffled rows that are sorted by length together: 2 % of padding for short messages, 4 % with 50."""


def epoch_order(lengths: np.ndarray, step_rows: int, seed: int, epoch: int) -> np.ndarray:
    """Positions in the order of an epoch, (n,) int64.

    Shuffled rows are cut into pieces of 128 steps, sorted by length within a piece, cut into steps, and the steps
    shuffled; a last step that is not full has rows of like length too. `step_rows` counts the rows of one
    optimizer step over all processes and accumulated batches, so that splitting a step differently leaves its
    rows the same. The step with the longest rows opens the first epoch: what does not fit into memory shows at
    once.
    """
    rng = generator("order", seed, epoch)
    shuffled, size, rest = rng.permutation(len(lengths)), MEGA * step_rows, len(lengths) % step_rows
    pieces = [_descending(shuffled[start : start + size], lengths) for start in range(0, len(lengths), size)]
    last = pieces.pop() if pieces else shuffled
    place = step_rows * int(rng.integers(len(last) // step_rows + 1))
    tail, full = last[place : place + rest], np.concatenate([last[:place], last[place + rest :]])
    order = rng.permutation(np.concatenate([*pieces, full]).reshape(-1, step_rows))
    if epoch == 0 and len(order):
        longest = int(lengths[order].max(axis=1).argmax())
        order[[0, longest]] = order[[longest, 0]]
    return np.concatenate([order.reshape(-1), tail])


def _descending(positions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return positions[np.argsort(-lengths[positions], kind="stable")]


def token_batches(lengths: np.ndarray, tokens: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Batches of at most `tokens` tokens, padding included, from rows sorted by length; their number is the same
    in every epoch, their order and the rows of equal length that they share are not."""
    rng = generator("order", seed, epoch)
    order = _descending(rng.permutation(len(lengths)), lengths)
    batches, start = [], 0
    while start < len(order):
        size = max(1, tokens // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    places = rng.permutation(len(batches)).tolist()
    if epoch == 0 and places:
        first = places.index(0)
        places[0], places[first] = places[first], places[0]
    return [batches[place] for place in places]


class EpochRows(Dataset[list[dict[str, Any]]]):
    """Training features in the order of the epoch that `set_epoch` names; an item is a list of features.

    With `tokens_per_batch` an item is a whole batch, else one feature. Features of rows that have nothing that
    counts in the loss, and those that the task leaves out of training, do not come. `features(epoch)` gives the
    encoded rows. Every epoch has as many features as the first: where fresh rows have more (a text that grew needs
    another window), some wait for another epoch, and where they have fewer, some come twice.
    """

    def __init__(
        self, features: Callable[[int], EncodedRows], *, seed: int, step_rows: int, tokens_per_batch: int | None = None
    ) -> None:
        self._features: Callable[[int], EncodedRows] | None = features
        self._seed, self._step_rows, self._tokens = seed, step_rows, tokens_per_batch
        self._epoch, self._size = -1, 0
        self._encoded: EncodedRows
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Take the rows of that epoch, in its order."""
        if epoch == self._epoch or self._features is None:
            return
        encoded = self._features(epoch)
        kept = np.flatnonzero(encoded.trained)
        if self._epoch < 0:
            self._size = len(kept)
        elif not len(kept):
            raise ValueError(f"nothing of the fresh rows of epoch {epoch} counts in the loss")
        elif len(kept) != self._size:
            kept = np.sort(np.resize(generator("features", self._seed, epoch).permutation(kept), self._size))
        self._encoded, self._epoch = encoded, epoch
        lengths = encoded.lengths[kept]
        self._items: Sequence[np.ndarray]
        if self._tokens:
            self._items = [kept[batch] for batch in token_batches(lengths, self._tokens, self._seed, epoch)]
        else:
            self._items = kept[epoch_order(lengths, self._step_rows, self._seed, epoch)].reshape(-1, 1)

    @property
    def encoded(self) -> EncodedRows:
        """The rows of the epoch at hand, those that do not come among them."""
        return self._encoded

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, position: int) -> list[dict[str, Any]]:
        return [self._encoded.feature(index) for index in self._items[position].tolist()]

    def row_ids(self, start: int, count: int) -> list[int]:
        """Ids in the source of the rows of some items of this epoch, for messages."""
        ids = [self._encoded.ids[item] for item in self._items[start : start + count]]
        return list(dict.fromkeys(np.concatenate(ids).tolist())) if ids else []

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes get the rows of the epoch at hand; they live for one epoch."""
        return self.__dict__ | {"_features": None}


@dataclass(frozen=True)
class Collate:
    """Pads the features of some items to one batch; it draws no random numbers."""

    task: Task
    processor: PreTrainedTokenizerBase
    """Not called `tokenizer`: the Trainer would save it with every checkpoint."""

    def __call__(self, items: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, torch.Tensor]:
        """The batch as the task pads it."""
        return self.task.collate([feature for item in items for feature in item], self.processor)
