"""predictions.parquet: every row of the test split with what the model read, said and should have said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import Problem, RunError
from sftcore.evaluation.intervals import group_numbers
from sftcore.runs import shapes
from sftcore.runs.files import plain, replacing

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from sftcore.data.encode import EncodedRows
    from sftcore.data.rows import Origins, Rows
    from sftcore.records import Prediction
    from sftcore.task import Role, Task

FILE = "predictions.parquet"
OWN = (
    *("row", "file", "file_row", "group", "model_input", "features", "input_ids"),
    *("reference", "prediction", "score", "scores", "logits", "extra", "generated", "scored", "reason"),
)
"""Columns of the file besides the task's roles and what the model reads besides `input_ids`."""

GIVEN = "given_"
"""How the columns begin that hold a role's text before preprocessing."""

_NOT_READ = ("labels", "attention_mask")
_FACTS = b"sftcore"


def write_predictions(
    path: Path,
    *,
    rows: Rows,
    origins: Origins,
    task: Task,
    labels: Sequence[str],
    encoded: EncodedRows,
    predictions: Sequence[Prediction],
    references: Sequence[Any],
    scored: NDArray[np.bool_],
    precision: str,
    texts: bool = True,
    generation: Mapping[str, Any] | None = None,
    given: Rows | None = None,
) -> None:
    """Write one line a row, in the order of `rows` (after preprocessing), whole or not at all.

    Columns: `row` (id), `file` and `file_row` (from 1), `group` (where the data has groups: the rows of one have one
    number, which says nothing of its name), the text roles, `model_input` (what a transformers pipeline is fed with),
    `features` (how many the row has), `input_ids` and whatever else the model reads (of the feature that
    `Prediction.feature` names; for a task that generates, the ids that generation started from), `reference`,
    `prediction`, `score`, `scores`, `logits` (float32, flat), `extra` (JSON), `generated` (ids), `scored` (False: a
    twin of this row is scored already) and `reason`. Where preprocessing changed the text of a role, `given_<role>` is
    the text before it, as `given` has it: the rows as they were loaded, in any order, perhaps with others among them.
    `texts=False` leaves out all that reveals text: roles, inputs, generated ids, `extra`, and references and
    predictions that are texts or spans. The file's metadata hold precision, labels, the Auto class, what the logits
    are made of, and the settings of `generation` (see `generation_facts`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = [origins.place(int(row)) for row in rows.ids]
    columns: dict[str, Any] = {
        "row": pa.array(rows.ids, pa.int64()),
        "file": pa.array([file for file, _ in places], pa.string()),
        "file_row": pa.array([number for _, number in places], pa.int64()),
        **_group_column(rows),
        **(_read_columns(rows, task, encoded, predictions) if texts else {}),
        **(_given_columns(rows, given, task) if texts and given is not None else {}),
        **(_said_columns(predictions, references) if texts or task.predicts not in ("texts", "spans") else {}),
        **_score_columns(predictions),
        **(_extra_column(predictions) if texts else {}),
        **(_generated_column(predictions) if texts and task.generates else {}),
        "scored": pa.array(np.asarray(scored, bool)),
        "reason": pa.array([prediction.reason for prediction in predictions], pa.string()),
    }
    facts = {
        "precision": precision,
        "texts": texts,
        "predicts": task.predicts,
        "labels": list(labels),
        "auto_class": task.auto_class,
        "logits_from": list(task.logits_from),
        "generates": task.generates,
        **({} if generation is None else {"generation": dict(generation)}),
    }
    table = pa.table(columns).replace_schema_metadata({_FACTS: json.dumps(facts, ensure_ascii=False).encode()})
    with replacing(path) as file:
        pq.write_table(table, file, compression="zstd")


def generation_facts(model: PreTrainedModel) -> dict[str, Any]:
    """What of the model's generation settings, saved with it in generation_config.json, is not transformers' default:
    by these a plain `model.generate(**inputs)` writes the recorded ids again."""
    settings: Any = model.generation_config
    facts: dict[str, Any] = plain(settings.to_diff_dict())
    return {name: value for name, value in facts.items() if not name.startswith(("_", "transformers_version"))}


def read_predictions(path: Path) -> pa.Table:
    """The table of `write_predictions`. Raises `RunError` where the file is absent or damaged, or lacks a column that
    every such file has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open(path, "rb") as file:
            table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise RunError(Problem(f"can't be read: {error}", where=str(path))) from error
    if flaws := [*_columns_missing(table, path), *_flawed_facts(table, path)]:
        raise RunError(*flaws)
    return table


