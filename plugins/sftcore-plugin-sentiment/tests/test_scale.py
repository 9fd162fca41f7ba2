from __future__ import annotations

import pytest

from sftcore_plugin_sentiment.scale import rank, worst_to_best


@pytest.mark.parametrize(
    "ordered",
    [
        ("negative", "neutral", "positive"),
        ("neg", "pos"),
        ("Bad", "OK", "Good"),
        ("消极", "中性", "积极"),
        ("负面", "正面"),
        ("差评", "中评", "好评"),
        ("very_negative", "negative", "neutral", "positive", "very_positive"),
        ("非常消极", "消极", "中性", "积极", "非常积极"),
        ("-1", "0", "1"),
        ("1", "2", "5", "10"),
    ],
)
def test_known_words_and_numbers_are_put_in_order(ordered: tuple[str, ...]) -> None:
    assert worst_to_best(reversed(ordered)) == ordered


def test_unknown_words_and_words_of_one_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match="'meh'"):
        worst_to_best(["negative", "meh"])
    with pytest.raises(ValueError, match="'pos', 'positive'"):
        worst_to_best(["pos", "positive", "negative"])
    with pytest.raises(ValueError, match="'1'"):
        worst_to_best(["1", "positive"])


def test_no_word_has_two_ranks() -> None:
    from sftcore_plugin_sentiment import scale

    words = [word for words in scale._WORDS for word in words]
    assert len(words) == len(set(words))
    assert rank("Very-Negative") == 0
