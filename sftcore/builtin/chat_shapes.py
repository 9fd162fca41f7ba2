"""The shapes in which data sets have conversations and instructions, as the columns that `causal-lm` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sftcore.builtin.conversations import ANSWERER, ASKER, HISTORY, MESSAGES, Turn, from_json, is_turn, role_of
from sftcore.builtin.seq2seq import as_texts, is_said, prompts_of, unread

if TYPE_CHECKING:
    import datasets

_USUAL = (MESSAGES, "conversations", "conversation", "dialogue", "dialog", "chat")
_SYSTEM, _HISTORY = "system", "history"
"""The columns in which conversations keep the system's turn, if not among the others, and Alpaca's relatives what was
said before: pairs of a question and its answer."""
_INSTRUCTIONS, _INPUTS, _OUTPUTS = ("instruction", "query"), ("input", "context"), ("output", "response")
"""What Alpaca, and after it Dolly and ms-swift, call the parts of an example."""
_CHOSEN, _REJECTED = "chosen", "rejected"
"""The better and the worse answer in data of preferences."""
_AROUND = (_SYSTEM, _HISTORY, "tools", "functions")
"""Columns that mean something to a conversation: where one is not read, that is said."""
_MADE = "conversation made of columns"
"""The name of a column until those that it is made of are gone."""
_Named = Mapping[str, str]


def one_shape(table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    """The table with `messages`, or `prompt` and `completion`, made of the shape that it is found to have; what was
    recognised, and below it a line for each doubt.

    `columns` (role → column) are those that the recipe names; what it names is taken as it is. Told apart are chat
    turns under any name (`role` and `content`, ShareGPT's `from` and `value`, or pairs of question and answer), a
    prompt and a completion that are turns, Alpaca's `instruction`, `input` and `output` (with a `system` text or a
    `history` of pairs in front of them, they become turns), and `prompt` and `completion`. Of preferences, `chosen` is
    the completion. Other columns stay. Raises `sftcore.DataError` for an instruction or input that is no text.
    """
    named = {role: columns.get(role, role) for role in (MESSAGES, "prompt", "completion")}
    if "prompt" in columns and columns["prompt"] in table.column_names:
        return table, _with_doubts("", unread(table, _AROUND))
    here, doubts = _with_chosen(table, named)
    made, sentence, read = _shaped(here, named)
    return made, _with_doubts(
        sentence, [*doubts, *unread(table, (name for name in _AROUND if name not in read)), *_weights(made, read)]
    )


def _shaped(table: datasets.Dataset, named: _Named) -> tuple[datasets.Dataset, str, Sequence[str]]:
    """The table, what was recognised, and the columns that it is made of."""
    chat, names = _chat_column(table, named), table.column_names
    if chat in (named["prompt"], named["completion"]):
        return *_joined_turns(table, named["prompt"], named), (chat,)
    if chat and _CHOSEN in names and named["completion"] in names and not _is_answered(table, chat):
        return *_joined_turns(table, chat, named), (chat,)
    if chat:
        return *_with_messages(table, chat, named[MESSAGES]), (chat, _SYSTEM)
    if named["prompt"] in names:
        return table, "prompt and completion" if named["completion"] in names else "", ()
    return *_from_alpaca(table, named), (_SYSTEM, _HISTORY)


# Doubts


def _with_doubts(sentence: str, doubts: Sequence[str]) -> str:
    return "\n".join([sentence, *doubts])


def _weights(table: datasets.Dataset, read: Sequence[str]) -> list[str]:
    """A sentence where turns have OpenAI's `weight`, and one of them is 0."""
    column = MESSAGES if MESSAGES in table.column_names else next(iter(read), "")
    if column not in table.column_names or not any(map(_has_no_weight, table[column])):
        return []
    return ["turns have a weight of 0, which is not read: every turn of the assistant counts (but see loss_on)"]


def _has_no_weight(chat: Any) -> bool:
    turns = _turns(chat) if not isinstance(chat, str) or '"weight"' in chat else []
    return any(isinstance(turn, Mapping) and turn.get("weight") == 0 for turn in turns)


