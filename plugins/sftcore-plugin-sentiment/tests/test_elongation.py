from __future__ import annotations

import pytest

from sftcore_plugin_sentiment import Elongation


def applied(text: str, **options: object) -> str:
    """The text after the edits, which must be ascending and disjoint."""
    parts, last = [], 0
    for start, end, replacement in Elongation.from_table(options).edits(text):
        assert last <= start < end <= len(text)
        parts += [text[last:start], replacement]
        last = end
    return "".join([*parts, text[last:]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("soooo goood!!!", "soo good!"),
        ("SOoooo", "SOo"),
        ("hahahahaha lolololol", "haha lolol"),
        ("good, see you, coffee", "good, see you, coffee"),
        ("好好好好吃！！！", "好好吃！"),
        ("哈哈哈哈哈，谢谢", "哈哈，谢谢"),
        ("不错不错不错不错", "不错不错"),
        ("喜欢～～～~~~~", "喜欢～~"),
        ("what??!!", "what?!"),
        ("well...... 好吧。。。。。。 嗯…………", "well... 好吧。。。 嗯……"),
        ("well... 好吧。。。 嗯……", "well... 好吧。。。 嗯……"),
        ("😂😂😂😂", "😂😂"),
        ("👍🏽👍🏽👍🏽 🇨🇳🇨🇳🇨🇳", "👍🏽👍🏽 🇨🇳🇨🇳"),
        ("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", "👨‍👩‍👧👨‍👩‍👧"),
    ],
)
def test_runs_are_shortened(text: str, expected: str) -> None:
    assert applied(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1000 10000000, 5555",
        "二〇〇〇〇",
        "www AAA xxx",
        "http://www.zzzz.com/aaaa and www.aaaa.com",
        "mail aaaa@bbbb.com @zzzzz #sooocool #哈哈哈哈#",
        "B7777aaaa eee1000",
        "XXXVI XIII III",
        "★★★★★ 🌟🌟🌟🌟🌟",
        "",
    ],
)
def test_numbers_names_and_ratings_stay(text: str) -> None:
    assert applied(text) == text


def test_text_after_a_hashtag_is_shortened() -> None:
    assert applied("#西湖#好好好好") == "#西湖#好好"


def test_how_much_is_kept_can_be_chosen() -> None:
    assert applied("soooo!!!!", keep=3, keep_punctuation=2) == "sooo!!"
    assert applied("soooo!!!!", keep=1) == "so!"


def test_excepted_words_stay() -> None:
    assert applied("IEEE ieeee") == "IEE iee"
    assert applied("IEEE ieeee", except_words=["ieee"]) == "IEEE iee"


def test_what_is_kept_are_the_first_characters() -> None:
    assert list(Elongation().edits("so goood")) == [(6, 7, "")]


def test_shortening_twice_changes_nothing_more() -> None:
    once = applied("Faaaannntastic!!! hahahaha 哈哈哈哈 ...... 😂😂😂")
    assert applied(once) == once
