"""Conversations in the shapes that data sets have them, as lists of turns: `{"role": "user", "content": "…"}`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from sftcore.builtin.seq2seq import with_input

if TYPE_CHECKING:
    import datasets

Turn: TypeAlias = dict[str, Any]
"""A turn of a conversation: its `role`, its `content`, and whatever else the chat template reads."""

MESSAGES = "messages"
ANSWERER = "assistant"
_PAIR = ("user", ANSWERER)
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_OTHER_NAMES = {
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "model", "bot", "ai"), "assistant"),
    "observation": "tool",
}
"""What ShareGPT and its relatives call the roles."""
_FORMS = (("role", "content"), ("from", "value"))
"""The keys of a turn: OpenAI's, which chat templates read, and ShareGPT's."""
_USUAL = (MESSAGES, "conversations", "conversation", "dialogue", "dialog", "chat")
_SYSTEM = "system"
"""The column that data sets of conversations keep the system's turn in, if not among the others."""
_INSTRUCTIONS, _INPUTS, _OUTPUTS = ("instruction",), ("input", "context"), ("output", "response")
"""What Alpaca, and after it Dolly, call the parts of an example."""
_HISTORY = "history"
"""The column in which Alpaca's relatives keep what was said before: pairs of a question and its answer."""


def read_turns(value: Any) -> list[Turn]:
    """The turns of a conversation: a list of tables with `role` and `content`, or `from` and `value`, or that as JSON.

    Roles get the names that chat templates know; keys without a value are left out; a content in several parts of
    text is joined. Raises ValueError, naming the column, for anything else.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"{MESSAGES} is a text, not a list of turns") from None
    if not isinstance(value, Sequence) or not value:
        raise ValueError(f"{MESSAGES} is no list of turns")
    return [_read_turn(turn) for turn in value]


def _read_turn(turn: Any) -> Turn:
    form = next((form for form in _FORMS if isinstance(turn, Mapping) and turn.get(form[0]) is not None), None)
    if form is None:
        raise ValueError(f"{MESSAGES} has a turn without a role")
    role = str(turn[form[0]]).strip().lower()
    role = _OTHER_NAMES.get(role, role)
    if role not in _ROLES:
        raise ValueError(f"{MESSAGES} has a turn of the unknown role {role!r}")
    rest = {key: part for key, part in turn.items() if key not in form and part is not None}
    content = _read_content(turn.get(form[1]), may_lack="tool_calls" in rest)
    return {"role": role, "content": content, **rest}


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


def one_shape(table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    """The table with `messages`, or `prompt` and `completion`, made of the shape that it is found to have.

    `columns` (role → column) are those that the recipe names; what it names is taken as it is. Told apart are chat
    turns under any name (`role` and `content`, or ShareGPT's `from` and `value`), a prompt and a completion that are
    lists of turns, Alpaca's `instruction`, `input` and `output` (with a `system` text or a `history` of pairs in
    front of them, they become turns), and `prompt` and `completion`. Other columns stay.
    """
    named = {role: columns.get(role, role) for role in (MESSAGES, "prompt", "completion")}
    if "prompt" in columns and columns["prompt"] in table.column_names:
        return table, ""
    chat = _chat_column(table, named[MESSAGES])
    if chat in (named["prompt"], named["completion"]):
        return _joined_turns(table, named)
    if chat:
        return _with_messages(table, chat, named[MESSAGES])
    if named["prompt"] in table.column_names:
        return table, "prompt and completion" if named["completion"] in table.column_names else ""
    return _from_alpaca(table, named)


def _chat_column(table: datasets.Dataset, preferred: str) -> str:
    """The column that holds turns: by its usual name, else the first that does; or ""."""
    names = [name for name in table.column_names if _holds_turns(table, name)]
    usual = [name for name in (preferred, *_USUAL) if name in names]
    return next(iter([*usual, *names]), "")


def _holds_turns(table: datasets.Dataset, name: str) -> bool:
    """Whether the first value of the column is a list of turns, or JSON of one."""
    if getattr(table.features[name], "dtype", "string") not in ("string", "large_string"):
        return False  # a number, a class, or an image, which need not be looked at
    value = next((value for value in table[name] if value is not None), None)
    if isinstance(value, str):
        value = _from_json(value) if value.lstrip().startswith("[") else None
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, Mapping) and any(set(form) <= first.keys() for form in _FORMS)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _with_messages(table: datasets.Dataset, chat: str, column: str) -> tuple[datasets.Dataset, str]:
    from datasets import concatenate_datasets

    sentence = f"turns of conversations, in the column {chat}"
    if _SYSTEM in table.column_names and any(map(_is_said, table[_SYSTEM])):
        chats = [_opened(*pair) for pair in zip(table[_SYSTEM], table[chat], strict=True)]
        spare = [name for name in (_SYSTEM, column) if name in table.column_names]
        made = table.add_column(f"{column} opened", chats).remove_columns(spare)
        return made.rename_column(f"{column} opened", column), f"{sentence}, which the column {_SYSTEM} opens"
    if chat == column or column in table.column_names:
        return table, sentence
    copy = table.select_columns([chat]).rename_column(chat, column)
    return concatenate_datasets([table, copy], axis=1), sentence


def _is_said(value: Any) -> bool:
    """Whether there is a text, or a list with something in it."""
    return value.strip() not in ("", "[]") if isinstance(value, str) else bool(value) and isinstance(value, list)


def _opened(system: Any, chat: Any) -> str | None:
    """The turns as JSON, with the text of `system` as the first one where there is a text and no such turn yet."""
    turns = _from_json(chat) if isinstance(chat, str) else chat
    first = turns[0] if isinstance(turns, list) and turns and isinstance(turns[0], Mapping) else {}
    if turns is None or not isinstance(turns, list):
        return chat if isinstance(chat, str) else None
    if _is_said(system) and "system" not in (first.get("role"), first.get("from")):
        turns = [{"role": "system", "content": system}, *turns]
    return json.dumps(turns, ensure_ascii=False)


def _joined_turns(table: datasets.Dataset, named: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    """A prompt and a completion that are turns both, as one conversation."""
    spare = [named[role] for role in ("prompt", "completion") if named[role] in table.column_names]
    rows = zip(*(table[name] for name in spare), strict=True)
    chats = [json.dumps([turn for part in row for turn in part or ()], ensure_ascii=False) for row in rows]
    return table.add_column(named[MESSAGES], chats).remove_columns(spare), "prompt and completion, both of them turns"


def _from_alpaca(table: datasets.Dataset, named: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    instruction, text, answer = (
        next((name for name in names if name in table.column_names), "") for names in (_INSTRUCTIONS, _INPUTS, _OUTPUTS)
    )
    if not instruction:
        return table, ""
    inputs = table[text] if text else [None] * len(table)
    prompts = [with_input(*pair) for pair in zip(table[instruction], inputs, strict=True)]
    parts = ", ".join(part for part in (instruction, text, answer) if part)
    around = [name for name in (_SYSTEM, _HISTORY) if name in table.column_names and any(map(_is_said, table[name]))]
    if around:
        nothing = [None] * len(table)
        before = (table[name] if name in around else nothing for name in (_SYSTEM, _HISTORY))
        rows = zip(*before, prompts, table[answer] if answer else nothing, strict=True)
        spare = table.remove_columns([name for name in (named[MESSAGES],) if name in table.column_names])
        made = spare.add_column(named[MESSAGES], [_chat_of(*row) for row in rows])
        return made, f"{parts} (Alpaca), with {' and '.join(around)}: conversations are made of them"
    made = table.add_column(named["prompt"], prompts)
    if answer and named["completion"] not in table.column_names:
        made = made.add_column(named["completion"], list(table[answer]))
    return made, f"{parts} (Alpaca): prompt and completion are made of them"


def _chat_of(system: Any, history: Any, prompt: str | None, answer: str | None) -> str | None:
    """An example with what came before it as turns, in JSON; None without a prompt.

    A history that is none becomes a turn of the role `history`, which is found wrong where turns are read.
    """
    if not (prompt or "").strip():
        return None
    before = _from_json(history) if isinstance(history, str) and history.strip() else history or []
    turns = [{"role": "system", "content": system}] if _is_said(system) else []
    if isinstance(before, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in before):
        turns += [{"role": role, "content": said} for pair in before for role, said in zip(_PAIR, pair, strict=True)]
    else:
        turns.append({"role": _HISTORY, "content": str(history)})
    turns.append({"role": "user", "content": prompt})
    if answer is not None:
        turns.append({"role": ANSWERER, "content": answer})
    return json.dumps(turns, ensure_ascii=False)
