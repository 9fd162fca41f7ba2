"""Twins: rows whose texts are the same, nearly the same, or the same once preprocessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sftcore.data.joining import Numbers, apart, joined, joined_by
from sftcore.data.near import near_groups, words
from sftcore.data.rows import Rows
from sftcore.task import Role

NEAR = 0.7
NEAR_ROWS = 200_000
"""Rows up to which near twins are looked for where the recipe does not say."""
NEAR_LETTERS = 400_000_000
"""Characters of all texts up to which they are."""
LIKENESSES, ROWS_OF_LIKENESS = 3, 3
"""Groups of each kind of twin that are kept to be looked at, and rows of each."""

Texts = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """A group of twins: how many rows it has, and the positions of some that one kind of twin brought together."""

    size: int
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Twins:
    """`groups` (n,): the twin group of each row, named by its first row (a position).

    `joined`: by how many groups each kind of twin reduced their number, in this order: exact, normalised,
    preprocessed, near. `near`: the Jaccard threshold, or None where near twins were not looked for. `complete`:
    whether that search was exhaustive. `conflicts`: positions of exact or normalised twins with different targets,
    one row of each target first. `examples`: of some groups that each kind of twin made, what to look at.
    """

    groups: Numbers
    joined: Mapping[str, int]
    near: float | None
    complete: bool
    conflicts: Sequence[Sequence[int]]
    examples: Mapping[str, Sequence[Likeness]] = field(default_factory=dict)


def find_twins(raw: Rows, processed: Rows, roles: Mapping[str, Role], near: float | bool | None) -> Twins:
    """The twin groups of rows before and after preprocessing (the same rows in the same order).

    Exact: the same texts. Normalised: the same words (NFKC, without regard to case, spaces and punctuation).
    Preprocessed: the same words after preprocessing. Near: a Jaccard index of the preprocessed texts of at least
    `near` (see `near_groups`; None: 0.7 up to 200,000 rows, False: none). A row with several texts has twins
    where all of them agree. The texts of a conversation, or of anything else that is nested, are one text.
    """
    names = _compared(raw, roles)
    if not names:
        return Twins(apart(len(raw)), {}, None, True, ())
    before, after = _texts(raw, names, roles), _texts(processed, names, roles)
    known = _remembered(words)
    groups = joined_by(apart(len(raw)), before)
    steps = {"exact": groups}
    groups = steps["normalised"] = joined_by(groups, [_key(texts, known) for texts in before])
    conflicts = _conflicts(groups, raw, roles)
    if after != before:
        groups = steps["preprocessed"] = joined_by(groups, [_key(texts, known) for texts in after])
    threshold = _threshold(near, after)
    complete = True
    if threshold is not None:
        groups, complete = _with_near(groups, after, threshold, known)
        steps["near"] = groups
    counts = [len(raw), *(int(np.unique(step).size) for step in steps.values())]
    fewer = {name: counts[place] - counts[place + 1] for place, name in enumerate(steps)}
    made = zip(steps, [apart(len(raw)), *steps.values()], steps.values(), strict=False)
    examples = {name: _likenesses(old, new, largest=name == "exact") for name, old, new in made}
    return Twins(groups, fewer, threshold, complete, conflicts, examples)


def _likenesses(old: Numbers, new: Numbers, *, largest: bool) -> list[Likeness]:
    """Some of the groups that a step made of older ones: the largest, or those that are made of the fewest."""
    merged = np.unique(old[old != new])  # a group is named by its first row
    if not len(merged):
        return []
    groups, counts = np.unique(new[merged], return_counts=True)
    sizes = np.bincount(new, minlength=len(new))[groups]
    chosen = np.argsort(-sizes if largest else counts, kind="stable")[:LIKENESSES]
    first = {int(group): merged[new[merged] == group][: ROWS_OF_LIKENESS - 1].tolist() for group in groups[chosen]}
    return [Likeness(int(sizes[at]), [int(groups[at]), *first[int(groups[at])]]) for at in chosen.tolist()]


def word_keys(rows: Rows, roles: Mapping[str, Role]) -> Iterator[str] | None:
    """What normalised twins have in common, a row: the words of its texts; None where no row has texts to compare."""
    names = _compared(rows, roles)
    return (_key(texts, words) for texts in _texts(rows, names, roles)) if names else None


def text_roles(roles: Mapping[str, Role]) -> list[str]:
    """The roles that twins are looked for in: the input texts, or all texts where there are only targets."""
    texts = [name for name, role in roles.items() if role.kind == "text"]
    return [name for name in texts if not roles[name].target] or texts


def _compared(rows: Rows, roles: Mapping[str, Role]) -> list[str]:
    """The roles that some row has something to read in: texts, and inputs of kind "any" that are nested; where there
    is neither, those that are texts (JSON)."""
    texts = [name for name in text_roles(roles) if any(row.get(name) is not None for row in rows.values)]
    others = [name for name, role in roles.items() if role.kind == "any" and not role.target]
    nested = [name for name in others if any(isinstance(row.get(name), list | dict) for row in rows.values)]
    return [*texts, *nested] or [name for name in others if any(isinstance(row.get(name), str) for row in rows.values)]


def _texts(rows: Rows, names: Sequence[str], roles: Mapping[str, Role]) -> Texts:
    columns = [
        ["\n".join(strings(nested(value) if roles[name].kind == "any" else value)) for value in rows.column(name)]
        for name in names
    ]
    return list(zip(*columns, strict=True))


def nested(value: object) -> object:
    """What a text says if it is JSON of a list or a table, the value itself otherwise."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def strings(value: object) -> Iterator[str]:
    """The texts in a value, however deep they lie."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def _remembered(function: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The function, computed once for each text: most texts come up before and after preprocessing."""
    results: dict[str, list[str]] = {}

    def remembering(text: str) -> list[str]:
        found = results.get(text)
        if found is None:
            found = results[text] = function(text)
        return found

    return remembering


