"""One honest sentence on whether the model is worth more than the baselines, and what to try if it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from sftcore.evaluation.before import NAME as BASE
from sftcore.evaluation.intervals import LEVEL, Bootstrap, Interval
from sftcore.evaluation.mistakes import wrong_rows
from sftcore.records import Records

FEW_ROWS = 500
FEW_MISTAKES = 3
"""Of k mistakes a resample holds none with probability e^-k: up to three, the interval of mending all includes 0."""
NEARLY_ALL = 0.95


def verdict(
    result: Bootstrap, baselines: Sequence[str], greater_is_better: Mapping[str, bool], systems: Sequence[Records]
) -> dict[str, Any]:
    """Compare the model (system 0 of `result`) with the baselines (systems 1, 2, …, named in that order).

    `systems` are the records that `result` is of.

    The first metric decides: the model beats a baseline where the whole interval of the paired difference is on
    the better side of zero; where the resamples agree there is no interval, and the sentence says so. A baseline
    for which the metric is not defined is not compared. Gives
    `{"beats_baselines": true, false or null (nothing to compare), "metric", "against": the baseline that is
    hardest to beat, "sentence", "advice": a list}`.
    """
    if not baselines or not greater_is_better:
        return {"beats_baselines": None, "sentence": "There is no baseline to compare with.", "advice": []}
    metric = next(iter(greater_is_better))
    gains = _gains(result, metric, baselines, greater_is_better[metric])
    if not gains:
        sentence = f"Whether the model beats a baseline can't be said: {metric} is not defined for both."
        return {"beats_baselines": None, "metric": metric, "sentence": sentence, "advice": []}
    hardest = min(gains, key=lambda name: gains[name].low)
    beats = all(gain.above_zero for gain in gains.values())
    ours, *theirs = result.values[metric].tolist()
    values = ours, theirs[baselines.index(hardest)]
    sentence = _sentence(metric, hardest, values, gains[hardest], len(gains))
    sentence += _reservations(result, baselines, greater_is_better, beats)
    return {
        "beats_baselines": beats,
        "metric": metric,
        "against": hardest,
        "sentence": sentence,
        "advice": [] if beats else _advice(gains, hardest, systems[0], systems[1 + baselines.index(hardest)]),
    }


def _gains(result: Bootstrap, metric: str, baselines: Sequence[str], greater_is_better: bool) -> dict[str, Interval]:
    """By how much the model is better than each baseline (positive is better whatever the metric), where defined."""
    differences = {name: result.difference(metric, 0, place) for place, name in enumerate(baselines, 1)}
    gains = {name: gain if greater_is_better else gain.negative() for name, gain in differences.items()}
    return {name: gain for name, gain in gains.items() if isfinite(gain.value) and isfinite(gain.low)}


def _sentence(metric: str, name: str, values: tuple[float, float], gain: Interval, compared: int) -> str:
    figures = f"{metric} {values[0]:.3f} against {values[1]:.3f}"
    interval = _interval(gain)
    if gain.above_zero:
        several = "both" if compared == 2 else f"all {compared}"
        whom = "the baseline" if compared == 1 else f"{several} baselines; hardest is"
        return f"The model beats {whom} {name}: {figures} ({interval})."
    if gain.high < 0:
        return f"The model is WORSE than the baseline {name}: {figures} ({interval})."
    includes = "" if gain.degenerate else ", which includes no gain at all"
    return f"The model does NOT beat the baseline {name}: {figures} ({interval}{includes})."


def _interval(gain: Interval) -> str:
    if gain.degenerate:
        same = " that the two are the same" if not gain.value else ""
        return f"no interval of the gain: the resamples agree{same}"
    return f"{100 * LEVEL:.0f} % interval of the gain {_signed(gain.low)} to {_signed(gain.high)}"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0" if not value else f"{value:+.0e}"


def _reservations(
    result: Bootstrap, baselines: Sequence[str], greater_is_better: Mapping[str, bool], beats: bool
) -> str:
    """The other metrics by which the model is worse than a baseline or, where it `beats` them, no better."""
    others = {
        f"{metric} (against {name})": gain
        for metric, greater in list(greater_is_better.items())[1:]
        for name, gain in _gains(result, metric, baselines, greater).items()
    }
    worse = [place for place, gain in others.items() if gain.high < 0]
    no_better = [place for place, gain in others.items() if beats and gain.low <= 0 <= gain.high]
    said = f" Not so by {', '.join(no_better)}." if no_better else ""
    return said + (f" It is WORSE by {', '.join(worse)}." if worse else "")


def _advice(gains: Mapping[str, Interval], hardest: str, model: Records, baseline: Records) -> list[str]:
    advice, rows, left = [], len(model), _mistakes(baseline)
    answers = "references" if model.kind in ("texts", "spans") else "labels"
    keep = "keep the baseline: it is smaller and faster, and these rows show nothing against it"
    if hardest == BASE:
        keep = "keep the base model as it is: these rows show nothing against it"
    if left <= FEW_MISTAKES and gains[hardest].high >= 0:
        made = f"{left} mistake{'' if left == 1 else 's'} in {rows:,} rows" if left else f"no mistake in {rows:,} rows"
        advice.append(
            f"the test is too easy to show a difference: {hardest} makes {made}, so that not even a model without "
            "any would beat it; test on harder rows, and on more of them"
        )
        if _mistakes(model) <= FEW_MISTAKES:
            return [*advice, f"or {keep}"]
    if "majority" in gains and not gains["majority"].above_zero and _one_answer(model):
        advice.append('it gives nearly every row the same answer: try train.class_weights = "balanced"')
    advice.append(
        "train longer (train.num_train_epochs) or in larger steps (train.learning_rate, 1e-4 to 3e-4 for small models)"
    )
    if rows < FEW_ROWS:
        advice.append(f"{rows} scored rows tell little apart: give the test split more rows")
    return [
        *advice,
        f"read the mistakes: {answers} that contradict each other put a ceiling on every model",
        "try a larger base model, one that was pretrained on texts of this language and kind",
        f"or {keep}",
    ]


def _mistakes(records: Records) -> int:
    """Rows whose prediction is not the reference; every number that is a little off counts."""
    return int(wrong_rows(records).sum())


def _one_answer(records: Records) -> bool:
    """Whether nearly all rows got the same class. Class weights are for tasks with one class a row only."""
    if records.kind != "labels":
        return False
    return bool(np.bincount(records.predictions + 1).max(initial=0) >= NEARLY_ALL * len(records))
