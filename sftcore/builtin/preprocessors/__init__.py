"""Preprocessors of the core, for `[[preprocess]] use`."""

from __future__ import annotations

from sftcore.builtin.preprocessors.characters import FixText, Lowercase, Punctuation, UnicodeNormalize, Whitespace
from sftcore.builtin.preprocessors.markup import StripHtml
from sftcore.builtin.preprocessors.masks import Emails, Mentions, Numbers, Urls
from sftcore.builtin.preprocessors.words import Length, StopWords

COMPONENTS = (
    Lowercase,
    UnicodeNormalize,
    FixText,
    Punctuation,
    Whitespace,
    StopWords,
    Urls,
    Emails,
    Mentions,
    Numbers,
    StripHtml,
    Length,
)
