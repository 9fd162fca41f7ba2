"""Preprocessors that work on words: stop words, and rows that are too short or too long."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sftcore import Drop, Edit, Row, RowPreprocessor, TextPreprocessor, did_you_mean
from sftcore.builtin.preprocessors import word_lists

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_PART = rf"(?:[^\W{_CJK}]|[\u0300-\u036f])"
# A word of an alphabet with the spaces after it; the name of a user and a hashtag are none.
_WORD = re.compile(
    rf"(?<![^\W{_CJK}])(?<![@#＠＃'’\u0300-\u036f])([^\W\d_{_CJK}]{_PART}*+(?:['’‐\-]{_PART}++)*+)[ \t]*+"
)


class StopWords(TextPreprocessor, name="stop-words"):
    """Remove frequent words that say little (the, of, 的), by the lists of stopwords-iso for 56 languages.

    Words that turn or make a judgement stay unless told otherwise: negations (not, kein, 不), and praise and
    blame (good, well, 好), which those lists contain. Case does not count.

    Chinese has no spaces between words. With `longest-match` the longest listed word at each place is removed;
    of single characters only particles (的 了 吗 呢 吧 …) that stand in no compound known here (目的, 了解), so that
    words are not torn. With `jieba` (its package must be installed) the text is cut into words first, and every
    listed one goes. The lists are in simplified characters.
    """

    languages: tuple[str, ...] = Field(default=("en",), min_length=1)
    """Language codes of the lists: "en", "de", "fr", "es", "zh", …"""
    words: tuple[str, ...] = ()
    """More words to remove; they win over `keep` and over what stays otherwise."""
    keep: tuple[str, ...] = ()
    """Words that stay."""
    keep_negations: bool = True
    """Keep words that negate. There are lists for de, en, es, fr, it, nl, pt and zh."""
    keep_opinions: bool = True
    """Keep words of praise and blame, degree and wish (good, very, want). There are lists for de, en, es, fr and zh."""
    segmenter: Literal["longest-match", "jieba"] = "longest-match"
    """How Chinese words are found."""

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        import stopwordsiso

        known = set(stopwordsiso.langs()) - word_lists.WITHOUT_SPACES
        for language in languages:
            if language in word_lists.WITHOUT_SPACES:
                raise ValueError(f"{language} is written without spaces; of such languages only zh is supported")
            if language not in known:
                raise ValueError(f"there is no list of stop words for {language!r}{did_you_mean(language, known)}")
        return languages

    @field_validator("segmenter")
    @classmethod
    def _installed(cls, segmenter: str) -> str:
        if segmenter == "jieba" and find_spec("jieba") is None:
            raise ValueError("the segmenter jieba needs its package: pip install jieba")
        return segmenter

    @model_validator(mode="after")
    def _negations(self) -> Self:
        missing = [language for language in self.languages if language not in word_lists.NEGATIONS]
        if missing and self.keep_negations and not self.keep:
            names = ", ".join(missing)
            raise ValueError(
                f"there is no list of negations for {names}: name them in keep, or set keep_negations = false"
            )
        return self

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit a word; in scripts with spaces the spaces after it go too."""
        spaced = [
            (found.start(), found.end(), "") for found in _WORD.finditer(text) if _key(found.group(1)) in self._stop
        ]
        chinese = [edit for run in _HAN.finditer(text) for edit in self._chinese(run)] if self._has_chinese else []
        return sorted([*spaced, *chinese]) if chinese else spaced

    def _chinese(self, run: re.Match[str]) -> Iterator[tuple[int, int, str]]:
        if self.segmenter == "jieba":
            words = [(word, start, end) for word, start, end in _jieba().tokenize(run.group())]
        else:
            words = [(found.group(), *found.span()) for found in self._longest.finditer(run.group())]
        offset = run.start()
        return ((offset + start, offset + end, "") for word, start, end in words if word in self._stop)

    @cached_property
    def _has_chinese(self) -> bool:
        return any(_HAN.search(word) for word in self._stop)

    @cached_property
    def _stop(self) -> frozenset[str]:
        import stopwordsiso

        stop: set[str] = set()
        for language in self.languages:
            listed = {_key(word) for word in stopwordsiso.stopwords(language)}
            stop |= {word for word in listed if not self._stays(word, language)}
        return frozenset((stop - {_key(word) for word in self.keep}) | {_key(word) for word in self.words})

    def _stays(self, word: str, language: str) -> bool:
        if self.keep_negations and word_lists.negates(word, language):
            return True
        return self.keep_opinions and word in word_lists.OPINIONS.get(language, frozenset())

    @cached_property
    def _longest(self) -> re.Pattern[str]:
        """Listed words, and words that only protect the characters in them, the longest first."""
        import stopwordsiso

        chosen = {_key(word) for word in self.words}
        listed = {word for word in stopwordsiso.stopwords("zh") if _HAN.fullmatch(word)} | chosen | set(self.keep)
        single = word_lists.PARTICLES | chosen
        words = {word for word in listed if len(word) > 1 or word in single} | word_lists.COMPOUNDS
        return re.compile("|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))))


def _jieba() -> Any:
    module = import_module("jieba")
    logging.getLogger("jieba").setLevel(logging.WARNING)  # it would tell that it loads its dictionary
    return module


def _key(word: str) -> str:
    return unicodedata.normalize("NFC", word).lower().replace("’", "'").replace("‐", "-")


_COUNTED = re.compile(rf"[{_CJK}]|[^\W{_CJK}](?:[^\W{_CJK}]|['’\-\u0300-\u036f])*+")


class Length(RowPreprocessor, name="length"):
    """Drop rows whose text is too short or too long, in characters or in words.

    A word is a run of letters and digits; each Chinese or Japanese character counts as one.
    """

    on: tuple[str, ...] = ("text",)
    """Roles whose texts are measured; a row goes when one of them is out of bounds."""
    min_characters: int | None = Field(default=None, ge=0)
    """Fewest characters, or no bound."""
    max_characters: int | None = Field(default=None, ge=1)
    """Most characters, or no bound."""
    min_words: int | None = Field(default=None, ge=0)
    """Fewest words, or no bound."""
    max_words: int | None = Field(default=None, ge=1)
    """Most words, or no bound."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        bounds = (self.min_characters, self.max_characters, self.min_words, self.max_words)
        if all(bound is None for bound in bounds):
            raise ValueError("needs min_characters, max_characters, min_words or max_words")
        for unit, least, most in (("characters", *bounds[:2]), ("words", *bounds[2:])):
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{unit} = {least} is above max_{unit} = {most}: no row fits")
        return self

    def process(self, row: Row) -> Row | Drop:
        """The row, or the bound that it breaks."""
        for role in self.on:
            text = row.get(role)
            reason = self._reason(text) if isinstance(text, str) else ""
            if reason:
                return Drop(f"{role} has {reason}")
        return row

    def _reason(self, text: str) -> str:
        reason = _out_of_bounds(len(text), self.min_characters, self.max_characters, "characters")
        if reason or (self.min_words is None and self.max_words is None):
            return reason
        return _out_of_bounds(len(_COUNTED.findall(text)), self.min_words, self.max_words, "words")


def _out_of_bounds(number: int, least: int | None, most: int | None, unit: str) -> str:
    if least is not None and number < least:
        return f"fewer than {least} {unit}"
    return f"more than {most} {unit}" if most is not None and number > most else ""
