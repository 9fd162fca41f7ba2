"""Rows joined into groups: whatever is linked, directly or through others, is one group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def apart(count: int) -> Numbers:
    """Each of `count` rows as a group of its own; a group is named by its first row."""
    return np.arange(count, dtype=np.int64)


def joined(groups: Numbers, left: Numbers, right: Numbers) -> Numbers:
    """The groups once `left[i]` and `right[i]` lie in one, for every i; each is named by its first row."""
    groups = groups.copy()
    while True:
        one, other = groups[left], groups[right]
        differ = one != other
        if not differ.any():
            return groups
        one, other = one[differ], other[differ]
        np.minimum.at(groups, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(shorter := groups[groups], groups):
            groups = shorter


def joined_by(groups: Numbers, keys: Sequence[Hashable]) -> Numbers:
    """The groups once rows of the same key lie in one; a row whose key is None is joined to none."""
    first: dict[Hashable, int] = {}
    same = [row if key is None else first.setdefault(key, row) for row, key in enumerate(keys)]
    return joined(groups, np.arange(len(same), dtype=np.int64), np.asarray(same, dtype=np.int64))
