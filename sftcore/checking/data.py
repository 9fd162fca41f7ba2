"""A first look at data alone, without a model: what `sftcore new` tells of the data that it is given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from sftcore.data.ledger import Ledger
from sftcore.reporter import SILENT

if TYPE_CHECKING:
    from sftcore.data.rows import Rows
    from sftcore.recipe import Recipe
    from sftcore.registry import Registry
    from sftcore.task import Task


@dataclass(frozen=True, slots=True)
class Look:
    """Rows read and rows that the task can use, why the others can't be, and rows of each class.

    `characters`: the lengths of the texts by role: median, 99 %, longest. `repeated`: rows with the same words as an
    earlier one. `conflicts`: the number of texts with different labels.
    """

    read: int
    usable: int
    left_out: dict[str, int]
    labels: dict[str, int]
    characters: dict[str, tuple[int, int, int]]
    repeated: int
    conflicts: int


def look(recipe: Recipe, registry: Registry) -> Look:
    """Read the recipe's data and look at it. Raises the errors that `check` would raise of it."""
    from sftcore.data.load import load_rows
    from sftcore.data.twins import find_twins

    ledger, task = Ledger(), recipe.task
    rows = load_rows(recipe, registry, ledger, SILENT).together
    alike = find_twins(rows, rows, task.roles, near=False)
    labels = Counter(chain.from_iterable(map(task.classes, rows.values)))
    return Look(
        read=next(iter(ledger)).rows_in,
        usable=len(rows),
        left_out=dict(sum((Counter(entry.dropped) for entry in ledger), Counter())),
        labels={} if task.predicts == "scores" else dict(labels.most_common()),
        characters=_characters(task, rows),
        repeated=sum(alike.joined.values()),
        conflicts=len(alike.conflicts),
    )


def _characters(task: Task, rows: Rows) -> dict[str, tuple[int, int, int]]:
    import numpy as np

    found: dict[str, tuple[int, int, int]] = {}
    for name, role in task.roles.items():
        texts: list[Any] = [len(text) for text in rows.column(name) if isinstance(text, str)]
        if texts and role.kind == "text":
            middle, high, longest = np.percentile(texts, [50, 99, 100], method="higher").tolist()
            found[name] = (int(middle), int(high), int(longest))
    return found
