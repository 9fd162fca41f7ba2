"""model/task_state.json: what the task learned of the training rows, beside the weights that go with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sftcore.errors import Problem, RunError
from sftcore.runs.files import write_json

if TYPE_CHECKING:
    from sftcore.task import Task, TaskState

FILE = "task_state.json"


def write_task_state(model: Path, task: Task, state: TaskState) -> None:
    """Write the state into the model's folder."""
    write_json(model / FILE, {"task": task.table(), "state": state.model_dump(mode="json")})


def read_task_state(model: Path, task: Task) -> TaskState:
    """The state of the model in this folder. Raises `RunError` where it is absent or not this task's."""
    path = model / FILE
    try:
        return task.state_class.from_table(json.loads(path.read_text(encoding="utf-8"))["state"])
    except FileNotFoundError as error:
        raise RunError(Problem("is missing", where=str(path), advice="sftcore verify says what else is")) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(Problem(f"is not the state of the task {task.name}: {reason}", where=str(path))) from error
