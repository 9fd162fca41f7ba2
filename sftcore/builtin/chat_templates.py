"""Chat templates: the tokenizer's own, the few that come along by name, and how a conversation reads in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sftcore import DataError, ModelError, Problem, RecipeError
from sftcore.builtin.seq2seq import end_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.builtin.conversations import Turn

KEY = "task.chat_template"
PLAIN = "plain"
_CHATML = (
    "{{ bos }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_ALPACA = (
    "{{ bos }}{% for message in messages %}{{ '' if loop.first else '\\n\\n' }}"
    "{% if message['role'] == 'assistant' %}{{ '### Response:\\n' + message['content'] + eos }}"
    "{% elif message['role'] == 'user' %}{{ '### Instruction:\\n' + message['content'] }}"
    "{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n\\n### Response:\\n' }}{% endif %}"
)
_PLAIN = (
    "{% if messages | selectattr('role', 'equalto', 'user') | list | length > 1 %}"
    "{{ raise_exception('plain texts have one prompt, this conversation has several') }}{% endif %}"
    "{{ bos }}{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos }}"
    "{% elif message['role'] == 'user' %}{{ message['content'] }}"
    "{% else %}{{ message['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
)
NAMED = {"chatml": _CHATML, "alpaca": _ALPACA, PLAIN: _PLAIN}
"""Templates by name; `bos` and `eos` stand for what the tokenizer puts before a text, and for its end token."""
_NEEDED = {"chatml": ("<|im_start|>", "<|im_end|>")}
"""The tokens that a named template makes no sense without."""
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_PROBE = ({"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes"})
JINJA_SIGNS = ("{{", "{%")


class RefusalError(Exception):
    """A chat template does not take a conversation: why, and how that shows where the reason alone does not tell."""

    def __init__(self, reason: str, shown: str = "") -> None:
        super().__init__(reason)
        self.reason, self.shown = reason, shown


@dataclass(frozen=True)
class Template:
    """A chat template for a tokenizer. `given` is False where neither the recipe nor the tokenizer has one, and
    prompt and completion are written one after the other."""

    tokenizer: PreTrainedTokenizerBase
    text: str
    given: bool = True

    def render(self, turns: Sequence[Turn], *, prompt: bool = False) -> str:
        """The conversation as text; with `prompt` up to where the assistant's next turn is to be written.

        Raises `RefusalError` where the template does not take it.
        """
        apply: Any = self.tokenizer.apply_chat_template
        with _refusing():
            return str(apply(list(turns), chat_template=self.text, tokenize=False, add_generation_prompt=prompt))

    def marked(self, turns: Sequence[Turn]) -> tuple[str, list[tuple[int, int]]]:
        """The conversation as text, and the ranges of it that the template marks by `{% generation %}`."""
        from transformers.utils import chat_template_utils

        render: Any = chat_template_utils.render_jinja_template
        names: Any = self.tokenizer.special_tokens_map
        kept = [{key: value for key, value in turn.items() if value is not None} for turn in turns]
        with _refusing():
            texts, ranges = render([kept], chat_template=self.text, return_assistant_tokens_mask=True, **names)
        return texts[0], [(start, end) for start, end in ranges[0] if end > start]

    @cached_property
    def marks(self) -> bool:
        """Whether the template itself marks what the assistant writes, by `{% generation %}`."""
        return _GENERATION.search(self.text) is not None

    @cached_property
    def specials(self) -> frozenset[int]:
        """The ids of the tokenizer's special tokens, and of those that end a turn."""
        added = self.tokenizer.added_tokens_decoder.items()
        return frozenset({*self.tokenizer.all_special_ids, *(i for i, token in added if token.special), *self.ends})

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """The ids at which writing stops: the tokenizer's end token, and the one with which the template ends a turn
        of the assistant (found by rendering one), where that is another."""
        end, turn_end = end_id(self.tokenizer), self._turn_end()
        return (end,) if turn_end in (None, end) else (turn_end, end)

    def _turn_end(self) -> int | None:
        try:
            turn = self.render(_PROBE).removeprefix(self.render(_PROBE[:1], prompt=True))
        except RefusalError:
            return None
        tail = turn.rpartition(str(_PROBE[1]["content"]))[2].strip()
        ids = backend(self.tokenizer).encode(tail, add_special_tokens=False).ids if tail else []
        return ids[-1] if ids and ids[-1] in self.tokenizer.added_tokens_decoder else None

    @cached_property
    def controls(self) -> re.Pattern[str]:
        """Finds the tokenizer's special tokens in a text, where they would be read as such."""
        texts = (token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special)
        return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))) or "(?!)")


