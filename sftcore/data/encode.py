"""Rows as features that the model reads, kept flat: a few bytes a token, cheap to hand to worker processes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sftcore.data.lengths import length_histogram
from sftcore.errors import Problem, TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.data.ledger import Ledger
    from sftcore.data.rows import Rows
    from sftcore.task import Encoded, Task, TaskState

ROWS_A_BATCH = 1_000
EXAMPLES = 5
TRAIN_STAGE = "encode train"
"""The stage whose features are trained on."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """A column of one number a feature."""

    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index].item()

    def take(self, index: np.ndarray) -> Scalars:
        """The column at these positions."""
        return Scalars(self.values[index])


@dataclass(frozen=True, slots=True)
class Ragged:
    """A column of one list of numbers a feature: feature i owns `flat[offsets[i]:offsets[i + 1]]`."""

    flat: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> list[Any]:
        values: list[Any] = self.flat[self.offsets[index] : self.offsets[index + 1]].tolist()
        return values

    def take(self, index: np.ndarray) -> Ragged:
        """The column at these positions."""
        lengths = np.diff(self.offsets)[index]
        offsets = _offsets(lengths)
        positions = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], lengths)
        return Ragged(self.flat[positions], offsets)


@dataclass(frozen=True, slots=True)
class Objects:
    """A column of anything else (nested lists, arrays, texts), as it came."""

    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def take(self, index: np.ndarray) -> Objects:
        """The column at these positions."""
        return Objects(tuple(self.values[position] for position in index.tolist()))


Column: TypeAlias = Scalars | Ragged | Objects


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Features of some rows.

    `columns` are by the names that the model's `forward` takes; `parents` (n,) int64: the position in the rows
    that feature i came from; `ids` (n,) int64: that row's id in the source; `lengths` (n,) int32: its tokens;
    `masked` (n,) bool: nothing of its row counts in the loss; `skip` (n,) bool: left out of training alone (None:
    none is); `row_count`: the rows that were encoded, which may exceed those that gave a feature.
    """

    columns: Mapping[str, Column]
    parents: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray
    masked: np.ndarray
    infos: tuple[Any, ...] | None = None
    row_count: int = 0
    skip: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.parents)

    @property
    def skipped(self) -> np.ndarray:
        """`skip`, with False everywhere where no feature is left out of training."""
        return np.zeros(len(self), bool) if self.skip is None else self.skip

    @property
    def trained(self) -> np.ndarray:
        """Which features are trained on, (n,) bool: those that count in the loss and are not left out."""
        trained: np.ndarray = ~self.masked & ~self.skipped
        return trained

    def feature(self, index: int) -> dict[str, Any]:
        """Feature `index` as `Task.collate` takes it: plain numbers and lists."""
        return {name: column[index] for name, column in self.columns.items()}

    def info(self, index: int) -> Any:
        """What `Task.decode` needs to know of feature `index`, or None."""
        return None if self.infos is None else self.infos[index]

    def take(self, index: np.ndarray) -> EncodedRows:
        """The features at these positions, or where a mask is true; `parents` keep their meaning."""
        positions = np.flatnonzero(index) if index.dtype == bool else index
        return EncodedRows(
            columns={name: column.take(positions) for name, column in self.columns.items()},
            parents=self.parents[positions],
            ids=self.ids[positions],
            lengths=self.lengths[positions],
            masked=self.masked[positions],
            infos=None if self.infos is None else tuple(self.infos[position] for position in positions.tolist()),
            row_count=self.row_count,
            skip=None if self.skip is None else self.skip[positions],
        )


