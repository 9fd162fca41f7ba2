"""The answers of a row: read from the forms that data sets have, checked, and found in the context."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from sftcore import DataError, Problem, Row, read_spans

Answers: TypeAlias = dict[str, list[Any]]
"""SQuAD's form: `{"text": ["308"], "answer_start": [34]}`; empty lists: the question has no answer in its context."""

NO_FORM = 'answers are not of the form {"text": [...], "answer_start": [...]}'
NO_PLACE = "answers are not in the context at answer_start"
COUNTED: Mapping[str, Callable[[str], int]] = {
    "counted from 1": lambda before: len(before) + 1,
    "counted in bytes": lambda before: len(before.encode()),
    "counted in UTF-16 units": lambda before: len(before.encode("utf-16-le")) // 2,
    "counted with CR LF as one": lambda before: len(before.replace("\r\n", "\n")),
}
"""How a place may have been counted that should be in code points from 0: of the text before it."""
ABSENT = "answers are not in the context"
SEVERAL = "answers stand in the context more than once, and no answer_start says where"
_ADVICE = 'like {"text": ["308"], "answer_start": [34]}, [{"text": "308", "answer_start": 34}], or the text alone'
_PLACES = 20
"""Places of an answer in its context that are looked at to find out how its start was counted."""
_YES = {"true", "yes", "y", "1", "1.0"}


def squad_form(value: Any, context: Any, start: Any = None, impossible: Any = False) -> Answers | None:
    """The answers in SQuAD's form; None where `value` says nothing.

    `value` is a text (`start` may say where it begins), a table or a list of texts or tables with `text` and
    `answer_start`, or one of these as JSON. `impossible` (also as text: "true", "1"): the question has no answer,
    whatever else is written. Empty texts in a list or table are no answers. An answer without a place has the one
    where its text stands in the context; `answer_start` stays None where there are several, or none. Raises
    `sftcore.DataError` for anything else.
    """
    if _is_yes(impossible):
        return {"text": [], "answer_start": []}
    if isinstance(value, str):
        value = _parsed(value)
    if value is None or value == "":
        return None
    texts: list[str] = []
    starts: list[int | None] = []
    for text, given in _pairs(value, start):
        if text:
            place = _number(given)
            texts.append(text)
            starts.append(_only_place(text, context) if place is None else place)
    return {"text": texts, "answer_start": starts}


def answers_flaw(row: Row) -> str:
    """Why the answers of a row that has not been preprocessed can't be used, or "".

    Each has to stand in the context where it is said to be, counted in code points.
    """
    value, context = row.get("answers"), row.get("context")
    if value is None or not isinstance(context, str):
        return ""
    texts, starts = (value.get(name) if isinstance(value, Mapping) else None for name in ("text", "answer_start"))
    if not isinstance(texts, list | tuple) or not isinstance(starts, list | tuple) or len(texts) != len(starts):
        return NO_FORM
    flaws = (_flaw(text, start, context) for text, start in zip(texts, starts, strict=True))
    return next(filter(None, flaws), "")


def answer_texts(row: Row) -> tuple[str, ...] | None:
    """The answers as they were written, each once; () for a question without one, None for a row without answers."""
    value = row.get("answers")
    return None if value is None else tuple(dict.fromkeys(value["text"]))


def answer_spans(row: Row) -> list[tuple[int, int]]:
    """Where the answers lie in the (preprocessed) context; (-1, -1) for one that preprocessing broke."""
    return list(read_spans(row.get("answers")))


def _flaw(text: Any, start: Any, context: str) -> str:
    if not isinstance(text, str) or not text:
        return NO_FORM
    if start is None:
        return SEVERAL if text in context else ABSENT
    if not isinstance(start, int) or start < 0 or not context.startswith(text, start):
        return _counted(text, start, context)
    return ""


def _counted(text: str, start: Any, context: str) -> str:
    """The flaw of an answer that is not at its place: how that was counted, where the context shows it."""
    places = [match.start() for match in islice(re.finditer(re.escape(text), context), _PLACES)]
    for name, count in COUNTED.items():
        if any(count(context[:place]) == start for place in places):
            return f"answers are {name}, not in characters from 0 (answer_start)"
    return NO_PLACE


def _is_yes(value: Any) -> bool:
    return value.strip().casefold() in _YES if isinstance(value, str) else bool(value)


def _parsed(value: str) -> Any:
    """What a cell holds: a list or table written as JSON, else the text itself."""
    try:
        found = json.loads(value) if value.lstrip()[:1] in ("{", "[") else None
    except json.JSONDecodeError:
        return value
    parts = found if isinstance(found, list) else [found]
    return found if all(isinstance(part, str) or _has_text(part) for part in parts) else value


def _has_text(part: Any) -> bool:
    return isinstance(part, Mapping) and "text" in part


def _pairs(value: Any, start: Any = None) -> Iterator[tuple[str, Any]]:
    """Texts with what is said of their place (None: nothing)."""
    if isinstance(value, str):
        yield value, start
    elif isinstance(value, Mapping) and isinstance(value.get("text"), str):
        yield value["text"], value.get("answer_start")
    elif isinstance(value, Mapping) and isinstance(value.get("text"), list):
        texts, starts = value["text"], value.get("answer_start") or [None] * len(value["text"])
        if len(texts) != len(starts) or not all(isinstance(text, str) for text in texts):
            raise _unknown(value)
        yield from zip(texts, starts, strict=True)
    elif isinstance(value, Sequence):
        for part in value:
            if not isinstance(part, str | Mapping):
                raise _unknown(value)
            yield from _pairs(part)
    else:
        raise _unknown(value)


def _unknown(value: Any) -> DataError:
    shown = json.dumps(value, ensure_ascii=False, default=str)[:200]
    return DataError(Problem("answers of an unknown form", key="answers", value=shown, advice=_ADVICE))


def _number(start: Any) -> int | None:
    """The position as a whole number; None where there is none."""
    if start is None or (isinstance(start, str) and not start.strip()):
        return None
    try:
        number = float(start)
        if number != int(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        message = "answer_start is no whole number"
        raise DataError(Problem(message, key="answer_start", value=str(start)[:80])) from None
    return int(number)


def _only_place(text: str, context: Any) -> int | None:
    """Where the text begins in the context if it stands there once, else None."""
    if not isinstance(context, str):
        return None
    first = context.find(text)
    return first if first >= 0 and context.find(text, first + 1) < 0 else None
