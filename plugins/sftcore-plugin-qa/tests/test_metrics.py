from __future__ import annotations

import time

import numpy as np
import pytest

from sftcore import Records
from sftcore_plugin_qa import CharExactMatch, CharF1
from sftcore_plugin_qa.segments import common_run, overlap_f1, run_f1, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("《红楼梦》的作者", ["红", "楼", "梦", "的", "作", "者"]),
        ("1715年，iPhone 4S手机！", ["1715", "年", "iphone", "4s", "手", "机"]),
        ("naïve café", ["naïve", "café"]),
        ("ひらがな", ["ひ", "ら", "が", "な"]),
        ("𠀀 <b>€5</b> a_b", ["𠀀", "b", "5", "b", "a", "b"]),
        ("……！？", []),
    ],
)
def test_chinese_characters_are_tokens_and_other_words_are_whole(text: str, expected: list[str]) -> None:
    assert list(segments(text)) == expected


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [("abcde", "xbcdy", 3), ("abab", "baba", 3), ("a", "a", 1), ("abc", "cba", 1), ("ab", "cd", 0), ("", "a", 0)],
)
def test_the_longest_common_run(first: str, second: str, length: int) -> None:
    assert common_run(list(first), list(second)) == length == common_run(list(second), list(first))


def test_f1_as_worked_out_by_hand() -> None:
    # prediction of 5 characters, reference of 3, the run of 2 in common: 2 · 2 / (5 + 3)
    assert run_f1("清代曹雪公", "曹雪芹") == pytest.approx(4 / 8)
    assert run_f1("在 1715 年", "约1715年。") == pytest.approx(4 / 6)
    assert run_f1("。", "") == 1.0
    assert run_f1("", "曹雪芹") == 0.0


def test_overlap_takes_any_order_and_the_best_reference() -> None:
    assert overlap_f1("雪曹", ["红楼", "曹雪"]) == 1.0
    assert overlap_f1("the cat sat", ["a cat"]) == pytest.approx(2 / 5)
    assert overlap_f1("", ()) == 1.0
    assert overlap_f1("x", ()) == 0.0


def records(predictions: list[str | None], references: list[tuple[str, ...]]) -> Records:
    left, right = np.empty(len(predictions), object), np.empty(len(predictions), object)
    left[:] = predictions
    for place, reference in enumerate(references):
        right[place] = reference
    return Records("texts", np.arange(len(predictions)), left, right)


def test_scores_over_rows() -> None:
    some = records(["曹雪芹。", "曹雪", "", "x", None], [("曹 雪芹", "别的"), ("曹雪芹",), (), (), ("曹雪芹",)])
    assert CharExactMatch().score(some) == {"char-exact-match": pytest.approx(2 / 5)}
    assert CharF1().score(some) == {"char-f1": pytest.approx((1 + 4 / 5 + 1 + 0 + 0) / 5)}
    assert np.isnan(CharF1().score(records([], []))["char-f1"])


def test_resamples_cost_little() -> None:
    texts = [f"答案{number}" * 20 for number in range(300)]
    some, metric = records(list(texts), [(text + "了",) for text in texts]), CharF1()
    metric.score(some)
    began = time.process_time()
    for seed in range(200):
        metric.score(some.take(np.random.default_rng(seed).integers(0, 300, 300)))
    assert time.process_time() - began < 2
