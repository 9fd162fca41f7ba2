"""From a recipe to rows by role: read, filter, check, sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.data.columns import (
    absent_column,
    as_json,
    as_text,
    column_problems,
    columns_of_roles,
    flaw,
    other_column_problems,
    values_of,
)
from sftcore.data.fetch import Fetched, FileRead, Part, fetch
from sftcore.data.filters import BAD_SHOWN, NoNumberError, reasons_to_drop
from sftcore.data.ledger import EXAMPLES, REASONS_TOLD, Ledger
from sftcore.data.reshape import doubts, reshaped, shapes
from sftcore.data.rows import Origins, Rows
from sftcore.data.sample import sample
from sftcore.errors import DataError, Problem, RecipeError, by_place, placed

if TYPE_CHECKING:
    import datasets

    from sftcore.recipe import Recipe
    from sftcore.registry import Registry
    from sftcore.reporter import Reporter


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of a recipe's data, by split name where the source has its own splits.

    `fingerprint`: SHA-256 of the bytes of the files read (one file: its own; several: of their list; no files: of
    the content). `notes`: what was guessed or changed at reading, and what the task made of the tables.
    """

    rows: Rows | dict[str, Rows]
    origins: Origins
    fingerprint: str
    files: tuple[FileRead, ...]
    notes: tuple[str, ...]

    @property
    def together(self) -> Rows:
        """All rows, one split after the other where the source has splits."""
        return self.rows if isinstance(self.rows, Rows) else reduce(Rows.joined, self.rows.values())


def load_rows(recipe: Recipe, registry: Registry, ledger: Ledger, reporter: Reporter) -> Loaded:
    """Read the recipe's data and keep the rows that it asks for and the task can use.

    In this order, each a stage of the ledger: load (and the task's `reshape`), where, check (missing or empty
    values, what the task refuses), limit. Ids count the rows of the source as loaded and reshaped. Raises `DataError`
    for data that can't be read or of which nothing is left, `RecipeError` for columns that are not there.
    """
    fetched = _fetch_all(recipe, registry)
    fetched = _reshaped(fetched, recipe, reporter)
    origins = _origins(fetched.parts)
    sizes = [len(part.table) for part in fetched.parts]
    files = {"files": [part.name for part in fetched.parts][:EXAMPLES], "notes": list(fetched.notes)}
    details = {name: part for name, part in files.items() if part}
    ledger.add("load", sum(sizes), sum(sizes), details=details, may_be_empty=True)
    _require_columns(recipe, fetched.parts)
    if not any(sizes):
        message = "there are column names and no rows"
        raise DataError(*(Problem(message, where=part.name, advice="give a file with data") for part in fetched.parts))
    kept = _filtered(recipe, fetched.parts, origins, ledger)
    rows = _checked(recipe, _rows(recipe, fetched.parts, kept), fetched.parts, origins, ledger)
    splits = _by_split(rows, fetched.parts, origins)
    if recipe.data.limit is not None:
        splits = _limited(recipe, splits, recipe.data.limit, ledger)
    whole = splits[""] if set(splits) == {""} else splits
    return Loaded(whole, origins, fetched.fingerprint, fetched.files, fetched.notes)


def read_table(
    location: str,
    folder: Path,
    encoding: str | None,
    registry: Registry,
    reporter: Reporter,
    trained_on: str | None = None,
    recipe: Recipe | None = None,
) -> datasets.Dataset:
    """Every row of a place as one table, for prediction and evaluation on other data; nothing is dropped.

    Of a place with splits of its own it is the test split, else validation, else train. With a `recipe` it is the
    table that its task makes by `reshape`. `trained_on` is the fingerprint of the data that a run was trained on: a
    warning tells if this is it. Raises `DataError`, and `PluginError` for a task that fails to reshape.
    """
    with placed(location):
        fetched = fetch(location, folder, encoding, registry)
    named = [part.split for part in fetched.parts]
    chosen = next(name for name in ("test", "validation", "train", "") if name in named)
    parts = tuple(part for part in fetched.parts if part.split == chosen)
    parts = _reshaped(replace(fetched, parts=parts), recipe, reporter).parts
    if chosen:
        reporter.note(f"{location} has splits of its own; the {chosen} split is taken")
    if fetched.fingerprint == trained_on and chosen in ("", "train"):
        reporter.warning("this is the data that the run was trained on: these figures say nothing about new texts")
    return _as_one([part.table for part in parts], location)


