"""Where in the data a value stands that a task, which knows no files, has complained of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sftcore.data.rows import Origins, Rows
from sftcore.errors import DataError, Problem
from sftcore.task import Role


@contextmanager
def sighted(parts: Iterable[Rows], roles: Mapping[str, Role], origins: Origins) -> Iterator[None]:
    """Let the problems of a `DataError` raised in the block say in which file and row their value stands first."""
    try:
        yield
    except DataError as error:
        error.amend(lambda problem: _sighted(problem, parts, roles, origins))
        raise


def _sighted(problem: Problem, parts: Iterable[Rows], roles: Mapping[str, Role], origins: Origins) -> Problem:
    if problem.value is None or problem.where or problem.row is not None:
        return problem
    found = [row for rows in parts if (row := first_row(rows, roles, problem.value)) is not None]
    return replace(problem, message=f"{problem.message}\nfirst in {origins.describe(min(found))}") if found else problem


def first_row(rows: Rows, roles: Mapping[str, Role], value: str) -> int | None:
    """The id of the first row that has the value in what is to be learned, or None."""
    targets = [name for name, role in roles.items() if role.target]
    for row_id, row in zip(rows.ids.tolist(), rows.values, strict=True):
        if any(value in _texts(row.get(name)) for name in targets):
            return int(row_id)
    return None


def _texts(value: object) -> list[str]:
    return [str(part).strip() for part in value] if isinstance(value, list | tuple) else [str(value).strip()]
