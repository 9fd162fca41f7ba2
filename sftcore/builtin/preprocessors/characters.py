"""Preprocessors that work on characters: case, Unicode forms, mojibake, punctuation, white space."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from sftcore import Edit, TextPreprocessor

if TYPE_CHECKING:
    from ftfy import TextFixerConfig


class Lowercase(TextPreprocessor, name="lowercase"):
    """Write every letter small, as `str.lower` does: a final Σ becomes ς, İ becomes i with a dot above.

    Scripts without case, Chinese among them, stay as they are.
    """

    casefold: bool = False
    """Fold case for comparison instead (`str.casefold`): ß becomes ss, ς becomes σ."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit a letter, so that a span within a word stays true."""
        small = text.casefold() if self.casefold else text.lower()
        if small == text:
            return []
        if len(small) == len(text):
            return [(at, at + 1, new) for at, (old, new) in enumerate(zip(text, small, strict=True)) if old != new]
        return self._uneven(text, small)

    def _uneven(self, text: str, small: str) -> Iterator[tuple[int, int, str]]:
        """Where a letter becomes several: each takes as many of `small` as it becomes on its own."""
        taken = 0
        for at, old in enumerate(text):
            width = len(old.casefold() if self.casefold else old.lower())
            new = small[taken : taken + width]
            taken += width
            if new != old:
                yield at, at + 1, new


_NOT_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


class UnicodeNormalize(TextPreprocessor, name="unicode-normalize"):
    """Bring the text into a Unicode normal form; the result is that of `unicodedata.normalize`.

    NFC and NFD change how accents are stored; NFKC and NFKD also replace look-alikes: full-width letters and
    digits, ligatures, circled numbers, half-width katakana.
    """

    form: Literal["NFC", "NFKC", "NFD", "NFKD"] = "NFC"
    """The normal form. NFKC also turns full-width punctuation (，) into ASCII (,)."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each letter with its accents that changes."""
        if unicodedata.is_normalized(self.form, text):
            return []
        return [edit for run in _NOT_ASCII.finditer(text) for edit in self._in_run(run.group(), run.start())]

    def _in_run(self, run: str, offset: int) -> list[tuple[int, int, str]]:
        starts = [at for at, letter in enumerate(run) if not at or _begins(letter, self.form)]
        bounds = list(zip(starts, [*starts[1:], len(run)], strict=True))
        parts = [unicodedata.normalize(self.form, run[start:end]) for start, end in bounds]
        whole = unicodedata.normalize(self.form, run)
        if "".join(parts) != whole:  # a newer Unicode composes what `_begins` holds apart
            bounds, parts = [(0, len(run))], [whole]
        return [
            (offset + start, offset + end, part)
            for (start, end), part in zip(bounds, parts, strict=True)
            if run[start:end] != part
        ]


@lru_cache(maxsize=65_536)
def _begins(letter: str, form: str) -> bool:
    """Whether nothing of this character joins with what stands before it: no mark, no vowel or end of a syllable."""
    first = unicodedata.normalize("NFKD" if "K" in form else "NFD", letter)[0]
    joins = unicodedata.combining(first) or unicodedata.category(first).startswith("M")
    return not (joins or "\u1160" <= first <= "\u11ff" or "\ud7b0" <= first <= "\ud7fb")


# A stretch without plain spaces and Chinese characters, which are never part of mojibake. A byte A0 that became
# a space (à was read as "Ã ") stays in it.
_STRETCH = re.compile(r"\r\n?|(?:[^ \t\n\r\v\f\u3400-\u4dbf\u4e00-\u9fff]|(?<=[ÂÃâã]) )+")
_SUSPECT_ASCII = re.compile(r"&#?\w{1,31};|[\x00-\x08\x0e-\x1f\x7f\r]")


