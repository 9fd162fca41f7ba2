"""How long the rows are in tokens, and what was cut, from the ledger's entries of encoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sftcore.report.charts import Chart, histogram
from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

SPLITS = ("train", "validation", "test")


def section(evidence: Evidence, words: Words) -> Section | None:
    """A table of the splits and the train split's histogram; None where nothing was encoded."""
    splits = list(_splits(evidence))
    if not splits:
        return None
    charts = [chart for split in splits if (chart := _chart(split, words))]
    body = filled("lengths.html", words, splits=splits, charts=charts)
    return Section("lengths", words("lengths.title"), body)


def _splits(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for name in SPLITS:
        entry = evidence.stage(f"encode {name}")
        if entry.get("details", {}).get("lengths"):
            details: Mapping[str, Any] = entry["details"]
            share = details["truncated_rows"] / max(1, entry["rows_in"])
            yield {**details, "name": name, "rows": entry["rows_in"], "share": share}


def _chart(split: Mapping[str, Any], words: Words) -> Markup | None:
    """The histogram of the train split, or None: for the others the table says enough."""
    found = split.get("histogram")
    if not found or split["name"] != "train":
        return None
    axes = (words("lengths.tokens"), words("lengths.rows"))
    chart = Chart("lengths-train", words("lengths.histogram"), words("lengths.about"), *axes)
    names = words("lengths.whole"), words("lengths.cut")
    return histogram(chart, found, words, names, mark=(split["max_length"], words("lengths.max_length")))
