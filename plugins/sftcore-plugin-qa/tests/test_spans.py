from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore import Output
from sftcore_plugin_qa.spans import Found, Span, best_spans
from sftcore_plugin_qa.windows import Window


def output(logits: np.ndarray, first: int = 2, begin: int = 0) -> Output:
    """A window whose context tokens are words of two letters, from word `begin` on, and one token behind them."""
    count = logits.shape[1] - first - 1
    offsets = np.array([[3 * word, 3 * word + 2] for word in range(begin, begin + count)], np.int32).reshape(-1, 2)
    return Output(logits.astype(np.float32), Window(first, offsets, 0))


def oracle(outputs: list[Output], n_best: int, longest: int) -> tuple[list[tuple[int, int, float, int]], float]:
    """Every span, looked at one by one."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for feature, one in enumerate(outputs):
        window, (starts, ends) = one.info, one.logits.astype(np.float64)
        for i, j in product(range(len(window.offsets)), repeat=2):
            if i <= j < i + longest and window.offsets[i, 0] < window.offsets[j, 1]:
                span = int(window.offsets[i, 0]), int(window.offsets[j, 1])
                score = float(starts[window.first + i] + ends[window.first + j])
                if span not in best or score > best[span][0]:
                    best[span] = score, feature
    ranked = sorted(((*span, *rest) for span, rest in best.items()), key=lambda one: (-one[2], one[3], one[0], one[1]))
    nulls = [float(one.logits[:, one.info.null].astype(np.float64).sum()) for one in outputs]
    return ranked[:n_best], min(nulls)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 12), st.integers(1, 8))
def test_against_a_search_of_all_spans(seed: int, windows: int, n_best: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, begin = [], 0
    for _ in range(windows):
        count = int(rng.integers(0, 9))
        logits = rng.normal(size=(2, count + 3))
        if seed % 3 == 0:
            logits = np.round(logits)  # many equal scores
        outputs.append(output(logits, begin=begin))
        begin += max(0, count - 3)
    found = best_spans(outputs, n_best, longest)
    expected, null = oracle(outputs, n_best, longest)
    assert found.null_score == pytest.approx(null)
    assert [span.score for span in found.spans] == pytest.approx([one[2] for one in expected])
    if seed % 3:
        assert [(span.start, span.end, span.feature) for span in found.spans] == [(a, b, f) for a, b, _, f in expected]
    assert all(span.end - span.start <= 3 * longest - 1 for span in found.spans)


def test_of_equal_scores_the_earlier_window_and_span_come_first() -> None:
    zeros = [output(np.zeros((2, 7)), begin=2), output(np.zeros((2, 7)), begin=0)]
    spans = best_spans(zeros, 3, 2).spans
    assert [(span.start, span.end, span.feature) for span in spans] == [(6, 8, 0), (6, 11, 0), (9, 11, 0)]


def test_a_span_in_two_windows_counts_once_with_its_better_score() -> None:
    low, high = np.zeros((2, 7)), np.zeros((2, 7))
    low[:, 4], high[:, 2] = 3, 4
    outputs = [output(low, begin=0), output(high, begin=2)]
    found = best_spans(outputs, 20, 5)
    same = [span for span in found.spans if (span.start, span.end) == (6, 8)]
    assert same == [Span(6, 8, 8.0, 1)]
    assert found.spans[0] == same[0]


def test_the_null_score_is_that_of_the_window_that_is_least_for_no_answer() -> None:
    outputs = [output(np.full((2, 5), value)) for value in (3.0, 1.0, 2.0)]
    found = best_spans(outputs, 5, 5)
    assert (found.null_score, found.null_feature) == (2.0, 1)
    assert found.margin == pytest.approx(2.0 - 6.0)


def test_nothing_outside_the_context_is_an_answer() -> None:
    logits = np.zeros((2, 6))
    logits[:, [0, 1, 5]] = 50
    found = best_spans([output(logits)], 20, 30)
    assert max(span.score for span in found.spans) == 0
    assert found.null_score == 100


def test_tokens_that_stand_for_nothing_are_no_answer() -> None:
    window = Window(1, np.array([[0, 0], [0, 2]], np.int32), 0)
    logits = np.array([[0, 9, 0, 0], [0, 9, 0, 0]], np.float32)
    spans = best_spans([Output(logits, window)], 20, 30).spans
    assert [(span.start, span.end) for span in spans] == [(0, 2)]
    assert spans[0].score == 9


def test_probabilities_are_shared_by_spans_and_no_answer() -> None:
    found = Found((Span(0, 1, 1000.0, 0), Span(0, 2, 999.0, 0)), 998.0, 0)
    spans, null = found.probabilities()
    assert sum(spans) + null == pytest.approx(1)
    assert spans[0] / spans[1] == pytest.approx(np.e)
    assert Found((), 3.0, 0).probabilities() == ((), 1.0)
    assert Found((), 3.0, 0).margin == float("inf")
