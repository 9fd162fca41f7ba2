"""A preprocessor that takes HTML away."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sftcore import Edit, TextPreprocessor


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Elements that end a word or a line when they are taken away.
_BLOCKS = _names(
    "address article aside blockquote body br button canvas caption center col colgroup dd details dialog dir div dl "
    "dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img "
    "input legend li link main map menu meta nav noframes noscript object ol optgroup option p param picture pre "
    "progress script search section select source style summary table tbody td template textarea tfoot th thead "
    "title tr track ul video audio"
)
_INLINE = _names(
    "a abbr acronym applet area b base basefont bdi bdo big cite code data datalist del dfn em embed font i ins kbd "
    "label mark marquee meter nobr output path q rb rp rt rtc ruby s samp slot small span strike strong sub sup svg "
    "time tt u var wbr"
)
_TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9]*+(?::[A-Za-z][A-Za-z0-9]*+)?)(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*+>""")
_MARKUP = re.compile(r"<(?:!--|[!?/A-Za-z])|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CLOSING = re.compile(r"</(script|style)\b[^<>]*>?", re.IGNORECASE)
_DECLARATION = re.compile(r"<!DOCTYPE[^<>]*>|<!\[CDATA\[|<\?xml[^<>]*>", re.IGNORECASE)


class StripHtml(TextPreprocessor, name="strip-html"):
    """Take HTML tags and comments away, scripts and styles with what is in them, and resolve entities (&amp;).

    Only elements that HTML knows are tags (and names with a colon, as Word writes them): `a < b`, `<3` and
    placeholders such as `<url>` stay. Entities need their semicolon. Where a paragraph, cell or line break
    goes, a space keeps the words apart.
    """

    entities: bool = True
    """Resolve entities: &lt; becomes <."""

    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """One edit for each run of tags and comments, and for each entity."""
        if "<" not in text and "&" not in text:
            return
        run = _Run(text)
        for start, end, kind in _parts(text):
            if kind != "entity" and start == run.end and run.start < run.end:
                run.end, run.apart = end, run.apart or kind == "block"
                continue
            yield from run.edit()
            run = _Run(text, start, end, kind == "block") if kind != "entity" else _Run(text)
            if kind == "entity" and self.entities:
                yield start, end, html.unescape(text[start:end])
        yield from run.edit()


@dataclass(slots=True)
class _Run:
    """Tags and comments that follow each other, and whether they keep words apart."""

    text: str
    start: int = 0
    end: int = 0
    apart: bool = False

    def edit(self) -> Iterator[tuple[int, int, str]]:
        """Take them away; a space stays where words would run together."""
        if self.start < self.end:
            before, after = self.text[self.start - 1 : self.start], self.text[self.end : self.end + 1]
            needed = self.apart and before and after and not before.isspace() and not after.isspace()
            yield self.start, self.end, " " if needed else ""


def _parts(text: str) -> Iterator[tuple[int, int, Literal["entity", "block", "inline"]]]:
    """What is markup, in order."""
    at, closing = 0, _last_closings(text)
    while found := _MARKUP.search(text, at):
        start, at = found.span()
        if text[start] == "&":
            yield start, at, "entity"
            continue
        end, apart = _element(text, start, closing)
        if end > start:
            yield start, end, "block" if apart else "inline"
            at = end


def _last_closings(text: str) -> dict[str, int]:
    """Where the last end of a comment, a script and a style stands, so that nobody looks for one in vain."""
    last = {"-->": text.rfind("-->"), "script": -1, "style": -1}
    for found in _CLOSING.finditer(text):
        last[found.group(1).lower()] = found.start()
    return last


def _element(text: str, start: int, closing: dict[str, int]) -> tuple[int, bool]:
    """The end of the markup that begins here (`start`: there is none), and whether it keeps words apart."""
    if text.startswith("<!--", start):
        end = text.find("-->", start + 4) if closing["-->"] > start else -1
        return (end + 3, False) if end >= 0 else (start, False)
    tag = _TAG.match(text, start)
    if tag is None:
        declaration = _DECLARATION.match(text, start)
        return (declaration.end(), False) if declaration else (start, False)
    name = tag.group(1).lower()
    if ":" not in name and name not in _BLOCKS and name not in _INLINE:
        return start, False
    if name in ("script", "style") and text[start + 1] != "/" and closing[name] >= tag.end():
        contents = (found for found in _CLOSING.finditer(text, tag.end()) if found.group(1).lower() == name)
        return next(contents).end(), True
    return tag.end(), name in _BLOCKS
