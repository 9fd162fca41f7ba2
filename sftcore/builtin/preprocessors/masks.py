"""Preprocessors that put a placeholder for addresses, names of users and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from sftcore import Edit, TextPreprocessor

# Letters of alphabets (Latin to Armenian); Chinese, Japanese and Korean text is written without spaces, so an
# address or a number may touch it.
_LETTER = "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u058f"


class _Mask(TextPreprocessor):
    """Replaces what a pattern finds by a placeholder."""

    placeholder: str
    """What stands for it."""

    pattern: ClassVar[re.Pattern[str]]

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each thing found."""
        return [(*self.span(text, found), self.placeholder) for found in self.pattern.finditer(text)]

    def span(self, text: str, found: re.Match[str]) -> tuple[int, int]:
        """The part of a match that is meant."""
        return found.span()


_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|info|biz|app|dev|io|ai|co|ly|me|tv|fm|gl|be|to|it|uk|de|fr|es|nl|ch|at|eu|us|ca|au|"
    "nz|in|jp|cn|hk|tw|kr|ru|pl|se|no|dk|fi|br|mx|cc|xyz|ms|gd|la|im|sh|is|page|site|online"
)
# What an address may hold: ASCII as in RFC 3986, and letters of alphabets, as browsers show them.
_URL_PART = rf"[0-9_.~:/?#\[\]@!$&'()*+,;=%\-{_LETTER}]"
_URL = (
    rf"(?:(?<![A-Za-z0-9])(?:https?|ftp)://|(?<![A-Za-z0-9@.])www\d?\.(?=[A-Za-z0-9])){_URL_PART}+"
    rf"|(?<![A-Za-z0-9@.\-/_])(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,8}}(?:{_TOP_LEVEL})/{_URL_PART}*"
)


class Urls(_Mask, name="urls"):
    """Replace web addresses by a placeholder: with http, https or ftp, from www., and from a domain with a
    known ending and a path (bit.ly/x). A point, comma or bracket that ends the sentence stays, and an address
    ends where Chinese text goes on.
    """

    placeholder: str = "<url>"
    """What stands for the address; "" removes it."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(_URL, re.IGNORECASE)

    def span(self, text: str, found: re.Match[str]) -> tuple[int, int]:
        """The match without punctuation at its end; a bracket that was opened within the address belongs to it."""
        start, end = found.span()
        opened = {closing: text.count(opening, start, end) for closing, opening in (")(", "][")}
        closed = {closing: text.count(closing, start, end) for closing in opened}
        while end > start and (last := text[end - 1]) in ".,:;!?'\"*)]~":
            if last in opened:
                if opened[last] >= closed[last]:
                    break
                closed[last] -= 1
            end -= 1
        return start, end


class Emails(_Mask, name="emails"):
    """Replace e-mail addresses by a placeholder."""

    redacts: ClassVar[bool] = True
    placeholder: str = "<email>"
    """What stands for the address; "" removes it."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_%+](?:[A-Za-z0-9._%+\-]{{0,62}}[A-Za-z0-9_%+\-])?"
        rf"@[A-Za-z0-9](?:[A-Za-z0-9\-]{{0,62}})(?:\.[A-Za-z0-9](?:[A-Za-z0-9\-]{{0,62}}))*"
        rf"\.[A-Za-z]{{2,24}}(?![A-Za-z0-9\-{_LETTER}])"
    )


class Mentions(_Mask, name="mentions"):
    """Replace mentions of users (@anna, @用户, @anna@example.social) by a placeholder.

    A name is what follows @ without a space, of letters, digits, _ and -, up to 30 characters: where Chinese
    text follows a name without a space it is taken for part of the name. E-mail addresses stay.
    """

    redacts: ClassVar[bool] = True
    placeholder: str = "<user>"
    """What stands for the name; "" removes it."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?<![A-Za-z0-9._%+\-@＠{_LETTER}])[@＠]\w(?:[\w\-]{{0,28}}\w)?(?:@[A-Za-z0-9\-]{{1,63}}(?:\.[A-Za-z0-9\-]{{1,63}}){{1,8}})?"
    )


class Numbers(_Mask, name="numbers"):
    """Replace numbers in digits (7, 1,234.5, 12:30, 2024-05-01, ３) by a placeholder.

    Digits of any script count, full-width ones included; numerals in words (seven, 三) stay, and so do digits
    that touch a letter of an alphabet (mp3, 3rd, B2B) or an underscore. Next to Chinese characters they are
    replaced. A sign directly before a number goes with it, unless a letter or digit stands before the sign.
    """

    placeholder: str = "<number>"
    """What stands for the number; "" removes it."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?:(?<!\w)[+\-−])?(?<![\d_{_LETTER}])(?<![\d_{_LETTER}][.,])\d++(?:[.,:/'’\-．，：]\d++)*+(?![\d_{_LETTER}])"
    )
