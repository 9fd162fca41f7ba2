"""The ledger as a flow: how many rows came into each stage, how many went on, and why the rest did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftcore.report.first import SPLITS
from sftcore.report.frame import Section, filled

if TYPE_CHECKING:
    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words

ENCODE = "encode"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage: its rows, `part` of the most rows that any stage had (percent), what it dropped and what it did."""

    title: str
    rows_in: int
    rows_out: int
    part: float
    dropped: tuple[tuple[str, str], ...]
    did: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A split as the model reads it; counts of the task by name."""

    split: str
    rows: int
    dealt: int
    features: int
    tokens: int
    cut_rows: int
    lost_tokens: int
    others: tuple[tuple[int, str], ...]


def section(evidence: Evidence, words: Words) -> Section | None:
    """The flow, or None for a run whose ledger was not written."""
    if not evidence.stages:
        return None
    most = max(max(stage["rows_in"], stage["rows_out"]) for stage in evidence.stages) or 1
    steps = [_step(stage, most, words) for stage in evidence.stages if not stage["stage"].startswith(ENCODE)]
    body = filled(
        "flow.html",
        words,
        steps=steps,
        encoded=[_encoded(evidence, split, words) for split in SPLITS if evidence.stage(f"{ENCODE} {split}")],
        limit=evidence.stage(f"{ENCODE} train").get("details", {}).get("max_length"),
        left_out=_left_out(evidence, words),
    )
    return Section("flow", words("flow.title"), body)


def _step(stage: Mapping[str, Any], most: int, words: Words) -> Step:
    dropped = tuple((words.count(number), words.told(reason)) for reason, number in stage.get("dropped", {}).items())
    did = tuple(_did(stage["stage"].partition(" ")[0], stage.get("details", {}), words))
    rows_in, rows_out = stage["rows_in"], stage["rows_out"]
    return Step(_title(stage["stage"], words), rows_in, rows_out, 100 * rows_out / most, dropped, did)


def _title(stage: str, words: Words) -> str:
    """The stage's name; where it is of one split, with that."""
    name, _, split = stage.partition(" ")
    key = f"flow.stage.{name}"
    title = words(key) if key in words else name
    return f"{title} · {words(f'flow.split.{split}')}" if split in SPLITS else title


def _did(stage: str, details: Mapping[str, Any], words: Words) -> Iterator[str]:
    """What a stage did besides dropping rows, as sentences."""
    of = {"load": _loaded, "preprocess": _preprocessed, "split": _split, "augment": _augmented}.get(stage)
    if of:
        yield from of(details, words)


def _loaded(details: Mapping[str, Any], words: Words) -> Iterator[str]:
    if details.get("files"):
        yield words("flow.from", files=words("first.list").join(map(str, details["files"])))
    yield from map(words.told, map(str, details.get("notes", ())))


def _preprocessed(details: Mapping[str, Any], words: Words) -> Iterator[str]:
    for step, number in details.get("changed", {}).items():
        yield words("flow.changed", step=component(step), rows=words.several("units.row", number))
    spans = details.get("spans", {})
    if spans:
        counts = {name: words.count(spans.get(name, 0)) for name in ("exact", "trimmed", "grown", "lost")}
        yield words("flow.spans", **counts)


def _split(details: Mapping[str, Any], words: Words) -> Iterator[str]:
    rows = details.get("rows", {})
    yield words("flow.dealt", **{name: words.count(rows.get(name, 0)) for name in SPLITS})
    twins = details.get("twins", {})
    if any(twins.values()):
        found = [words(f"flow.twin.{name}", n=words.count(number)) for name, number in twins.items() if number]
        yield words("flow.twins", kinds=words("first.list").join(found))
    if details.get("near_duplicates_complete") is False:
        yield words("flow.twins_incomplete")
    if details.get("families"):
        yield words("flow.families", n=words.count(details["families"]), most=words.count(details["largest_family"]))
    conflicts = details.get("conflicting_labels", {})
    if conflicts.get("groups"):
        yield words("flow.conflicts", rows=words.several("units.row", conflicts["rows"]))


def _augmented(details: Mapping[str, Any], words: Words) -> Iterator[str]:
    for step, number in details.get("copies", {}).items():
        yield words("flow.copies", step=component(step), rows=words.several("units.row", number))
    for step in details.get("every_epoch", ()):
        yield words("flow.every_epoch", step=component(step))
    for key in ("unchanged", "refused_edits", "emptied"):
        for step, number in details.get(key, {}).items():
            yield words(f"flow.{key}", step=component(step), n=words.count(number))


def component(step: str) -> str:
    """The component's name of `preprocess.0 lowercase`."""
    return step.partition(" ")[2] or step


def _encoded(evidence: Evidence, split: str, words: Words) -> Encoded:
    stage = evidence.stage(f"{ENCODE} {split}")
    details = stage.get("details", {})
    others = {"masked": details.get("masked_rows", 0), **details.get("counts", {}), **stage.get("dropped", {})}
    return Encoded(
        split=words(f"flow.split.{split}"),
        rows=stage["rows_out"],
        dealt=stage["rows_in"],
        features=details.get("features", stage["rows_out"]),
        tokens=details.get("tokens", 0),
        cut_rows=details.get("truncated_rows", 0),
        lost_tokens=details.get("lost_tokens", 0),
        others=tuple((number, words.told(name)) for name, number in others.items() if number),
    )


def _left_out(evidence: Evidence, words: Words) -> list[str]:
    """Why rows of the test split are not scored."""
    left = evidence.test.get("left_out", {})
    return [
        words(f"flow.left_out.{name}", rows=words.several("units.row", number))
        for name, number in left.items()
        if number and f"flow.left_out.{name}" in words
    ]
