"""Variants of training rows: copies made once, or a fresh variant of every row in every epoch.

What is drawn for a row depends on the seed and on the row's id alone, so neither the order of rows, nor the
number of processes, nor a resumed run changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sftcore.components import Edit, RowAugmenter, TextAugmenter
from sftcore.data.ledger import Ledger
from sftcore.data.preprocess import ORIGINAL, Values, checked_row, failure, input_roles
from sftcore.data.randomness import generator
from sftcore.data.rows import Rows
from sftcore.data.spans import checked_edits, joined, least_edit, move_spans, read_spans

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

AnyAugmenter: TypeAlias = TextAugmenter | RowAugmenter


@dataclass(slots=True)
class Refusals:
    """Edits that touched a protected span, and variants that left nothing of a text, by augmenter."""

    edits: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)


def augment(rows: Rows, recipe: Recipe, ledger: Ledger) -> Rows:
    """The rows, and after them the static copies, each with its parent's id and the number of the copy.

    Every augmenter works on the rows themselves, not on another's copies. A variant that is equal to its
    parent is not added, but counted; so are edits that touch a span which the task protects. Augmenters with
    `every_epoch` add nothing here (see `fresh_rows`); for a task with spans the ledger tells what they refuse in the
    first epoch. Raises `PluginError` for a component that raises or breaks its contract.
    """
    if not recipe.augment:
        return rows
    augmenters = _Augmenters(recipe)
    added: dict[str, int] = {}
    unchanged: Counter[str] = Counter()
    refusals, result, number = Refusals(), rows, 0
    for part in augmenters.parts:
        if part.component.every_epoch:
            continue
        for copy in range(1, part.component.copies + 1):
            number += 1
            copies = _copies(rows, part, recipe.seed, copy, number, refusals)
            unchanged[part.label] += len(rows) - len(copies)
            added[part.label] = added.get(part.label, 0) + len(copies)
            result = result.joined(copies)
    if augmenters.fresh and any(role.protects for role in recipe.task.roles.values()):
        _variants(result, augmenters, 0, refusals)
    details = {
        "copies": added,
        "unchanged": dict(+unchanged),
        "refused_edits": dict(+refusals.edits),
        "emptied": dict(refusals.empty),
        "every_epoch": [part.label for part in augmenters.fresh],
    }
    ledger.add("augment", len(rows), len(result), details={name: value for name, value in details.items() if value})
    return result


def fresh_rows(rows: Rows, recipe: Recipe, epoch: int) -> Rows:
    """The rows as this epoch shows them: each replaced by its variant of the epoch, in the same order.

    The same object where the recipe has no augmenter with `every_epoch`. Raises as `augment` does.
    """
    augmenters = _Augmenters(recipe)
    if not augmenters.fresh:
        return rows
    return rows.with_values(_variants(rows, augmenters, epoch, Refusals()))


def variant(
    row: Values, row_id: int, epoch: int, recipe: Recipe, copy: int = 0, refusals: Refusals | None = None
) -> Values:
    """The row as this epoch shows it: through all augmenters with `every_epoch`, in the recipe's order.

    Depends on (seed, epoch, row id, number of the copy) alone; the same object where nothing changed.
    """
    return _Augmenters(recipe).variant(row, row_id, epoch, copy, refusals)


@dataclass(frozen=True, slots=True)
class _Part:
    """An augmenter of the recipe, made ready."""

    index: int
    component: AnyAugmenter
    on: tuple[str, ...]
    recipe: Recipe
    protected: Mapping[str, tuple[str, ...]]

    @property
    def key(self) -> str:
        return f"augment.{self.index}"

    @property
    def label(self) -> str:
        """What the ledger calls it."""
        return f"{self.key} {self.component.name}"

    def variant(self, row: Values, row_id: int, rng: np.random.Generator, refusals: Refusals) -> Values:
        """One variant, the same object where nothing changed or nothing would be left of a required text.

        A variant does not carry the `ORIGINAL` of its parent: it stands for no text of the data.
        """
        shown = {role: value for role, value in row.items() if role != ORIGINAL}
        try:
            new = self._variant(shown, rng, refusals)
        except MemoryError:
            raise
        except Exception as error:
            raise failure(self.recipe, self.key, self.component, row_id, error) from error
        if new is shown or new == shown:
            return row
        roles = self.recipe.task.roles
        if any(roles[name].required and not (new.get(name) or "").strip() for name in input_roles(roles)):
            refusals.empty[self.label] += 1
            return row
        return new

    def _variant(self, row: Values, rng: np.random.Generator, refusals: Refusals) -> Values:
        if isinstance(self.component, RowAugmenter):
            view = MappingProxyType(row)
            roles = self.recipe.task.roles
            result = self.component.vary(view, roles, rng)
            if result is view:
                return row
            new = checked_row(row, result, roles, self.component)
            knows_spans = type(self.component).vary is not RowAugmenter.vary
            return new if knows_spans else self._with_spans(row, new, refusals)
        for role in self.on:
            text = row.get(role)
            if text:
                edits = checked_edits(text, self.component.edits(text, rng), self.component.name)
                row = self._edited(row, role, text, edits, refusals)
        return row

    def _with_spans(self, row: Values, new: Values, refusals: Refusals) -> Values:
        """The new row with the spans moved that its maker, who does not know of them, left where they were; the row as
        it was where a span would not survive."""
        for role, names in self.protected.items():
            left = [name for name in names if new.get(name) is not None and new[name] == row.get(name)]
            if not left or new.get(role) == row.get(role):
                continue
            edits = least_edit(row[role] or "", new[role] or "")
            if any(_touches(edit, *span) for edit in edits for name in left for span in read_spans(row[name])):
                refusals.edits[self.label] += 1
                return row
            new |= {name: move_spans(row[name], row[role] or "", edits) for name in left}
        return new

    def _edited(
        self, row: Values, role: str, text: str, edits: Sequence[Edit | tuple[int, int, str]], refusals: Refusals
    ) -> Values:
        """The row after the edits that touch no protected span; the spans behind them move along."""
        spans = {name: row[name] for name in self.protected.get(role, ()) if row.get(name) is not None}
        guarded = [span for value in spans.values() for span in read_spans(value) if span[0] >= 0]
        allowed = [edit for edit in edits if not any(_touches(edit, *span) for span in guarded)]
        refusals.edits[self.label] += len(edits) - len(allowed)
        if not allowed:
            return row
        moved: dict[str, Any] = {role: joined(text, allowed)}
        return {**row, **moved, **{name: move_spans(value, text, allowed) for name, value in spans.items()}}


def _touches(edit: Edit | tuple[int, int, str], start: int, end: int) -> bool:
    """Whether an edit changes the span, or inserts into it; what goes in at its border stays outside."""
    return edit[0] < end and edit[1] > start


class _Augmenters:
    """The augmenters of a recipe, made ready."""

    def __init__(self, recipe: Recipe) -> None:
        roles = recipe.task.roles
        texts = input_roles(roles)
        protected: dict[str, tuple[str, ...]] = {}
        for name, role in roles.items():
            if role.protects:
                protected[role.protects] = (*protected.get(role.protects, ()), name)
        self.seed = recipe.seed
        self.parts = [
            _Part(index, component, texts if (on := getattr(component, "on", None)) is None else on, recipe, protected)
            for index, component in enumerate(recipe.augment)
        ]
        self.fresh = [part for part in self.parts if part.component.every_epoch]

    def variant(self, row: Values, row_id: int, epoch: int, copy: int = 0, refusals: Refusals | None = None) -> Values:
        """The row through all augmenters with `every_epoch`."""
        for part in self.fresh:
            rng = generator(self.seed, "epoch", epoch, int(row_id), int(copy), part.index)
            row = part.variant(row, row_id, rng, refusals or Refusals())
        return row


def _variants(rows: Rows, augmenters: _Augmenters, epoch: int, refusals: Refusals) -> list[Values]:
    """Each row as this epoch shows it."""
    numbers = zip(rows.values, rows.ids.tolist(), rows.copy_numbers().tolist(), strict=True)
    return [augmenters.variant(row, row_id, epoch, copy, refusals) for row, row_id, copy in numbers]


def _copies(rows: Rows, part: _Part, seed: int, copy: int, number: int, refusals: Refusals) -> Rows:
    """One variant of each row that came out different."""
    places: list[int] = []
    values: list[Values] = []
    for place, (row_id, row) in enumerate(zip(rows.ids.tolist(), rows.values, strict=True)):
        new = part.variant(row, row_id, generator(seed, "augment", part.index, row_id, copy), refusals)
        if new is not row:
            places.append(place)
            values.append(new)
    parents = rows.take(np.asarray(places, dtype=np.int64))
    return Rows(parents.ids, values, parents.groups, np.full(len(places), number, dtype=np.int64))
