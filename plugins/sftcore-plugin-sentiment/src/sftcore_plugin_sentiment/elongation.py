"""Letters, syllables and marks that are repeated for emphasis, shortened: "soooo goood!!!" → "soo good!"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pydantic import Field

from sftcore import Edit, TextPreprocessor

_ADDRESS = (
    r"(?:https?://|www\.)[^\s\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]+"
    r"|(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+"
    r"|#[^\s#，。！？]{1,50}#|(?<![\w#])[@#]\w+"
)
"""Links, e-mail addresses, hashtags (#西湖# as well) and mentions: names, whose letters are not for emphasis."""
_CODE = r"(?<![A-Za-z0-9_])(?=[0-9_-]*[A-Za-z])(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]+"
"""Words that mix letters and digits ("B777a", "eee1000"): model numbers and names."""
_ROMAN = r"(?<![A-Za-z])(?=[MDCLXVI])M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})(?![A-Za-z])"
_SINGLE = r"(?<![A-Za-z])(?P<single>[A-Za-z])(?P=single){1,2}(?![A-Za-z])"
"""Words of one letter written two or three times ("www", "AAA", "xxx"): most are abbreviations."""
_LETTER = r"[^\W\d_〇零一二三四五六七八九]"
_FLAG = r"[\U0001f1e6-\U0001f1ff]{2}"
_PICTURE = (
    r"[\u2600-\u2604\u2607-\u27bf\U0001f000-\U0001f1e5\U0001f200-\U0001f31e\U0001f320-\U0001faff]"
    r"[\ufe0f\U0001f3fb-\U0001f3ff]*"
)
# stars (★ ☆ 🌟) are not among the pictures: a row of them may be a rating
_EMOJI = rf"(?:{_FLAG}|{_PICTURE}(?:\u200d{_PICTURE})*)"
_ELLIPSIS = {".": 3, "。": 3, "．": 3, "…": 2}
"""Marks that stand repeated in ordinary writing, and how often."""


class Elongation(TextPreprocessor, name="elongation"):
    """Shorten what is repeated for emphasis: letters, Chinese characters, syllables, emoji and punctuation marks.

    "soooo goood!!!" becomes "soo good!", "hahahaha" "haha", "好好好好吃！！！" "好好吃！". A run is shortened only
    where it is longer than `keep` (for marks: `keep_punctuation`), so ordinary doubles ("good", "谢谢") stay. An
    ellipsis keeps its dots ("......" → "..."). Untouched: digits and Chinese numerals (1000, 二〇〇〇), words with
    digits in them, Roman numerals, one-letter abbreviations ("www", "AAA"), links, e-mail addresses, mentions,
    hashtags, stars (they may be a rating) and the words in `except_words`. Made for English and Chinese: German
    compounds such as "Schifffahrt" would lose a letter.
    """

    keep: int = Field(default=2, ge=1, le=10)
    """How many of the same letters, syllables or emoji in a row are left. 1 also shortens ordinary doubles ("good")."""
    keep_punctuation: int = Field(default=1, ge=1, le=10)
    """How many of the same exclamation marks, question marks, commas or tildes in a row are left."""
    except_words: tuple[str, ...] = ()
    """Words to leave as they are, in any case: `["AAAI", "IEEE"]`."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the deletion of everything beyond what is kept of each run."""
        if not _runs(self.keep, self.keep_punctuation).search(text):
            return
        for match in _pattern(self.keep, self.keep_punctuation, self.except_words).finditer(text):
            kept = self._kept(match)
            if kept and match.start() + kept < match.end():
                yield Edit(match.start() + kept, match.end(), "")

    def _kept(self, match: re.Match[str]) -> int:
        """Characters of the run that stay; 0: not a run."""
        if match.lastgroup == "ellipsis":
            return _ELLIPSIS[match["ellipsis"][0]]
        if match.lastgroup == "mark":
            return self.keep_punctuation
        unit = match["letter"] or match["syllable"] or match["emoji"] or ""
        return len(unit) * self.keep


@cache
def _runs(keep: int, keep_punctuation: int) -> re.Pattern[str]:
    # the lengths that ellipses keep are the thresholds at which they count as runs
    dots = [rf"{re.escape(dot)}{{{count + 1},}}" for dot, count in _ELLIPSIS.items()]
    runs = [
        rf"(?P<ellipsis>{'|'.join(dots)})",
        rf"(?P<mark>(?P<one>[!?！？¡¿,，、;；~～])(?P=one){{{keep_punctuation},}})",
        rf"(?P<letter>{_LETTER})(?P=letter){{{keep},}}",
        rf"(?P<syllable>{_LETTER}{{2,4}}?)(?P=syllable){{{max(2, keep)},}}",
        rf"(?P<emoji>{_EMOJI})(?P=emoji){{{keep},}}",
    ]
    return re.compile("|".join(runs), re.IGNORECASE)


@cache
def _pattern(keep: int, keep_punctuation: int, except_words: tuple[str, ...]) -> re.Pattern[str]:
    words = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in except_words]
    untouched = [_ADDRESS, *words, _CODE, rf"(?-i:{_ROMAN})", _SINGLE]
    return re.compile("|".join([*untouched, _runs(keep, keep_punctuation).pattern]), re.IGNORECASE)
