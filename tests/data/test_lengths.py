from __future__ import annotations

import numpy as np

from sftcore.data.lengths import BINS, length_histogram


def histogram(lengths: list[int], lost: list[int], parents: list[int] | None = None) -> dict[str, object]:
    rows = list(range(len(lengths))) if parents is None else parents
    return length_histogram(np.array(lengths), np.array(lost), np.array(rows))


def test_short_lengths_have_a_bin_each() -> None:
    assert histogram([1, 2, 2, 4], [0] * 4) == {"width": 1, "counts": [1, 2, 0, 1], "over": 0}


def test_a_cut_row_counts_with_what_it_lost() -> None:
    found = histogram([4, 4, 4], [0, 2, 0])
    assert found == {"width": 1, "counts": [0, 0, 0, 2, 0, 1], "cut": [0, 0, 0, 0, 0, 1], "over": 0}


def test_windows_of_one_row_count_as_they_are() -> None:
    found = histogram([4, 4, 3], [7, 0], [0, 0, 1])
    assert found == {"width": 1, "counts": [0, 0, 1, 2], "cut": [0, 0, 0, 2], "over": 0}


def test_many_lengths_share_bins_and_the_longest_are_over() -> None:
    lengths = [*range(1, 241), 10_000]
    found = histogram(lengths, [0] * len(lengths))
    assert found["width"] == 10
    assert found["counts"] == [10] * BINS
    assert found["over"] == 1


def test_every_feature_is_counted_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 700, 5_000).tolist()
    found = histogram(lengths, [0] * 5_000)
    counts = found["counts"]
    assert isinstance(counts, list)
    assert len(counts) <= BINS
    assert sum(counts) + found["over"] == 5_000


def test_no_feature_gives_nothing() -> None:
    assert histogram([], [0, 0]) == {}
