"""Results as they are shown: each title that the library reports has its own form, everything else a plain one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from sftcore.cli.scores import metrics
from sftcore.cli.tables import facts, section, table
from sftcore.cli.text import count, duration, plural, share
from sftcore.runs.files import plain


def rendered(title: str, value: Any) -> RenderableType:
    """The result in the form of its title."""
    form = _FORMS.get(title)
    return form(plain(value)) if form else section(title, facts(plain(value)))


def ledger(value: Mapping[str, Any]) -> RenderableType:
    """What came into each stage, what went out, and why the rest did not."""
    rows = [
        (entry["stage"], count(entry["rows_in"]), count(entry["rows_out"]), _reasons(entry))
        for entry in value.get("stages", [])
    ]
    return section("ledger", table(["stage", "in", "out", "left out, and other counts"], rows, numbers=(1, 2)))


def _reasons(entry: Mapping[str, Any]) -> str:
    """Dropped rows by reason, what was done to texts and answers, then what else the stage counted."""
    details = entry.get("details", {})
    parts = [f"{count(number)} {reason}" for reason, number in entry.get("dropped", {}).items()]
    return ", ".join([*parts, *_done_to_texts(details), *_counts(details, entry["rows_in"])])


def _done_to_texts(details: Mapping[str, Any]) -> Iterator[str]:
    """Texts changed by step, answers that did not stay exact, edits refused because they touch one."""
    for step, number in details.get("changed", {}).items():
        yield f"{_name(step)} changed {count(number)}"
    for status, number in details.get("spans", {}).items():
        if status != "exact":
            yield f"{plural(number, 'span')} {status}"
    for step, number in details.get("refused_edits", {}).items():
        yield f"{_name(step)} would have touched an answer {plural(number, 'time')}"


def _name(step: str) -> str:
    """The component's name of `preprocess.0 lowercase`."""
    return step.partition(" ")[2] or step


def _counts(details: Mapping[str, Any], rows: int) -> Iterator[str]:
    """What the task counted, then plain numbers above zero."""
    for name, number in details.get("counts", {}).items():
        if number:
            yield f"{count(number)} {name}"
    if details.get("families"):
        families = f"{details.get('family_name', 'document')}s of up to {plural(details['largest_family'], 'row')}"
        yield f"{count(details['families'])} {families}"
    for name, number in details.items():
        if isinstance(number, int) and not isinstance(number, bool) and number > 0 and name not in _QUIET:
            part = f" ({share(number, rows)})" if name.endswith("_rows") else ""
            yield f"{count(number)} {name.removesuffix('_rows').replace('_', ' ')}{part}"


_QUIET = (
    *("features", "max_length", "tokens", "twin_groups", "twin_rows", "largest_twin_group", "test_scored"),
    *("families", "largest_family"),
)
"""Counts that have a place of their own elsewhere, or a sentence."""


def time_spent(value: Mapping[str, Any]) -> RenderableType:
    """Where the time went, stage by stage."""
    seconds = {
        name: float(spent["wall_seconds"] if isinstance(spent, Mapping) else spent)
        for name, spent in value.items()
        if isinstance(spent, (Mapping, int, float))
    }
    total = sum(seconds.values())
    rows = [(name, duration(spent), share(spent, total)) for name, spent in seconds.items() if spent >= 0.05]
    return section("where the time went", table(["", "", ""], [*rows, ("in all", duration(total), "")], numbers=(1, 2)))


_FORMS: dict[str, Callable[[Any], RenderableType]] = {"ledger": ledger, "time": time_spent, "metrics": metrics}
