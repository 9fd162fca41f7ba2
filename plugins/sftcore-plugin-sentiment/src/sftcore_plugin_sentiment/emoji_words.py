"""Emoji and emoticons, replaced by the words of their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_sentiment.emoticons import emoticons_in

if TYPE_CHECKING:
    from emoji.tokenizer import EmojiMatch

Language = Literal["en", "zh"]

_TYPOGRAPHY = frozenset("©®™‼⁉ℹ↔↕↖↗↘↙↩↪▪▫◻◼")
"""Signs of ordinary text that Unicode also lists as emoji: they stay, unless an emoji selector follows."""
_MAYBE = re.compile("[\u20e3\u2300-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff]")
"""Some character of every emoji that is replaced: a quick look that spares most texts the search."""
_SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
_TEXT_SELECTOR = "\ufe0e"


class Emoji(TextPreprocessor, name="emoji"):
    """Replace emoji and emoticons by the words of their names, so that any tokenizer can read them.

    "great 👍🏽:)" becomes "great thumbs up slightly smiling face", with `language = "zh"` "great 拇指向上 呵呵". A
    sequence that is drawn as one picture (a family, a flag, a keycap, a skin tone) is one name. An emoticon takes the
    name of the emoji that it stands for. The names come from the library `emoji` (Unicode CLDR): they say what is
    seen, not whether it is good or bad.
    """

    language: Language = "en"
    """The language of the names: `"en"` or `"zh"`."""
    emoticons: bool = True
    """Also replace faces made of punctuation: `:-)`, `<3`, `^_^`, `T_T`, `orz`, `¯\\_(ツ)_/¯`."""
    skin_tones: bool = False
    """Say the skin tone: "thumbs up medium skin tone" rather than "thumbs up"."""
    template: str = " {name} "
    """What is written for one emoji; a blank at either end is left out where the text has one, or ends."""

    @field_validator("template")
    @classmethod
    def _names(cls, template: str) -> str:
        if template.count("{name}") != 1:
            raise ValueError('expected a text with {name} in it once, such as " {name} " or "[{name}]"')
        return template

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield one edit an emoji or emoticon."""
        last, spaced = 0, True
        for start, end, sign in self._signs(text):
            spaced = (spaced if start == last else False) or start == 0 or text[start - 1].isspace()
            written = self.template.replace("{name}", self._name(sign))
            written = written.lstrip() if spaced else written
            written = written.rstrip() if end == len(text) or text[end].isspace() else written
            yield Edit(start, end, written)
            last, spaced = end, written[-1:].isspace()

    def _signs(self, text: str) -> list[tuple[int, int, str]]:
        """Start, end and emoji of everything to be replaced, ascending and disjoint."""
        found = list(_emoji_in(text))
        if self.emoticons:
            taken = {position for start, end, _ in found for position in range(start, end)}
            found += [sign for sign in emoticons_in(text) if taken.isdisjoint(range(sign[0], sign[1]))]
        return sorted(found)

    def _name(self, sign: str) -> str:
        return _name(sign if self.skin_tones else _SKIN_TONES.sub("", sign) or sign, self.language)


def _emoji_in(text: str) -> Iterator[tuple[int, int, str]]:
    if not _MAYBE.search(text):
        return
    import emoji

    for token in emoji.analyze(text, join_emoji=True):
        match: EmojiMatch = token.value  # type: ignore[assignment]  # a text only where non-emoji are asked for
        end = match.end + text.startswith(_TEXT_SELECTOR, match.end)
        if token.chars not in _TYPOGRAPHY:
            yield match.start, end, token.chars


@cache
def _name(sign: str, language: Language) -> str:
    import emoji

    name = emoji.demojize(sign, delimiters=("\x00", "\x00"), language=language)
    return " ".join(name.replace("\x00", " ").replace("\u200d", " ").replace("_", " ").split())
