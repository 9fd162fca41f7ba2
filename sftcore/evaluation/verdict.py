"""One honest sentence on whether the model is worth more than the baselines, and what to try if it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sftcore.evaluation.intervals import LEVEL, Bootstrap, Interval

FEW_ROWS = 500


def verdict(
    result: Bootstrap, baselines: Sequence[str], greater_is_better: Mapping[str, bool], rows: int
) -> dict[str, Any]:
    """Compare the model (system 0 of `result`) with the baselines (systems 1, 2, …, named in that order).

    The first metric decides: the model beats a baseline where the whole interval of the paired difference is on
    the better side of zero. Gives `{"beats_baselines": true, false or null (there are none), "metric",
    "against": the baseline that is hardest to beat, "sentence", "advice": a list}`.
    """
    if not baselines or not greater_is_better:
        return {"beats_baselines": None, "sentence": "There is no baseline to compare with.", "advice": []}
    metric = next(iter(greater_is_better))
    gains = {name: _gain(result, metric, place, greater_is_better[metric]) for place, name in enumerate(baselines, 1)}
    hardest = min(gains, key=lambda name: _order(gains[name]))
    beats = all(gain.above_zero for gain in gains.values())
    place = baselines.index(hardest) + 1
    sentence = _sentence(result, metric, hardest, place, gains[hardest], beats, len(baselines))
    if beats:
        sentence += _reservations(result, baselines, greater_is_better)
    return {
        "beats_baselines": beats,
        "metric": metric,
        "against": hardest,
        "sentence": sentence,
        "advice": [] if beats else _advice(gains, rows),
    }


def _gain(result: Bootstrap, metric: str, place: int, greater_is_better: bool) -> Interval:
    """By how much the model is better than a baseline; positive is better whatever the metric."""
    difference = result.difference(metric, 0, place)
    return difference if greater_is_better else difference.negative()


def _order(gain: Interval) -> float:
    return gain.low if gain.low == gain.low else float("-inf")


def _sentence(
    result: Bootstrap, metric: str, name: str, place: int, gain: Interval, beats: bool, baselines: int
) -> str:
    ours, theirs = result.values[metric][0], result.values[metric][place]
    figures = f"{metric} {ours:.3f} against {theirs:.3f}"
    interval = f"{100 * LEVEL:.0f} % interval of the gain {gain.low:+.3f} to {gain.high:+.3f}"
    if beats:
        of_all = "the baseline" if baselines == 1 else f"all {baselines} baselines; hardest is"
        return f"The model beats {of_all} {name}: {figures} ({interval})."
    if gain.high < 0:
        return f"The model is WORSE than the baseline {name}: {figures} ({interval})."
    if gain.low != gain.low:
        return f"Whether the model beats the baseline {name} can't be said: {metric} is not defined on these rows."
    return f"The model does NOT beat the baseline {name}: {figures} ({interval}: it includes no gain at all)."


def _reservations(result: Bootstrap, baselines: Sequence[str], greater_is_better: Mapping[str, bool]) -> str:
    """The other metrics by which a baseline is not beaten."""
    doubtful = [
        f"{metric} (against {name})"
        for metric, greater in list(greater_is_better.items())[1:]
        for place, name in enumerate(baselines, 1)
        if not _gain(result, metric, place, greater).above_zero
    ]
    return f" Not so by {', '.join(doubtful)}." if doubtful else ""


def _advice(gains: Mapping[str, Interval], rows: int) -> list[str]:
    advice = []
    if "majority" in gains and not gains["majority"].above_zero:
        advice.append('it says little more than the most frequent answer: try train.class_weights = "balanced"')
    advice.append("train longer (train.num_train_epochs) or in larger steps (train.learning_rate, 1e-4 to 3e-4 for small models)")
    if rows < FEW_ROWS:
        advice.append(f"{rows} scored rows tell little apart: give the test split more rows")
    advice += [
        "read the mistakes: labels that contradict each other put a ceiling on every model",
        "try a larger base model, one that was pretrained on texts of this language and kind",
        "or keep the baseline: it is smaller and faster, and these rows show nothing against it",
    ]
    return advice
