"""What a user can mend, and the one form in which it is told.

Every mistake becomes a `Problem`; every error that sftcore raises on purpose carries one or more of them
and the exit code of the command. `render` turns problems into the text of the contract (docs/errors.md).
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

LINES_A_PROBLEM = 6
LINES_IN_ALL = 25


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line of a file and the part of it that is meant: `start` and `length` count code points of `text`."""

    line: int
    text: str
    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    `where` is a file, a folder, a distribution or a command-line option; `line` counts from 1, and `row`
    (of data) from 1 after the header. `key` is the path in the recipe, or the column. `message` says what was
    expected and the nearest valid name, `advice` what to do.
    """

    message: str
    where: str = ""
    line: int | None = None
    row: int | None = None
    key: str = ""
    value: str | None = None
    excerpt: Excerpt | None = None
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """The problem as a JSON object, for `--json`."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


def by_place(problem: Problem) -> tuple[bool, int, int]:
    """The key that sorts problems of one recipe as they stand in it, those of overrides last."""
    column = problem.excerpt.start if problem.excerpt else 0
    return problem.where.startswith("--set"), problem.line or 0, column


class SftcoreError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command ends with."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            Problem(problem) if isinstance(problem, str) else problem for problem in problems
        )
        super().__init__(render(self.problems))

    def amend(self, change: Callable[[Problem], Problem]) -> None:
        """Replace each problem by what `change` makes of it: a later stage knows the place that an earlier did not."""
        self.problems = tuple(map(change, self.problems))
        self.args = (render(self.problems),)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.problems


class RecipeError(SftcoreError):
    """The recipe, or an override of it, can't be carried out as written."""


class DataError(SftcoreError):
    """The data is absent, unreadable or does not fit the recipe."""


class PluginError(SftcoreError):
    """A plugin is missing, broken or in conflict with another."""


class ModelError(SftcoreError):
    """The base model or its tokenizer is absent or does not fit the task."""


class RunError(SftcoreError):
    """A run folder is in use, damaged or belongs to another recipe."""


class HubError(SftcoreError):
    """The Hugging Face hub can't be reached, or refuses."""


class UsageError(SftcoreError):
    """A command was called with arguments that do not fit."""


class TrainingError(SftcoreError):
    """Training went wrong: a loss that is not finite, or nothing to learn from."""

    exit_code = 3


class ResourceError(SftcoreError):
    """Out of disk or memory."""

    exit_code = 4


class Stopped(SftcoreError):  # noqa: N818  # to be stopped is no error
    """Stopped by a signal after a checkpoint was saved; the same command goes on."""

    def __init__(self, signal_number: int, *problems: Problem | str) -> None:
        super().__init__(*problems)
        self.exit_code = 128 + signal_number  # type: ignore[misc]  # one class for SIGINT and SIGTERM


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Let the problems of errors raised in the block that name no place name this one."""
    try:
        yield
    except SftcoreError as error:
        error.amend(lambda problem: problem if problem.where else replace(problem, where=where))
        raise


def render(problems: Sequence[Problem]) -> str:
    """The problems as text: each at most 6 lines; after 25 lines "… and N more"."""
    lines: list[str] = []
    for number, problem in enumerate(problems):
        block = _block(problem)
        if lines and len(lines) + len(block) > LINES_IN_ALL:
            lines.append(f"… and {len(problems) - number} more")
            break
        lines += block
    return "\n".join(lines)


def _block(problem: Problem) -> list[str]:
    place = _nearby(problem.where)
    if problem.line is not None:
        place += f":{problem.line}"
    if problem.row is not None:
        place += f" row {problem.row}"
    head = "  ".join(part for part in (place.strip(), problem.key) if part)
    body = [f"  {line}" for text in (problem.message, problem.advice) for line in text.splitlines() if line]
    if problem.excerpt is not None:
        body = [*_marked(problem.excerpt), *body]
    elif problem.value is not None:
        body = [f"  found: {_shortened(problem.value)}", *body]
    return [*([head] if head else []), *body][:LINES_A_PROBLEM]


def _nearby(place: str) -> str:
    """A path below the working directory as it is called from there."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return place
    return place.removeprefix(here + os.sep) if len(here) > 1 else place


def _marked(excerpt: Excerpt) -> list[str]:
    margin = " " * len(str(excerpt.line))
    text, start = _window(excerpt)
    before = "".join("\t" if letter == "\t" else " " * _cells(letter) for letter in text[:start])
    carets = "^" * max(1, _cells(text[start : start + excerpt.length]))
    return [f"  {excerpt.line} │ {text}", f"  {margin} │ {before}{carets}"]


def _window(excerpt: Excerpt, width: int = 100) -> tuple[str, int]:
    """The part of a long line around what is meant."""
    if len(excerpt.text) <= width:
        return excerpt.text.rstrip(), excerpt.start
    first = max(0, min(excerpt.start - 20, len(excerpt.text) - width))
    lead = "…" if first else ""
    return lead + excerpt.text[first : first + width].rstrip(), excerpt.start - first + len(lead)


def _cells(text: str) -> int:
    """Columns that a terminal gives to the text."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _shortened(value: str, width: int = 80) -> str:
    value = value.replace("\n", "⏎").replace("\r", "")
    return value if len(value) <= width else f"{value[: width - 1]}…"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The valid name that was most probably meant, or None."""
    folded = {_folded(candidate): candidate for candidate in sorted(candidates, reverse=True)}
    key = _folded(name)
    if key in folded:
        return folded[key]
    close = difflib.get_close_matches(key, folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    parts = [full for full in folded if len(key) >= 3 and (key in full or (len(full) >= 3 and full in key))]
    return folded[min(parts, key=lambda full: abs(len(full) - len(key)))] if parts else None


def nearest_file(name: str, candidates: Iterable[str]) -> str | None:
    """The file or folder that was most probably meant, or None: an ending in common makes no two names alike."""
    by_stem: dict[str, list[str]] = {}
    for candidate in sorted(candidates):
        by_stem.setdefault(_stem(candidate), []).append(candidate)
    close = nearest(_stem(name), by_stem)
    return close and max(by_stem[close], key=lambda each: difflib.SequenceMatcher(None, name, each).ratio())


def _stem(name: str) -> str:
    """A file's name without its ending, nor that of a packed file: `reviews` of `reviews.csv.gz`."""
    return os.path.splitext(re.sub(r"\.(gz|bz2|xz|zst|zip)$", "", name))[0]


def did_you_mean(
    name: str, candidates: Iterable[str], near: Callable[[str, Iterable[str]], str | None] = nearest
) -> str:
    """`"; did you mean X?"`, or the list of what there is where nothing is near, or ""."""
    names = sorted(set(candidates))
    close = near(name, names)
    if close:
        return f"; did you mean {close}?"
    return f"; there is {', '.join(names[:12])}{' …' if len(names) > 12 else ''}" if names else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")
