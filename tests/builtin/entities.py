"""Rows with marked words, as tests of token classification have them."""

from __future__ import annotations

from typing import Any

from datasets import Dataset

from sftcore import (
    TokenClassification,
    TokenClassificationState,
)

TASK = TokenClassification()
STATE = TokenClassificationState(labels=("LOC", "PER"), counts=(1, 1))
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def row_of(text: str, *marked: tuple[str, str]) -> dict[str, Any]:
    """A text with the first occurrence of each of these marked by its label."""
    spans = [(text.index(part), text.index(part) + len(part), label) for part, label in marked]
    return {"text": text, "entities": [{"start": start, "end": end, "label": label} for start, end, label in spans]}


def reshaped(columns: dict[str, str] | None = None, features: Any = None, **table: Any) -> tuple[list[Any], str]:
    result, sentence = TASK.reshape(Dataset.from_dict(table, features=features), columns or {})
    return list(result), sentence


def marked(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The entities of a row as their texts and labels, both ways of saying which text agreeing."""
    assert all(one["text"] == row["text"][one["start"] : one["end"]] for one in row["entities"])
    assert all(one["at"] == one["start"] for one in row["entities"])
    return [(one["text"], one["label"]) for one in row["entities"]]