def _as_one(tables: Sequence[datasets.Dataset], location: str) -> datasets.Dataset:
    """The tables one below the other. Raises `DataError` where their columns differ."""
    from datasets import Json, concatenate_datasets

    try:
        for name in as_json(tables):
            tables = [table.cast_column(name, Json()) if name in table.column_names else table for table in tables]
        return concatenate_datasets(list(tables))
    except ValueError as error:
        message = f"its {len(tables)} files have different columns: {str(error).splitlines()[0]}"
        raise DataError(Problem(message, where=location, advice="give one of them")) from error


def rows_from_table(table: datasets.Dataset, recipe: Recipe, *, targets: bool = False) -> Rows:
    """The rows of a table by role, as many as the table has, with ids from 0.

    `row_flaw` says of each whether it can be used. Without `targets` the columns to learn may be absent. Raises
    `DataError` for a column that is not there.
    """
    problems = column_problems(recipe, table.column_names, targets=targets)
    if problems:
        advice = "the run reads the columns of its recipe; --column ROLE=NAME says what is called otherwise here"
        raise DataError(*(Problem(problem.message, advice=advice) for problem in problems))
    grouped = recipe.data.group if recipe.data.group in table.column_names else None
    values = _values(recipe, table, targets=targets)
    groups = None if grouped is None else _groups(table, grouped, range(len(table)))
    return Rows(np.arange(len(table), dtype=np.int64), values, groups)


def row_flaw(row: Mapping[str, Any], recipe: Recipe, *, targets: bool = False) -> str:
    """Why a row can't be used ("text is missing", or what the task says), or ""."""
    return flaw(row, recipe.task.roles, targets=targets) or (recipe.task.check_row(row) if targets else "")


def _fetch_all(recipe: Recipe, registry: Registry) -> Fetched:
    source = recipe.data.source
    if isinstance(source, str):
        return _fetched(recipe, source, "data.source", registry)
    named = {name: getattr(source, name) for name in ("train", "validation", "test")}
    each = {
        name: _fetched(recipe, place, f"data.source.{name}", registry)
        for name, place in named.items()
        if place is not None
    }
    parts = tuple(Part(part.name, name, part.table) for name, one in each.items() for part in _only(one, name))
    notes = tuple(note for one in each.values() for note in one.notes)
    files = tuple(file for one in each.values() for file in one.files)
    fingerprint = Fetched.joint_fingerprint({name: one.fingerprint for name, one in each.items()})
    return Fetched(parts, files, fingerprint, notes)


def _only(fetched: Fetched, name: str) -> Sequence[Part]:
    """The parts of that split, where a place given for one split has splits of its own; else all parts."""
    if not any(part.split for part in fetched.parts):
        return fetched.parts
    return [part for part in fetched.parts if part.split == name] or fetched.parts


def _fetched(recipe: Recipe, place: str, key: str, registry: Registry) -> Fetched:
    """Fetch, and let a problem of the place itself point at the recipe."""
    try:
        return fetch(place, recipe.folder, recipe.data.encoding, registry)
    except DataError as error:
        if any(problem.where for problem in error.problems):
            raise
        raise DataError(*(recipe.problem(key, one.message, one.advice) for one in error.problems)) from error


def _reshaped(fetched: Fetched, recipe: Recipe | None, reporter: Reporter) -> Fetched:
    """What was fetched, reshaped by the task, with its sentences among the notes; the reporter is told all of them."""
    parts = fetched.parts
    if recipe is not None:
        parts = tuple(reshaped(part, recipe.task, recipe.data.columns) for part in parts)
    notes, warnings = (*fetched.notes, *shapes(parts)), doubts(parts)
    for note in notes:
        reporter.note(note)
    for warning in warnings:
        reporter.warning(warning)
    return replace(fetched, parts=parts, notes=(*notes, *warnings))


