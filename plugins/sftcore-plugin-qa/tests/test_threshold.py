from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore_plugin_qa.threshold import best_threshold

ROWS = st.lists(
    st.tuples(st.integers(-6, 6).map(lambda n: n / 2), st.sampled_from((0.0, 0.5, 1.0)), st.booleans()), max_size=12
)


def total(threshold: float, rows: list[tuple[float, float, bool]]) -> float:
    return sum(f1 if margin <= threshold else float(none) for margin, f1, none in rows)


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_no_threshold_is_better(rows: list[tuple[float, float, bool]]) -> None:
    rows = [(margin, 0.0 if none else f1, none) for margin, f1, none in rows]
    chosen = best_threshold(*([row[column] for row in rows] for column in range(3)))
    best = max(total(value, rows) for value in np.arange(-8, 8.05, 0.25))
    assert total(chosen, rows) == pytest.approx(best)
    assert chosen == 0 or total(0, rows) < best


def test_zero_stays_where_it_is_as_good() -> None:
    assert best_threshold([], [], []) == 0.0
    assert best_threshold([-3.0, 3.0], [1.0, 0.0], [0.0, 1.0]) == 0.0
    assert best_threshold([0.0, 3.0], [1.0, 0.0], [0.0, 1.0]) == 0.0


def test_it_lies_halfway_between_two_margins() -> None:
    assert best_threshold([1.0, 2.0, 5.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]) == 3.5
    assert best_threshold([-1.0, -2.0, -5.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]) == -3.5


def test_beyond_all_margins() -> None:
    assert best_threshold([-1.0], [0.0], [1.0]) == -2.0
    assert best_threshold([4.0], [1.0], [0.0]) == 5.0


def test_rows_of_equal_margin_stay_together() -> None:
    assert best_threshold([1.0] * 3, [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]) == 2.0
    assert best_threshold([1.0] * 3, [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]) == 0.0
