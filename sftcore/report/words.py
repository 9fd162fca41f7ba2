"""The words of a page in its language: words/en.toml and words/zh.toml, by dotted keys."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sftcore import figures

if TYPE_CHECKING:
    from markupsafe import Markup

    from sftcore.report.evidence import Language

DASH = "–"
"""Stands for a number that has no value."""
TAGS = {"en": "en", "zh": "zh-Hans"}
"""The page's `lang`."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Words:
    """The sentences of one language, and figures as they are written in it.

    `words("first.rows", rows="1,699")` is the sentence under `rows` in the table `[first]`, its placeholders filled.
    An unknown key, or a placeholder that is not given, raises `KeyError`.
    """

    def __init__(self, language: Language = "en") -> None:
        self.language = language
        self.tag = TAGS[language]
        self._sentences = sentences(language)

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence as text: a template escapes it."""
        return self._sentences[key].format_map(values)

    def __contains__(self, key: str) -> bool:
        return key in self._sentences

    def markup(self, key: str, **values: Any) -> Markup:
        """The sentence as HTML; values that are `Markup` stay as they are, all others are escaped."""
        from markupsafe import escape

        return escape(self._sentences[key]).format_map(values)

    def several(self, key: str, number: int, **values: Any) -> str:
        """The sentence under `key.one` or `key.many`, with `{n}` the number: `1 row`, `2 rows`; `2 行`."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", n=figures.count(number), **values)

    def told(self, text: str) -> str:
        """A sentence of metrics.json or ledger.json, which are in English, in the page's language.

        Known are the sentences under `[told]`; any other (a plugin's, say) is given back as it is.
        """
        if self.language == "en":
            return text
        for key, pattern in _known():
            if found := pattern.fullmatch(text):
                return self(key, **{name: self.told(value) for name, value in found.groupdict().items()})
        return text

    def number(self, value: Any, digits: int = 3) -> str:
        """With three decimals, as on the terminal; whole numbers whole, a dash for none."""
        missing = value is None or (isinstance(value, float) and not math.isfinite(value))
        return DASH if missing else figures.figure(value, digits)

    def signed(self, value: float | None) -> str:
        """With its sign: `+0.034`; a real minus sign."""
        return DASH if value is None else figures.signed(value).replace("-", "−")

    def count(self, number: float) -> str:
        """`38,158`."""
        return figures.count(number)

    def percent(self, share: float | None) -> str:
        """A share as `12 %`, in Chinese as `12%`; small ones never look like none."""
        if share is None or not math.isfinite(share):
            return DASH
        text = figures.share(share, 1)
        return text if self.language == "en" else text.replace(" %", "%")

    def interval(self, low: float | None, high: float | None, *, signed: bool = False) -> str:
        """`0.845 to 0.919`; with `signed` `+0.012 to +0.056`; a dash where a bound has no value."""
        if low is None or high is None:
            return DASH
        form = self.signed if signed else self.number
        return self("figures.interval", low=form(low), high=form(high))

    def duration(self, seconds: float) -> str:
        """`12 s`, `3 min 05 s`, `2 h 14 min`."""
        text = figures.duration(seconds)
        for unit in ("min", "h", "s") if self.language != "en" else ():
            text = re.sub(rf"\b{unit}\b", self(f"figures.{unit}"), text)
        return text


@cache
def sentences(language: str) -> Mapping[str, str]:
    """All sentences of a language by dotted key."""
    text = files(__package__).joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text)))


def placeholders(sentence: str) -> set[str]:
    """The names in braces."""
    return set(_PLACEHOLDER.findall(sentence))


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", str(value)


@cache
def _known() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English sentences under `[told]` as patterns, those with the most letters of their own first."""
    told = [(key, sentence) for key, sentence in sentences("en").items() if key.startswith("told.")]
    told.sort(key=lambda pair: -len(_PLACEHOLDER.sub("", pair[1])))
    return tuple((key, re.compile(_pattern(sentence), re.DOTALL)) for key, sentence in told)


def _pattern(sentence: str) -> str:
    parts = _PLACEHOLDER.split(sentence)
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