@contextmanager
def _refusing() -> Iterator[None]:
    """Tell a template that is no Jinja from one that does not take the turns at hand."""
    from jinja2 import TemplateSyntaxError

    try:
        yield
    except TemplateSyntaxError as error:
        message = f"the chat template is no Jinja, in its line {error.lineno}: {error.message}"
        raise RecipeError(Problem(message, key=KEY)) from error
    except Exception as error:  # whatever a template does with turns that it does not expect
        raise RefusalError(f"{error}".splitlines()[0] if f"{error}" else type(error).__name__) from error


def template_for(tokenizer: PreTrainedTokenizerBase, wanted: str | None) -> Template:
    """The template that the recipe names or writes out, else the tokenizer's own, else plain texts.

    Raises `sftcore.ModelError` for a tokenizer that can't tell which characters a token stands for, and
    `sftcore.RecipeError` for a named template whose tokens the tokenizer does not have.
    """
    _require_fast(tokenizer)
    if wanted is None:
        own = _own(tokenizer)
        return Template(tokenizer, own) if own else Template(tokenizer, _filled(tokenizer, PLAIN), given=False)
    if wanted not in NAMED:
        return Template(tokenizer, wanted)
    missing = _lacking(wanted, tokenizer)
    if missing:
        message = f"{wanted} is written with the tokens {', '.join(missing)}, which the tokenizer does not have"
        raise RecipeError(Problem(message, key=KEY, advice='"alpaca" needs no tokens of its own'))
    return Template(tokenizer, _filled(tokenizer, wanted))


def _lacking(name: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The tokens that the named template is written with and the tokenizer does not have."""
    known = tokenizer.get_vocab()
    return [token for token in _NEEDED.get(name, ()) if token not in known]


def no_template(tokenizer: PreTrainedTokenizerBase) -> DataError:
    """The error for turns that no template says how to write."""
    message = "the data has conversations in turns, and the tokenizer has no chat template to write them with"
    names = ", ".join(f'"{name}"' for name in NAMED if name != PLAIN and not _lacking(name, tokenizer))
    return DataError(Problem(message, key=KEY, advice=f"name one ({names}) or write it out, in Jinja"))


def backend(tokenizer: PreTrainedTokenizerBase) -> Any:
    """The library's tokenizer beneath a fast one."""
    return getattr(tokenizer, "backend_tokenizer", None)


def _require_fast(tokenizer: PreTrainedTokenizerBase) -> None:
    if not getattr(tokenizer, "is_fast", False) or backend(tokenizer) is None:
        message = "the base's tokenizer is written in Python and does not tell which characters a token stands for"
        raise ModelError(Problem(message, key="model.base", advice="take a base that has a tokenizer.json"))


def _own(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The tokenizer's template; of several the one named default."""
    own: Any = tokenizer.chat_template
    return own.get("default") if isinstance(own, dict) else own


def _filled(tokenizer: PreTrainedTokenizerBase, name: str) -> str:
    """The named template with this tokenizer's start of a text and end token."""
    ids = backend(tokenizer).encode("a").ids
    bare = backend(tokenizer).encode("a", add_special_tokens=False).ids
    at = next((at for at in range(len(ids)) if ids[at : at + len(bare)] == bare), 0)
    bos, eos = "".join(_tokens(tokenizer, ids[:at])), _tokens(tokenizer, [end_id(tokenizer)])[0]
    return f"{{% set bos = {json.dumps(bos)} %}}{{% set eos = {json.dumps(eos)} %}}{NAMED[name]}"


def _tokens(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[str]:
    tokens: Any = tokenizer.convert_ids_to_tokens(ids)
    return list(tokens)
