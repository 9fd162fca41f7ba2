"""The first screen: what was trained on what, whether it is better than the baselines, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sftcore import figures
from sftcore.report.frame import filled
from sftcore.report.verdict import Gain, Verdict, baseline_name, gain_of, inline_names
from sftcore.report.words import DASH

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words

SPLITS = ("train", "validation", "test")
ENDING = re.compile(r"\.[A-Za-z]\w*")
"""Of a file's name: `.csv`, not the `.5-1B` of a model's."""
MOST_LETTERS = 60
"""Names of classes that take more than so much room are left to the table of the classes."""
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
    about: str
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
        task=task_of(evidence),
        rows=split_rows(evidence),
        scored=scored(evidence, words),
        verdict=verdict,
        sentence=verdict.sentence(words),
        lines=shown,
        agree=any(words("first.agree") in (line.interval, line.gain_interval) for line in shown),
        against=baseline_name(verdict.against, words),
        compared=words.markup("first.gain", baseline=inline_names([verdict.against], words)),
        baselines=baselines(evidence, verdict, words),
        measured=evidence.test.get("rows"),
        notes=[words.told(note) for note in evidence.test.get("notes", ())],
        level=words.percent(evidence.test.get("bootstrap", {}).get("level", 0.95)),
        how_sure=how_sure(evidence, words),
    )


def began(evidence: Evidence) -> str:
    """The day on which the run began (UTC), or ""."""
    times = [event["time"] for event in evidence.log if "time" in event]
    return datetime.fromisoformat(times[0]).date().isoformat() if times else ""


def task_of(evidence: Evidence) -> str:
    """The task's name, without the distribution that it is from."""
    return str(evidence.recipe.get("task", {}).get("use", "")).rpartition(":")[2]


def what(evidence: Evidence, words: Words) -> Markup:
    """What was trained on what, in two or three sentences."""
    model = evidence.recipe.get("model", {})
    data = words.markup("first.list").join(map(_code, data_places(evidence)))
    parts = [
        words.markup(
            "first.what",
            does=_does(evidence, words),
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
    if f"first.does.{kind}" not in words or (kind in ("labels", "label_sets") and not labels):
        return words("first.does.other")
    does = words(f"first.does.{kind}", n=labels)
    named = words("first.list").join(map(figures.name, evidence.labels))
    return words("first.named", does=does, names=named) if 0 < len(named) <= MOST_LETTERS else does


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
    """A place as it is named to others: of a path to a file, or on somebody's machine, the last part; of a folder of a
    package the package; the name of a hub as it is. The recipe, further down the page, has the whole."""
    path = PurePosixPath(text.removeprefix("package:"))
    if ENDING.fullmatch(path.suffix) or path.is_absolute() or text.startswith(("~", "..")):
        return path.name
    return path.parts[0] if text.startswith("package:") else text


def _code(text: str) -> Markup:
    from markupsafe import Markup

    return Markup("<code>{}</code>").format(text)


def split_rows(evidence: Evidence) -> dict[str, int]:
    """Rows of each split as they were dealt (of train before augmenters), 0 where there is none."""
    dealt = evidence.stage("split").get("details", {}).get("rows", {})
    return {name: int(dealt.get(name, 0)) for name in SPLITS}


def scored(evidence: Evidence, words: Words) -> str:
    """How many of the test rows are scored, and why the others are not; "" where all are."""
    left_out = {name: number for name, number in evidence.test.get("left_out", {}).items() if number}
    rows = evidence.test.get("rows")
    if rows is None or rows == split_rows(evidence)["test"]:
        return ""
    why = [words(f"first.left_out.{name}", n=words.count(number)) for name, number in left_out.items()]
    return words("first.clause").join([words("first.scored", n=words.count(rows)), *why])


def baselines(evidence: Evidence, verdict: Verdict, words: Words) -> list[tuple[str, str]]:
    """Each baseline by its name, with what it is and how well it does, the hardest to beat first."""
    found = evidence.test.get("baselines", {})
    ordered = sorted(found, key=lambda name: name != verdict.against)
    return [(baseline_name(name, words), _baseline_told(evidence, verdict, name, words)) for name in ordered]


def _baseline_told(evidence: Evidence, verdict: Verdict, name: str, words: Words) -> str:
    """What a baseline is, as it says itself, the deciding metric of it, and whether it is the hardest of several."""
    found = evidence.test["baselines"]
    value = found[name].get("metrics", {}).get(verdict.metric, {}).get("value")
    hardest = len(found) > 1 and name == verdict.against
    told = [
        words.told(str(found[name].get("description", ""))),
        "" if value is None else words("first.value", metric=verdict.metric, value=words.number(value)),
        words("first.hardest") if hardest else "",
    ]
    return words("first.aside").join(filter(None, told))


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
        about=_about(evidence, name, words),
        value=words.number(found["value"]),
        interval=_interval(found, test, words),
        other=words.number(other.get("value")),
        gain=gain.amount(words) if gain else DASH,
        gain_interval=_span(gain, words) if gain else "",
        tone="" if gain is None else "unsure" if gain.degenerate else gain.tone,
        strip=Strip.of(gain, reach) if gain and not gain.degenerate else None,
    )


def _about(evidence: Evidence, name: str, words: Words) -> str:
    """What a metric measures, as it says itself (runs of old versions have not recorded that), and whether lower is
    better."""
    meaning = words.told(str(evidence.test.get("meanings", {}).get(name, "")))
    lower = "" if evidence.test["greater_is_better"][name] else words("first.lower")
    return words("first.aside").join(filter(None, [meaning, lower]))


def _span(gain: Gain, words: Words) -> str:
    """The interval of a gain, and that it may be chance where it holds no difference at all."""
    unsure = gain.tone == "unsure" and not gain.degenerate
    return words("gain.chance", span=gain.span(words)) if unsure else gain.span(words)


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
