"""Data of questions about texts in the shapes that it comes in, as tables of one row a question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sftcore import DataError, Problem
from sftcore_plugin_qa.answers import Answers, squad_form

if TYPE_CHECKING:
    import datasets

_NESTED = ("data", "paragraphs", "qas")
"""Columns of which one shows the nested JSON of SQuAD: rows are files, articles or paragraphs."""
_ALIASES = {"context_text": "context", "query_text": "question", "query_id": "id"}
"""Names in the first release of CMRC 2018."""
_ALONE = ("answer", "answer_text")
"""Columns that hold one answer as text."""
_TYPES = ("type", "category")
"""Columns that say of which type a question is."""


def questions_of(table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    """The table as one row a question, and a sentence that says what was recognised ("": nothing had to be done).

    `columns` (role → column) are those of the recipe. Known: the nested JSON of SQuAD 1.1 and 2.0, where `title`,
    `id` and every other number or text of article, paragraph and question become columns; flat tables whose answers
    have another form than SQuAD's, or are the text of one answer. A column `type` or `category` becomes the role
    `question_type` where that has no column. Raises `sftcore.DataError` for answers that can't be read.
    """
    names = {role: columns.get(role, role) for role in ("question", "context", "answers", "question_type")}
    here = set(table.column_names)
    if names["question"] not in here and here & set(_NESTED):
        table, sentence = _flattened(table, names)
    else:
        table, sentence = _with_answers(table, names, "answers" in columns)
    return _with_types(table, names["question_type"]), sentence


# Nested JSON


def _flattened(table: datasets.Dataset, names: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    from datasets import Dataset

    counts = {"articles": 0, "contexts": 0}
    rows: list[dict[str, Any]] = []
    for paragraph in _paragraphs(table, counts):
        rows += _questions(paragraph, names)
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
    answers = columns.pop(names["answers"], [])
    flat = Dataset.from_dict({name: _alike(values) for name, values in columns.items()})
    told = "and no answers"
    if any(value is not None for value in answers):
        flat = flat.add_column(names["answers"], answers, feature=_feature())
        told = f"{sum(value is not None and not value['text'] for value in answers):,} without an answer"
    parts = [_count(counts[name], name[:-1]) for name in counts if counts[name]]
    return flat, f"SQuAD JSON: {', '.join([*parts, _count(len(rows), 'question')])}, {told}"


def _paragraphs(table: datasets.Dataset, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Each context with its questions under `qas`, and with what is said of its article."""
    for row in table:
        for article in _entries(row, "data") if row.get("data") else [row]:
            counts["articles"] += "paragraphs" in article
            for paragraph in _entries(article, "paragraphs") if "paragraphs" in article else [article]:
                counts["contexts"] += 1
                yield {**_facts(article), **_renamed(paragraph)}


def _questions(paragraph: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows of a context, `answers` in SQuAD's form."""
    context = paragraph.get(names["context"])
    for entry in map(_renamed, _entries(paragraph, "qas")):
        answers = squad_form(entry.get(names["answers"]), context, impossible=entry.get("is_impossible"))
        yield {**_facts(paragraph), **_facts(entry), names["answers"]: answers}


def _entries(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The tables under a name, which may be written as JSON where a column mixes kinds; [] where it is missing."""
    value = holder.get(name)
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        found = value
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        message, shown = f"SQuAD JSON has a list of tables under {name!r}", json.dumps(value, ensure_ascii=False)[:80]
        raise DataError(Problem(message, key=name, value=shown))
    return found


def _renamed(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {_ALIASES.get(name, name): value for name, value in holder.items()}


def _facts(holder: Mapping[str, Any]) -> dict[str, Any]:
    """The texts and numbers of a table."""
    return {name: value for name, value in holder.items() if isinstance(value, str | int | float)}


def _alike(values: list[Any]) -> list[Any]:
    """The values, as texts where they are of several kinds."""
    kinds = {type(value) for value in values if value is not None}
    return values if len(kinds) < 2 else [None if value is None else str(value) for value in values]


# Flat tables


def _with_answers(table: datasets.Dataset, names: Mapping[str, str], named: bool) -> tuple[datasets.Dataset, str]:
    """The table with its answers in SQuAD's form; `named`: the recipe says which column they are."""
    here, target = table.column_names, names["answers"]
    read = target if named or target in here else next((name for name in _ALONE if name in here), target)
    if read not in here or _is_squad_form(table, read):
        return table, ""
    starts = "answer_start" if "answer_start" in here else ""
    cells = [
        list(table[name]) if name in here else [None] * len(table)
        for name in (read, names["context"], starts, "is_impossible")
    ]
    found = [squad_form(*row) for row in zip(*cells, strict=True)]
    changed = table.remove_columns(read) if read == target else table
    return changed.add_column(target, found, feature=_feature()), _told(read, starts, found)


def _told(read: str, starts: str, found: Sequence[Answers | None]) -> str:
    answered = [answers for answers in found if answers is not None]
    without = sum(not answers["text"] for answers in answered)
    columns = f"{read} and {starts}" if starts else read
    return f"answers read from {columns}: {_count(len(answered), 'row')}, {without:,} without an answer"


def _with_types(table: datasets.Dataset, name: str) -> datasets.Dataset:
    """The table with the types of its questions under this name, where a column holds them as texts."""
    if name in table.column_names:
        return table
    found = (column for column in _TYPES if "string" in getattr(table.features.get(column), "dtype", ""))
    column = next(found, None)
    return table if column is None else table.add_column(name, list(table[column]))


def _is_squad_form(table: datasets.Dataset, column: str) -> bool:
    """Whether the column's type is that of SQuAD's answers, and nothing else."""
    import pyarrow as pa

    kind = table.data.schema.field(column).type
    if not pa.types.is_struct(kind) or {field.name for field in kind} != {"text", "answer_start"}:
        return False
    lists = [field.type for field in kind if pa.types.is_list(field.type) or pa.types.is_large_list(field.type)]
    return len(lists) == 2 and any(pa.types.is_integer(one.value_type) for one in lists)


def _feature() -> dict[str, Any]:
    from datasets import List, Value

    return {"text": List(Value("string")), "answer_start": List(Value("int64"))}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