def encode_rows(
    rows: Rows,
    task: Task,
    state: TaskState,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    ledger: Ledger | None = None,
    stage: str = "encode",
) -> EncodedRows:
    """Encode rows by the task, with a copy of the tokenizer (a tokenizer that is called is changed by it).

    The ledger gets the truncated and masked rows, lost tokens, lengths, and under `counts` the sums of what the task
    counted besides (`Encoded.counts`), with ids of such rows. Raises `sftcore.TrainingError` where rows are counted
    in a ledger and nothing of any row would count in the loss.
    """
    private = copy.deepcopy(tokenizer)
    parts: list[EncodedRows] = []
    lost = np.zeros(len(rows), np.int64)
    counts: dict[str, np.ndarray] = {}
    for start in range(0, len(rows), ROWS_A_BATCH):
        batch = rows.values[start : start + ROWS_A_BATCH]
        encoded = task.encode(batch, private, state, max_length)
        parts.append(_part(encoded, rows.ids[start : start + len(batch)]))
        if encoded.lost_tokens is not None:
            lost[start : start + len(batch)] = encoded.lost_tokens
        for name, numbers in encoded.counts.items():
            counts.setdefault(name, np.zeros(len(rows), np.int64))[start : start + len(batch)] = numbers
    together = concatenate(parts)
    if ledger is not None:
        _count(together, lost, counts, rows, ledger, stage, max_length)
    return together


def unknown_share(encoded: EncodedRows, tokenizer: PreTrainedTokenizerBase) -> float:
    """The share of all tokens that stand for text which the tokenizer does not know, 0 to 1."""
    ids, unknown = encoded.columns.get("input_ids"), tokenizer.unk_token_id
    if not isinstance(ids, Ragged) or unknown is None or not len(ids.flat):
        return 0.0
    return float((ids.flat == unknown).mean())


def concatenate(parts: Sequence[EncodedRows]) -> EncodedRows:
    """The features of all parts in order; `parents` count on through the rows of the parts."""
    starts = _offsets(np.asarray([part.row_count for part in parts], np.int64))
    names = parts[0].columns if parts else ()
    have_info = any(part.infos is not None for part in parts)
    skips = any(part.skip is not None for part in parts)
    infos = chain.from_iterable([None] * len(part) if part.infos is None else part.infos for part in parts)
    return EncodedRows(
        columns={name: _joined([part.columns[name] for part in parts]) for name in names},
        parents=_stacked([part.parents + start for part, start in zip(parts, starts, strict=False)], np.int64),
        ids=_stacked([part.ids for part in parts], np.int64),
        lengths=_stacked([part.lengths for part in parts], np.int32),
        masked=_stacked([part.masked for part in parts], bool),
        infos=tuple(infos) if have_info else None,
        row_count=int(starts[-1]),
        skip=_stacked([part.skipped for part in parts], bool) if skips else None,
    )


def _part(encoded: Encoded, ids: np.ndarray) -> EncodedRows:
    """One batch of rows as flat columns."""
    parents = np.arange(len(ids)) if encoded.parents is None else np.asarray(encoded.parents, np.int64)
    masked = np.zeros(len(ids), bool) if encoded.masked is None else np.asarray(encoded.masked, bool)
    columns = {name: _column(list(values)) for name, values in encoded.columns.items()}
    return EncodedRows(
        columns=columns,
        parents=parents,
        ids=ids[parents],
        lengths=_lengths(columns, len(parents)),
        masked=masked[parents],
        infos=None if encoded.info is None else tuple(encoded.info),
        row_count=len(ids),
        skip=None if encoded.skip is None else np.asarray(encoded.skip, bool),
    )


def _stacked(arrays: Sequence[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *arrays])


def _joined(columns: Sequence[Column]) -> Column:
    """The parts of one column as one, in the flattest form that all of them share; empty ones have none."""
    columns = [column for column in columns if len(column)] or columns[:1]
    if all(isinstance(column, Scalars) for column in columns):
        return Scalars(np.concatenate([column.values for column in columns if isinstance(column, Scalars)]))
    ragged = [column for column in columns if isinstance(column, Ragged)]
    if len(ragged) == len(columns):
        lengths = np.concatenate([np.diff(column.offsets) for column in ragged])
        return Ragged(np.concatenate([column.flat for column in ragged]), _offsets(lengths))
    return Objects(tuple(column[index] for column in columns for index in range(len(column))))