def _columns_missing(table: pa.Table, path: Path) -> Iterator[Problem]:
    """Columns that are not there, or hold something else."""
    from pyarrow import types

    kinds = {"row": types.is_integer, "file": _is_text, "file_row": types.is_integer, "scored": types.is_boolean}
    others = {"group": types.is_integer, "logits": _is_numbers, "generated": _is_numbers}
    for name, is_kind in {**kinds, **others}.items():
        found = table.schema.field(name).type if table.column_names.count(name) == 1 else None
        if found is None and name in kinds:
            yield Problem("is damaged: there is no such column", where=str(path), key=name, advice=shapes.ADVICE)
        elif found is not None and not is_kind(found) and len(table):
            yield Problem(f"is damaged: the column holds {found}", where=str(path), key=name, advice=shapes.ADVICE)


def _is_numbers(kind: pa.DataType) -> bool:
    """Whether each row has a list of numbers."""
    from pyarrow import types

    return bool(types.is_list(kind) and (types.is_integer(kind.value_type) or types.is_floating(kind.value_type)))


def _is_text(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _flawed_facts(table: pa.Table, path: Path) -> Iterator[Problem]:
    """What of the facts about all rows can't be read."""
    try:
        yield from shapes.flaws(recorded_facts(table), shapes.FACTS, str(path))
    except ValueError as error:
        message = f"is damaged: what it says of all rows can't be read ({error})"
        yield Problem(message, where=str(path), advice=shapes.ADVICE)


def recorded_facts(table: pa.Table) -> dict[str, Any]:
    """What the file says of all its rows: precision, texts, predicts, labels, auto_class, logits_from, generates, and
    generation where it generates."""
    facts: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_FACTS, b"{}"))
    return facts


def text_columns(table: pa.Table, task: Task) -> dict[str, str]:
    """Where the texts of the task's roles stand: column by role, of those that the table has."""
    columns = {role: _role_column(role) for role, described in task.roles.items() if _is_input_text(described)}
    return {role: column for role, column in columns.items() if column in table.column_names}


def recorded_inputs(table: pa.Table) -> list[dict[str, list[int]]]:
    """What the model read for each row, column by column; [] where texts were left out."""
    import pyarrow.types as types

    if "input_ids" not in table.column_names:
        return []
    own = set(OWN) - {"input_ids"}
    names = [
        field.name
        for field in table.schema
        if field.name not in own and types.is_list(field.type) and types.is_integer(field.type.value_type)
    ]
    columns = {name: table[name].to_pylist() for name in names}
    return [
        {name: values[number] for name, values in columns.items() if values[number] is not None}
        for number in range(len(table))
    ]


