"""What the JSON files of a run hold, as far as anything reads it, and what of a file is not so.

Runs outlive the version that made them, and files get edited: what is absent, null or of an unknown name is no flaw,
and whoever reads it does without. A value of another kind is one, and is named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from sftcore.errors import Problem

Shape: TypeAlias = "str | tuple[str, ...] | list[Any] | dict[str, Any]"
"""A kind by its name, the texts allowed, a list of one shape, or a table by keys ("*": any other)."""

TEXT, NUMBER, COUNT, FLAG = "a text", "a number", "a whole number from 0 up", "true or false"
TABLE: dict[str, Any] = {}
ADVICE = "sftcore verify says what else is damaged; sftcore run RECIPE --fresh starts the next run and leaves this one"
MOST_SHOWN = 60
MOST_COUNT = 10**15
"""No run has so many of anything; a larger number is none of ours."""

_VALUES = {"*": {"value": NUMBER, "low": NUMBER, "high": NUMBER, "undefined": COUNT, "degenerate": FLAG}}
_PLUGIN_TABLES = {"*": TABLE}
METRICS: Shape = {
    "test": {
        "rows": COUNT,
        "left_out": {"*": COUNT},
        "loss": NUMBER,
        "perplexity": NUMBER,
        "bootstrap": {"resamples": COUNT, "level": NUMBER, "unit": TEXT, "units": COUNT},
        "metrics": _VALUES,
        "greater_is_better": {"*": FLAG},
        "meanings": {"*": TEXT},
        "baselines": {"*": {"description": TEXT, "details": TABLE, "metrics": _VALUES, "differences": _VALUES}},
        "verdict": {"beats_baselines": FLAG, "metric": TEXT, "against": TEXT, "advice": [TEXT]},
        "notes": [TEXT],
    },
    "training": {"global_step": COUNT, "epochs": NUMBER, "seconds": NUMBER},
    "time": {"*": {"wall_seconds": NUMBER, "cpu_seconds": NUMBER}},
}
LEDGER: Shape = {
    "stages": [{"stage": TEXT, "rows_in": COUNT, "rows_out": COUNT, "dropped": {"*": COUNT}, "details": TABLE}]
}
LOCK: Shape = {
    "name": TEXT,
    "id": TEXT,
    "fingerprint": {"data": {"sha256": TEXT}, "packages": TABLE, "plugins": _PLUGIN_TABLES},
    "environment": {"packages": TABLE},
    "recipe": {
        "model": {"base": TEXT},
        "data": TABLE,
        "preprocess": [TABLE],
        "augment": [TABLE],
        "task": {"use": TEXT},
        "train": TABLE,
        "metrics": [TABLE],
        "report": {"texts": FLAG, "language": ("en", "zh")},
    },
}
FACTS: Shape = {
    "precision": TEXT,
    "texts": FLAG,
    "predicts": TEXT,
    "labels": [TEXT],
    "auto_class": TEXT,
    "logits_from": [TEXT],
    "generates": FLAG,
    "generation": TABLE,
}
"""Of predictions.parquet: what it says of all its rows."""
FILES: Mapping[str, Shape] = {"metrics.json": METRICS, "ledger.json": LEDGER, "lock.json": LOCK}


def no_number(text: str) -> None:
    """For `json.loads`: NaN and infinities, which JSON has not. Raises ValueError."""
    raise ValueError(f"{text} is no number of JSON")


def flaws(value: Any, shape: Shape, where: str, key: str = "") -> Iterator[Problem]:
    """A problem for each part of the value that is of another kind than the shape says."""
    if value is None and not isinstance(shape, dict | list):
        return
    if expected := _unlike(value, shape):
        shown = json.dumps(value, ensure_ascii=False)
        shown = shown if len(shown) <= MOST_SHOWN else f"{shown[: MOST_SHOWN - 1]}…"
        yield Problem(f"is damaged: {expected} was expected", where=where, key=key, value=shown, advice=ADVICE)
    elif isinstance(shape, dict):
        for name in value if "*" in shape else [name for name in value if name in shape]:
            part = shape[name] if name in shape else shape["*"]
            yield from flaws(value[name], part, where, f"{key}.{name}".lstrip("."))
    elif isinstance(shape, list):
        for number, item in enumerate(value):
            yield from flaws(item, shape[0], where, f"{key}.{number}".lstrip("."))


def _unlike(value: Any, shape: Shape) -> str:
    """What was expected in place of the value; "" where it is of the shape's kind."""
    if isinstance(shape, dict):
        return "" if isinstance(value, dict) else "a table"
    if isinstance(shape, list):
        return "" if isinstance(value, list) else "a list"
    if isinstance(shape, tuple):
        return "" if value in shape else " or ".join(shape)
    kind = bool if shape == FLAG else str if shape == TEXT else int if shape == COUNT else (int, float)
    fits = isinstance(value, kind) and isinstance(value, bool) == (shape == FLAG)
    return "" if fits and (shape != COUNT or 0 <= value < MOST_COUNT) else shape
