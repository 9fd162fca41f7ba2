"""A dictionary of entities, made of training rows and looked up in others: the baseline of finding entities."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|[^\w\s]")
_SHARE = 0.5
"""The least share of its occurrences in the training rows that are marked, for an entry to be kept."""

Span: TypeAlias = tuple[int, int, str]
"""Start, end and label."""


@dataclass(frozen=True, slots=True)
class EntityDictionary:
    """Texts of entities with their labels, by their first word; the longest first.

    An entry has the label that it has most often, and is kept where at least half of its occurrences are marked so.
    """

    entries: Mapping[str, Sequence[tuple[str, str]]]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, Sequence[Span]]]) -> Self:
        """The dictionary of texts and the spans marked in them; a span outside its text is left out."""
        marked = [(text, {span for span in spans if 0 <= span[0] < span[1] <= len(text)}) for text, spans in rows]
        times = Counter((text[start:end], label) for text, spans in marked for start, end, label in spans)
        everything = cls(_by_first_word(dict(entry for entry, _ in reversed(times.most_common()))))
        found: Counter[str] = Counter()
        right: Counter[str] = Counter()
        for text, spans in marked:
            for span in everything.find(text):
                found[text[span[0] : span[1]]] += 1
                right[text[span[0] : span[1]]] += span in spans
        pairs = (pair for row in everything.entries.values() for pair in row)
        return cls(_by_first_word({text: label for text, label in pairs if right[text] >= _SHARE * found[text] > 0}))

    def find(self, text: str) -> Iterator[Span]:
        """The entries in the text, from left to right, the longest at each place; they begin and end with words."""
        words = [(match.start(), match[0]) for match in _WORD.finditer(text)]
        ends = {start + len(word) for start, word in words}
        at = 0
        for start, word in words:
            fitting = (
                (start, start + len(entry), label)
                for entry, label in self.entries.get(word, ())
                if start >= at and text.startswith(entry, start) and start + len(entry) in ends
            )
            span = next(fitting, None)
            if span is not None:
                at = span[1]
                yield span


def _by_first_word(labels: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    entries: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in sorted(labels, key=lambda text: (-len(text), text)):
        word = _WORD.match(text)
        if word is not None:
            entries[word[0]].append((text, labels[text]))
    return dict(entries)
