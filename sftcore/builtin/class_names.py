"""Names of classes as they stand in data: how they are read, ordered and quoted in messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sftcore import did_you_mean


def label_name(value: Any) -> str:
    """A label as text: 1 and 1.0 are "1"; spaces around a name do not count."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def as_number(value: Any) -> float | None:
    """The number that a value stands for, perhaps not finite, or None."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def label_order(label: str) -> tuple[int, float, str]:
    """The key by which labels are sorted: numbers first, as numbers."""
    number = as_number(label)
    return (1, 0.0, label) if number is None or not math.isfinite(number) else (0, number, label)


def unknown_label(label: str, rows: int, labels: Sequence[str]) -> str:
    """A label that is not one of `labels`, with its count and the nearest name."""
    near = did_you_mean(label, labels)
    hint = near[1:] if near.startswith("; did") else ""
    return f"{label!r} ({rows} {'row' if rows == 1 else 'rows'}{';' + hint if hint else ''})"


def quoted(label: str) -> str:
    """A label as a TOML string."""
    return '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'
