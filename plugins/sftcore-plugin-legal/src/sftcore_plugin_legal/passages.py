"""Numbered passages, and the citations in an answer that name them: "… within two weeks. [2]"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_ID = r"[A-Za-z]{0,3}[-.]?[0-9]{1,4}[a-z]?"
_IS_ID = re.compile(_ID)
_CITATION = re.compile(rf"[\[［【][ ]?(?P<ids>{_ID}(?:[ ]?(?:[,，、;；&]|and|和|与)[ ]?{_ID}){{0,9}})[ ]?[\]］】]")
_BEGINS = re.compile(rf"(?:^|(?<=\n))[ \t]*[\[［【](?P<id>{_ID})[\]］】][ \t]*")


class Passage(NamedTuple):
    """A text that an answer may rest on, and what cites it."""

    id: str
    text: str


def read_passages(value: Any) -> list[Passage]:
    """The passages of a row: a list of tables with `id` and `text` or of texts (numbered from 1), the same as JSON, or
    a text in which each passage begins a line with its number in brackets ("[1] …").

    Raises ValueError, beginning with "passages", for anything else, and for ids that can't be cited.
    """
    if isinstance(value, str):
        value = _from_json(value)
    if not value:
        raise ValueError("passages are missing")
    if isinstance(value, str):
        found = _numbered(value)
    elif isinstance(value, Sequence):
        found = [_passage(item, number) for number, item in enumerate(value, 1)]
    else:
        raise ValueError("passages are no list")
    _check([passage.id for passage in found])
    return found


def citations(answer: str) -> tuple[str, ...]:
    """The ids that an answer cites in brackets, each once: "[2]", "[1, 3]", 【2】."""
    groups = (match["ids"] for match in _CITATION.finditer(answer))
    return tuple(dict.fromkeys(each for group in groups for each in re.findall(_ID, group)))


def numbered(passages: Iterable[Passage]) -> str:
    """The passages as the model reads them: a line each, the id in brackets before it."""
    return "\n".join(f"[{passage.id}] {passage.text}" for passage in passages)


def _from_json(text: str) -> Any:
    """What a cell of a CSV file holds: a list as JSON, else the text."""
    try:
        found = json.loads(text) if text.lstrip().startswith(("[{", '["')) else text
    except ValueError:
        return text
    return found if isinstance(found, list) else text


def _numbered(text: str) -> list[Passage]:
    starts = list(_BEGINS.finditer(text))
    if not starts:
        raise ValueError("passages are a text in which no line begins with a number in brackets: [1]")
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [Passage(match["id"], text[match.end() : end].strip()) for match, end in zip(starts, ends, strict=True)]


def _passage(item: Any, number: int) -> Passage:
    if isinstance(item, str):
        item = {"id": number, "text": item}
    text = item.get("text") if isinstance(item, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"passages: number {number} has no text")
    own = item.get("id")
    return Passage(str(number if own is None else own).strip(), text.strip())


def _check(ids: Sequence[str]) -> None:
    flawed = next((each for each in ids if not _IS_ID.fullmatch(each)), None)
    if flawed is not None:
        raise ValueError(f"passages: the id {flawed!r} can't be cited; a number was expected, like 2 or A-2")
    if len(set(ids)) < len(ids):
        raise ValueError("passages: two have the same id")
