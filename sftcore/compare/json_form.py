"""A comparison as a JSON object, for `--json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sftcore.compare.comparison import Comparison, Side
from sftcore.compare.pairing import Pair
from sftcore.compare.sentences import conclusion

if TYPE_CHECKING:
    from sftcore.report.words import Words


def json_form(found: Comparison, words: Words) -> dict[str, Any]:
    """Everything that a comparison says; reasons and verdicts also as sentences in the language of the words."""
    return {
        "runs": [_side(side) for side in found.sides],
        "differences": {
            "recipe": {one.key: list(one.values) for one in found.recipe},
            "lock": {one.key: list(one.values) for one in found.lock},
        },
        "greater_is_better": found.metrics,
        "comparisons": [
            {
                "reference": found.sides[0].label,
                "run": side.label,
                "verdict": dict(zip(("code", "sentence"), conclusion(found, number, words), strict=True)),
                **_pair(pair, words),
            }
            for number, (side, pair) in enumerate(zip(found.sides[1:], found.pairs, strict=True))
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    """What is said of a run by itself; the rest is in its folder."""
    return {
        "label": side.label,
        "path": str(side.run.path),
        "name": side.run.name,
        "id": side.run.id,
        "sealed": side.run.sealed,
        **side.facts,
        "metrics": side.test.get("metrics", {}),
    }


def _pair(found: Pair, words: Words) -> dict[str, Any]:
    if found.why is not None:
        return {"paired": False, "why": found.why.as_json(words)}
    bootstrap = {name: getattr(found, name) for name in ("resamples", "level", "unit", "units")}
    return {
        "paired": True,
        "rows": found.rows,
        "bootstrap": bootstrap,
        "values": {name: list(values) for name, values in found.values.items()},
        "differences": {name: one.as_json() for name, one in found.differences.items()},
        "unpaired": {name: why.as_json(words) for name, why in found.unpaired.items()},
        "agreement": found.agreement and asdict(found.agreement),
        "notes": [note.said(words) for note in found.notes],
    }