def _origins(parts: Sequence[Part]) -> Origins:
    sizes = [len(part.table) for part in parts]
    return Origins(tuple(part.name for part in parts), tuple(accumulate(sizes[:-1], initial=0)))


def _require_columns(recipe: Recipe, parts: Sequence[Part]) -> None:
    """Every file has the columns that are needed."""
    for part in parts:
        names = part.table.column_names
        problems = [*column_problems(recipe, names, file=part.name), *other_column_problems(recipe, names)]
        if problems:
            place = f"{part.name}: " if len(parts) > 1 else ""
            shape = f"the task made these columns: {part.shape}" if part.shape else ""
            raise RecipeError(
                *(
                    replace(one, message=place + one.message, advice=_unlabelled(part, recipe) or one.advice or shape)
                    for one in sorted(problems, key=by_place)
                )
            )


def _unlabelled(part: Part, recipe: Recipe) -> str:
    """What to do with rows to evaluate on where no column holds what is to be learned; "" for other rows."""
    targets = {name for name, role in recipe.task.roles.items() if role.target and role.required}
    found = columns_of_roles(recipe, part.table.column_names)
    if part.split not in ("validation", "test") or not targets or targets & found.keys():
        return ""
    return (
        f"rows without {' and '.join(sorted(targets))} score nothing: leave them out, and give them to sftcore predict"
    )


def _filtered(recipe: Recipe, parts: Sequence[Part], origins: Origins, ledger: Ledger) -> list[np.ndarray]:
    """Of each part, the positions of the rows that meet all conditions."""
    kept: list[np.ndarray] = []
    reasons: list[str] = []
    for part, start in zip(parts, origins.starts, strict=True):
        dropped = [""] * len(part.table)
        for column, condition in recipe.data.where.items():
            values = values_of(part.table, column)
            try:
                verdicts = reasons_to_drop(values, column, condition)
            except NoNumberError as error:
                raise DataError(*_no_numbers(recipe, column, values, error, origins, start)) from error
            dropped = [earlier or now for earlier, now in zip(dropped, verdicts, strict=True)]
        kept.append(np.flatnonzero([not reason for reason in dropped]))
        reasons += dropped
    if recipe.data.where:
        write_drops(ledger, "where", reasons, range(len(reasons)))
    return kept


def _no_numbers(
    recipe: Recipe, column: str, values: Sequence[Any], error: NoNumberError, origins: Origins, start: int
) -> list[Problem]:
    problems = []
    for place in error.places[:BAD_SHOWN]:
        file, row = origins.place(start + place)
        problems.append(Problem("a number was expected", where=file, row=row, key=column, value=repr(values[place])))
    message = f"{len(error.places):,} of {len(values):,} values of {column!r} are no numbers, which min and max need"
    return [recipe.problem(("data", "where", column), message), *problems]


def _values(recipe: Recipe, table: datasets.Dataset, *, targets: bool = True) -> list[dict[str, Any]]:
    """One dict a row, role → value; scalars of text roles as text."""
    roles = recipe.task.roles
    found = columns_of_roles(recipe, table.column_names, targets=targets)
    columns = {role: values_of(table, column) for role, column in found.items()}
    for role in columns:
        if roles[role].kind == "text":
            columns[role] = _shared([as_text(value) for value in columns[role]])
    if not columns:
        return [{} for _ in range(len(table))]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _shared(values: Sequence[Any]) -> list[Any]:
    """The values with one object for texts that are equal: a document stands in memory once, however often it is
    asked about."""
    known: dict[str, str] = {}
    return [known.setdefault(value, value) if isinstance(value, str) else value for value in values]


def _rows(recipe: Recipe, parts: Sequence[Part], kept: Sequence[np.ndarray]) -> Rows:
    """The kept rows of all parts; ids are positions among all rows of the source."""
    starts = accumulate((len(part.table) for part in parts), initial=0)
    ids, values, groups = [], [], []
    for part, places, start in zip(parts, kept, starts, strict=False):
        ids.append(places + start)
        everything = _values(recipe, part.table)
        values += [everything[place] for place in places.tolist()]
        if recipe.data.group is not None:
            named = _groups(part.table, recipe.data.group, range(start, start + len(part.table)))
            groups += [named[place] for place in places.tolist()]
    return Rows(np.concatenate(ids).astype(np.int64), values, groups if recipe.data.group is not None else None)