def _column(values: list[Any]) -> Column:
    """The flattest form that gives back the same values."""
    if all(map(_is_number, values)):
        return Scalars(np.asarray(values))
    if all(map(_is_vector, values)):
        return Ragged(_narrowed(np.concatenate(values)), _offsets(np.fromiter(map(len, values), np.int64, len(values))))
    if all(isinstance(value, (list, tuple)) or _is_vector(value) for value in values):
        numbers = list(chain.from_iterable(values))
        if all(map(_is_number, numbers)):
            flat = _narrowed(np.asarray(numbers)) if numbers else np.zeros(0, np.int8)
            return Ragged(flat, _offsets(np.fromiter(map(len, values), np.int64, len(values))))
    return Objects(tuple(values))


def _is_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number))


def _narrowed(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest signed type that holds them; anything else as it is."""
    if numbers.dtype.kind not in "iu" or not len(numbers):
        return numbers
    low, high = numbers.min(), numbers.max()
    return numbers.astype(np.result_type(np.min_scalar_type(min(low, -1)), np.min_scalar_type(-int(high) - 1)))


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def _lengths(columns: Mapping[str, Column], count: int) -> np.ndarray:
    """Tokens a feature: the length of `input_ids`, or of `labels` that are tokens (an encoder-decoder may write more
    than it reads); without `input_ids` of the longest list; at least 1."""
    ragged = {name: column for name, column in columns.items() if isinstance(column, Ragged)}
    if "input_ids" in ragged:
        sides = (ragged.get(name) for name in ("input_ids", "labels"))
        chosen = [column for column in sides if column is not None and column.flat.dtype.kind in "iu"]
    else:
        chosen = list(ragged.values())
    longest = np.ones(count, np.int32)
    for column in chosen:
        longest = np.maximum(longest, np.diff(column.offsets).astype(np.int32))
    return longest


def _count(
    encoded: EncodedRows,
    lost: np.ndarray,
    counts: Mapping[str, np.ndarray],
    rows: Rows,
    ledger: Ledger,
    stage: str,
    max_length: int,
) -> None:
    """Write what encoding did to the ledger; raises where nothing would be learned."""
    kept = len(np.unique(encoded.parents))
    places = {"truncated": np.flatnonzero(lost > 0), "masked": np.unique(encoded.parents[encoded.masked])}
    details: dict[str, Any] = {
        "features": len(encoded),
        "max_length": max_length,
        "tokens": int(encoded.lengths.sum()),
        "lengths": _summary(encoded.lengths),
        "histogram": length_histogram(encoded.lengths, lost, encoded.parents),
        "truncated_rows": len(places["truncated"]),
        "lost_tokens": int(lost.sum()),
        "masked_rows": len(places["masked"]),
    }
    if encoded.skip is not None and stage == TRAIN_STAGE:
        details["features_left_out"] = int(encoded.skip.sum())
    if counts:
        details["counts"] = {name: int(numbers.sum()) for name, numbers in counts.items()}
    dropped = {"no feature": len(rows) - kept} if kept < len(rows) else {}
    places |= {name: np.flatnonzero(numbers) for name, numbers in counts.items()}
    examples = {name: rows.ids[where[:EXAMPLES]].tolist() for name, where in places.items() if len(where)}
    ledger.add(stage, len(rows), kept, dropped=dropped, details=details, examples=examples)
    learned = encoded.trained if stage == TRAIN_STAGE else ~encoded.masked
    if len(encoded) and not learned.any():
        raise TrainingError(
            Problem(
                f"nothing to learn from: of {len(rows)} rows none has a label that counts in the loss",
                key="model.max_length",
                value=str(max_length),
                advice="the labels lie beyond the cut: raise model.max_length, or look at the rows with sftcore check",
            )
        )


def _summary(lengths: np.ndarray) -> dict[str, float]:
    """Mean, some percentiles and maximum of lengths in tokens."""
    if not len(lengths):
        return {}
    middle, high, top = np.percentile(lengths, [50, 95, 99]).tolist()
    return {"mean": float(lengths.mean()), "p50": middle, "p95": high, "p99": top, "max": float(lengths.max())}
