"""The verdict of metrics.json, composed anew from its figures in the page's language, as one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sftcore.figures import SMALLEST, signed

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words

Tone = Literal["good", "bad", "unsure"]
Kind = Literal["better", "worse", "unclear", "no-baseline", "undefined", "no-test"]


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much the model is better than a baseline on the same rows: positive is better whatever the metric."""

    value: float
    low: float
    high: float
    degenerate: bool

    @property
    def tone(self) -> Tone:
        """Which side of zero the whole interval is on."""
        return "good" if self.low > 0 else "bad" if self.high < 0 else "unsure"

    def amount(self, words: Words) -> str:
        """`0.054 better`, `0.500 worse`, without a sign, whichever way the metric counts."""
        side = "same" if abs(self.value) < SMALLEST else "better" if self.value > 0 else "worse"
        return words(f"gain.{side}", amount=_plain(self.value))

    def span(self, words: Words) -> str:
        """Its interval as `amount` has it: `0.003 worse to 0.029 better`; or that the resamples agree."""
        if self.degenerate:
            return words("first.agree")
        if self.low > -SMALLEST:
            return words("gain.better_span", low=_plain(self.low), high=_plain(self.high))
        if self.high < SMALLEST:
            return words("gain.worse_span", low=_plain(self.high), high=_plain(self.low))
        return words("gain.both_span", low=_plain(self.low), high=_plain(self.high))


def _plain(value: float) -> str:
    """With three decimals and no sign; what is nothing but a sign is 0."""
    return signed(abs(value)).lstrip("+")


def baseline_name(name: str, words: Words) -> str:
    """What a baseline is called in a sentence."""
    return words(f"baseline_names.{name}") if f"baseline_names.{name}" in words else name


def inline_names(names: Sequence[str], words: Words) -> Markup:
    """What baselines are called inside a sentence; in Chinese with a space beside Latin letters."""
    called = [baseline_name(name, words) for name in names]
    before, after = (" " if words.language == "zh" and name.isascii() else "" for name in (called[0], called[-1]))
    return before + words.markup("first.list").join(map(whole, called)) + after


def gain_of(baseline: Mapping[str, Any], metric: str, greater_is_better: bool) -> Gain | None:
    """The paired gain over a baseline of metrics.json; None where it is not defined for both."""
    found = baseline.get("differences", {}).get(metric, {})
    value, low, high = (found.get(name) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return None
    agree = bool(found.get("degenerate"))
    return Gain(value, low, high, agree) if greater_is_better else Gain(-value, -high, -low, agree)


@dataclass(frozen=True)
class Verdict:
    """Whether the model is better than its baselines, by which metric, and against which of them it is closest."""

    kind: Kind
    test: Mapping[str, Any]
    metric: str = ""
    against: str = ""

    @classmethod
    def of(cls, evidence: Evidence) -> Verdict:
        """Read off metrics.json: nothing is judged anew."""
        test = evidence.test
        if not test.get("rows"):
            return cls("no-test", test)
        found = test.get("verdict", {})
        if found.get("beats_baselines") is None:
            return cls("undefined" if found.get("metric") else "no-baseline", test, str(found.get("metric", "")))
        verdict = cls("better", test, str(found["metric"]), str(found["against"]))
        if found["beats_baselines"]:
            return verdict
        gain = verdict.gain
        return cls("worse" if gain and gain.tone == "bad" else "unclear", test, verdict.metric, verdict.against)

    @property
    def tone(self) -> Tone:
        """The colour of it."""
        return {"better": "good", "worse": "bad"}.get(self.kind, "unsure")  # type: ignore[return-value]  # the keys decide

    @property
    def gain(self) -> Gain | None:
        """By the deciding metric, over the baseline that is hardest to beat."""
        return gain_of(self.test.get("baselines", {}).get(self.against, {}), self.metric, self._greater(self.metric))

    def sentence(self, words: Words) -> Markup:
        """The whole verdict: one sentence, with every reservation that the terminal tells too."""
        gain = self.gain
        if gain is None or self.kind in ("no-test", "no-baseline", "undefined"):
            return words.markup(f"verdict.{self.kind}", metric=whole(self.metric))
        ours = self.test["metrics"][self.metric]["value"]
        theirs = self.test["baselines"][self.against]["metrics"][self.metric]["value"]
        compared = len(list(self._gains(self.metric)))
        return words.markup(
            f"verdict.{self.kind}",
            all=words("verdict.both") if compared == 2 else words.several("verdict.all", compared),
            metric=self._metric_told(words),
            ours=words.number(ours),
            theirs=words.number(theirs),
            baseline=inline_names([self.against], words),
            rows=words.count(self.test["rows"]),
            gain=self._gain_told(gain, words),
            but=self._reservations(words),
        )

    def _metric_told(self, words: Words) -> Markup:
        name = whole(self.metric)
        return name if self._greater(self.metric) else words.markup("verdict.lower", metric=name)

    def _gain_told(self, gain: Gain, words: Words) -> str:
        amount = gain.amount(words)
        if gain.degenerate:
            return words("verdict.gain_agree", gain=amount)
        key = "verdict.gain_includes" if gain.tone == "unsure" else "verdict.gain"
        level = words.percent(self.test.get("bootstrap", {}).get("level", 0.95))
        return words(key, gain=amount, level=level, interval=gain.span(words))

    def _reservations(self, words: Words) -> Markup:
        """The other metrics by which it is worse than a baseline or, where it beats them, no better."""
        from markupsafe import Markup

        kinds = [("not_so", "unsure")] if self.kind == "better" else []
        told = [
            self._reservation(key, baselines, metrics, words)
            for key, tone in [*kinds, ("worse_by", "bad")]
            for baselines, metrics in self._by_baselines(tone).items()
        ]
        end = words.markup("verdict.end")
        return _span("but", Markup("").join([*told, end])) if told else end

    def _by_baselines(self, tone: str) -> dict[tuple[str, ...], list[str]]:
        """All metrics but the first by the baselines against which their gain has this tone."""
        found: dict[tuple[str, ...], list[str]] = {}
        for metric in list(self.test["greater_is_better"])[1:]:
            if against := tuple(name for name, gain in self._gains(metric) if gain.tone == tone):
                found.setdefault(against, []).append(metric)
        return found

    def _reservation(self, key: str, baselines: tuple[str, ...], metrics: list[str], words: Words) -> Markup:
        named = words.markup("first.list").join(map(whole, metrics))
        if len(baselines) == len(self.test["baselines"]):
            return words.markup(f"verdict.{key}", metrics=named)
        return words.markup(f"verdict.{key}_against", metrics=named, baselines=inline_names(baselines, words))

    def _gains(self, metric: str) -> Iterator[tuple[str, Gain]]:
        for name, baseline in self.test.get("baselines", {}).items():
            gain = gain_of(baseline, metric, self._greater(metric))
            if gain:
                yield name, gain

    def _greater(self, metric: str) -> bool:
        return bool(self.test.get("greater_is_better", {}).get(metric, True))


def whole(name: str) -> Markup:
    """A name that no line breaks in."""
    return _span("nowrap", name)


def _span(kind: str, text: str) -> Markup:
    from markupsafe import Markup

    return Markup('<span class="{}">{}</span>').format(kind, text)
