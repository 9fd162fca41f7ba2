"""A first look at data, as `sftcore new` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType

from sftcore.cli.bars import LabelBars
from sftcore.cli.tables import facts, section
from sftcore.cli.text import count, plural

if TYPE_CHECKING:
    from sftcore.checking.data import Look


def shown(found: Look) -> Iterator[RenderableType]:
    """Rows, texts and labels; what is not there is not told."""
    reasons = ", ".join(f"{count(number)} {reason}" for reason, number in found.left_out.items())
    told = {"rows": f"{count(found.read)} read, {count(found.usable)} usable", "left out": reasons or None}
    for role, (middle, high, longest) in found.characters.items():
        told[role] = f"{count(middle)} characters at the median, 99 % up to {count(high)}, longest {count(longest)}"
    if found.repeated:
        told["twins"] = f"{plural(found.repeated, 'row')} with the same words as an earlier one"
    if found.conflicts:
        told["conflicts"] = f"{plural(found.conflicts, 'text')} with different labels"
    yield section("the data", facts(told))
    if found.labels:
        yield section("labels", LabelBars({"rows": found.labels}, {"rows": found.usable}))
