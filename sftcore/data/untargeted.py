"""Whether what a recipe uses can do without targets: rows to predict have none.

A row preprocessor or a task that leans on the label works as long as rows are labelled, through the whole training,
and fails at the first text that somebody wants predicted. So it is tried without targets before anything is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sftcore.components import Component, Drop, Row, RowPreprocessor
from sftcore.errors import PluginError, Problem, SftcoreError
from sftcore.faults import raised
from sftcore.task import Role, Task, TaskState

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRIED = 200
"""Rows, evenly spread, on which a step is tried a second time without their targets."""
DROPS = "drops"
"""What a step does that drops a row for its target, and no row without."""
ENCODED = 8
"""Training rows that a task is tried on without their targets."""
_INPUTS = "inputs must come out the same with and without targets: change them by what stands in them alone"


def without_targets(row: Row, roles: Mapping[str, Role]) -> dict[str, Any]:
    """The row as it would come to be predicted."""
    return {name: value for name, value in row.items() if name not in roles or not roles[name].target}


def leans_on_target(component: RowPreprocessor, row: Row, result: Row | Drop, roles: Mapping[str, Role]) -> str:
    """What the step, which made `result` of the row, does for the row's target: `DROPS` where it drops the row for it
    alone, a sentence where a row to predict could not pass for want of one, "" where it does without.

    Raises `PluginError` for a step that writes into an input what the target says.
    """
    bare = without_targets(row, roles)
    if len(bare) == len(row):
        return ""
    targets = " and ".join(name for name in row if name not in bare)
    try:
        blind = component.process(MappingProxyType(bare))
    except MemoryError:
        raise
    except Exception as error:
        return f"{component.name} raised {_fault(component, error, roles)} in process(row) without {targets}"
    if isinstance(blind, Drop) or isinstance(result, Drop):
        if isinstance(blind, Drop) and not isinstance(result, Drop):
            return f"{component.name} drops a row that has no {targets} ({blind.reason})"
        return "" if isinstance(blind, Drop) else DROPS
    other = [name for name in roles if name in bare and blind.get(name) != result.get(name)]
    if other:
        said = f"{component.name} makes another {' and '.join(other)} of a row that has no {targets}"
        raise PluginError(Problem(f"{said}: rows to predict have none", advice=_INPUTS))
    return ""


def needs_targets(
    task: Task, rows: Sequence[Row], state: TaskState, tokenizer: PreTrainedTokenizerBase
) -> Iterator[str]:
    """Which of the task's methods fail on some of these rows without their targets, in sentences."""
    bare = [without_targets(row, task.roles) for row in rows[:ENCODED]]
    trials: dict[str, Callable[[], Any]] = {
        "check_input": lambda: [task.check_input(row) for row in bare],
        "encode": lambda: task.encode(bare, deepcopy(tokenizer), state, tokenizer.model_max_length),
    }
    targets = " and ".join(name for name, role in task.roles.items() if role.target)
    for name, trial in trials.items() if bare else ():
        try:
            trial()
        except MemoryError:
            raise
        except SftcoreError:  # said again, with its place, where all rows are encoded
            continue
        except Exception as error:
            yield f"{task.name} raised {_fault(task, error, task.roles)} in {name} of rows without {targets}"


def _fault(component: Component, error: Exception, roles: Mapping[str, Role]) -> str:
    """What was raised. It is kept in the ledger, so of its words only the name of a role is quoted."""
    of_role = isinstance(error, KeyError) and bool(error.args) and error.args[0] in roles
    return raised(type(component), error, quoting=of_role)
