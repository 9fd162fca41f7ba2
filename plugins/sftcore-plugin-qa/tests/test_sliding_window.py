from __future__ import annotations

import pytest

from sftcore_plugin_qa.sliding_window import WINDOWS, Window, best_passage, best_window

CONTEXT = "The game was long. The Denver Broncos won the final game in 2016! Nobody was surprised by that."
CHINESE = "北京是中国的首都。上海是最大的城市！人口约两千四百万。"


def passage_text(question: str, context: str, window: Window) -> str:
    passage = best_passage(question, context, window)
    return context[passage.start : passage.end]


def test_the_sentence_that_shares_most() -> None:
    assert passage_text("Which team won the final game?", CONTEXT, Window(None)) == (
        "The Denver Broncos won the final game in 2016"
    )
    assert passage_text("最大的城市是哪里？", CHINESE, Window(None)) == "上海是最大的城市"


def test_the_window_that_shares_most() -> None:
    assert passage_text("When was the final game won?", CONTEXT, Window(4)) == "won the final game"
    assert passage_text("中国的首都是哪里？", CHINESE, Window(5)) == "中国的首都"


def test_the_window_beside_which_most_is_shared() -> None:
    context = "The final game Denver won who else"
    assert passage_text("Who won the final game?", context, Window(1, True)) == "Denver"
    assert passage_text("Who won the final game?", context, Window(3)) == "The final game"


def test_rare_words_weigh_more() -> None:
    context = "the the the the broncos met the the"
    assert passage_text("the broncos", context, Window(1)) == "broncos"


def test_the_first_of_equal_windows() -> None:
    assert passage_text("nothing of it", "aa bb cc", Window(2)) == "aa bb"
    passage = best_passage("bb", "aa bb bb cc", Window(1))
    assert (passage.start, passage.end) == (3, 5)
    assert passage.share == pytest.approx(0.5)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_copes_with_any_context(window: Window) -> None:
    for context in ("", "。。。", "one", "one two", CONTEXT, CHINESE):
        passage = best_passage("one 中国", context, window)
        assert 0 <= passage.start <= passage.end <= len(context)
        assert 0 <= passage.share <= 1 + 1e-9
    assert str(window).startswith("the ")


def test_the_training_rows_choose() -> None:
    sentences = [("Which team won the final game?", CONTEXT, ("The Denver Broncos won the final game in 2016",))]
    assert best_window(sentences * 5) == Window(None)
    words = [("Who won the final game?", f"The final game Team{n} won who else", (f"Team{n}",)) for n in range(9)]
    assert best_window(words) == Window(1, True)
