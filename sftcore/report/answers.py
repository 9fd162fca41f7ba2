"""What the base and the trained model wrote for the same rows, side by side, from generations.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sftcore.report.cases import Piece, Shown, shown, turns, within_room
from sftcore.report.evidence import Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words

ANSWERS = ("right", "base", "tuned")
OPEN = 8
"""Rows that are shown at once; the others are folded."""


def section(evidence: Evidence, words: Words) -> Section | None:
    """Each row's question, what was right, and both answers; None where no texts are written, or none may be shown."""
    if not evidence.generations or not evidence.texts:
        return None
    cases = [_case(row, words) for row in evidence.generations]
    folded = within_room([*case["asked"], *(case[name] for name in ANSWERS)] for case in cases)
    for case, texts in zip(cases, folded, strict=True):
        case |= {"asked": texts[: -len(ANSWERS)], **dict(zip(ANSWERS, texts[-len(ANSWERS) :], strict=True))}
    described = evidence.test.get("baselines", {}).get("base", {}).get("description", "")
    body = filled("answers.html", words, cases=cases, open=OPEN, base=words.told(described))
    return Section("answers", words("answers.title"), body)


def _case(row: Mapping[str, Any], words: Words) -> dict[str, Any]:
    return {
        "row": row["row"],
        "asked": list(turns(row.get("input"), words)),
        "right": _answer(row.get("reference"), words("answers.right"), words),
        "base": _answer(row.get("base"), words("answers.base"), words),
        "tuned": _answer(row.get("tuned"), words("answers.tuned"), words),
    }


def _answer(given: Any, name: str, words: Words) -> Shown:
    """A text, or the texts of which each is right."""
    texts = [given] if isinstance(given, str) else list(given or ())
    told = f" {words('cases.or')} ".join(str(text) for text in texts if text)
    return shown(name, [Piece("", told or words("cases.nothing"))])
