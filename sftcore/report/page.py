"""report.html: the first screen, the sections in their order, and the page around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sftcore.models.calls import first_line
from sftcore.report import (
    advice,
    answers,
    calibration,
    classes,
    curves,
    first,
    flow,
    lengths,
    mistakes,
    origin,
    slices,
    time,
)
from sftcore.report.evidence import Evidence, Language
from sftcore.report.frame import Section, filled, page
from sftcore.report.words import Words
from sftcore.runs import files

if TYPE_CHECKING:
    from markupsafe import Markup

FILE = "report.html"
Maker: TypeAlias = Callable[[Evidence, Words], Section | None]
SECTIONS: tuple[Maker, ...] = (
    advice.section,
    curves.section,
    classes.section,
    calibration.section,
    slices.section,
    answers.section,
    mistakes.section,
    lengths.section,
    flow.section,
    time.section,
    origin.section,
)
"""What follows the first screen, in the page's order; a maker gives None where the run has nothing for it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page, and why parts of it are missing: the page says so in their place."""

    html: str
    failures: tuple[str, ...] = ()


def write_report(folder: Path, language: Language | None = None, to: Path | None = None) -> tuple[str, ...]:
    """Write a run's page, whole or not at all, and give what could not be made of it.

    `language` overrides the recipe's; the page goes `to` a file, by default report.html in the run's folder. Raises
    `RunError` for a folder that is no run or can't be written to, `ResourceError` where the disk is full.
    """
    rendered = render(Evidence.read(folder, language))
    files.write_text(to or folder / FILE, rendered.html)
    return rendered.failures


def render(evidence: Evidence, makers: Sequence[Maker] | None = None) -> Rendered:
    """The page of a run. A part that can't be made costs no other: a sentence stands in its place."""
    words, failures = Words(evidence.language), list[str]()

    def made(name: str, make: Callable[[], Markup | Section | None]) -> Markup | Section | None:
        try:
            return make()
        except Exception as error:
            failures.append(f"{name}: {_told(error, evidence)}")
            return filled("missing.html", words, name=name, error=_told(error, evidence))

    beginning = made("first", lambda: first.first_screen(evidence, words))
    if failures:
        beginning = filled("beginning.html", words, name=evidence.name, missing=beginning)
    parts = [made(maker.__module__.rpartition(".")[2], _bound(maker, evidence, words)) for maker in makers or SECTIONS]
    sections = [part for part in parts if isinstance(part, Section)]
    body = filled("report.html", words, first=beginning, parts=[part for part in parts if part], sections=sections)
    return Rendered(page(_title(evidence, words), body, words), tuple(failures))


def _bound(maker: Maker, evidence: Evidence, words: Words) -> Callable[[], Section | None]:
    return lambda: maker(evidence, words)


def _title(evidence: Evidence, words: Words) -> str:
    return words("page.title", name=evidence.name, id=evidence.id)


def _told(error: Exception, evidence: Evidence) -> str:
    """What went wrong: where texts of the data may not be shown, which an error may quote, its kind alone."""
    kind, line = type(error).__name__, first_line(error)
    return f"{kind}: {line}" if evidence.texts and line != kind else kind
