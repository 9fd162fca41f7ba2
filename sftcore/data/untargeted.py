"""Whether what a recipe uses can do without targets: rows to predict have none.

A row preprocessor or a task that leans on the label works as long as rows are labelled, through the whole training,
and fails at the first text that somebody wants predicted. So it is tried without targets before anything is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sftcore.components import Component, Drop, Row, RowPreprocessor
from sftcore.errors import PluginError, Problem, SftcoreError
from sftcore.faults import raised
from sftcore.task import Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.recipe import Recipe
    from sftcore.task import TaskState

TRIED = 200
"""Rows, evenly spread, on which a step is tried a second time without their targets."""
ENCODED = 8
"""Training rows that a task is tried on without their targets."""


def without_targets(row: Row, roles: Mapping[str, Role]) -> dict[str, Any]:
    """The row as it would come to be predicted."""
    return {name: value for name, value in row.items() if name not in roles or not roles[name].target}


def dropped_for_target(component: RowPreprocessor, row: Row, result: Row | Drop, roles: Mapping[str, Role]) -> bool:
    """Whether the step, which made `result` of the row, drops it for its target alone: without, the row stays.

    Raises `PluginError` where rows to predict could not pass the step, or would leave it with other values than rows
    with targets: it fails or drops the row for want of the target, or writes into an input what the target says.
    """
    bare = without_targets(row, roles)
    if len(bare) == len(row):
        return False
    targets = " and ".join(name for name in row if name not in bare)
    blind = _asked(lambda: component.process(MappingProxyType(bare)), component, f"process(row) without {targets}")
    if isinstance(blind, Drop) or isinstance(result, Drop):
        if isinstance(blind, Drop) and not isinstance(result, Drop):
            raise _refusal(f"{component.name} drops a row that has no {targets} ({blind.reason})", _WITHOUT)
        return not isinstance(blind, Drop)
    other = [name for name in roles if name in bare and blind.get(name) != result.get(name)]
    if other:
        raise _refusal(f"{component.name} makes another {' and '.join(other)} of a row that has no {targets}", _INPUTS)
    return False


def check_task(recipe: Recipe, rows: Sequence[Row], state: TaskState, tokenizer: PreTrainedTokenizerBase) -> None:
    """Try what prediction asks of the task on some training rows without targets.

    Raises `PluginError`, with the recipe's line, for a task that fails on them.
    """
    task = recipe.task
    bare = [without_targets(row, task.roles) for row in rows[:ENCODED]]
    trials: dict[str, Callable[[], Any]] = {
        "check_row": lambda: [task.check_row(row) for row in bare],
        "check_input": lambda: [task.check_input(row) for row in bare],
        "encode": lambda: task.encode(bare, deepcopy(tokenizer), state, tokenizer.model_max_length),
    }
    for name, trial in trials.items() if bare else ():
        try:
            _asked(trial, task, f"{name} of rows without {' and '.join(_targets(task.roles))}")
        except PluginError as error:
            problem = error.problems[0]
            raise PluginError(recipe.problem("task.use", problem.message, problem.advice)) from error


_WITHOUT = 'take the role by row.get("…"), and let a row pass that has none'
_INPUTS = "inputs must come out the same with and without targets: change them by what stands in them alone"


def _asked(action: Callable[[], Any], component: Component, what: str) -> Any:
    """What the plugin's code gives. Raises `PluginError` where it fails; what it refuses by itself is let pass on."""
    try:
        return action()
    except (MemoryError, SftcoreError):
        raise
    except Exception as error:
        raise _refusal(f"{component.name} raised {raised(type(component), error)} in {what}", _WITHOUT) from error


def _refusal(said: str, advice: str) -> PluginError:
    return PluginError(Problem(f"{said}: rows to predict have none", advice=advice))


def _targets(roles: Mapping[str, Role]) -> list[str]:
    return [name for name, role in roles.items() if role.target]
