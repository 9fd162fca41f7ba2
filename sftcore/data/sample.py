"""`[data] limit`: a sample in which each class keeps its share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from sftcore.data.allocate import allocate
from sftcore.data.randomness import generator
from sftcore.data.rows import Rows


def sample(rows: Rows, limit: int, strata: Sequence[Hashable], seed: int) -> Rows:
    """At most `limit` rows in their order, stratified, the same for the same seed and ids.

    Groups stay whole where that leaves at least half of `limit`; else rows are drawn without regard to them.
    """
    if len(rows) <= limit:
        return rows
    share = limit / len(rows)
    chance = generator(seed, "limit").random(int(rows.ids.max()) + 1)[rows.ids]
    alone = np.arange(len(rows), dtype=np.int64)
    if rows.groups is not None:
        groups = np.unique(np.asarray(rows.groups), return_inverse=True)[1].astype(np.int64)
        chosen = allocate(groups, strata, (share, 1 - share), chance) == 0
        if limit / 2 <= chosen.sum() <= limit:
            return rows.take(chosen)
    parts = allocate(alone, strata, (share, 1 - share), chance)
    order = np.lexsort((chance, parts))
    return rows.take(np.sort(order[:limit]))