# Turns


def _chat_column(table: datasets.Dataset, named: _Named) -> str:
    """The column that holds turns: by its usual name, else the first that does; or "".

    Other names do not count where the table has a question and its answer in other columns, as `history` beside
    Alpaca's.
    """
    usual = [named[MESSAGES], *_USUAL, named["prompt"], named["completion"]]
    instruction, here = _first(table, _INSTRUCTIONS), set(table.column_names)
    complete = {named["prompt"], named["completion"]} <= here or (instruction and _first(table, _OUTPUTS))
    aside = {_CHOSEN, _REJECTED, *([_HISTORY] if instruction else [])}
    others = [] if complete else [name for name in table.column_names if name not in aside]
    return next((name for name in (*usual, *others) if name in here and _holds_turns(table, name)), "")


def _holds_turns(table: datasets.Dataset, name: str) -> bool:
    """Whether the first value of the column that says something is a list of turns, or JSON of one."""
    if getattr(table.features[name], "dtype", "string") not in ("string", "large_string"):
        return False  # a number, a class, or an image, which need not be looked at
    first = next((value for value in table[name] if is_said(value)), None)
    return is_turn(next(iter(_turns(first)), None))


def _turns(value: Any, role: str = "") -> list[Any]:
    """A list of turns, one turn, or JSON of either, as a list; of another text a turn of `role`, if one is given."""
    found = from_json(value) if isinstance(value, str) and value.lstrip()[:1] in ("[", "{") else value
    if isinstance(found, Mapping):
        return [found] if is_turn(found) else []
    if isinstance(found, list):
        return found
    return [{"role": role, "content": value}] if role and is_said(value) else []


def _is_answered(table: datasets.Dataset, chat: str) -> bool:
    """Whether the first conversation ends with an answer."""
    turns = next((turns for turns in map(_turns, table[chat]) if turns), [])
    return bool(turns) and role_of(turns[-1]) in (ANSWERER, "")


def _with_messages(table: datasets.Dataset, chat: str, column: str) -> tuple[datasets.Dataset, str]:
    sentence = f"turns of conversations, in the column {chat}"
    if _SYSTEM in table.column_names and any(map(is_said, table[_SYSTEM])):
        chats = [_opened(*pair) for pair in zip(table[_SYSTEM], table[chat], strict=True)]
        spare = [name for name in (_SYSTEM, column) if name in table.column_names]
        made = table.add_column(_MADE, chats).remove_columns(spare)
        return made.rename_column(_MADE, column), f"{sentence}, which the column {_SYSTEM} opens"
    if chat == column or column in table.column_names:
        return table, sentence
    return _copied(table, chat, column), sentence


def _copied(table: datasets.Dataset, name: str, new: str) -> datasets.Dataset:
    """The table with the column a second time, under another name."""
    from datasets import concatenate_datasets

    return concatenate_datasets([table, table.select_columns([name]).rename_column(name, new)], axis=1)


def _opened(system: Any, chat: Any) -> str | None:
    """The turns as JSON, with the text of `system` as the first one where there is a text and no such turn yet."""
    turns = from_json(chat) if isinstance(chat, str) else chat
    if not isinstance(turns, list):
        return chat if isinstance(chat, str) else None
    if is_said(system) and role_of(next(iter(turns), None)) != _SYSTEM:
        turns = [{"role": _SYSTEM, "content": system}, *turns]
    return json.dumps(turns, ensure_ascii=False)


def _joined_turns(table: datasets.Dataset, asked: str, named: _Named) -> tuple[datasets.Dataset, str]:
    """What is asked and what is answered, one of them or both in turns, as one conversation."""
    spare = [name for name in (asked, named["completion"]) if name in table.column_names]
    nothing = [None] * len(table)
    rows = zip(*(table[name] if name in spare else nothing for name in (asked, named["completion"])), strict=True)
    chats = [json.dumps(_joined(*row), ensure_ascii=False) for row in rows]
    made = table.remove_columns(
        [name for name in (named[MESSAGES],) if name in table.column_names and name not in spare]
    )
    made = made.add_column(_MADE, chats).remove_columns(spare).rename_column(_MADE, named[MESSAGES])
    return made, f"{' and '.join(spare)}, {'both of them' if len(spare) == 2 else 'in'} turns"


