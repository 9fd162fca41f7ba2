"""Scores of parts of the test split: by type of question, length of the answer, whatever the task divides by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sftcore.report.charts import Bar, Chart, available, bars
from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

FEW = 30
"""Rows below which a part says little by itself."""
MOST_BARS = 12

Parts = Mapping[str, Mapping[str, Any]]


def section(evidence: Evidence, words: Words) -> Section | None:
    """A chart of the main metric and a table of all, for each way to divide; None where the task does not."""
    slices: Mapping[str, Parts] = evidence.test.get("slices", {})
    if not slices:
        return None
    names = evidence.main_metrics
    parts = [_division(number, what, parts, names, words) for number, (what, parts) in enumerate(slices.items())]
    few = any(part["rows"] < FEW for parts in slices.values() for part in parts.values())
    return Section("slices", words("slices.title"), filled("slices.html", words, parts=parts, names=names, few=few))


def _division(number: int, what: str, parts: Parts, names: list[str], words: Words) -> dict[str, Any]:
    """One way to divide: its name, its parts in a sensible order, and a chart where there are several."""
    ordered, what = [{"name": words.told(name), **parts[name]} for name in in_order(parts)], words.told(what)
    return {"what": what, "parts": ordered, "chart": _chart(number, what, ordered, names, words)}


def in_order(parts: Parts) -> list[str]:
    """Parts that begin with a number by this number; others as they are, the largest first."""
    numbers = {name: re.match(r"\d+", name) for name in parts}
    if not all(numbers.values()):
        return list(parts)
    return sorted(parts, key=lambda name: (int(re.findall(r"\d+", name)[0]), re.sub(r"\d+", "", name)))


def _chart(number: int, what: str, parts: list[dict[str, Any]], names: list[str], words: Words) -> Markup | None:
    """The main metric of each part, where it is a share."""
    main = names[0] if names else ""
    shown = [part for part in parts if part["metrics"].get(main) is not None]
    drawn = available() and 2 <= len(shown) <= MOST_BARS
    if not drawn or not all(0 <= part["metrics"][main] <= 1 for part in shown):
        return None
    items = [Bar(part["name"], part["metrics"][main], note=words.several("units.row", part["rows"])) for part in shown]
    about = words("slices.about", what=what, metric=main)
    chart = Chart(f"slices-{number}", words("slices.by", what=what), about, main, titled=False)
    return bars(chart, items, words, tabled=False)
