"""The ceiling: what a model without fault would reach after preprocessing, windows and truncation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.data.randomness import generator
from sftcore.data.untargeted import without_targets
from sftcore.evaluation.intervals import number_or_none
from sftcore.evaluation.predict import NOTHING_ENCODED
from sftcore.evaluation.score import metric_names, score_all
from sftcore.records import Prediction
from sftcore.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.components import Metric, Row
    from sftcore.data.encode import EncodedRows
    from sftcore.data.rows import Rows
    from sftcore.task import TaskState

MOST_ROWS = 2_000
"""Rows that are looked at, drawn by the recipe's seed."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The metrics' main values (None: not defined) of a faultless model, over so many rows of these splits."""

    rows: int
    splits: tuple[str, ...]
    metrics: dict[str, float | None]


def ceiling(
    task: Task,
    state: TaskState,
    metrics: Sequence[Metric],
    splits: Mapping[str, tuple[Rows, EncodedRows]],
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
) -> Ceiling | None:
    """Score the decoded `task.perfect` of the rows of these splits, at most 2,000 of them.

    `state` is the fitted one: nothing is calibrated before a training. A row that gave no feature counts as not
    predicted; rows without a reference, and those of which the task does not know the perfect output, are left out.
    None where no row is left, and for a task that has no `perfect`.
    """
    if type(task).perfect is Task.perfect:
        return None
    places = [(name, place) for name, (rows, _) in splits.items() for place in range(len(rows))]
    drawn = generator("ceiling", seed).permutation(len(places))[:MOST_ROWS]
    features = {name: _by_row(encoded, len(rows)) for name, (rows, encoded) in splits.items()}
    ids, predictions, references = [], [], []
    for name, place in (places[number] for number in np.sort(drawn).tolist()):
        rows, encoded = splits[name]
        row = rows.values[place]
        reference = task.reference(row, state)
        said = None if reference is None else _prediction(task, state, row, encoded, features[name][place], tokenizer)
        if said is not None:
            ids.append(int(rows.ids[place]))
            predictions.append(said)
            references.append(reference)
    if not any(said.reason != NOTHING_ENCODED for said in predictions):
        return None
    values = score_all(metrics, task.records(np.asarray(ids, np.int64), predictions, references, state))
    main = {name: number_or_none(values[name]) for name in metric_names(metrics)}
    return Ceiling(len(ids), tuple(name for name, (rows, _) in splits.items() if len(rows)), main)


def _by_row(encoded: EncodedRows, count: int) -> list[list[int]]:
    """The positions of each row's features."""
    found: list[list[int]] = [[] for _ in range(count)]
    for position, parent in enumerate(encoded.parents.tolist()):
        if parent < count:  # copies come after the rows themselves
            found[parent].append(position)
    return found


def _prediction(
    task: Task,
    state: TaskState,
    row: Row,
    encoded: EncodedRows,
    positions: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
) -> Prediction | None:
    """What a faultless model leads to for a row, None where the task does not know."""
    if not positions:
        return Prediction(None, reason=NOTHING_ENCODED)
    infos: list[Any] = [encoded.info(position) for position in positions]
    outputs = task.perfect(row, [encoded.feature(position) for position in positions], infos, tokenizer)
    return None if outputs is None else task.decode(without_targets(row, task.roles), outputs, state)
