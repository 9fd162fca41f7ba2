"""What `check` found, as it is shown."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from sftcore.cli import toml
from sftcore.cli.tables import facts, labels, section, table
from sftcore.cli.text import clean, count, figure, last_part, one_line, plural, share

if TYPE_CHECKING:
    from sftcore.checking import CheckResult, Example, Lengths, Relative, Shape
    from sftcore.evaluation.ceiling import Ceiling
    from sftcore.recipe import Recipe

BAR = 24
TOKENS_SHOWN = 120
PLACE, TARGET = 32, 24
"""Letters of a row's place and target in the table of conflicting labels."""


def everything(found: CheckResult) -> Iterator[RenderableType]:
    """All that needs data, but for the ledger."""
    if found.labels:
        yield labels(found.labels, found.rows)
    if found.targets:
        yield section("targets", facts(found.targets))
    if found.twins:
        yield section("twins", facts(found.twins))
    if found.conflicts:
        groups = (part for group in found.conflicts for part in (_conflict(group), Text()))
        yield section("the same text with different labels", *list(groups)[:-1])
    if found.lengths:
        first = next(iter(found.lengths.values()))
        yield section("lengths in tokens", _lengths(found.lengths), Text(), _histogram(first))
    if found.ceiling:
        yield section("ceiling", _ceiling(found.ceiling))
    if found.examples:
        yield section("examples as the model reads them", *map(_example, found.examples))
    if found.steps:
        yield section("steps", facts(found.steps))
    if found.machine:
        yield section("machine", facts(found.machine))


def shown_plan(found: Shape, recipe: Recipe) -> Text:
    """The plan below its heading; its lines are never to be wrapped, so that it can be copied."""
    lines = [Text(f"  {line}".rstrip(), style="dim" if line.startswith("#") else "") for line in plan(found, recipe)]
    return Text("\n").join([Text(), Text("Plan", style="bold"), *lines])


def plugins(found: Shape) -> RenderableType | None:
    """The plugins that take part."""
    return (
        section("plugins", table(["", ""], [tuple(each.values()) for each in found.plugins])) if found.plugins else None
    )


def plan(found: Shape, recipe: Recipe) -> Iterator[str]:
    """The lines of the plan: TOML that reads back as the same recipe, defaults as comments."""
    from sftcore.data.twins import NEAR, NEAR_ROWS

    given = _given(recipe) | {"name"}  # it is the file's, and the plan may go into another
    tables, notes = found.plan, {}
    if tables["data"]["near_duplicates"] is None:
        tables = {**tables, "data": {**tables["data"], "near_duplicates": NEAR}}
        notes["data.near_duplicates"] = f"  # up to {NEAR_ROWS:,} rows; above that, false"
    yield "# what begins with # is a default"
    yield ""
    for path, line in toml.lines(tables):
        yield clean(line if not path or _said(path, given) else f"# {line}{notes.get(path, '')}")


def _given(recipe: Recipe) -> set[str]:
    """The key paths that the recipe or an override sets."""
    written = toml.lines(tomllib.loads(recipe.text.removeprefix("\ufeff")))
    keys = {path for path, line in written if path and not line.startswith("[")}
    return keys | {override.partition("=")[0].strip() for override in recipe.overrides}


def _said(path: str, given: set[str]) -> bool:
    """Whether the recipe sets this key, something in it, or the whole that it is part of."""
    return any(f"{path}.".startswith(f"{name}.") or name.startswith(f"{path}.") for name in given)


def _conflict(group: Sequence[Relative]) -> RenderableType:
    """A line for each row of a group: its place (the end of it), its target, and as much text as there is room for."""
    rows = [(last_part(one.place, PLACE), one_line(_shown(one.target), TARGET), one.text) for one in group]
    cut = [(place, target, Text(one_line(text), no_wrap=True, overflow="ellipsis")) for place, target, text in rows]
    return table(["", "", ""], cut, numbers=(0,))


def _shown(target: Any) -> str:
    """A target as it is read: names of a list by commas, the texts of answers alone."""
    if isinstance(target, Mapping) and isinstance(target.get("text"), (list, tuple)):
        target = target["text"] or "no answer"
    return ", ".join(map(str, target)) if isinstance(target, (list, tuple)) else str(target)


def _lengths(found: Mapping[str, Lengths]) -> RenderableType:
    names = ["", "features", "mean", "median", "95 %", "99 %", "longest", "limit", "cut"]
    rows = [
        (split, *map(count, (one.features, one.mean, one.p50, one.p95, one.p99, one.longest, one.limit)), _cut(one))
        for split, one in found.items()
    ]
    return table(names, rows, numbers=range(1, len(names)))


def _cut(one: Lengths) -> str:
    return f"{count(one.truncated_rows)} ({share(one.truncated_rows, one.features)})" if one.truncated_rows else "0"


def _histogram(one: Lengths) -> RenderableType:
    width = one.longest / len(one.histogram)
    most = max(one.histogram) or 1
    last = max(place for place, number in enumerate(one.histogram) if number)
    rows = [
        (f"{place * width:.0f}-{(place + 1) * width:.0f}", Text(_bar(number / most), style="cyan"), count(number))
        for place, number in enumerate(one.histogram[: last + 1])
    ]
    return table(["", "", ""], rows, numbers=(0, 2))


def _bar(part: float) -> str:
    return "█" * max(1, round(BAR * part)) if part else ""


def _ceiling(found: Ceiling) -> RenderableType:
    """What preprocessing, windows and truncation leave to be reached."""
    reached = ", ".join(f"{name} {figure(value)}" for name, value in found.metrics.items())
    return Text(f"a perfect model would reach {reached} ({plural(found.rows, 'row')} of {' and '.join(found.splits)})")


def _example(example: Example) -> RenderableType:
    counts: Sequence[bool | None] = example.counts or [None] * len(example.tokens)
    line = Text()
    for token, counted in list(zip(example.tokens, counts, strict=True))[:TOKENS_SHOWN]:
        line.append(
            clean(token.strip(" ").replace("\n", "⏎")),
            style="" if counted is None else "bold green" if counted else "dim",
        )
        line.append(" ")
    if len(example.tokens) > TOKENS_SHOWN:
        line.append(f"… {len(example.tokens) - TOKENS_SHOWN} more", style="dim")
    return Group(Text(f"{example.place}  {_target(example)}", style="bold"), line, Text())


def _target(example: Example) -> str:
    target: Any = example.target
    if example.counts is None:
        return f"→ {one_line(_shown(target))}"
    return f"{sum(example.counts)} of {len(example.counts)} tokens count in the loss"
