"""From the logits of windows to spans of the context, the best ones of all windows first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from sftcore import Output
from sftcore_plugin_qa.windows import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Span(NamedTuple):
    """A span of the (preprocessed) context, half-open in characters; `score` is its start logit plus its end logit."""

    start: int
    end: int
    score: float
    feature: int


@dataclass(frozen=True, slots=True)
class Found:
    """The best spans of all windows, best first, and the window in which no answer scores least: `null_score` is the
    score of its [CLS], as in Devlin et al. (2019)."""

    spans: tuple[Span, ...]
    null_score: float
    null_feature: int

    @property
    def margin(self) -> float:
        """By how much no answer scores more than the best span; infinite where there is no span."""
        return self.null_score - self.spans[0].score if self.spans else float("inf")

    def probabilities(self) -> tuple[tuple[float, ...], float]:
        """Those of the spans and that of no answer: a softmax over all of their scores."""
        scores = np.array([*(span.score for span in self.spans), self.null_score])
        shares = np.exp(scores - scores.max())
        *spans, null = (shares / shares.sum()).tolist()
        return tuple(spans), null


def best_spans(outputs: Sequence[Output], n_best: int, max_length: int) -> Found:
    """The `n_best` spans of at most `max_length` tokens that score most, of all windows together.

    Every span of tokens of the context is looked at. One that several windows hold counts once, with its best score.
    Of equal scores the earlier window comes first, and in it the earlier span.
    """
    nulls = [_null_score(output) for output in outputs]
    bounds = [_bound(output) for output in outputs]
    found: dict[tuple[int, int], Span] = {}
    least_kept = -np.inf
    for feature in np.argsort(np.negative(bounds), kind="stable").tolist():
        if bounds[feature] < least_kept:  # neither this window nor those that follow have anything better
            break
        for span in _of_window(outputs[feature], feature, n_best, max_length):
            known = found.get(span[:2])
            if known is None or (span.score, -feature) > (known.score, -known.feature):
                found[span[:2]] = span
        if len(found) >= n_best:
            least_kept = float(np.partition([span.score for span in found.values()], -n_best)[-n_best])
    ordered = sorted(found.values(), key=lambda span: (-span.score, span.feature, span.start, span.end))
    least = int(np.argmin(nulls))
    return Found(tuple(ordered[:n_best]), nulls[least], least)


def _null_score(output: Output) -> float:
    window = cast(Window, output.info)
    return float(np.asarray(output.logits, np.float64)[:, window.null].sum())


def _bound(output: Output) -> float:
    """A score that no span of the window exceeds."""
    window = cast(Window, output.info)
    if not len(window.offsets):
        return -np.inf
    logits = np.asarray(output.logits, np.float64)[:, window.first : window.first + len(window.offsets)]
    return float(logits.max(axis=1).sum())


def _of_window(output: Output, feature: int, n_best: int, max_length: int) -> list[Span]:
    window = cast(Window, output.info)
    count = len(window.offsets)
    if not count:
        return []
    starts, ends = np.asarray(output.logits, np.float64)[:, window.first : window.first + count]
    scores = _scores(starts, ends, window.offsets, min(max_length, count))
    first, further = np.divmod(_top(scores.ravel(), n_best), scores.shape[1])
    last = first + further
    low, high = window.offsets[first, 0].tolist(), window.offsets[last, 1].tolist()
    return [Span(*span, feature) for span in zip(low, high, scores[first, further].tolist(), strict=True)]


def _scores(
    starts: NDArray[np.float64], ends: NDArray[np.float64], offsets: NDArray[np.int32], width: int
) -> NDArray[np.float64]:
    """The score of the span from token i to token i + k: (m, width), -inf where there is none or it is empty."""
    filled = np.concatenate([ends, np.full(width - 1, -np.inf)])
    closing = np.concatenate([offsets[:, 1], np.zeros(width - 1, np.int32)])
    view = np.lib.stride_tricks.sliding_window_view
    scores = starts[:, None] + view(filled, width)
    return np.where(view(closing, width) > offsets[:, :1], scores, -np.inf)


def _top(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Positions of the highest scores, highest first, of equal ones the earlier first; never those of -inf."""
    least = np.partition(scores, -count)[-count] if count < len(scores) else -np.inf
    above = np.flatnonzero(scores > least)
    above = above[np.argsort(-scores[above], kind="stable")]
    if least == -np.inf:
        return above
    return np.concatenate([above, np.flatnonzero(scores == least)[: count - len(above)]])
