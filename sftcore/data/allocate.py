"""Dealing out groups of rows to parts of given shares, each class in the same proportion."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sftcore.data.joining import Numbers

Needs = list[list[float]]


def allocate(
    groups: Numbers, strata: Sequence[Hashable], shares: Sequence[float], chance: NDArray[np.float64]
) -> Numbers:
    """The part (0, 1, …) of each row.

    `groups` (n,): rows of the same number stay together; `strata`: the class of each row; `shares` add up to 1;
    `chance` (n,): random numbers in [0, 1). Groups of several rows go first, the largest before the others, each by
    chance in proportion to what the parts still lack of its classes, so that every part gets groups of every size;
    one that would fill half of what a part lacks goes where most is lacking. Single rows then fill up what is left.
    A class goes to part 0 before any other. No part with a share stays empty where there are as many groups as parts.
    """
    codes: dict[Hashable, int] = {}
    classes = np.fromiter((codes.setdefault(stratum, len(codes)) for stratum in strata), np.int64, len(groups))
    totals = np.bincount(classes, minlength=len(codes))
    needs: Needs = [[float(total) * share for share in shares] for total in totals]
    parts = np.full(len(groups), -1, dtype=np.int64)
    alone = np.bincount(groups, minlength=len(groups))[groups] == 1
    _deal_groups(parts, np.flatnonzero(~alone), groups, classes, totals, needs, chance)
    _deal_single_rows(parts, np.flatnonzero(alone), classes, needs, shares, chance)
    _fill_empty(parts, groups, shares, chance)
    return parts


def _deal_groups(
    parts: Numbers,
    rows: Numbers,
    groups: Numbers,
    classes: Numbers,
    totals: Numbers,
    needs: Needs,
    chance: NDArray[np.float64],
) -> None:
    members: dict[int, list[int]] = {}
    for row in rows.tolist():
        members.setdefault(int(groups[row]), []).append(row)
    room = [sum(need[part] for need in needs) for part in range(len(needs[0]))] if needs else []
    known: set[int] = set()
    for group in sorted(members.values(), key=lambda group: (-len(group), chance[group[0]])):
        counts = Counter(classes[group].tolist())
        part = _part_of(counts, totals, needs, room, float(chance[group[-1]])) if known >= counts.keys() else 0
        known |= counts.keys() if part == 0 else set()
        parts[group] = part
        room[part] -= len(group)
        for code, count in counts.items():
            needs[code][part] -= count


def _part_of(counts: Counter[int], totals: Numbers, needs: Needs, room: Sequence[float], chance: float) -> int:
    """The part for a group with so many rows of each class; `room`: the rows that each part lacks."""
    every = range(len(needs[0]))
    lack = [sum(count * needs[code][part] / totals[code] for code, count in counts.items()) for part in every]
    weights = [max(lack[part], 0.0) if 2 * counts.total() <= room[part] else 0.0 for part in every]
    if not any(weights):
        return lack.index(max(lack))
    passed = list(accumulate(weights))
    return min(bisect_right(passed, chance * passed[-1]), passed.index(passed[-1]))


def _deal_single_rows(
    parts: Numbers,
    rows: Numbers,
    classes: Numbers,
    needs: Needs,
    shares: Sequence[float],
    chance: NDArray[np.float64],
) -> None:
    """Each class by its needs; what rounding leaves over evens itself out from class to class."""
    rows = rows[np.lexsort((chance[rows], classes[rows]))]
    counts = np.bincount(classes[rows], minlength=len(needs))
    begins = np.cumsum(counts) - counts
    seen_in_first = set(classes[parts == 0].tolist())
    owed = np.zeros(len(shares))
    for code in np.argsort(-counts, kind="stable").tolist():
        count = int(counts[code])
        wanted = np.maximum(needs[code], 0.0)
        wanted = wanted if wanted.any() else np.asarray(shares)
        wanted = wanted * (count / wanted.sum())
        dealt = np.floor(wanted + 1e-9).astype(np.int64)
        owed += wanted - dealt
        for part in np.argsort(-owed, kind="stable")[: count - dealt.sum()].tolist():
            dealt[part] += 1
            owed[part] -= 1
        if count and dealt[0] == 0 and code not in seen_in_first:
            taken = int(dealt.argmax())
            dealt[[0, taken]] += (1, -1)
            owed[[0, taken]] += (-1, 1)
        parts[rows[begins[code] : begins[code] + count]] = np.repeat(np.arange(len(shares)), dealt)


def _fill_empty(parts: Numbers, groups: Numbers, shares: Sequence[float], chance: NDArray[np.float64]) -> None:
    """Give the smallest group of the largest part to a part that got none."""
    for part, share in enumerate(shares):
        if share <= 0 or (parts == part).any():
            continue
        richest = int(np.bincount(parts, minlength=len(shares)).argmax())
        candidates = np.flatnonzero(parts == richest)
        sizes = np.bincount(groups, minlength=len(groups))[groups[candidates]]
        if len(set(groups[candidates].tolist())) > 1:
            smallest = candidates[np.lexsort((chance[candidates], sizes))[0]]
            parts[groups == groups[smallest]] = part
