"""What one types on the page: the roles of the task decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sftcore.errors import DataError, Problem, did_you_mean
from sftcore.task import Task

Form: TypeAlias = Literal["text", "turns"]

PROMPT, MESSAGES = "prompt", "messages"
"""The roles of a task that reads a prompt or a conversation; the page has one field for both."""
SPEAKERS = ("user", "assistant", "system")
"""Who speaks in a turn."""
SHORT = ("question",)
"""Roles whose texts are short."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the page for a role: a text, or the turns of a conversation; `lines` is its height."""

    role: str
    form: Form
    required: bool
    lines: int


def fields(task: Task) -> tuple[Field, ...]:
    """The fields in the order of the task's roles; what is to be learned has none."""
    roles = {name: role for name, role in task.roles.items() if not role.target}
    if MESSAGES in roles:
        roles.pop(PROMPT, None)
    alone = len(roles) == 1
    return tuple(_field(name, role.required or alone) for name, role in roles.items())


def _field(role: str, required: bool) -> Field:
    lines = 5 if required and role not in SHORT else 2
    return Field(role, "turns" if role == MESSAGES else "text", required, lines)


def row_of(task: Task, values: Any) -> dict[str, Any]:
    """The row of what was typed, by role; fields that were left empty and may be are not in it.

    Raises `sftcore.DataError` for what the page would not send.
    """
    known = {field.role: field for field in fields(task)}
    if not isinstance(values, Mapping):
        raise DataError(Problem("a table of texts by role was expected"))
    unknown = [str(role) for role in values if role not in known]
    if unknown:
        raise DataError(*(Problem(f"the task has no role {role!r}{did_you_mean(role, known)}") for role in unknown))
    row: dict[str, Any] = {}
    for role, field in known.items():
        row |= _turns(task, values.get(role)) if field.form == "turns" else _text(field, values.get(role, ""))
    return row


def _text(field: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, str):
        raise DataError(Problem("a text was expected", key=field.role))
    return {field.role: _whole(value)} if value.strip() or field.required else {}


def _turns(task: Task, value: Any) -> dict[str, Any]:
    """The conversation; one turn of the user is what a task calls a prompt, where it reads prompts."""
    turns = value if isinstance(value, list) else [{"role": SPEAKERS[0], "content": value or ""}]
    wrong = [turn for turn in turns if not isinstance(turn, Mapping) or set(turn) != {"role", "content"}]
    if wrong or not all(isinstance(part, str) for turn in turns for part in turn.values()):
        raise DataError(Problem("turns of role and content were expected", key=MESSAGES))
    if len(turns) == 1 and turns[0]["role"] == SPEAKERS[0] and PROMPT in task.roles:
        return {PROMPT: _whole(turns[0]["content"])}
    return {MESSAGES: [{"role": turn["role"], "content": _whole(turn["content"])} for turn in turns]}


def _whole(text: str) -> str:
    """The text as the data are read: half a character (a lone surrogate) is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
