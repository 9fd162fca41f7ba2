"""The course of a training: losses and metrics by step, from log.jsonl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sftcore.report.evidence import Evidence

Curve: TypeAlias = list[tuple[float, float]]
"""(step, value), by step."""
LOSS = "loss"
VALIDATION = "eval_"


def curves(evidence: Evidence) -> dict[str, Curve]:
    """By name, `loss` and all that begins with `eval_`, from the run's log; of a step that was done twice (the run was
    stopped and went on) the later value."""
    found: dict[str, dict[float, float]] = {}
    for event in evidence.log:
        for name, value in event.items():
            if (name == LOSS or name.startswith(VALIDATION)) and _is_number(value) and _is_number(event.get("step")):
                found.setdefault(name, {})[float(event["step"])] = float(value)
    return {name: sorted(points.items()) for name, points in found.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
