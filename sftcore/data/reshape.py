"""Tables as their task wants them: one row an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sftcore.data.fetch import Part
from sftcore.errors import DataError, PluginError, Problem, SftcoreError, placed
from sftcore.task import Task

if TYPE_CHECKING:
    import datasets

ADVICE = "this is a mistake of the task, or of its settings; tell its author"


def reshaped(part: Part, task: Task, columns: Mapping[str, str]) -> Part:
    """The part with the table that the task makes of its own, and what it says of that as its `shape`.

    `columns` (role → column) are those that the recipe names. Raises `DataError` with the file as its place where
    the task refuses the table, or makes no row of one that has rows, and `PluginError` where it raises anything else
    or gives no table.
    """
    with placed(part.name):
        try:
            result = task.reshape(part.table, columns)
        except (SftcoreError, MemoryError):
            raise
        except Exception as error:
            message = f"the task {task.name} can't reshape it: {type(error).__name__}: {error}".splitlines()[0]
            raise PluginError(Problem(message[:300], advice=ADVICE)) from error
        table, sentence = _checked(result, task)
        if len(part.table) and not len(table):
            raise DataError(Problem(f"the task {task.name} finds no example in its {len(part.table):,} rows"))
    return replace(part, table=table, shape=sentence)


def shapes(parts: Sequence[Part]) -> list[str]:
    """What the task recognised, each sentence once, with the parts that it is of."""
    return _told(parts, slice(0, 1))


def doubts(parts: Sequence[Part]) -> list[str]:
    """What the task warns of, each sentence once, with the parts that it is of."""
    return _told(parts, slice(1, None))


def _told(parts: Sequence[Part], lines: slice) -> list[str]:
    said: dict[str, list[str]] = {}
    for part in parts:
        for sentence in filter(None, part.shape.splitlines()[lines]):
            said.setdefault(sentence, []).append(part.name)
    return [f"{_listed(names)}: {sentence}" for sentence, names in said.items()]


def _checked(result: object, task: Task) -> tuple[datasets.Dataset, str]:
    from datasets import Dataset

    match result:
        case (Dataset() as table, str(sentence)):
            return table, sentence
    message = f"reshape of the task {task.name} gave {_kinds(result)}; a table and a sentence were expected"
    raise PluginError(Problem(message, advice=ADVICE))


def _kinds(result: object) -> str:
    """The types of what was returned, for messages."""
    if isinstance(result, tuple):
        return f"({', '.join(type(part).__name__ for part in result)})"
    return type(result).__name__


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
