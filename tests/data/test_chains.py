"""All built-in preprocessors, in random chains over nasty texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sftcore.builtin.augmenters import COMPONENTS as AUGMENTERS
from sftcore.builtin.preprocessors import (
    COMPONENTS,
    FixText,
    Length,
    Lowercase,
    Numbers,
    Punctuation,
    StopWords,
    StripHtml,
    UnicodeNormalize,
    Urls,
    Whitespace,
)
from sftcore.components import TextPreprocessor
from sftcore.data.randomness import generator
from sftcore.data.spans import PositionMap, apply, checked_edits

TEXT_COMPONENTS: list[TextPreprocessor] = [
    *(cls() for cls in COMPONENTS if issubclass(cls, TextPreprocessor)),
    Lowercase(casefold=True),
    *(UnicodeNormalize(form=form) for form in ("NFKC", "NFD", "NFKD")),
    FixText(uncurl_quotes=False, character_width=False, html_entities=False),
    Punctuation(replacement="", keep="!-]^\\", inside_words=True),
    Whitespace(keep_newlines=True),
    Whitespace(collapse=False, strip=False),
    StopWords(languages=("zh", "en", "de"), keep_negations=False, keep_opinions=False, words=("猫", "cat")),
    Urls(placeholder=""),
    Numbers(placeholder="0"),
    StripHtml(entities=False),
]
PIECES = st.sampled_from(
    [
        *"abAB12.,'’-–!?@#&;<>/ \t\n\r\u3000\u200b\ufeff\u0301\u0327\u200d\ufe0f好的不了中，。！「」３Ａ",
        *("the ", "don't ", "not ", "İ", "ΟΣ ", "ß", "ﬁ", "ｶﾞ", "각", "ㄱㅏ", "Å", "é", "e\u0301", "\ud83d"),
        *(
            "👩\u200d👩\u200d👧\u200d👦",
            "👍🏽",
            "🇩🇪",
            "Ã¶",
            "â€™",
            "Ã ",
            "Â\xa0",
            "&amp;",
            "&eacute;",
            "&#x41;",
            "&lt;b&gt;",
        ),
        *("<b>", "</p>", "<br/>", "<!-- x -->", "<script>x</script>", "<script", "<3", "<url>", '<a href="x>y">'),
        *("http://x.de/a(b).", "www.x.com", "bit.ly/x", "a.b@c.de", "@anna ", "＠小明 ", "-1,234.5", "2024-05-01"),
        *("这部电影", "目的", "我们", "因为", "没有", "x" * 70),
    ]
)
TEXTS = st.lists(PIECES, max_size=10).map("".join)


@settings(max_examples=2000, deadline=None)
@given(text=TEXTS, chain=st.lists(st.sampled_from(TEXT_COMPONENTS), min_size=1, max_size=5))
def test_chains_obey_the_contract_and_keep_spans_true(
    provenance: Any, text: str, chain: list[TextPreprocessor]
) -> None:
    oracle, positions, present = provenance(text), PositionMap(len(text)), text
    for component in chain:
        edits = checked_edits(present, component.edits(present), component.name)
        oracle.apply(edits)
        positions = positions.then(edits)
        present = apply(present, edits)
    assert present == oracle.text
    for start in range(0, len(text), 2):
        for end in (start + 1, start + 4, len(text)):
            if end <= len(text):
                span = positions.map_span(start, end)
                assert (span.start, span.end, span.status, span.growth) == oracle.map_span(start, end)


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=30) | TEXTS)
def test_what_libraries_say_is_what_the_edits_make(text: str) -> None:
    import unicodedata

    assert apply(text, Lowercase().edits(text)) == text.lower()
    assert apply(text, Lowercase(casefold=True).edits(text)) == text.casefold()
    for form in ("NFC", "NFKC", "NFD", "NFKD"):
        assert apply(text, UnicodeNormalize(form=form).edits(text)) == unicodedata.normalize(form, text)


@pytest.mark.parametrize(
    "letters", ["\u1100\u1161\u11a8", "\u0b47\u0b3e", "\uff76\uff9e", "\u1025\u102e", "\u3131\u314f"]
)
def test_letters_that_join_without_being_marks(letters: str) -> None:
    for form in ("NFC", "NFKC", "NFD", "NFKD"):
        text = f"a{letters}b"
        component = UnicodeNormalize(form=form)
        import unicodedata

        assert apply(text, component.edits(text)) == unicodedata.normalize(form, text)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, component=st.sampled_from([Lowercase(), Whitespace(), Whitespace(keep_newlines=True)]))
def test_doing_it_twice_changes_nothing(text: str, component: TextPreprocessor) -> None:
    once = apply(text, component.edits(text))
    if "\u0130" not in text:
        assert apply(once, component.edits(once)) is once


@settings(max_examples=1000, deadline=None)
@given(text=TEXTS, which=st.integers(0, len(AUGMENTERS) - 1), rate=st.sampled_from([0.1, 0.5, 0.99]), key=st.integers())
def test_augmenters_obey_the_contract_and_leave_something(text: str, which: int, rate: float, key: int) -> None:
    component = AUGMENTERS[which](rate=rate)
    new = apply(text, component.edits(text, generator(key)), component.name)
    assert new == apply(text, component.edits(text, generator(key)))
    assert bool(new.strip()) == bool(text.strip())


LONG = [
    "a",
    "A ",
    "好，的",
    "👩\u200d👧",
    "e\u0301\u0301",
    "<",
    "<a ",
    "<a '",
    "<!--",
    "<script>",
    "&",
    "&amp;",
    "a@",
    "a.",
    "1,",
]
LONG += ["http://(", ")", "Ã¶", "Ã ", " ", "\u200b ", "a'", "İ", "\r", "\ud800", "Ａ，", "www.", "the ", "@a@", "x@a."]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", LONG)
def test_long_texts_take_no_quadratic_time(piece: str) -> None:
    import time

    text = (piece * 40_000)[:40_000]
    for component in TEXT_COMPONENTS:
        began = time.process_time()
        apply(text, component.edits(text), component.name)
        assert time.process_time() - began < 3, component.name


@pytest.mark.parametrize("component", TEXT_COMPONENTS)
def test_nothing_comes_of_nothing(component: TextPreprocessor) -> None:
    assert apply("", component.edits("")) == ""


def test_a_component_travels_to_other_processes() -> None:
    import pickle

    for component in (*TEXT_COMPONENTS, Length(min_words=1)):
        if isinstance(component, TextPreprocessor):
            list(component.edits("the Ã¶ 的"))
        again = pickle.loads(pickle.dumps(component))  # own bytes
        assert again == component
