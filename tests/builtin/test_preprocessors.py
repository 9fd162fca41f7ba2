from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import ftfy
import pytest
from pydantic import ValidationError

from sftcore.builtin.preprocessors import (
    COMPONENTS,
    Emails,
    FixText,
    Length,
    Lowercase,
    Mentions,
    Numbers,
    Punctuation,
    StopWords,
    StripHtml,
    UnicodeNormalize,
    Urls,
    Whitespace,
)
from sftcore.components import Drop, TextPreprocessor
from sftcore.data.spans import PositionMap, apply, checked_edits
from sftcore.recipe.descriptions import describe


def done(component: TextPreprocessor, text: str) -> str:
    return apply(text, component.edits(text), component.name)


CASES: list[tuple[TextPreprocessor, str, str]] = [
    (Lowercase(), "İSTANBUL ΟΔΟΣ ABC 中文", "i̇stanbul οδος abc 中文"),
    (Lowercase(), "Straße", "straße"),
    (Lowercase(casefold=True), "Straße ΟΔΟΣ İX", "strasse οδοσ i̇x"),
    (UnicodeNormalize(), "e\u0301 ＡＢ", "é ＡＢ"),
    (UnicodeNormalize(form="NFKC"), "ｶﾞ ＡＢＣ，ﬁ ①", "ガ ABC,fi 1"),
    (FixText(), "schÃ¶n voilÃ le donâ€™t", "schön voilà le don't"),
    (FixText(), "他说：â€œ你好â€\x9d。好", '他说:"你好"。好'),
    (FixText(character_width=False), "他说：ＡＢ", "他说：ＡＢ"),
    (FixText(uncurl_quotes=False), "“a”", "“a”"),
    (FixText(), "a &eacute; b &amp; c\r\nd\x07", "a é b & c\nd"),
    (FixText(html_entities=False), "&eacute;", "&eacute;"),
    (FixText(), "\ud800x", "\ufffdx"),
    (Punctuation(), "Hello, world! (a) “你好”，！👍🏽 $5 _x_", "Hello  world   a   你好 👍🏽  5  x "),
    (Punctuation(), "don't well-known 3.14 12:30 a.b 'x'", "don't well-known 3.14 12:30 a b  x "),
    (Punctuation(inside_words=True, replacement=""), "don't 3.14", "dont 314"),
    (Punctuation(keep="!?"), "wow!?... ok!", "wow!?  ok!"),
    (Punctuation(keep="^-]\\"), "a ^-]\\[ b", "a ^-]\\  b"),
    (Whitespace(), " a  b\u3000c\u200bd\n\n\xa0e ", "a b cd e"),
    (Whitespace(), "👩\u200d👧 ok", "👩\u200d👧 ok"),
    (Whitespace(keep_newlines=True), "a \n\n b  c", "a\nb c"),
    (Whitespace(strip=False), "  a  ", " a "),
    (Whitespace(collapse=False), "  a  b\u200b ", "a  b"),
    (StopWords(), "The movie isn't good, and it's not the worst", "movie isn't good, not worst"),
    (StopWords(), "isnt don t DON’T nor never no-one without", "isnt don DON’T nor never no-one without"),
    (StopWords(keep_negations=False), "it is not bad", "bad"),
    (StopWords(keep_opinions=False), "very good food", "food"),
    (StopWords(words=("food", "not")), "the food is not bad", "bad"),
    (StopWords(keep=("The",)), "the food is", "the food "),
    (StopWords(), "@the #the state-of-the-art the2", "@the #the state-of-the-art the2"),
    (StopWords(languages=("de",)), "Das ist kein guter Film", "kein guter Film"),
    (StopWords(languages=("fr",)), "Il n'est pas la", "n'est pas "),
    (StopWords(languages=("es",)), "No es una película", "No película"),
    (StopWords(languages=("fr",)), "a\u0300 Paris", "Paris"),
    (
        StopWords(languages=("zh",)),
        "这部电影的目的是不错的吗，但是我们觉得没有意思了",
        "这部电影目的是不错，但是觉得没有意思",
    ),
    (StopWords(languages=("zh",), keep_negations=False), "别人不是", ""),
    (StopWords(languages=("zh", "en")), "我们the猫了解了", "猫了解"),
    (StopWords(languages=("en",)), "我们的the猫", "我们的猫"),
    (StopWords(languages=("zh",), words=("猫",), keep=("我们",)), "我们猫狗", "我们狗"),
    (Urls(), "see http://t.co/abc, and (https://en.wikipedia.org/wiki/A_(b)).", "see <url>, and (<url>)."),
    (Urls(), "看http://t.cn/abc很好。www.x.com! bit.ly/x1 HTTPS://X.DE", "看<url>很好。<url>! <url> <url>"),
    (Urls(), "http://x.de/Käse?q=1&b=2。ok ftp://a.b", "<url>。ok <url>"),
    (Urls(placeholder=""), "a http://x.y b", "a  b"),
    (
        Urls(),
        "a.b e.g./x and/or wwwhat? x@www.y.com http:// 3.5/10",
        "a.b e.g./x and/or wwwhat? x@www.y.com http:// 3.5/10",
    ),
    (Emails(), "mail john.doe+a@mail.example.co.uk. 联系a@b.com。", "mail <email>. 联系<email>。"),
    (Emails(), "x@y @z a@b. @a.com", "x@y @z a@b. @a.com"),
    (
        Mentions(),
        "@anna hi @bob_1, (@c-d) 转发@用户: ＠小明 @a@m.social",
        "<user> hi <user>, (<user>) 转发<user>: <user> <user>",
    ),
    (Mentions(placeholder="@user"), "a@b.com @ x RT@foo @x", "a@b.com @ x RT@foo @user"),
    (Numbers(), "7 1,234.5 12:30 2024-05-01 ３个 第3章 ٣ $5 -5 3.", "<n> <n> <n> <n> <n>个 第<n>章 <n> $<n> <n> <n>."),
    (Numbers(), "mp3 3rd B2B v1.2 _1 a5é 三 seven", "mp3 3rd B2B v1.2 _1 a5é 三 seven"),
    (Numbers(), "a-5 5-", "a-<n> <n>-"),
    (StripHtml(), "<p>Hi <b>you</b></p><p>there</p>", "Hi you there"),
    (StripHtml(), "a < b & c > d, a <b and c, <3 <url> <e@x.de>", "a < b & c > d, a <b and c, <3 <url> <e@x.de>"),
    (StripHtml(), "x<script>var a='<b>';</script>y<STYLE type='x'>z</style >w", "x y w"),
    (StripHtml(), "a<!-- b <p> -->c<br/>d<BR>e", "ac d e"),
    (StripHtml(), '<a href="x>y" title=\'<\'>z</a><img src="i.png">', "z"),
    (
        StripHtml(),
        "&lt;b&gt; &amp;amp; &nbsp;| &#65;&#x42; &eacute; &unknown; AT&T",
        "<b> &amp; \xa0| AB é &unknown; AT&T",
    ),
    (StripHtml(entities=False), "<i>&amp;</i>", "&amp;"),
    (StripHtml(), "<!DOCTYPE html><html><o:p>x</o:p></html>", "x"),
    (StripHtml(), "<!-- open <b>x</b>", "<!-- open x"),
    (StripHtml(), "</script>a</script>b", "a b"),
    (StripHtml(), "<script>alert", "alert"),
]


