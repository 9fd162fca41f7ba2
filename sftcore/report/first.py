"""The first screen: what was trained on what, whether it is better than the baselines, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sftcore.report.frame import filled
from sftcore.report.verdict import Gain, Verdict, baseline_name, gain_of
from sftcore.report.words import DASH

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words

SPLITS = ("train", "validation", "test")
ADAPTERS = {"lora": "LoRA"}
"""Adapters by the name that papers give them."""
MOST_UNDEFINED = 0.05
"""Of more resamples without a value than this share the interval says how many had one."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A gain and its interval drawn on a line with zero in its middle: places in percent of the line's width."""

    low: float
    high: float
    value: float

    @classmethod
    def of(cls, gain: Gain, reach: float) -> Strip:
        """On a line that reaches so far to both sides of zero."""
        low, high, value = (50 + 50 * each / reach for each in (gain.low, gain.high, gain.value))
        return cls(low, high, value)

    @property
    def style(self) -> str:
        """As CSS variables."""
        return f"--low:{self.low:.2f}%;--high:{self.high:.2f}%;--value:{self.value:.2f}%"


@dataclass(frozen=True, slots=True)
class Line:
    """One main metric as the table shows it."""

    name: str
    meaning: str
    lower_is_better: bool
    value: str
    interval: str
    other: str
    gain: str
    gain_interval: str
    tone: str
    strip: Strip | None


def first_screen(evidence: Evidence, words: Words) -> Markup:
    """The page's beginning, with its h1. Every figure is one of metrics.json or of the ledger."""
    verdict = Verdict.of(evidence)
    shown = [] if verdict.kind == "no-test" else lines(evidence, verdict, words)
    return filled(
        "first.html",
        words,
        evidence=evidence,
        began=began(evidence),
        what=what(evidence, words),
        rows=split_rows(evidence),
        scored=evidence.test.get("rows"),
        verdict=verdict,
        sentence=verdict.sentence(words),
        lines=shown,
        agree=any(words("first.agree") in (line.interval, line.gain_interval) for line in shown),
        against=baseline_name(verdict.against, words),
        against_what=_baseline_what(evidence, verdict.against, words),
        alone=len(evidence.test.get("baselines", {})) == 1,
        notes=[words.told(note) for note in evidence.test.get("notes", ())],
        level=words.percent(evidence.test.get("bootstrap", {}).get("level", 0.95)),
        how_sure=how_sure(evidence, words),
    )


def began(evidence: Evidence) -> str:
    """The day on which the run began (UTC), or ""."""
    times = [event["time"] for event in evidence.log if "time" in event]
    return datetime.fromisoformat(times[0]).date().isoformat() if times else ""


def what(evidence: Evidence, words: Words) -> Markup:
    """What was trained on what, in one or two sentences."""
    model = evidence.recipe.get("model", {})
    task = str(evidence.recipe.get("task", {}).get("use", "")).rpartition(":")[2]
    data = words.markup("first.list").join(map(_code, data_places(evidence)))
    parts = [
        words.markup(
            "first.what",
            does=_does(evidence, words),
            task=_code(task),
            base=_base(model, words),
            data=data,
        )
    ]
    if model.get("adapter"):
        use = model["adapter"]["use"]
        parts.append(words.markup("first.adapter", kind=ADAPTERS.get(use, use), r=model["adapter"].get("r")))
    return words.markup("first.space").join(parts)


def _does(evidence: Evidence, words: Words) -> str:
    """What the model does with a text, by what its task predicts."""
    facts, labels = evidence.predictions_meta, len(evidence.labels)
    kind = str(facts.get("predicts", ""))
    if kind == "texts" and not facts.get("generates"):
        kind = "passages"
    known = f"first.does.{kind}" in words and (labels or kind not in ("labels", "label_sets"))
    return words(f"first.does.{kind}", n=labels) if known else words("first.does.other")


def _base(model: Mapping[str, Any], words: Words) -> Markup:
    if model.get("base"):
        return words.markup("first.tuned", base=_code(place(str(model["base"]))))
    return words.markup(
        "first.scratch", kind=_code(str((model.get("scratch") or {}).get("config", {}).get("model_type", "")))
    )


def data_places(evidence: Evidence) -> list[str]:
    """Where the rows came from, without the folders of somebody's machine."""
    source = evidence.recipe.get("data", {}).get("source", "")
    named = [source] if isinstance(source, str) else [source.get(name) for name in SPLITS]
    return list(dict.fromkeys(place(text) for text in named if text))


