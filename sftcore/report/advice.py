"""What to try where the model is not better than its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftcore.report.frame import Section, filled

if TYPE_CHECKING:
    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words


def section(evidence: Evidence, words: Words) -> Section | None:
    """The verdict's advice; None where it has none."""
    advice = [words.told(text) for text in evidence.test.get("verdict", {}).get("advice", ())]
    if not advice:
        return None
    return Section("advice", words("advice.title"), filled("advice.html", words, advice=advice))