def _groups(table: datasets.Dataset, column: str, ids: Iterable[int]) -> list[str]:
    """The group of each row, as text; a row without one is a group of its own."""
    return [
        f"row {row}" if value is None else str(value) for value, row in zip(values_of(table, column), ids, strict=True)
    ]


def _checked(recipe: Recipe, rows: Rows, parts: Sequence[Part], origins: Origins, ledger: Ledger) -> Rows:
    """The rows that have what the task needs. Raises `DataError` where all rows of a split lack it."""
    reasons = [row_flaw(row, recipe, targets=True) for row in rows.values]
    split = np.asarray(_splits_of(rows, parts, origins))
    usable = np.asarray([not reason for reason in reasons], dtype=bool)
    for name in dict.fromkeys(split.tolist()):
        those = np.flatnonzero(split == name)
        if not usable[those].any():
            columns = next(part.table.column_names for part in parts if part.split == name)
            flaws = [reasons[place] for place in those.tolist()]
            raise DataError(*_all_flawed(recipe, rows.take(those), flaws, columns, origins))
    write_drops(ledger, "check", reasons, rows.ids.tolist())
    return rows if usable.all() else rows.take(usable)


def _all_flawed(
    recipe: Recipe, rows: Rows, reasons: Sequence[str], columns: list[str], origins: Origins
) -> Iterator[Problem]:
    """What is wrong with the rows where none can be used, each reason with the first row that it holds of."""
    for reason, count in Counter(reasons).most_common(REASONS_TOLD):
        place = reasons.index(reason)
        file, number = origins.place(int(rows.ids[place]))
        role = reason.partition(" ")[0].rstrip(":")
        column = recipe.data.columns.get(role, role) if role in recipe.task.roles else ""
        if column and column not in columns:
            yield absent_column(recipe, role, columns, file)
            continue
        value = rows.values[place].get(role)
        advice = f"is this the right column? columns = {{ {role} = ... }} in [data] says which is read"
        some = f" ({count:,} of them)" if count < len(reasons) else ""
        yield Problem(
            f"none of {len(reasons):,} rows can be used: {reason}{some}",
            where=file,
            row=number,
            key=column,
            value=None if value is None else repr(value),
            advice=advice if column else "",
        )


def write_drops(ledger: Ledger, stage: str, reasons: Sequence[str], ids: Sequence[int]) -> None:
    """Write a stage down by what became of each row: its reason, "" where it was kept, and its id."""
    examples: dict[str, list[int]] = {}
    for reason, row in zip(reasons, ids, strict=True):
        if reason:
            examples.setdefault(reason, []).append(row)
    dropped = Counter(reason for reason in reasons if reason)
    ledger.add(stage, len(reasons), len(reasons) - dropped.total(), dropped, examples=examples)


def _by_split(rows: Rows, parts: Sequence[Part], origins: Origins) -> dict[str, Rows]:
    """The rows by their own split, "" where the source has none."""
    names = list(dict.fromkeys(part.split for part in parts))
    if names == [""]:
        return {"": rows}
    split = np.asarray(_splits_of(rows, parts, origins))
    return {name: rows.take(split == name) for name in names}


def _splits_of(rows: Rows, parts: Sequence[Part], origins: Origins) -> list[str]:
    """The own split of each row's file."""
    numbers = np.searchsorted(np.asarray(origins.starts), rows.ids, side="right") - 1
    return [parts[number].split for number in numbers.tolist()]


def _limited(recipe: Recipe, splits: Mapping[str, Rows], limit: int, ledger: Ledger) -> dict[str, Rows]:
    """A sample of each split, in proportion."""
    before = sum(len(rows) for rows in splits.values())
    limited = {}
    for name, rows in splits.items():
        most = max(1, round(limit * len(rows) / before)) if len(rows) < before else limit
        strata = [recipe.task.stratum(row) for row in rows.values]
        limited[name] = sample(rows, most, strata, recipe.seed)
    after = sum(len(rows) for rows in limited.values())
    ledger.add("limit", before, after, {"not in the sample": before - after})
    return limited
