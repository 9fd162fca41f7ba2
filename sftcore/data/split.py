"""Train, validation and test: twins, groups and families never cross, classes are spread evenly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sftcore.data.allocate import allocate
from sftcore.data.joining import Numbers, joined_by
from sftcore.data.ledger import Ledger
from sftcore.data.randomness import generator
from sftcore.data.rows import Rows, Splits
from sftcore.data.twins import NEAR_ROWS, Twins, find_twins
from sftcore.errors import DataError
from sftcore.figures import plural
from sftcore.task import Task

if TYPE_CHECKING:
    from sftcore.recipe import Recipe
    from sftcore.reporter import Reporter

SPLITS = ("train", "validation", "test")
CONFLICTS_KEPT = 50
ROWS_KEPT = 10
CLASSES_NAMED = 5
CLASS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class _Dealt:
    """The part of each row (0 train, 1 validation, 2 test, -1 dropped), and how many rows leaked."""

    parts: Numbers
    leaks: Mapping[str, int]


def split_rows(
    raw: Rows | Mapping[str, Rows],
    processed: Rows | Mapping[str, Rows],
    recipe: Recipe,
    ledger: Ledger,
    reporter: Reporter,
) -> Splits:
    """The three splits of the preprocessed rows.

    `raw` are the rows before preprocessing, matched by id. Rows that are twins of each other, before or after
    preprocessing, of one group of the data, or of one family of the task, lie in one split; the relations are joined
    transitively. Of twins one is scored, of a family every row. A mapping by split name keeps the source's own splits:
    what is missing of them is taken from train, and rows of an earlier split that are related to one of a later split
    are dropped. The same seed and the same ids give the same splits. Raises `DataError` where there are too few rows.
    """
    rows, given = _flat(processed)
    before = _matching(_flat(raw)[0], rows)
    twins = find_twins(before, rows, recipe.task.roles, recipe.data.near_duplicates)
    if recipe.task.predicts == "scores":
        twins = replace(twins, conflicts=())  # two numbers for one text are noise, not a contradiction
    related = twins.groups if rows.groups is None else joined_by(twins.groups, rows.groups)
    families = [recipe.task.family(row) for row in before.values]
    related = joined_by(related, families)
    strata = [recipe.task.stratum(row) for row in before.values]
    chance = generator(recipe.seed, "split").random(int(rows.ids.max(initial=-1)) + 1)[rows.ids]
    if given is None:
        dealt = _Dealt(_deal(recipe, related, strata, chance, np.arange(len(rows)), SPLITS), {})
    else:
        dealt = _own_splits(recipe, given, related, strata, chance)
    splits = _splits(rows, dealt.parts, twins.groups)
    _write_down(splits, dealt, twins, rows, ledger, _family_details(recipe, families))
    _warn(recipe, splits, dealt, twins, related, reporter)
    return splits


def _flat(rows: Rows | Mapping[str, Rows]) -> tuple[Rows, Numbers | None]:
    """All rows as one, and the source's own split of each (None: it has none)."""
    if isinstance(rows, Rows):
        return rows, None
    parts = [(number, rows[name]) for number, name in enumerate(SPLITS) if name in rows]
    together = parts[0][1]
    for _, more in parts[1:]:
        together = together.joined(more)
    return together, np.concatenate([np.full(len(part), number, dtype=np.int64) for number, part in parts])


def _matching(raw: Rows, processed: Rows) -> Rows:
    """The raw rows in the order of the processed ones, less those that preprocessing dropped."""
    if np.array_equal(raw.ids, processed.ids):
        return raw
    places = {row: place for place, row in enumerate(raw.ids.tolist())}
    return raw.take([places[row] for row in processed.ids.tolist()])


def _deal(
    recipe: Recipe,
    related: Numbers,
    strata: Sequence[Hashable],
    chance: NDArray[np.float64],
    rows: Numbers,
    names: Sequence[str],
) -> Numbers:
    """The part of each of these rows, by the recipe's shares of the named splits."""
    shares = np.asarray([getattr(recipe.data.split, name) if name in names else 0.0 for name in SPLITS])
    shares /= shares.sum()
    _require_enough(recipe, shares, rows, related)
    _, groups = np.unique(related[rows], return_inverse=True)
    return allocate(groups.astype(np.int64), [strata[row] for row in rows.tolist()], shares.tolist(), chance[rows])