@pytest.mark.parametrize(("component", "text", "expected"), CASES, ids=lambda value: str(value)[:40])
def test_cases(component: TextPreprocessor, text: str, expected: str) -> None:
    if isinstance(component, Numbers):
        component = Numbers(placeholder="<n>")
    assert done(component, text).rstrip(" ") == expected.rstrip(" ")


def test_every_edit_is_as_small_as_it_can_be_kept() -> None:
    """A span inside of a word, or beside what is rewritten, stays exact."""
    for component, text, start, end in (
        (Lowercase(), "theBBCnews", 3, 6),
        (UnicodeNormalize(form="NFKC"), "ＡＢＣ好", 1, 2),
        (FixText(), "电影schÃ¶n好", 0, 2),
        (Punctuation(), "“你好”，", 1, 3),
        (StopWords(), "the cat and dog", 4, 7),
        (StripHtml(), "<b>cat</b>", 3, 6),
        (Urls(), "看http://t.cn/abc很好", 0, 1),
    ):
        edits = checked_edits(text, component.edits(text), component.name)
        assert edits
        assert PositionMap(len(text)).then(edits).map_span(start, end).status == "exact"


@pytest.mark.parametrize("text", ["schÃ¶n", "â€œquotesâ€\x9d", "Ã©tÃ©", "l’été", "ＡＢＣ", "ﬁn", "naïve cafÃ©"])
def test_fix_text_says_what_ftfy_says(text: str) -> None:
    assert done(FixText(), text) == ftfy.fix_text(text)


