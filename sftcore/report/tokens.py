"""The tokens of an encoded row in runs that count alike in the loss: short enough to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sftcore.checking import Example


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens that follow each other and count alike (None: no token counts by itself); `skipped` are not shown of
    their middle."""

    counts: bool | None
    before: Sequence[str]
    skipped: int = 0
    after: Sequence[str] = ()


def runs(example: Example, most: int) -> Iterator[Run]:
    """The runs of an example, about `most` tokens in all.

    Of a long run that others follow the two ends are shown, so that what counts is seen wherever it stands.
    """
    counts: Sequence[bool | None] = example.counts or [None] * len(example.tokens)
    pairs = groupby(zip(counts, example.tokens, strict=True), itemgetter(0))
    groups = [(key, [token for _, token in group]) for key, group in pairs]
    left = most
    for place, (key, tokens) in enumerate(groups):
        if left <= 0:
            yield Run(None, (), sum(len(rest) for _, rest in groups[place:]))
            return
        last = place == len(groups) - 1
        room = left if last else max(left // 2, 2)
        yield _run(key, tokens, room, both_ends=not last)
        left -= min(len(tokens), room)


def _run(counts: bool | None, tokens: Sequence[str], room: int, *, both_ends: bool) -> Run:
    if len(tokens) <= room:
        return Run(counts, tokens)
    end = room // 2 if both_ends else 0
    begin = room - end
    return Run(counts, tokens[:begin], len(tokens) - room, tokens[len(tokens) - end :] if end else ())


def shown_token(token: str) -> str:
    """A token as it stands in a line: without spaces around it, line ends as a sign."""
    return token.strip(" ").replace("\n", "⏎") or "␣"