def _require_enough(recipe: Recipe, shares: NDArray[np.float64], rows: Numbers, related: Numbers) -> None:
    wanted = {name: share for name, share in zip(SPLITS, shares.tolist(), strict=True) if share > 0}
    least = max(math.ceil(1 / min(wanted.values()) - 1e-6), len(wanted))
    groups = len(np.unique(related[rows]))
    if len(rows) >= least and groups >= len(wanted):
        return
    listed = ", ".join(f"{name} {share:.2g}" for name, share in wanted.items())
    if len(rows) < least:
        message = f"{plural(len(rows), 'row')} can't be split into {listed}: at least {least} are needed"
        advice = "give more data, or a larger share to the smallest split"
    else:
        related_rows = f"{plural(groups, 'group')} {_kinds(recipe)}"
        message = f"the {len(rows):,} rows are {related_rows}; {len(wanted)} splits need more"
        advice = "look at data.group, or say near_duplicates = false in [data]"
        if _has_families(recipe):
            advice = f"give more {recipe.task.family_name}s, or splits of your own"
    raise DataError(recipe.problem("data.split", message, advice))


def _has_families(recipe: Recipe) -> bool:
    return type(recipe.task).family is not Task.family


def _kinds(recipe: Recipe) -> str:
    """What may hold rows together, for messages."""
    family = f", of one {recipe.task.family_name}" if _has_families(recipe) else ""
    return f"of twins{family} or of data.group"


def _own_splits(
    recipe: Recipe, given: Numbers, related: Numbers, strata: Sequence[Hashable], chance: NDArray[np.float64]
) -> _Dealt:
    """The source's splits without leaks; validation or test are taken from train where the source lacks them."""
    parts, leaks = given.copy(), {}
    family = recipe.task.family_name
    relative = f"a twin, its {family} or its group" if _has_families(recipe) else "a twin or its group"
    for earlier, later in ((0, 2), (0, 1), (1, 2)):
        leaking = (parts == earlier) & np.isin(related, related[parts == later])
        leaks[f"{SPLITS[earlier]}: {relative} is in {SPLITS[later]}"] = int(leaking.sum())
        parts[leaking] = -1
    if not (parts == 0).any():
        message = f"nothing is left to train on: every training row has {relative} in validation or test"
        raise DataError(recipe.problem("data.source", message, "give different rows for each split"))
    lacking = [name for number, name in enumerate(SPLITS) if not (given == number).any()]
    if any(getattr(recipe.data.split, name) for name in lacking):
        rows = np.flatnonzero(parts == 0)
        parts[rows] = _deal(recipe, related, strata, chance, rows, ["train", *lacking])
    return _Dealt(parts, leaks)


def _splits(rows: Rows, parts: Numbers, twins: Numbers) -> Splits:
    train, validation, test = (np.flatnonzero(parts == number) for number in range(3))
    first = np.zeros(len(test), dtype=np.bool_)
    first[np.unique(twins[test], return_index=True)[1]] = True
    return Splits(rows.take(train), rows.take(validation), rows.take(test), first)


def _family_details(recipe: Recipe, families: Sequence[Hashable]) -> dict[str, Any]:
    """How many families there are, the rows of the largest, and what a family is; {} where there are none."""
    members = Counter(family for family in families if family is not None)
    named = {"family_name": recipe.task.family_name}
    return {"families": len(members), "largest_family": max(members.values()), **named} if members else {}