def test_fix_text_mends_beside_whole_chinese() -> None:
    assert done(FixText(), "电影 schÃ¶n 很好") == "电影 schön 很好"


def test_numbers_are_masked_with_the_default() -> None:
    assert done(Numbers(), "7 of 9") == "<number> of <number>"


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "nl", "pt"])
def test_no_negation_goes(language: str) -> None:
    from sftcore.builtin.preprocessors.word_lists import NEGATIONS

    component = StopWords(languages=(language,))
    assert NEGATIONS[language]
    for word in NEGATIONS[language]:
        assert done(component, word) == word
        assert done(component, word.upper()) == word.upper()


@pytest.mark.parametrize("word", ["不", "不是", "没有", "无论", "别", "不过", "否则", "好", "很"])
def test_no_chinese_negation_goes(word: str) -> None:
    assert done(StopWords(languages=("zh",)), word) == word


def test_stop_words_with_a_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("jieba")
    module.__spec__ = ModuleSpec("jieba", None)
    module.tokenize = lambda text: [("我", 0, 1), ("的", 1, 2), ("目的", 2, 4)][: len(text)]  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "jieba", module)
    assert done(StopWords(languages=("zh",), segmenter="jieba"), "x 我的目的") == "x 目的"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"languages": []}, "at least 1"),
        ({"languages": ["ja"]}, "written without spaces"),
        ({"languages": ["eng"]}, "no list of stop words for 'eng'; did you mean en?"),
        ({"languages": ["fi"]}, "no list of negations for fi"),
        ({"segmenter": "words"}, "longest-match"),
    ],
)
def test_stop_words_refuse(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        StopWords.from_table(table)


def test_languages_without_negations_when_told_so() -> None:
    assert done(StopWords(languages=("fi",), keep_negations=False), "ja kissa") == "kissa"
    assert done(StopWords(languages=("fi",), keep=("ei",)), "ei ja kissa") == "ei kissa"


def test_jieba_must_be_installed() -> None:
    if "jieba" not in sys.modules and __import__("importlib.util").util.find_spec("jieba") is None:
        with pytest.raises(ValidationError, match="pip install jieba"):
            StopWords(segmenter="jieba")


@pytest.mark.parametrize(
    ("bounds", "text", "reason"),
    [
        ({"min_characters": 3}, "好的", "text has fewer than 3 characters"),
        ({"max_characters": 3}, "four", "text has more than 3 characters"),
        ({"min_words": 2}, "don't", "text has fewer than 2 words"),
        ({"max_words": 4}, "电影 is 好", ""),
        ({"max_words": 3}, "电影 is 好的", "text has more than 3 words"),
        ({"min_words": 1}, "...", "text has fewer than 1 words"),
        ({"min_characters": 0}, "", ""),
    ],
)
def test_length(bounds: dict[str, int], text: str, reason: str) -> None:
    row = {"text": text, "label": "A"}
    assert Length(**bounds).process(row) == (Drop(reason) if reason else row)


@pytest.mark.parametrize("bounds", [{}, {"min_words": 3, "max_words": 2}, {"min_characters": -1}, {"max_words": 0}])
def test_length_needs_sensible_bounds(bounds: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Length(**bounds)


def test_length_measures_the_roles_it_is_told() -> None:
    row = {"text": "a", "pair": "a b c"}
    assert Length(on=("pair",), max_words=2).process(row) == Drop("pair has more than 2 words")
    assert Length(on=("other",), max_words=2).process(row) is row


@pytest.mark.parametrize("cls", COMPONENTS)
def test_public_and_documented(cls: type[Any]) -> None:
    describe(cls)
    assert cls.name
    assert cls.__doc__
    assert [name for name, field in cls.model_fields.items() if not field.description] == []


def test_normalisation_is_right_even_where_the_cuts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sftcore.builtin.preprocessors.characters._begins", lambda letter, form: True)
    assert done(UnicodeNormalize(), "ab e\u0301\u0327 好") == "ab \u0229\u0301 好"