def _joined(asked: Any, said: Any) -> list[Any]:
    """Both as turns; an answer that is a whole conversation stands alone."""
    before, answer = _turns(asked, ASKER), _turns(said, ANSWERER)
    return answer if answer and role_of(answer[0]) != ANSWERER else [*before, *answer]


# Preferences


def _with_chosen(table: datasets.Dataset, named: _Named) -> tuple[datasets.Dataset, list[str]]:
    """The table with the chosen answers as completions, where it has preferences and no completion; and a doubt."""
    names = table.column_names
    if not {_CHOSEN, _REJECTED} <= set(names) or named["completion"] in names:
        return table, []
    doubt = (
        f"these are preferences: {_CHOSEN} is read as the answer, {_REJECTED} is not read, so nothing compares the two"
    )
    return _copied(table, _CHOSEN, named["completion"]), [doubt]


# Alpaca


def _from_alpaca(table: datasets.Dataset, named: _Named) -> tuple[datasets.Dataset, str]:
    instruction, text, answer = (_first(table, names) for names in (_INSTRUCTIONS, _INPUTS, _OUTPUTS))
    answer = answer or _first(table, (named["completion"],))
    if not instruction:
        return table, ""
    prompts = prompts_of(table, instruction, text)
    parts = ", ".join(part for part in (instruction, text, answer) if part)
    parts += " (Alpaca)" * (instruction == _INSTRUCTIONS[0])
    around = [name for name in (_SYSTEM, _HISTORY) if name in table.column_names and any(map(is_said, table[name]))]
    if around:
        nothing = [None] * len(table)
        before = (table[name] if name in around else nothing for name in (_SYSTEM, _HISTORY))
        rows = zip(*before, prompts, as_texts(table[answer]) if answer else nothing, strict=True)
        spare = table.remove_columns([name for name in (named[MESSAGES],) if name in table.column_names])
        made = spare.add_column(named[MESSAGES], [_chat_of(*row) for row in rows])
        return made, f"{parts}, with {' and '.join(around)}: conversations are made of them"
    made = table.add_column(named["prompt"], prompts)
    if answer and named["completion"] not in table.column_names:
        made = made.add_column(named["completion"], list(table[answer]))
    return made, f"{parts}: prompt and completion are made of them"


def _first(table: datasets.Dataset, names: Sequence[str]) -> str:
    return next((name for name in names if name in table.column_names), "")


def _chat_of(system: Any, history: Any, prompt: str | None, answer: Any) -> str | None:
    """An example with what came before it as turns, in JSON; None without a prompt."""
    if not (prompt or "").strip():
        return None
    turns = [{"role": _SYSTEM, "content": system}] if is_said(system) else []
    turns += [*_before(history), {"role": ASKER, "content": prompt}]
    if answer is not None:
        turns.append({"role": ANSWERER, "content": answer})
    return json.dumps(turns, ensure_ascii=False)


def _before(history: Any) -> Iterator[Turn]:
    """The turns of a history: pairs of a question and its answer, as lists or tables, or turns.

    A history that is none becomes a turn of the role `history`, which is found wrong where turns are read.
    """
    parts = from_json(history) if isinstance(history, str) else history
    if not is_said(history):
        return
    if not isinstance(parts, list) or not all(_is_pair(part) or is_turn(part) for part in parts):
        yield {"role": HISTORY, "content": str(history)}
        return
    for part in parts:
        if _is_pair(part):
            yield from ({"role": role, "content": text} for role, text in zip((ASKER, ANSWERER), part, strict=True))
        else:
            yield part


def _is_pair(part: Any) -> bool:
    return isinstance(part, list | tuple) and len(part) == 2
