from __future__ import annotations

import emoji
import pytest
from pydantic import ValidationError

from sftcore_plugin_sentiment import Emoji


def applied(text: str, **options: object) -> str:
    """The text after the edits, which must be ascending and disjoint."""
    parts, last = [], 0
    for start, end, replacement in Emoji.from_table(options).edits(text):
        assert last <= start < end <= len(text)
        parts += [text[last:start], replacement]
        last = end
    return "".join([*parts, text[last:]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("great 👍", "great thumbs up"),
        ("great👍really", "great thumbs up really"),
        ("👍🏽👎🏿", "thumbs up thumbs down"),
        ("😂😂!", "face with tears of joy face with tears of joy !"),
        ("👨‍👩‍👧‍👦 home", "family man woman girl boy home"),
        ("🇨🇳加油", "China 加油"),
        ("top 1️⃣", "top keycap 1"),
        ("I ❤️ it, I ❤ it, I ❤︎ it", "I red heart it, I red heart it, I red heart it"),
        ("👨‍👩🏿‍👧🏻‍👦🏾", "family man woman girl boy"),
    ],
)
def test_emoji_become_words(text: str, expected: str) -> None:
    assert applied(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("太好了👍🏽", "太好了 拇指向上"),
        ("服务差😡再也不来", "服务差 怒火中烧 再也不来"),
        ("很干净^_^", "很干净 大笑"),
        ("失望T_T。", "失望 放声大哭 。"),
    ],
)
def test_names_in_chinese(text: str, expected: str) -> None:
    assert applied(text, language="zh") == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nice :-)", "slightly smiling face"),
        ("nice:))", "slightly smiling face"),
        ("不错：）", "slightly smiling face"),
        ("bad :(", "slightly frowning face"),
        ("bad :'(", "crying face"),
        ("haha XD", "grinning squinting face"),
        ("fun :D", "grinning face with smiling eyes"),
        ("so ;-)", "winking face"),
        ("hm :/", "confused face"),
        ("you <3", "red heart"),
        ("(*^__^*)", "grinning face with smiling eyes"),
        ("T_T", "loudly crying face"),
        (">_<", "persevering face"),
        ("无语-_-||", "expressionless face"),
        ("orz", "person bowing"),
        ("¯\\_(ツ)_/¯", "person shrugging"),
        ("(╯°□°)╯︵ ┻━┻", "enraged face"),
    ],
)
def test_emoticons_become_the_words_of_their_emoji(text: str, name: str) -> None:
    assert applied(text).endswith(name)
    assert applied(text, emoticons=False) == text


@pytest.mark.parametrize(
    "text",
    [
        "价格:(含税)",
        "note:(see below)",
        "http://a.b/c and D:/data and/or:/x",
        "fewer than <3%, n<30, 12:30, 10:0",
        "&quot;) &lt;)",
        "x=D, a=p, XDocument, 2^^3",
        "a - b -- c == d",
        "© 2026 ™ ‼ →",
        "",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert applied(text) == text


def test_skin_tones_can_be_said() -> None:
    assert applied("👍🏽", skin_tones=True) == "thumbs up medium skin tone"


def test_a_template_of_ones_own() -> None:
    assert applied("好👍吧", language="zh", template="[{name}]") == "好[拇指向上]吧"
    with pytest.raises(ValidationError, match="name"):
        Emoji(template="emoji")


def test_every_emoji_has_a_name_in_both_languages() -> None:
    fully = emoji.STATUS["fully_qualified"]
    signs = [sign for sign, data in emoji.EMOJI_DATA.items() if data["status"] == fully]
    assert len(signs) > 3000
    for language in ("en", "zh"):
        words = [applied(f"a {sign} b", language=language) for sign in signs]
        assert [sign for sign, text in zip(signs, words, strict=True) if sign in text or len(text) < 5] == []


def test_offsets_count_code_points() -> None:
    assert list(Emoji().edits("a 👨‍👩‍👧‍👦 b")) == [(2, 9, "family man woman girl boy")]
