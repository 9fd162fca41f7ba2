"""Rows between the stages of a run, and where each of them came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of data by role, each with the number that it had in the source.

    `ids` (n,) int64: the position in the loaded source before anything was dropped; it stays with the row and
    keys its randomness. `values`: one dict a row, role → value, None where it is missing. `groups`: the value
    of `data.group` a row, as text, or None. `copies` (n,) int64: 0 for a row of the data, k for its k-th
    augmented copy; None where there are no copies.
    """

    ids: Ids
    values: list[dict[str, Any]]
    groups: list[str] | None = None
    copies: Ids | None = None

    def __post_init__(self) -> None:
        for name in ("values", "groups", "copies"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.ids):
                raise ValueError(f"{len(self.ids)} ids, but {len(column)} {name}")

    @classmethod
    def of(
        cls, values: Sequence[Mapping[str, Any]], ids: Sequence[int] | None = None, groups: Sequence[str] | None = None
    ) -> Rows:
        """Rows of plain dicts; ids count from 0 where none are given."""
        numbers = np.arange(len(values), dtype=np.int64) if ids is None else np.asarray(ids, dtype=np.int64)
        return cls(numbers, [dict(value) for value in values], None if groups is None else list(groups))

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, which: Sequence[int] | NDArray[Any]) -> Rows:
        """The rows at these positions (in that order, repeats allowed), or where a mask is true."""
        chosen = np.asarray(which)
        index = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        places = index.tolist()
        return Rows(
            self.ids[index],
            [self.values[place] for place in places],
            None if self.groups is None else [self.groups[place] for place in places],
            None if self.copies is None else self.copies[index],
        )

    def with_values(self, values: list[dict[str, Any]]) -> Rows:
        """The same rows with other values; raises ValueError if their number differs."""
        return replace(self, values=values)

    def column(self, role: str) -> list[Any]:
        """The values of one role, None where a row has none."""
        return [value.get(role) for value in self.values]

    def joined(self, other: Rows) -> Rows:
        """These rows and then the others; groups and copies are kept where both sides have them or need them."""
        grouped = self.groups is not None and other.groups is not None
        copied = self.copies is not None or other.copies is not None
        return Rows(
            np.concatenate([self.ids, other.ids]),
            self.values + other.values,
            [*(self.groups or []), *(other.groups or [])] if grouped else None,
            np.concatenate([self.copy_numbers(), other.copy_numbers()]) if copied else None,
        )

    def copy_numbers(self) -> Ids:
        """`copies`, with zeros where there are none."""
        return np.zeros(len(self), dtype=np.int64) if self.copies is None else self.copies


class Splits(NamedTuple):
    """The three splits, and which test rows are scored.

    `test_twins` (rows of test,) bool: False where another row of the same twin group is scored already.
    """

    train: Rows
    validation: Rows
    test: Rows
    test_twins: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """Where each row id came from, for messages.

    `files`: names of the files (or of the splits of a hub data set) in the order of loading; `starts[i]`: the
    id of the first row of file i, ascending from 0.
    """

    files: tuple[str, ...]
    starts: tuple[int, ...]

    def place(self, row_id: int) -> tuple[str, int]:
        """File and row (from 1, after the header) of a row id."""
        if not self.files:
            return "", int(row_id) + 1
        which = max(0, int(np.searchsorted(self.starts, row_id, side="right")) - 1)
        return self.files[which], int(row_id) - self.starts[which] + 1

    def describe(self, row_id: int) -> str:
        """`reviews.csv row 12`."""
        file, row = self.place(row_id)
        return f"{file} row {row}".strip()
