"""Faces made of punctuation, and the emoji that each stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

# The guards keep a sign from being read out of ordinary text. WORD and END are edges against ASCII words ("a=D",
# "XDocument"), as Chinese characters may touch a sign ("很好XD"); ALONE asks for blanks around it ("and:/or").
_WORD = r"(?<![A-Za-z0-9_])"
_END = r"(?![A-Za-z0-9_])"
_ALONE = r"(?<!\S)"
_ALONE_END = r"(?!\S)"
_NO_ENTITY = r"(?<!&lt)(?<!&gt)(?<!&amp)(?<!&quot)(?<!&nbsp)(?<!&#39)"
_EYES = r"[:：=]"
_NOSE = r"[-o^]?"
_SMILE = r"[)）]+(?![A-Za-z0-9(])"
_FROWN = r"[(（]+(?![\w(（])"


def _face(inner: str) -> str:
    """The face with or without its round outline: `^_^`, `(*^_^*)`."""
    return rf"(?:[(（][*=]?(?:{inner})[*=]?[)）]|{inner})"


_EMOTICONS: tuple[tuple[str, str], ...] = (
    ("🤷", r"¯\\?_[(（]ツ[)）]_/¯"),
    ("😡", r"[(（][╯ノ][^()（）\s]{1,6}[)）][╯ノ]?︵\s?┻━┻"),
    ("🙇", rf"{_WORD}(?:orz|Orz|ORZ|OTZ){_END}|{_WORD}m\(_ ?_\)m{_END}"),
    ("🙌", rf"{_ALONE}\\o/{_ALONE_END}"),
    ("😭", _face(rf"{_WORD}T[_＿]{{1,3}}T{_END}|{_WORD}[Qq][_Aa]{{1,3}}[Qq]{_END}|;_{{1,3}};|┬[_＿]┬")),
    ("😄", _face(r"\^[_＿.oO-]{1,4}\^|(?<![\^A-Za-z0-9)\]])\^\^(?![\^A-Za-z0-9(\[])|≧[▽∇]≦")),
    ("😣", _face(r">[_.]{1,3}<")),
    ("😑", _face(r"(?<![A-Za-z0-9_=-])(?:-_{1,3}-|=_{1,3}=)(?:[|｜]{1,3}|b)?(?![A-Za-z0-9_=-])")),
    ("😲", rf"{_WORD}(?:[oO]_[oO]|0_0|o\.O|O\.o){_END}"),
    ("😢", rf"{_EYES}['’]-?{_FROWN}"),
    ("😂", rf"{_EYES}['’]-?(?:D+{_END}|{_SMILE})"),
    ("😉", rf"{_NO_ENTITY}[;；]{_NOSE}{_SMILE}|{_WORD};-?D+{_END}"),
    ("😆", rf"{_WORD}(?:XD+|xd+){_END}"),
    ("😄", rf"{_WORD}{_EYES}{_NOSE}D+{_END}|(?<=[a-z]):-?D+{_END}"),
    ("🙂", rf"(?<!\d){_EYES}{_NOSE}{_SMILE}"),
    ("😛", rf"{_WORD}[:;=]{_NOSE}[pPþ]{_END}"),
    ("😘", rf"{_WORD}[:;]-?\*(?![\w*])"),
    ("😮", rf"{_ALONE}[:=]-?[oO0]{_ALONE_END}"),
    ("😐", rf"{_ALONE}[:=]-?\|{_ALONE_END}"),
    ("😕", rf"{_ALONE}[:=]-?[/\\sS]{_ALONE_END}"),
    ("🙁", rf"(?<!\d){_EYES}{_NOSE}{_FROWN}"),
    ("💔", r"(?<![\w<])</3(?!\d)"),
    ("❤️", r"(?<![\d<])<3+(?![\d.,%])"),
)
_FIRST = r"(?=[¯(（oOTmQqxX0:：;；=\\^><|≧┬-])"
"""What an emoticon begins with: most positions of a text need no further look."""


@cache
def _pattern() -> re.Pattern[str]:
    signs = "|".join(f"(?P<sign{number}>{pattern})" for number, (_, pattern) in enumerate(_EMOTICONS))
    return re.compile(f"{_FIRST}(?:{signs})")


def emoticons_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and emoji of each emoticon, ascending and disjoint."""
    for match in _pattern().finditer(text):
        yield match.start(), match.end(), _EMOTICONS[int((match.lastgroup or "").removeprefix("sign"))][0]
