"""The ledger: what came into each stage, what went on, and why the rest did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sftcore.errors import DataError, Problem

EXAMPLES = 20
"""Row ids kept a reason."""
REASONS_TOLD = 3
KEYS = {"where": "data.where", "limit": "data.limit", "preprocess": "preprocess", "check": "data.columns"}
"""The key of the recipe that decides which rows a stage keeps."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One stage: rows in and out, dropped rows by reason, what else it counted, and some row ids by reason."""

    stage: str
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The entry as a JSON object; empty parts are left out."""
        parts = {"dropped": dict(self.dropped), "details": dict(self.details), "examples": _plain(self.examples)}
        head = {"stage": self.stage, "rows_in": self.rows_in, "rows_out": self.rows_out}
        return head | {name: part for name, part in parts.items() if part}


class Ledger:
    """Entries in the order in which the stages ran."""

    def __init__(self) -> None:
        self._entries: list[LedgerEntry] = []

    def add(
        self,
        stage: str,
        rows_in: int,
        rows_out: int,
        dropped: Mapping[str, int] | None = None,
        details: Mapping[str, Any] | None = None,
        examples: Mapping[str, Sequence[int]] | None = None,
        *,
        may_be_empty: bool = False,
    ) -> LedgerEntry:
        """Write down a stage; reasons with count 0 are left out, examples shortened to 20 row ids.

        Raises `DataError`, naming stage and reasons, where no row goes on (unless `may_be_empty`).
        """
        entry = LedgerEntry(
            stage,
            int(rows_in),
            int(rows_out),
            {reason: int(count) for reason, count in (dropped or {}).items() if count},
            dict(details or {}),
            {reason: [int(row) for row in rows[:EXAMPLES]] for reason, rows in (examples or {}).items() if len(rows)},
        )
        self._entries.append(entry)
        if not may_be_empty:
            require_rows(entry)
        return entry

    def __iter__(self) -> Iterator[LedgerEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, stage: str) -> LedgerEntry | None:
        """The latest entry of that stage."""
        return next((entry for entry in reversed(self._entries) if entry.stage == stage), None)

    def as_json(self) -> dict[str, Any]:
        """`{"stages": [...]}`, JSON-serialisable."""
        return {"stages": [entry.as_json() for entry in self._entries]}


def require_rows(entry: LedgerEntry) -> None:
    """Raise `DataError` if the stage leaves nothing to go on with."""
    if entry.rows_out:
        return
    if not entry.rows_in:
        raise DataError(Problem(f"{entry.stage}: there are no rows to work on", key="data.source"))
    reasons = ", ".join(f"{reason} ({_counted(entry, reason)})" for reason in list(entry.dropped)[:REASONS_TOLD])
    message = f"{entry.stage} leaves none of {entry.rows_in:,} rows" + (f": {reasons}" if reasons else "")
    advice = "loosen what drops them, or give other data"
    raise DataError(Problem(message, key=KEYS.get(entry.stage.partition(" ")[0], ""), advice=advice))


def _counted(entry: LedgerEntry, reason: str) -> str:
    rows = entry.examples.get(reason)
    first = f", the first is row {rows[0] + 1} of the data" if rows else ""
    return f"{entry.dropped[reason]:,}{first}"


def _plain(examples: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {reason: list(rows) for reason, rows in examples.items()}