def _read_columns(rows: Rows, task: Task, encoded: EncodedRows, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The texts by role, the pipeline's input and the feature of each row that its prediction is of."""
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for role, described in task.roles.items():
        if _is_input_text(described):
            columns[_role_column(role)] = pa.array([_text(value) for value in rows.column(role)], pa.string())
    inputs = [task.model_input(row) for row in rows.values]
    if any(value is not None for value in inputs):
        columns["model_input"] = _array(inputs)
    return columns | _features(task, encoded, predictions)


def _given_columns(rows: Rows, given: Rows, task: Task) -> dict[str, Any]:
    """The texts before preprocessing, by role: null where they are the same, no column where all are."""
    import pyarrow as pa

    before = dict(zip(given.ids.tolist(), given.values, strict=True))
    originals = [before.get(number, {}) for number in rows.ids.tolist()]
    columns: dict[str, Any] = {}
    for role, described in task.roles.items():
        if _is_input_text(described):
            pairs = zip(originals, rows.values, strict=True)
            texts = [_text(old.get(role)) if old.get(role) != new.get(role) else None for old, new in pairs]
            if any(text is not None for text in texts):
                columns[f"{GIVEN}{role}"] = pa.array(texts, pa.string())
    return columns


def _is_input_text(role: Role) -> bool:
    return role.kind == "text" and not role.target


def _role_column(role: str) -> str:
    return f"{role}_role" if role in OWN else role


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _features(task: Task, encoded: EncodedRows, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """How many features each row has, and the integer lists of the one that its prediction is of: int32, null for a
    row without one."""
    import pyarrow as pa

    counts = np.bincount(encoded.parents, minlength=len(predictions))
    by_row, starts = np.argsort(encoded.parents, kind="stable"), np.cumsum(counts) - counts
    chosen = [
        int(by_row[start + prediction.feature]) if count else None
        for start, count, prediction in zip(starts, counts, predictions, strict=True)
    ]
    columns: dict[str, Any] = {"features": pa.array(counts.astype(np.int32))}
    if task.generates:
        prompts = [None if place is None else task.prompt_ids(encoded.feature(place)) for place in chosen]
        return columns | {"input_ids": pa.array(prompts, pa.list_(pa.int32()))}
    for name, column in encoded.columns.items():
        values = [None if place is None else column[place] for place in chosen]
        if name not in _NOT_READ and _are_token_lists(values) and (name == "input_ids" or _says_something(values)):
            columns[name] = pa.array(values, pa.list_(pa.int32()))
    return columns


def _are_token_lists(values: Sequence[Any]) -> bool:
    lists = [value for value in values if value is not None]
    return all(isinstance(value, list) and all(isinstance(item, int) for item in value) for value in lists)


def _says_something(values: Sequence[Any]) -> bool:
    """Zeros are what a model takes where it gets no such input (token_type_ids of a single text)."""
    return any(any(value) for value in values if value is not None)


def _said_columns(predictions: Sequence[Prediction], references: Sequence[Any]) -> dict[str, Any]:
    return {"reference": _array(references), "prediction": _array([prediction.value for prediction in predictions])}


def _score_columns(predictions: Sequence[Prediction]) -> dict[str, Any]:
    import pyarrow as pa

    columns = {
        "score": pa.array([prediction.score for prediction in predictions], pa.float64()),
        "scores": pa.array([_floats(prediction.scores) for prediction in predictions], pa.list_(pa.float32())),
        "logits": pa.array([_floats(prediction.logits) for prediction in predictions], pa.list_(pa.float32())),
    }
    return {name: column for name, column in columns.items() if column.null_count < len(column)}


def _group_column(rows: Rows) -> dict[str, Any]:
    """The group numbers by which the evaluation resamples."""
    import pyarrow as pa

    numbers = group_numbers(rows.groups)
    return {} if numbers is None else {"group": pa.array(numbers, pa.int64())}


def _extra_column(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """What else the task said of each row, as JSON: some metrics can't be computed without it."""
    import pyarrow as pa

    texts = [None if one.extra is None else json.dumps(plain(one.extra), ensure_ascii=False) for one in predictions]
    return {"extra": pa.array(texts, pa.string())} if any(text is not None for text in texts) else {}


def _generated_column(predictions: Sequence[Prediction]) -> dict[str, Any]:
    import pyarrow as pa

    return {"generated": pa.array([prediction.generated for prediction in predictions], pa.list_(pa.int32()))}


def _floats(values: Sequence[float] | None) -> NDArray[np.float32] | None:
    return None if values is None else np.asarray(values, np.float32).reshape(-1)


def _array(values: Sequence[Any]) -> Any:
    """The values in Arrow's own types where they are all alike, else each as JSON."""
    import pyarrow as pa

    items = [plain(value) for value in values]
    if not any(isinstance(item, Mapping) and not item for item in items):
        try:
            return pa.array(items)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
    return pa.array([json.dumps(item, ensure_ascii=False) for item in items], pa.string())
