"""generations.jsonl: what a model that generates wrote for some test rows, before and after training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.runs.files import plain, write_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sftcore.components import Row
    from sftcore.data.rows import Rows
    from sftcore.evaluation.before import Before
    from sftcore.evaluation.predict import Predicted
    from sftcore.task import Task

FILE = "generations.jsonl"


def write_generations(
    path: Path, task: Task, rows: Rows, places: NDArray[Any], predicted: Predicted, before: Before
) -> None:
    """Write one JSON object a line for the rows at these places.

    `row` is its id, `input` what the task feeds a pipeline with (else its input texts by role), `reference` what was
    right, `base` and `tuned` what the model said before and after training; null where it said nothing.
    """
    lines = []
    for place in places.tolist():
        base = before.said(place)
        line = {
            "row": int(rows.ids[place]),
            "input": _input(task, rows.values[place]),
            "reference": predicted.references[place],
            "base": None if base is None else base.value,
            "tuned": predicted.predictions[place].value,
        }
        lines.append(json.dumps(plain(line), ensure_ascii=False, allow_nan=False))
    write_text(path, "\n".join(lines) + "\n")


def _input(task: Task, row: Row) -> Any:
    """What a transformers pipeline is fed with, else the texts that the model reads."""
    given = task.model_input(row)
    if given is not None:
        return given
    return {name: row.get(name) for name, role in task.roles.items() if role.kind == "text" and not role.target}
