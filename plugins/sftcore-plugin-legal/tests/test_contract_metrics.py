from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftcore import Records
from sftcore_plugin_legal import CuadAupr, PrecisionAt80Recall, PrecisionAt90Recall, SpanJaccard
from sftcore_plugin_legal.span_matching import jaccard, matched, padded, precision_and_recall


def objects(values: list[Any]) -> np.ndarray:
    column = np.empty(len(values), object)
    column[:] = values
    return column


def records(rows: list[tuple[str, tuple[str, ...], float]]) -> Records:
    texts, references, scores = (list(column) for column in zip(*rows, strict=True))
    return Records("texts", np.arange(len(rows)), objects(texts), objects(references), (), np.array(scores)[:, None])


def test_words_are_compared_as_in_cuad() -> None:
    assert jaccard("The laws of Delaware.", "the LAWS of, Delaware") == 1.0
    assert jaccard("the laws of Delaware", "the laws of Texas") == 3 / 5
    assert jaccard("and/or", "and or") == 1.0
    assert jaccard("", "") == 1.0
    assert jaccard("a", "") == 0.0
    assert jaccard("适用中国法律", "中国法律") == 4 / 6


def test_span_jaccard() -> None:
    some = records(
        [("of Delaware", ("the laws of Delaware", "of Texas"), 1.0), ("", (), 1.0), ("a", (), 1.0), ("", ("b",), 1.0)]
    )
    values = SpanJaccard().score(some)
    assert values == {"span-jaccard": (0.5 + 1 + 0 + 0) / 4, "span-jaccard.matched": 0.5}
    assert math.isnan(SpanJaccard().score(some.take(np.array([], int)))["span-jaccard"])


def test_references_are_found_by_candidates_and_others_are_wrong() -> None:
    candidates = [("the laws of Delaware", 0.8), ("laws of Delaware", 0.6), ("nothing of it", 0.3)]
    found, wrong = matched(candidates, ["the laws of Delaware", "a notice of thirty days"])
    assert found == [0.8, -math.inf]
    assert wrong == [0.3]
    assert matched([("a", 0.5), ("a b c d", 0.4)], ["a b c"]) == ([0.4], [0.5])
    assert matched([], ["a"]) == ([-math.inf], [])
    assert matched([("a", 0.5)], []) == ([], [0.5])


CURVE = [
    ("x", ("x",), 0.9),
    ("wrong", (), 0.8),
    ("y", ("y",), 0.7),
    ("z", ("z",), 0.6),
    ("bad", ("w",), 0.5),
    ("", ("v",), 0.4),
]


def test_the_area_under_precision_and_recall() -> None:
    # of five references one is found at precision 1, two at 2/3, three at 3/4, which counts for two as well
    area = 1 / 5 + 3 / 4 * 2 / 5
    assert CuadAupr().score(records(CURVE)) == {"cuad-aupr": pytest.approx(area)}


def test_precision_at_recall() -> None:
    assert PrecisionAt80Recall().score(records(CURVE)) == {"precision-at-80-recall": 0.0}
    found = records(CURVE[:4])
    assert PrecisionAt80Recall().score(found) == {"precision-at-80-recall": 0.75}
    assert PrecisionAt90Recall().score(found) == {"precision-at-90-recall": 0.75}
    four_of_five = records([*CURVE[:1], *CURVE[2:4], ("u", ("u",), 0.3), ("", ("v",), 0.2), ("bad", (), 0.9)])
    assert PrecisionAt80Recall().score(four_of_five) == {"precision-at-80-recall": 0.8}
    assert PrecisionAt90Recall().score(four_of_five) == {"precision-at-90-recall": 0.0}


def test_candidates_of_the_task_come_before_the_prediction() -> None:
    rows = [("", ("x",), 0.9), ("", (), 0.9)]
    assert CuadAupr().score(records(rows)) == {"cuad-aupr": 0.0}
    some = records(rows)
    pairs = [matched([("x", 0.4)], ["x"]), matched([("y", 0.1)], [])]
    extra = {"found_at": padded(found for found, _ in pairs), "wrong_at": padded(wrong for _, wrong in pairs)}
    full = Records("texts", some.row_ids, some.predictions, some.references, (), some.scores, extra=extra)
    assert CuadAupr().score(full) == {"cuad-aupr": 1.0}
    assert math.isnan(CuadAupr().score(full.take(np.array([1])))["cuad-aupr"])


def test_without_answers_or_rows_there_is_no_number() -> None:
    for metric in (CuadAupr(), PrecisionAt80Recall(), PrecisionAt90Recall()):
        assert math.isnan(metric.score(records([("a", (), 0.5), ("", ("",), 0.5)]))[metric.name])
        assert math.isnan(metric.score(records(CURVE).take(np.array([], int)))[metric.name])


SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, -math.inf]), min_size=1, max_size=8)


@given(found=SCORES, wrong=SCORES)
def test_the_curve_against_counting(found: list[float], wrong: list[float]) -> None:
    wrong = [score for score in wrong if score > 0]
    precision, recall = precision_and_recall(np.array(found), np.array(wrong))
    points = []
    for threshold in sorted({score for score in (*found, *wrong) if score > 0}, reverse=True):
        hits = sum(score >= threshold for score in found)
        points.append((hits / (hits + sum(score >= threshold for score in wrong)), hits / len(found)))
    assert recall.tolist() == [r for _, r in points]
    assert precision.tolist() == [max(p for p, _ in points[place:]) for place in range(len(points))]