def _key(texts: tuple[str, ...], known: Callable[[str], list[str]]) -> str:
    return "\0".join(" ".join(known(text)) for text in texts)


def _threshold(near: float | bool | None, texts: Texts) -> float | None:
    if near is None:
        letters = sum(len(text) for row in texts for text in row)
        return NEAR if len(texts) <= NEAR_ROWS and letters <= NEAR_LETTERS else None
    return None if near is False else float(near)


def _with_near(
    groups: Numbers, texts: Texts, threshold: float, known: Callable[[str], list[str]]
) -> tuple[Numbers, bool]:
    """The groups joined by near twins among the different texts."""
    first: dict[str, int] = {}
    for row, each in enumerate(texts):
        first.setdefault(_key(each, known), row)
    chosen = np.fromiter(first.values(), np.int64, len(first))
    columns = (
        [[known(texts[row][place]) for row in chosen.tolist()] for place in range(len(texts[0]))] if texts else [[]]
    )
    near, complete = near_groups(columns, threshold)
    return joined(groups, chosen, chosen[near]), complete


def _conflicts(groups: Numbers, rows: Rows, roles: Mapping[str, Role]) -> list[list[int]]:
    """The groups whose rows do not all have the same class."""
    names = [name for name, role in roles.items() if role.target and role.kind == "label"]
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.bincount(groups, minlength=len(groups))[groups] > 1).tolist() if names else []:
        members.setdefault(int(groups[row]), []).append(row)
    ordered = (_by_target(group, rows, names) for group in members.values())
    return [group for group, targets in ordered if targets > 1]


def _by_target(group: Sequence[int], rows: Rows, names: Sequence[str]) -> tuple[list[int], int]:
    """The rows of a group, the first of each target before the others, and the number of targets."""
    first: dict[str, int] = {}
    for row in group:
        first.setdefault(repr([rows.values[row].get(name) for name in names]), row)
    chosen = set(first.values())
    return [*first.values(), *(row for row in group if row not in chosen)], len(first)
