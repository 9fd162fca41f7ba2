"""Where the time went, and how far the training came in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftcore.report.frame import Section, filled

if TYPE_CHECKING:
    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words


@dataclass(frozen=True, slots=True)
class Spent:
    """A stage: seconds of the clock and of all processor cores together, and its share of the whole."""

    title: str
    wall: float
    cpu: float | None
    share: float


def section(evidence: Evidence, words: Words) -> Section | None:
    """The stages by their time, or None where it was not taken."""
    spent = stages(evidence, words)
    if not spent:
        return None
    body = filled(
        "time.html",
        words,
        spent=spent,
        total=sum(one.wall for one in spent),
        facts=_facts(evidence, words),
        resumed=sum(event.get("event") == "resumed" for event in evidence.log),
    )
    return Section("time", words("time.title"), body)


def stages(evidence: Evidence, words: Words) -> list[Spent]:
    """The stages in their order, as metrics.json has them."""
    found = evidence.metrics.get("time", {})
    total = sum(one["wall_seconds"] for one in found.values())
    return [
        Spent(
            words(f"time.stage.{name}") if f"time.stage.{name}" in words else name,
            one["wall_seconds"],
            one.get("cpu_seconds"),
            one["wall_seconds"] / total if total else 0.0,
        )
        for name, one in found.items()
    ]


def _facts(evidence: Evidence, words: Words) -> list[tuple[str, str]]:
    """Names and values of what was done in the time of the training."""
    told = evidence.metrics.get("training", {})
    seconds, tokens = told.get("seconds"), told.get("tokens")
    facts = {
        "steps": _count(told.get("global_step"), words),
        "epochs": None if told.get("epochs") is None else f"{told['epochs']:g}",
        "seconds": None if seconds is None else words.duration(seconds),
        "tokens": _count(tokens, words),
        "speed": words("time.speed_value", n=words.count(tokens / seconds)) if tokens and seconds else None,
        "padding": None if told.get("padding") is None else words.number(told["padding"], 2),
        "best_step": _count(told.get("best_step"), words),
        "loaded_step": _count(told.get("loaded_step"), words),
        "stopped_early": words("time.yes") if told.get("stopped_early") else None,
    }
    return [(words(f"time.{name}"), value) for name, value in facts.items() if value is not None]


def _count(number: int | None, words: Words) -> str | None:
    return None if number is None else words.count(number)
