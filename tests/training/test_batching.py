from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sftcore.data.encode import EncodedRows, encode_rows
from sftcore.data.rows import Rows
from sftcore.task import Encoded
from sftcore.training.batching import EpochRows, epoch_order, token_batches


def tweets(count: int) -> np.ndarray:
    """Lengths in tokens like those of the starter's messages: mean 33, a tenth above 47."""
    return np.random.default_rng(0).gamma(7, 4.7, count).astype(np.int64).clip(5, 70)


def padding(lengths: np.ndarray, order: np.ndarray, batch: int = 32) -> float:
    pieces = [lengths[order[start : start + batch]] for start in range(0, len(order), batch)]
    return float(sum(piece.max() * len(piece) for piece in pieces) / lengths.sum())


@pytest.mark.parametrize(("count", "most"), [(256, 1.15), (1_000, 1.04), (4_000, 1.02), (16_000, 1.02)])
def test_padding_is_small(count: int, most: float) -> None:
    lengths = tweets(count)
    waste = [padding(lengths, epoch_order(lengths, 32, 1, epoch)) for epoch in range(5)]
    assert np.mean(waste) <= most
    assert padding(lengths, np.arange(count)) > 1.4


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 4097, 5000])
def test_every_row_comes_once_an_epoch(count: int) -> None:
    order = epoch_order(tweets(count), 32, 1, 3)
    assert sorted(order.tolist()) == list(range(count))


def test_the_order_is_that_of_seed_and_epoch() -> None:
    lengths = tweets(500)
    first = epoch_order(lengths, 32, 1, 1)
    assert (first == epoch_order(lengths, 32, 1, 1)).all()
    assert (first != epoch_order(lengths, 32, 1, 2)).any()
    assert (first != epoch_order(lengths, 32, 2, 1)).any()


def test_the_longest_rows_open_the_first_epoch_only() -> None:
    lengths = tweets(960)
    assert lengths[epoch_order(lengths, 32, 1, 0)[:32]].max() == lengths.max()
    starts = {int(epoch_order(lengths, 32, 1, epoch)[0]) for epoch in range(1, 6)}
    assert len(starts) > 1


def test_a_step_keeps_its_rows_however_it_is_split() -> None:
    lengths = tweets(640)
    order = epoch_order(lengths, 64, 1, 2).reshape(-1, 64)
    widest = [lengths[step].max() for step in order]
    assert all((np.diff(lengths[step]) <= 0).all() for step in order)
    assert widest != sorted(widest)


def test_batches_by_tokens_hold_as_many_as_fit() -> None:
    lengths = tweets(1_000)
    epochs = [token_batches(lengths, 1024, 1, epoch) for epoch in range(3)]
    assert len({len(batches) for batches in epochs}) == 1
    for batches in epochs:
        assert sorted(np.concatenate(batches).tolist()) == list(range(1_000))
        assert max(lengths[batch].max() * len(batch) for batch in batches) <= 1024
    assert lengths[epochs[0][0]].max() == lengths.max()
    assert [batch.tolist() for batch in epochs[1]] != [batch.tolist() for batch in epochs[2]]


def test_a_row_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    batches = token_batches(np.array([5, 50, 5]), 10, 1, 0)
    assert sorted(len(batch) for batch in batches) == [1, 2]


class Numbers:
    def encode(self, rows: Sequence[Any], *rest: Any) -> Encoded:
        return Encoded({"input_ids": [row["ids"] for row in rows]}, masked=[len(row["ids"]) == 3 for row in rows])


def encoded(shift: int = 0) -> EncodedRows:
    rows = Rows.of([{"ids": [number + shift] * (1 + number % 5)} for number in range(20)], ids=range(100, 120))
    return encode_rows(rows, Numbers(), None, None, 8)  # type: ignore[arg-type]


def ids(rows: EpochRows) -> list[int]:
    return [feature["input_ids"][0] for place in range(len(rows)) for feature in rows[place]]


def test_masked_rows_are_left_out_and_each_epoch_has_its_own_rows() -> None:
    rows = EpochRows(lambda epoch: encoded(1000 * epoch), seed=1, step_rows=4)
    expected = {number for number in range(20) if number % 5 != 2}
    assert (len(rows), set(ids(rows))) == (16, expected)
    rows.set_epoch(2)
    assert set(ids(rows)) == {number + 2000 for number in expected}
    assert {row - 100 for row in rows.row_ids(0, 4)} == {number - 2000 for number in ids(rows)[:4]}


def test_workers_get_the_rows_of_the_epoch() -> None:
    rows = EpochRows(lambda epoch: encoded(epoch), seed=1, step_rows=4)
    rows.set_epoch(3)
    assert ids(pickle.loads(pickle.dumps(rows))) == ids(rows)


def test_an_epoch_of_fresh_rows_has_as_many_features_as_the_first() -> None:
    rows = EpochRows(lambda epoch: encoded().take(np.arange([15, 20, 10, 20][epoch])), seed=1, step_rows=4)
    first = ids(rows)
    assert sorted(first) == [number for number in range(15) if number % 5 != 2]
    drawn = []
    for epoch in (1, 3):
        rows.set_epoch(epoch)
        drawn.append(set(ids(rows)))
        assert len(rows) == len(drawn[-1]) == 12
    assert drawn[0] != drawn[1]
    rows.set_epoch(2)
    assert (len(rows), set(ids(rows))) == (12, {0, 1, 3, 4, 5, 6, 8, 9})


class Halves(Numbers):
    def encode(self, rows: Sequence[Any], *rest: Any) -> Encoded:
        numbers = super().encode(rows, *rest)
        return Encoded(numbers.columns, masked=numbers.masked, skip=[row["ids"][0] < 10 for row in rows])


def test_features_that_the_task_leaves_out_are_not_trained_on() -> None:
    values = Rows.of([{"ids": [number] * (1 + number % 5)} for number in range(20)])
    features = encode_rows(values, Halves(), None, None, 8)  # type: ignore[arg-type]
    assert len(features) == 20
    rows = EpochRows(lambda epoch: features, seed=1, step_rows=4)
    assert sorted(ids(rows)) == [number for number in range(10, 20) if number % 5 != 2]
