"""The plan of a recipe: TOML with every default, and the plugins that take part."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from sftcore.cli import toml
from sftcore.cli.tables import section, table
from sftcore.cli.text import clean

if TYPE_CHECKING:
    from sftcore.checking import Shape
    from sftcore.recipe import Recipe


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
