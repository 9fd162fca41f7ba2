"""Dealing out groups and classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pytest

from sftcore.data.allocate import allocate
from sftcore.data.rows import Rows
from sftcore.data.sample import sample

SHARES = (0.8, 0.1, 0.1)


def dealt(
    groups: Sequence[int], strata: Sequence[Hashable], shares: Sequence[float] = SHARES, seed: int = 0
) -> np.ndarray:
    chance = np.random.default_rng(seed).random(len(groups))
    return allocate(np.asarray(groups), strata, shares, chance)


def test_each_class_is_dealt_in_the_shares() -> None:
    strata = ["rare" if row % 50 == 0 else "common" for row in range(5000)]
    parts = dealt(range(5000), strata)
    for name in ("rare", "common"):
        of_class = parts[[stratum == name for stratum in strata]]
        assert (np.bincount(of_class) / len(of_class)).tolist() == pytest.approx(SHARES, abs=0.001)


def test_groups_stay_whole_and_shares_hold() -> None:
    source = np.random.default_rng(1)
    groups, strata = source.integers(0, 400, 6000), source.integers(0, 3, 6000).tolist()
    parts = dealt(groups.tolist(), strata)
    assert all(len(set(parts[groups == group].tolist())) == 1 for group in range(400))
    assert (np.bincount(parts) / 6000).tolist() == pytest.approx(SHARES, abs=0.01)


def test_every_part_gets_groups_and_not_only_single_rows() -> None:
    groups = [row // 2 for row in range(1000)] + list(range(500, 1500))
    parts = dealt(groups, ["a"] * 2000)
    in_groups = np.bincount(parts[:1000]) / 1000
    assert in_groups.tolist() == pytest.approx(SHARES, abs=0.04)


def test_a_class_goes_to_the_first_part_before_any_other() -> None:
    for seed in range(20):
        parts = dealt(list(range(200)), [f"c{row}" if row < 40 else "rest" for row in range(200)], seed=seed)
        assert parts[:40].tolist() == [0] * 40
        grouped = dealt([0] * 5 + [1] * 5 + list(range(2, 92)), ["x"] * 5 + ["y"] * 5 + ["z"] * 90, seed=seed)
        assert grouped[:10].tolist() == [0] * 10


def test_many_small_classes_still_fill_every_part() -> None:
    parts = dealt(range(3000), [row % 1000 for row in range(3000)])
    assert np.bincount(parts).tolist() == [2400, 300, 300]
    assert len({row % 1000 for row in np.flatnonzero(parts == 0)}) == 1000


@pytest.mark.parametrize(("documents", "sizes"), [(10, [8, 1, 1]), (3, [1, 1, 1]), (20, [16, 2, 2])])
def test_a_few_large_groups(documents: int, sizes: list[int]) -> None:
    groups = np.arange(documents * 50) // 50
    parts = dealt(groups.tolist(), ["a"] * len(groups))
    assert [len(set(groups[parts == part].tolist())) for part in range(3)] == sizes


def test_a_share_of_nothing_gets_nothing() -> None:
    assert np.bincount(dealt(range(100), ["a"] * 100, (0.9, 0.0, 0.1)), minlength=3).tolist() == [90, 0, 10]


def rows_of(count: int, groups: list[str] | None = None) -> Rows:
    return Rows.of(
        [{"label": "ab"[row % 4 == 0]} for row in range(count)], ids=range(1000, 1000 + count), groups=groups
    )


def test_a_sample_is_stratified_seeded_and_in_order() -> None:
    rows = rows_of(400)
    strata = rows.column("label")
    taken = sample(rows, 100, strata, 1)
    assert len(taken) == 100
    assert taken.column("label").count("b") == 25
    assert taken.ids.tolist() == sorted(taken.ids.tolist())
    assert taken.ids.tolist() == sample(rows, 100, strata, 1).ids.tolist()
    assert taken.ids.tolist() != sample(rows, 100, strata, 2).ids.tolist()
    assert sample(rows, 400, strata, 1) is rows


def test_a_sample_keeps_groups_whole_where_it_can() -> None:
    groups = [str(row // 5) for row in range(400)]
    taken = sample(rows_of(400, groups), 100, ["a"] * 400, 1)
    assert 50 <= len(taken) <= 100
    assert taken.groups is not None
    assert all(taken.groups.count(group) == 5 for group in taken.groups)
    two = sample(rows_of(400, [str(row // 200) for row in range(400)]), 100, ["a"] * 400, 1)
    assert len(two) == 100, "groups larger than the sample are cut"