def _write_down(
    splits: Splits, dealt: _Dealt, twins: Twins, rows: Rows, ledger: Ledger, families: Mapping[str, Any]
) -> None:
    sizes = {name: len(part) for name, part in zip(SPLITS, splits[:3], strict=True)}
    kept = sum(sizes.values())
    conflicts = [rows.ids[list(group)].tolist() for group in twins.conflicts]
    details: dict[str, Any] = {
        "rows": sizes,
        "shares": {name: round(size / max(kept, 1), 4) for name, size in sizes.items()},
        "twins": dict(twins.joined),
        "twin_examples": _likenesses(twins, rows),
        "twin_rows": int((np.bincount(twins.groups)[twins.groups] > 1).sum()),
        "twin_groups": len(np.unique(twins.groups)),
        "largest_twin_group": int(np.bincount(twins.groups).max(initial=0)),
        "near_duplicates": twins.near if twins.near is not None else False,
        "near_duplicates_complete": twins.complete,
        "test_scored": int(splits.test_twins.sum()),
        "conflicting_labels": {
            "groups": len(conflicts),
            "rows": sum(len(group) for group in conflicts),
            "row_ids": [group[:ROWS_KEPT] for group in conflicts[:CONFLICTS_KEPT]],
        },
    }
    details |= families
    examples = {"conflicting labels": [row for group in conflicts for row in group[:2]]}
    ledger.add("split", len(rows), kept, dealt.leaks, details, examples)


def _likenesses(twins: Twins, rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """By kind of twin, some groups of it: their number of rows, and the ids of some."""
    return {
        name: [{"rows": group.size, "row_ids": rows.ids[list(group.rows)].tolist()} for group in groups]
        for name, groups in twins.examples.items()
        if groups
    }


def _warn(
    recipe: Recipe,
    splits: Splits,
    dealt: _Dealt,
    twins: Twins,
    related: Numbers,
    reporter: Reporter,
) -> None:
    leaked = sum(dealt.leaks.values())
    if leaked:
        some = "1 row of the source's own splits" if leaked == 1 else f"{leaked:,} rows of the source's own splits"
        was = "was" if leaked == 1 else "were"
        family = recipe.task.family_name
        relative = f"a twin, or a row of the same {family}," if _has_families(recipe) else "a twin"
        reporter.warning(f"{some} had {relative} in a later split and {was} dropped")
    if twins.conflicts:
        rows = sum(len(group) for group in twins.conflicts)
        some = "1 text comes" if len(twins.conflicts) == 1 else f"{len(twins.conflicts):,} texts come"
        reporter.warning(f"{some} with different labels ({rows:,} rows; see the ledger)")
    if twins.near is None and recipe.data.near_duplicates is None:
        reporter.note(f"near twins are not looked for above {NEAR_ROWS:,} rows; data.near_duplicates = 0.7 does it")
    if not twins.complete:
        reporter.note("too many texts share their words: near twins were looked for among neighbours in size only")
    for message in [*_absent_classes(recipe.task, splits), *_uneven(recipe, splits, dealt, related)]:
        reporter.warning(message)


def _absent_classes(task: Task, splits: Splits) -> list[str]:
    present = [set(chain.from_iterable(map(task.classes, rows.values))) for rows in splits[:3]]
    known = set[str]().union(*present)
    messages = []
    for name, rows, here in zip(SPLITS, splits[:3], present, strict=True):
        absent = sorted(label[:CLASS_SHOWN] for label in known - here) if len(rows) else []
        if absent:
            listed = ", ".join(absent[:CLASSES_NAMED]) + (" …" if len(absent) > CLASSES_NAMED else "")
            messages.append(f"{name} has no row of {len(absent)} of {len(known)} classes: {listed}")
    return messages


def _uneven(recipe: Recipe, splits: Splits, dealt: _Dealt, related: Numbers) -> list[str]:
    """Splits that are far from their share because large groups can't be cut."""
    if dealt.leaks:
        return []
    total = sum(len(part) for part in splits[:3])
    largest = int(np.bincount(related).max(initial=0))
    messages = []
    for name, part in zip(SPLITS, splits[:3], strict=True):
        share = getattr(recipe.data.split, name)
        if abs(len(part) / max(total, 1) - share) > max(0.02, share / 4) and total > 100:
            got = f"{name} has {len(part) / total:.1%} of the rows instead of {share:.1%}"
            messages.append(f"{got}: the largest group {_kinds(recipe)} has {largest:,} rows")
    return messages