class FixText(TextPreprocessor, name="fix-text"):
    """Mend wrongly decoded text (schÃ¶n becomes schön) and characters that look alike, with ftfy.

    Each stretch without spaces is mended on its own, so broken and whole parts of a text do not get into each
    other's way. Besides: curly quotes made straight, full-width letters made ASCII, ligatures resolved, line
    ends made equal, control characters and lone surrogates removed or replaced, NFC.
    """

    uncurl_quotes: bool = True
    """Make ’ “ ” the straight ' and "."""
    character_width: bool = True
    """Make full-width letters, digits and punctuation (Ａ，) ASCII, and half-width katakana full."""
    html_entities: bool = True
    """Resolve HTML entities (&eacute;)."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """The differences that ftfy makes in each stretch; touching ones as one edit."""
        if text.isascii() and not _SUSPECT_ASCII.search(text):
            return
        for stretch in _STRETCH.finditer(text):
            old = stretch.group()
            if old.isascii() and not _SUSPECT_ASCII.search(old):
                continue
            new = _fixed(old, self._config) if len(old) <= 64 else _fixed.__wrapped__(old, self._config)
            if new != old:
                yield from _differences(old, new, stretch.start())

    @cached_property
    def _config(self) -> TextFixerConfig:
        from ftfy import TextFixerConfig

        return TextFixerConfig(
            unescape_html=self.html_entities,
            uncurl_quotes=self.uncurl_quotes,
            fix_character_width=self.character_width,
            explain=False,
        )


@lru_cache(maxsize=16_384)
def _fixed(text: str, config: TextFixerConfig) -> str:
    from ftfy import fix_text

    return fix_text(text, config)


def _differences(old: str, new: str, offset: int) -> list[tuple[int, int, str]]:
    """Edits from old to new by Levenshtein's alignment, touching ones joined."""
    from rapidfuzz.distance import Levenshtein

    joined: list[list[Any]] = []
    for op in Levenshtein.opcodes(old, new):
        if op.tag == "equal":
            continue
        if joined and joined[-1][1] == op.src_start:
            joined[-1][1:] = [op.src_end, joined[-1][2] + new[op.dest_start : op.dest_end]]
        else:
            joined.append([op.src_start, op.src_end, new[op.dest_start : op.dest_end]])
    return [(offset + start, offset + end, replacement) for start, end, replacement in joined]


_NO_WORD = re.compile(r"(?:[^\w\s]|_)+")
_SYMBOLS = frozenset("$+<=>^`|~＄＋＜＝＞＾｀｜～")


class Punctuation(TextPreprocessor, name="punctuation"):
    """Replace punctuation by a space, or remove it: Unicode's punctuation, full-width (，。！「」) included, and
    the ASCII symbols $ + < = > ^ ` | ~ with their full-width forms. Emoji and other symbols stay.

    Unless told otherwise apostrophes and hyphens between letters (don't, well-known) and points, commas and
    colons between digits (3.14, 12:30) stay too.
    """

    replacement: Literal[" ", ""] = " "
    """What a run of punctuation becomes: a space, or nothing."""
    keep: str = ""
    """Characters that stay, written one after the other: `"!?"`."""
    inside_words: bool = False
    """Replace it inside words and numbers too."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit a run of punctuation."""
        for run in _NO_WORD.finditer(text):
            for start, end in self._goes(run.group(), run.start()):
                if end - start > 1 or self.inside_words or not _inside_word(text, start):
                    yield start, end, self.replacement

    def _goes(self, run: str, offset: int) -> Iterator[tuple[int, int]]:
        """The stretches of the run that are punctuation and not to be kept."""
        at = offset
        for goes, letters in groupby(run, lambda letter: _is_punctuation(letter) and letter not in self.keep):
            start, at = at, at + len(list(letters))
            if goes:
                yield start, at


@lru_cache(maxsize=65_536)
def _is_punctuation(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P") or letter in _SYMBOLS


def _inside_word(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] in "'’-‐":
        return before.isalnum() and after.isalnum()
    return text[at] in ".,:" and before.isdecimal() and after.isdecimal()


_ZERO_WIDTH = "\u200b\u2060\ufeff"
_SPACES = re.compile(rf"[\s{_ZERO_WIDTH}]{{2,}}|[^\S ]|[{_ZERO_WIDTH}]|\A | \Z")


class Whitespace(TextPreprocessor, name="whitespace"):
    """Make every run of white space one space and take it away at both ends of the text.

    White space is what Unicode calls so, the ideographic and the no-break space included. Characters of no
    width (U+200B, U+2060, U+FEFF) vanish; the joiners that emoji and some scripts need stay.
    """

    collapse: bool = True
    """Make a run one space."""
    strip: bool = True
    """Take it away at both ends."""
    keep_newlines: bool = False
    """Make a run with a line break one line break instead of a space."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit a run that changes."""
        for run in _SPACES.finditer(text):
            start, end = run.span()
            if start == 0 or end == len(text):
                new = "" if self.strip else self._short(run.group())
            else:
                new = self._short(run.group())
            if new != run.group():
                yield start, end, new

    def _short(self, run: str) -> str:
        spaces = run.translate(_NO_ZERO_WIDTH)
        if not self.collapse or not spaces:
            return spaces
        return "\n" if self.keep_newlines and ("\n" in spaces or "\r" in spaces) else " "


_NO_ZERO_WIDTH = {ord(letter): None for letter in _ZERO_WIDTH}
