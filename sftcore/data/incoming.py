"""Rows to predict: texts and dicts, by the roles of the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.components import Drop
from sftcore.errors import DataError, Problem, did_you_mean, nearest
from sftcore.reporter import SILENT, Reporter
from sftcore.task import Role, Task

if TYPE_CHECKING:
    import datasets

    from sftcore.recipe import Recipe

Values = dict[str, Any]
NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


def read_rows(
    recipe: Recipe, rows: Sequence[Any], columns: Mapping[str, str] = NO_COLUMNS, reporter: Reporter = SILENT
) -> list[Values | Drop]:
    """Rows to predict by role, one for each: `read_row`, and `Drop` where a row lacks what it needs beside others.

    Dicts of a shape that the task knows (Alpaca's) are reshaped as tables are; the reporter is told. Raises `DataError`
    as `read_row` does.
    """
    rows = _reshaped(recipe, rows, columns, reporter)
    read = [read_row(recipe, row, number, columns) for number, row in enumerate(rows, start=1)]
    used = {name for row in read if not isinstance(row, Drop) for name in row}
    return [row if isinstance(row, Drop) else _without_gaps(recipe.task, row, used) for row in read]


def read_row(recipe: Recipe, row: Any, number: int, columns: Mapping[str, str] = NO_COLUMNS) -> Values | Drop:
    """A row to predict by role, without targets; `Drop` where a required value, or every one, is None.

    A text is the first text that the task reads. `columns` (role → key of the row) come before the recipe's. Raises
    `DataError`, with the row's number, where a role is missing or a text is none.
    """
    inputs = _inputs(recipe.task)
    if isinstance(row, str):
        return _text_alone(inputs, row, number)
    if not isinstance(row, Mapping):
        raise DataError(Problem(f"a text or a dict was expected, not {type(row).__name__}", row=number))
    named = _columns(recipe, inputs, row, columns)
    _require(recipe, inputs, named, row, number)
    found = {name: row[column] for name, column in named.items() if column in row and not _is_missing(row[column])}
    missing = [name for name, role in inputs.items() if role.required and name not in found]
    if not found:
        missing = missing or [name for name in inputs if named[name] in row]
    return Drop(f"{missing[0]} is missing") if missing else _checked(inputs, found, number)


def _inputs(task: Task) -> dict[str, Role]:
    return {name: role for name, role in task.roles.items() if not role.target}


def _reshaped(
    recipe: Recipe, rows: Sequence[Any], columns: Mapping[str, str], reporter: Reporter
) -> Sequence[Any | Mapping[str, Any]]:
    """The rows as the task makes them of a table where it knows their shape: those that lack what it reads, and those
    that have more, such as a chat's `system`. Rows with the same keys are of one shape, and rows out are rows in."""
    if type(recipe.task).reshape is Task.reshape:
        return rows
    alike: dict[frozenset[Any], list[int]] = {}
    for number, row in enumerate(rows):
        if isinstance(row, Mapping) and not row.keys() <= set(_inputs(recipe.task)):
            alike.setdefault(frozenset(row), []).append(number)
    made, said = list(rows), set()
    for numbers in alike.values():
        some, sentences = _of_one_shape(recipe, [rows[number] for number in numbers], columns)
        for number, row in zip(numbers, some, strict=True):
            made[number] = row
        for place, sentence in enumerate(sentences):
            if sentence and sentence not in said:
                (reporter.warning if place else reporter.note)(f"the rows: {sentence}")
        said.update(sentences)
    return made


def _of_one_shape(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """The rows as the task makes them, what it recognised, then what it warns of; as they are, and nothing, where it
    knows no such shape, or makes nothing else of what it reads."""
    from datasets import Dataset

    try:
        before = Dataset.from_list([dict(row) for row in rows], on_mixed_types="use_json")
        table, sentence = recipe.task.reshape(before, {**recipe.data.columns, **columns})
    except (DataError, ValueError, TypeError):  # then the role that is missing says more
        return rows, []
    if not sentence or len(table) != len(rows):
        return rows, []
    if not _lacking(recipe, rows[0], columns) and _read_of(recipe, before, columns) == _read_of(recipe, table, columns):
        return rows, []
    return table.to_list(), sentence.splitlines()


def _read_of(recipe: Recipe, table: datasets.Dataset, columns: Mapping[str, str]) -> dict[str, Any]:
    """The columns that the task's input roles are read from."""
    named = _columns(recipe, _inputs(recipe.task), table.features, columns)
    return {name: list(table[column]) for name, column in named.items() if column in table.column_names}


def _lacking(recipe: Recipe, row: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    """Whether the row has not all that is required, or nothing at all, under the names that are looked for."""
    inputs = _inputs(recipe.task)
    named = _columns(recipe, inputs, row, columns)
    here = {name for name, column in named.items() if column in row}
    return not here or any(role.required and name not in here for name, role in inputs.items())


def _text_alone(inputs: Mapping[str, Role], text: str, number: int) -> Values:
    """The row of a text: it is the first text that the task reads, and must be all that it needs."""
    first = next((name for name, role in inputs.items() if role.kind == "text"), "")
    others = [name for name, role in inputs.items() if role.required and name != first]
    if others or not first:
        names = [name for name in (first, *others) if name] or list(inputs)
        lacking = " and ".join(others or inputs)
        dicts = ", ".join(f'"{name}": …' for name in names)
        message = f"{lacking} {'are' if len(others) > 1 else 'is'} missing: the row is a text alone"
        raise DataError(
            Problem(
                message, row=number, key=names[-1], advice=f"give a dict, or a file with these columns: {{{dicts}}}"
            )
        )
    return _checked(inputs, {first: text}, number)


def _columns(
    recipe: Recipe, inputs: Mapping[str, Role], row: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, str]:
    """The key of each role in the row: as given, else the recipe's where the row has all that it needs of them; a role
    that can be missing goes by its own name where the row has no such key."""
    named = {name: given.get(name) or recipe.data.columns.get(name, name) for name in inputs}
    needed = [name for name, role in inputs.items() if role.required and name not in given]
    if not all(named[name] in row for name in needed):
        return {name: given.get(name, name) for name in inputs}
    return {name: column if column in row else given.get(name, name) for name, column in named.items()}


def _require(
    recipe: Recipe, inputs: Mapping[str, Role], columns: Mapping[str, str], row: Mapping[str, Any], number: int
) -> None:
    """Raise `DataError` for each required role that is not there, or where none is."""
    absent = [name for name in inputs if columns[name] not in row]
    problems = [_absent(recipe, name, columns[name], row, number) for name in absent if inputs[name].required]
    if not problems and len(absent) == len(inputs):
        near = did_you_mean(next(iter(inputs)), map(str, row))
        advice = f"call one of them so, or say which column it is: --column {next(iter(inputs))}=NAME"
        problems = [Problem(f"none of {', '.join(inputs)} is there{near}", row=number, advice=advice)]
    if problems:
        raise DataError(*problems)


def _absent(recipe: Recipe, name: str, looked_for: str, row: Mapping[str, Any], number: int) -> Problem:
    own = recipe.data.columns.get(name, name)
    column = looked_for if looked_for != name else own
    place = f"in the recipe's data: {column}" if column == own else f"column {column}"
    wanted = name if column == name else f"{name} ({place})"
    keys = [str(key) for key in row]
    meant = did_you_mean(name if nearest(name, keys) else column, keys)
    advice = f"call it {name}, or say which column it is: --column {name}=NAME"
    return Problem(f"{wanted} is missing{meant}", row=number, key=name, advice=advice)


def _without_gaps(task: Task, row: Values, used: set[str]) -> Values | Drop:
    """The row with None for each role that only other rows have; `Drop` where that is what the task refuses it for."""
    absent = sorted(used - row.keys())
    filled = {**row, **dict.fromkeys(absent)}
    if not absent or task.check_row(filled) == task.check_row(row):
        return filled
    return Drop(f"{absent[0]} is missing")


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _checked(inputs: Mapping[str, Role], found: Mapping[str, Any], number: int) -> Values:
    """The values as the model's data are read: text stays text, lone surrogates are replaced."""
    return {name: _text(name, value, number) if inputs[name].kind == "text" else value for name, value in found.items()}


def _text(name: str, value: Any, number: int) -> str:
    if not isinstance(value, str):
        message = f"a text was expected, not {type(value).__name__}"
        raise DataError(Problem(message, row=number, key=name, value=repr(value)))
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
