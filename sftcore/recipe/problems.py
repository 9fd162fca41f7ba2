"""What validation found, in our words: pydantic's errors become Problems that point at keys and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sftcore.errors import Problem, did_you_mean, nearest
from sftcore.recipe.document import Document, KeyPath
from sftcore.recipe.other_names import instead
from sftcore.recipe.tables import LISTS, SECTIONS, Tables, value_at

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_EXPECTED: Mapping[str, str] = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a number",
    "string_type": "a text in quotes",
    "string_sub_type": "a text in quotes",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "tuple_type": "a list in [ ]",
    "list_type": "a list in [ ]",
    "set_type": "a list in [ ]",
    "frozen_set_type": "a list in [ ]",
    "iterable_type": "a list in [ ]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dataclass_type": "a table",
}
_TABLES = ("model_type", "model_attributes_type", "dict_type")
_MAIN_KEYS = {"model": "base", "data": "source", "task": "use"}
"""What is meant where a text stands in place of a table."""
_BARE = re.compile(r"\s*([+-]?[\d_]*\.?\d+(e[+-]?\d+)?|true|false)\s*")
_OWN = ("value_error", "assertion_error", "sftcore")


@dataclass(frozen=True, slots=True)
class _Finding:
    """One error of validation, at the key path that it has in the recipe."""

    path: KeyPath
    type: str
    message: str
    input: Any
    context: Mapping[str, Any]


def explained(error: ValidationError, values: Mapping[str, Any], document: Document, tables: Tables) -> list[Problem]:
    """Every mistake that validation found, one Problem for each key path."""
    groups: dict[KeyPath, list[_Finding]] = {}
    for details in error.errors(include_url=False):
        finding = _finding(details, values)
        groups.setdefault(finding.path, []).append(finding)
    deeper = {path[:end] for path in groups for end in range(len(path))}
    speakers = {"extra_forbidden": _unknown_key, "missing": _missing_key}
    problems = []
    for path, findings in groups.items():
        if path in deeper and findings[0].type not in _OWN:  # the other branch of a union has more to say
            continue
        speaker: Callable[[list[_Finding], Tables], _Saying] = speakers.get(findings[0].type, _wrong_value)
        said = speaker(findings, tables)
        value = None if findings[0].type in speakers else _shown(findings[0].input)
        problems.append(document.problem(path, said.message, said.advice, at=said.at, value=value))
    return problems


@dataclass(frozen=True, slots=True)
class _Saying:
    message: str
    advice: str = ""
    at: Any = "value"


def _finding(details: ErrorDetails, values: Mapping[str, Any]) -> _Finding:
    path: KeyPath = ()
    value: Any = values
    context = details.get("ctx", {})
    for depth, part in enumerate(details["loc"]):
        last = depth == len(details["loc"]) - 1
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if inside:
            path, value = (*path, part), value_at(value, (part,))
        elif last and details["type"] == "missing":
            path = (*path, part)
    kept = _OWN[:2]
    message = str(context.get("error", details["msg"])) if details["type"] in kept else details["msg"]
    return _Finding(path, details["type"], message, details["input"], context)


# -- keys ------------------------------------------------------------------------------------------------------------


def _unknown_key(findings: list[_Finding], tables: Tables) -> _Saying:
    path = findings[0].path
    key, parent = str(path[-1]), path[:-1]
    own = tables.keys(parent)
    close = nearest(key, own)
    same = close is not None and _folded(close) == _folded(key)
    foreign = None if same else instead(parent, key)
    if foreign is not None and parent == (foreign[0],):
        return _Saying(f"{key} is not a key of [{foreign[0]}]", foreign[1], "key")
    elsewhere = None if same else tables.home(key, but=parent)
    if foreign is not None and elsewhere is None and parent in ((), ("model",), ("data",), ("train",)):
        inside = f"of [{parent[0]}]" if parent else "at the top of the file"
        place = f"in [{foreign[0]}]: " if foreign[1].startswith(("it is called", "write")) else ""
        return _Saying(f"{key} is not a key {inside}", place + foreign[1], "key")
    if elsewhere is not None:
        inside = f"in {_table(parent)}" if parent else "at the top of the file"
        home = _table(elsewhere) if elsewhere else "the top of the file, above the first [table]"
        return _Saying(f"unknown key {inside}; {key} belongs to {home}", "", "key")
    subject = tables.subject(parent)
    return _Saying(f"unknown key{subject}{did_you_mean(key, own)}", "", "key")


def _table(path: KeyPath) -> str:
    """A table as its header names it."""
    name = ".".join(part for part in path if isinstance(part, str))
    return f"[[{name}]]" if path[0] in LISTS else f"[{name}]"


def _missing_key(findings: list[_Finding], tables: Tables) -> _Saying:
    path = findings[0].path
    parent, key = path[:-1], str(path[-1])
    if len(path) == 1:
        return _Saying(f"missing; every recipe has {SECTIONS.get(key, f'[{key}]')}", "", "key")
    if key == "use":
        return _Saying(f"missing; use names the {tables.kind(parent)}{_choice(tables, parent)}", "", "key")
    about = tables.description(parent, key)
    about = f": {about[0].lower()}{about[1:]}" if about else ""
    return _Saying(f"missing{tables.subject(parent)}{about}", "", "key")


def _choice(tables: Tables, path: KeyPath) -> str:
    names = tables.uses(path)
    return f"; there is {', '.join(names[:12])}{' …' if len(names) > 12 else ''}" if names else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


# -- values ----------------------------------------------------------------------------------------------------------


def _wrong_value(findings: list[_Finding], tables: Tables) -> _Saying:
    first = findings[0]
    own = next((finding for finding in findings if finding.type in _OWN), None)
    if own is not None:
        return _Saying(own.message, str(own.context.get("advice", "")))
    brackets = _brackets(first)
    if brackets:
        return _Saying(brackets)
    choices = [choice for finding in findings for choice in _choices(finding)]
    expected = list(dict.fromkeys(_expected(finding) for finding in findings))
    found = _described(first.input)
    close = nearest(first.input, choices) if isinstance(first.input, str) else None
    tail = f"; did you mean {close}?" if close else ""
    return _Saying(f"expected {_listed(item for item in expected if item)}, found {found}{tail}", _hint(first))


def _brackets(finding: _Finding) -> str:
    """What to say where [table] and [[table]] were confused."""
    name = str(finding.path[-1]) if finding.path else ""
    if finding.type in ("tuple_type", "list_type") and finding.path in {(each,) for each in LISTS}:
        if isinstance(finding.input, dict):
            return f"write [[{name}]], in double brackets: each step is an entry of a list"
        return f'write [[{name}]] and below it use = "..."'
    if finding.path and finding.path[0] in LISTS and len(finding.path) == 2 and isinstance(finding.input, str):
        return f'expected a table, found {_described(finding.input)}; write {{ use = "{finding.input}" }}'
    if finding.type in ("model_type", "dict_type") and isinstance(finding.input, list) and len(finding.path) == 1:
        return f"write [{name}], in single brackets: there is one of it"
    return ""


def _expected(finding: _Finding) -> str:
    if finding.type == "literal_error":
        return _listed(f'"{choice}"' if choice != "false" else choice for choice in _choices(finding))
    if finding.type == "none_required":
        return ""
    template = _EXPECTED.get(finding.type)
    if template is not None:
        return template.format_map({key: _number(value) for key, value in finding.context.items()})
    return re.sub(r"^Input should (be|have|contain) (a valid )?", "", finding.message)


def _choices(finding: _Finding) -> list[str]:
    if finding.type not in ("literal_error", "enum"):
        return []
    text = str(finding.context.get("expected", ""))
    return re.findall(r"'([^']*)'", text) or [text.lower()]


def _hint(finding: _Finding) -> str:
    value = finding.input
    if finding.type in _TABLES and isinstance(value, str) and len(finding.path) == 1:
        key = _MAIN_KEYS.get(str(finding.path[0]))
        return f'write {finding.path[0]} = {{ {key} = "{value}" }}' if key else ""
    if finding.path == ("data", "source") and isinstance(value, list):
        return 'several files are named by a pattern: "data/*.csv", "{one,other}.csv"'
    if finding.type in ("int_type", "float_type", "bool_type") and isinstance(value, str) and _BARE.fullmatch(value):
        return f"write it without quotes: {value.strip()}"
    if finding.type in ("tuple_type", "list_type") and isinstance(value, str):
        return f'write ["{value}"]'
    if finding.type == "string_type" and isinstance(value, int | float):
        return f'write it in quotes: "{_described(value)}"'
    return ""


def _described(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:39]}…"
        return f'the text "{text}"'
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return "a table" if isinstance(value, dict) else str(value)


def _shown(value: Any) -> str:
    return _described(value).removeprefix("the text ")


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _listed(items: Iterable[str]) -> str:
    *first, last = list(items) or ["something else"]
    return f"{', '.join(first)} or {last}" if first else last