def place(text: str) -> str:
    """A place as it is named to others: of a path on somebody's machine the last part."""
    path = PurePosixPath(text)
    return path.name if path.is_absolute() or text.startswith(("~", "..")) else text.removeprefix("package:")


def _code(text: str) -> Markup:
    from markupsafe import Markup

    return Markup("<code>{}</code>").format(text)


def split_rows(evidence: Evidence) -> dict[str, int]:
    """Rows of each split as they were dealt (of train before augmenters), 0 where there is none."""
    dealt = evidence.stage("split").get("details", {}).get("rows", {})
    return {name: int(dealt.get(name, 0)) for name in SPLITS}


def _baseline_what(evidence: Evidence, name: str, words: Words) -> str:
    """What a baseline is: of the core's own their explanation, of others their description."""
    if f"baselines.{name}" in words:
        return words(f"baselines.{name}")
    return words.told(str(evidence.test.get("baselines", {}).get(name, {}).get("description", "")))


def how_sure(evidence: Evidence, words: Words) -> str:
    """Where the intervals come from."""
    made = evidence.test.get("bootstrap", {})
    if not made:
        return ""
    group = str(evidence.recipe.get("data", {}).get("group") or "")
    return words(
        "first.how_sure_groups" if made.get("unit") == "groups" else "first.how_sure",
        units=words.count(made.get("units", 0)),
        rows=words.count(evidence.test.get("rows", 0)),
        resamples=words.count(made.get("resamples", 0)),
        group=group,
    )


def lines(evidence: Evidence, verdict: Verdict, words: Words) -> list[Line]:
    """The main metrics, in the recipe's order."""
    baseline, better = evidence.test.get("baselines", {}).get(verdict.against, {}), evidence.test["greater_is_better"]
    gains = {name: gain_of(baseline, name, better[name]) for name in evidence.main_metrics}
    reach = _reaches(gains)
    return [_line(evidence, name, gain, reach[name], baseline, words) for name, gain in gains.items()]


def _line(
    evidence: Evidence, name: str, gain: Gain | None, reach: float, baseline: Mapping[str, Any], words: Words
) -> Line:
    test = evidence.test
    found, other = test["metrics"][name], baseline.get("metrics", {}).get(name, {})
    return Line(
        name=name,
        meaning=_meaning(evidence, name, words),
        lower_is_better=not test["greater_is_better"][name],
        value=words.number(found["value"]),
        interval=_interval(found, test, words),
        other=words.number(other.get("value")),
        gain=words.signed(gain.value) if gain else DASH,
        gain_interval=gain.told(words) if gain else "",
        tone=gain.tone if gain else "",
        strip=Strip.of(gain, reach) if gain and not gain.degenerate else None,
    )


def _meaning(evidence: Evidence, name: str, words: Words) -> str:
    """What a metric measures, in a few words; "" for one that only its plugin knows."""
    used = dict(zip(evidence.test["greater_is_better"], evidence.recipe.get("metrics", ()), strict=False)).get(name, {})
    metric = str(used.get("use", "")).rpartition(":")[2]
    keys = (f"metrics.{metric}-{used.get('average')}", f"metrics.{metric}")
    return next((words(key) for key in keys if key in words), "")


def _reaches(gains: Mapping[str, Gain | None]) -> dict[str, float]:
    """How far the line of each gain reaches: one length for all that lie between -1 and 1, its own for any other."""
    own = {name: max(abs(gain.low), abs(gain.high), abs(gain.value)) if gain else 0.0 for name, gain in gains.items()}
    shared = max((reach for reach in own.values() if reach <= 1), default=0.0)
    return {name: shared if reach <= 1 else reach for name, reach in own.items()}


def _interval(found: Mapping[str, Any], test: Mapping[str, Any], words: Words) -> str:
    if found.get("low") is None or found.get("high") is None:
        return DASH
    if found.get("degenerate"):
        return words("first.agree")
    interval = words.interval(found["low"], found["high"])
    resamples, undefined = test.get("bootstrap", {}).get("resamples", 0), found.get("undefined", 0)
    if undefined <= MOST_UNDEFINED * resamples:
        return interval
    return words("first.few", interval=interval, some=words.count(resamples - undefined), all=words.count(resamples))
