"""Conversations as lists of turns: `{"role": "user", "content": "…"}`; how they are read, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

Turn: TypeAlias = dict[str, Any]
"""A turn of a conversation: its `role`, its `content`, and whatever else the chat template reads."""

MESSAGES = "messages"
ANSWERER = "assistant"
ASKER = "user"
HISTORY = "history"
"""The role of what was to be read as the turns before a question, and could not be."""
_CALL = "function_call"
"""ShareGPT's role, and OpenAI's former key, of a call of a tool."""
_ROLES = ("system", "developer", "user", "assistant", "tool")
_OTHER_NAMES = {
    **dict.fromkeys(("human", "prompter"), ASKER),
    **dict.fromkeys(("gpt", "chatgpt", "model", "bot", "ai"), ANSWERER),
    **dict.fromkeys(("observation", "function"), "tool"),
}
"""What ShareGPT and its relatives call the roles, and OpenAI called a tool's."""
_FORMS = (("role", "content"), ("from", "value"))
"""The keys of a turn: OpenAI's, which chat templates read, and ShareGPT's."""
_PAIRS = (
    ("human", "assistant"),
    ("user", "assistant"),
    ("question", "answer"),
    ("prompt", "response"),
    ("query", "response"),
    ("instruction", "output"),
)
"""The keys of a table that holds two turns, what is asked and what is answered."""


def is_turn(value: Any) -> bool:
    """Whether the value is a table with the keys of a turn, or of a question and its answer."""
    return isinstance(value, Mapping) and any(set(form) <= value.keys() for form in (*_FORMS, *_PAIRS))


def role_of(turn: Any) -> str:
    """The role of a turn as templates know it; "" where there is none."""
    form = _form(turn)
    role = str(turn[form[0]]).strip().lower() if form else ""
    return ANSWERER if role == _CALL else _OTHER_NAMES.get(role, role)


def from_json(text: str) -> Any:
    """What a text says in JSON; None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def read_turns(value: Any) -> list[Turn]:
    """The turns of a conversation: a list of tables with `role` and `content`, or `from` and `value`, or of a question
    and its answer (`human` and `assistant`, `question` and `answer`, …), or that as JSON.

    Roles get the names that chat templates know; keys without a value are left out; a content in several parts of
    text is joined; calls of functions become `tool_calls`. The answer of the last pair may be yet to come. Raises
    ValueError, naming the column, for anything else.
    """
    if isinstance(value, str):
        value, text = from_json(value), value
        if value is None:
            python = (
                " (it is Python's notation; json.dumps writes JSON)" if text.lstrip().startswith(("[{'", "[['")) else ""
            )
            raise ValueError(f"{MESSAGES} is a text, not a list of turns{python}")
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"{MESSAGES} is no list of turns")
    last = len(value) - 1
    return [turn for number, part in enumerate(value) for turn in _read_part(part, may_lack=number == last)]


def _read_part(part: Any, *, may_lack: bool) -> list[Turn]:
    """The turn of a table, or both of a pair; `may_lack`: the pair's answer may be missing."""
    if _form(part) is None and isinstance(part, Mapping):
        keys = next((keys for keys in _PAIRS if keys[1] in part and part.get(keys[0]) is not None), None)
        if keys is not None:
            said = [(ASKER, part[keys[0]]), (ANSWERER, part[keys[1]])]
            return [
                _read_turn({"role": role, "content": text})
                for role, text in (said[:1] if may_lack and said[1][1] is None else said)
            ]
    return [_read_turn(part)]


def _form(turn: Any) -> tuple[str, str] | None:
    return next((form for form in _FORMS if isinstance(turn, Mapping) and turn.get(form[0]) is not None), None)


def _read_turn(turn: Any) -> Turn:
    form = _form(turn)
    if form is None:
        raise ValueError(f"{MESSAGES} has a turn without a role")
    role, named = role_of(turn), str(turn[form[0]]).strip().lower()
    if role == HISTORY:
        raise ValueError(f"{MESSAGES} has a history that is no list of pairs (question, answer)")
    if role not in _ROLES:
        raise ValueError(f"{MESSAGES} has a turn of the unknown role {role!r}")
    rest = {key: part for key, part in turn.items() if key not in form and part is not None}
    content = turn.get(form[1])
    call = _calls(content) if named == _CALL else rest.pop(_CALL, None)
    if call:
        rest.setdefault(
            "tool_calls",
            [{"type": "function", "function": each} for each in (call if isinstance(call, list) else [call])],
        )
    said = "" if named == _CALL else _read_content(content, may_lack="tool_calls" in rest)
    return {"role": role, "content": said, **rest}


def _calls(content: Any) -> list[Any]:
    """The calls that a turn of ShareGPT's role `function_call` makes."""
    found = from_json(content) if isinstance(content, str) else content
    calls = found if isinstance(found, list) else [found]
    if not calls or not all(isinstance(call, Mapping) and call.get("name") for call in calls):
        raise ValueError(f"{MESSAGES} has a {_CALL} that is no JSON of a name and its arguments")
    return calls


def _read_content(value: Any, *, may_lack: bool) -> str:
    """A text, or the texts of a list of parts as one."""
    if isinstance(value, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in value):
        value = "".join(str(part.get("text") or "") for part in value)
    if value is None and may_lack:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{MESSAGES} has a turn whose content is no text")
    return value


def flaw_of(turns: Sequence[Turn], *, answered: bool) -> str:
    """Why the conversation can't be used, or "". `answered`: its last turn must be the assistant's."""
    roles = [turn["role"] for turn in turns]
    spoken = [role for role in roles if role not in ("system", "developer")]
    if not spoken or spoken[0] == ANSWERER:
        return f"{MESSAGES} begins with an answer" if spoken else f"{MESSAGES} has no turn of the user"
    if any(pair == (ANSWERER, ANSWERER) for pair in pairwise(roles)):
        return f"{MESSAGES} has two turns of the assistant in a row"
    if any(not turn["content"].strip() and _must_say(turn) for turn in turns):
        return f"{MESSAGES} has an empty turn"
    if answered and roles[-1] != ANSWERER:
        return f"{MESSAGES} does not end with a turn of the assistant"
    return ""


def _must_say(turn: Turn) -> bool:
    return turn["role"] in ("user", ANSWERER) and not turn.get("tool_calls")


def answer_of(turns: Sequence[Turn]) -> str | None:
    """What the assistant says last, None where its turn is yet to come."""
    return turns[-1]["content"].strip() if turns and turns[-1]["role"] == ANSWERER else None


def texts_of(turns: Sequence[Turn]) -> Iterator[str]:
    """The contents of the turns that have one."""
    return (turn["content"] for turn in turns if turn["content"])
