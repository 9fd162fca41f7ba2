"""Near-duplicate texts: all pairs of shingle sets whose Jaccard similarity reaches a threshold.

An exact set-similarity join by prefix filtering (Chaudhuri, Ganti, Kaushik 2006; Bayardo, Ma, Srikant 2007): sort each
set's shingles from rare to common; two sets of similarity t or more share one of the first `n - ceil(t n) + 1`. What
shares one is compared by 256-bit parity signatures, whose difference bounds that of the sets from below, and what is
left by the sets themselves. Nothing is estimated and nothing is random.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sftcore.data.joining import Numbers, apart, joined

WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u2600-\u27bf\U0001f000-\U0001faff]|[^\\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+"
)
"""A word; each character of the scripts that put no spaces between words, and each pictograph, is one."""
CHUNK = 1 << 20
COMPARISONS = 20_000_000
"""Pairs that are looked at before the search is cut short in crowded places (2 s)."""


def words(text: str) -> list[str]:
    """The words of a text without regard to case, punctuation, spaces and compatibility forms (NFKC).

    A text without any word is one word: itself, without spaces.
    """
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    return WORD.findall(folded) or ["".join(folded.split())]


@dataclass(frozen=True, slots=True)
class _Sets:
    """Sets of shingles: `members[starts[i]:starts[i + 1]]` are those of set i, the rarest first."""

    members: Numbers
    starts: Numbers
    frequency: Numbers

    @property
    def sizes(self) -> Numbers:
        return np.diff(self.starts)


@dataclass(frozen=True, slots=True)
class _Postings:
    """Members of prefixes, from rare to common and each from small sets to large: the set, and how many that follow
    hold the same member and are not too large. `lists`: where the postings of each member begin."""

    owner: Numbers
    partners: Numbers
    lists: Numbers


def near_groups(texts: Sequence[Sequence[Sequence[str]]], threshold: float) -> tuple[Numbers, bool]:
    """Rows joined whose similarity reaches `threshold` in each of their texts, and whether the search was complete.

    `texts[r][i]`: the words of text r of row i. The similarity is the Jaccard index of the sets of words and of
    pairs of neighbouring words: one word changed in ten gives 0.73. Where more than 20 million pairs would have to
    be looked at (thousands of texts made of the same few words), each text is compared with its nearest in size.
    """
    sets = [_shingled(words_of) for words_of in texts]
    together = sets[0] if len(sets) == 1 else _joined(sets)
    postings, signatures = _postings(together, threshold), _signatures(together)
    groups, limit = apart(len(together.sizes)), _limit(postings.partners)
    for most in (1, 8, limit):
        partners = np.where(_in_one_group(groups, postings), 0, np.minimum(postings.partners, most))
        for left, right in _expanded(postings.owner, partners):
            left, right = _possible(left, right, groups, together, signatures, threshold)
            for each in sets:
                fits = _similar(each, left, right, threshold)
                left, right = left[fits], right[fits]
            groups = joined(groups, left, right)
    return groups, bool(limit >= postings.partners.max(initial=0))


def _shingled(texts: Sequence[Sequence[str]]) -> _Sets:
    """The set of words and of neighbouring pairs of each text."""
    numbers: dict[str, int] = {}
    flat = np.fromiter((numbers.setdefault(word, len(numbers) + 1) for text in texts for word in text), dtype=np.int64)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    inside = owner[1:] == owner[:-1]
    pairs = flat[:-1][inside] * (len(numbers) + 1) + flat[1:][inside]
    return _sets(np.concatenate([flat, pairs]), np.concatenate([owner, owner[:-1][inside]]), len(texts))


def _unique(numbers: Numbers) -> Numbers:
    """Sorted and without repeats; ten times as fast as `numpy.unique`, which hashes."""
    ordered = np.sort(numbers)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def _joined(sets: Sequence[_Sets]) -> _Sets:
    """One set a row, of the members of all its sets, which stay apart."""
    owners = [np.repeat(np.arange(len(each.sizes)), each.sizes) for each in sets]
    members = [each.members * len(sets) + number for number, each in enumerate(sets)]
    return _sets(np.concatenate(members), np.concatenate(owners), len(sets[0].sizes))


def _sets(codes: Numbers, owner: Numbers, count: int) -> _Sets:
    _, dense = np.unique(codes, return_inverse=True)
    kinds = int(dense.max(initial=-1)) + 1
    own = _unique(owner * kinds + dense)
    owner, dense = np.divmod(own, max(kinds, 1))
    frequency = np.bincount(dense, minlength=kinds)
    by_rarity = np.argsort(frequency, kind="stable")
    rank = np.empty(kinds, dtype=np.int64)
    rank[by_rarity] = np.arange(kinds)
    members = np.sort(owner * kinds + rank[dense]) % max(kinds, 1)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    return _Sets(members, starts, frequency[by_rarity])


def _postings(sets: _Sets, threshold: float) -> _Postings:
    """What can make two sets reach the threshold: a shared member of their prefixes, and sizes that allow it."""
    sizes = sets.sizes
    prefix = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + 1
    owner = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(owner)) - sets.starts[owner]
    posted = (place < prefix[owner]) & (sets.frequency[sets.members] > 1)
    owner, member = owner[posted], sets.members[posted]
    order = np.lexsort((owner, sizes[owner], member))
    owner, member = owner[order], member[order]
    width = int(sizes.max(initial=0)) + 1
    largest = np.minimum(np.floor(sizes[owner] / threshold + 1e-9).astype(np.int64), width - 1)
    ends = np.searchsorted(member * width + sizes[owner], member * width + largest, side="right")
    lists = np.flatnonzero(np.concatenate([[True], member[1:] != member[:-1]])) if len(member) else member
    return _Postings(owner, ends - np.arange(len(owner)) - 1, lists)


def _limit(partners: Numbers) -> int:
    """The largest number of partners a posting that keeps all comparisons within bounds."""
    low, high = 16, max(16, int(partners.max(initial=0)))
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(partners, middle).sum()) <= COMPARISONS:
            low = middle
        else:
            high = middle - 1
    return low


def _in_one_group(groups: Numbers, postings: _Postings) -> NDArray[np.bool_]:
    """Of each posting: whether all sets of its list are joined already."""
    if not len(postings.owner):
        return np.zeros(0, dtype=np.bool_)
    of_posting = groups[postings.owner]
    one = np.minimum.reduceat(of_posting, postings.lists) == np.maximum.reduceat(of_posting, postings.lists)
    return np.repeat(one, np.diff(postings.lists, append=len(postings.owner)))


def _expanded(owner: Numbers, partners: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Each posting with so many that follow it, some millions of pairs at a time."""
    ends = np.cumsum(partners)
    first = 0
    while first < len(owner):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + CHUNK, side="right")))
        counts = partners[first:last]
        left = np.repeat(np.arange(first, last), counts)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield owner[left], owner[left + 1 + offset]
        first = last


def _possible(
    left: Numbers,
    right: Numbers,
    groups: Numbers,
    sets: _Sets,
    signatures: NDArray[np.uint64],
    threshold: float,
) -> tuple[Numbers, Numbers]:
    """Pairs not joined yet whose signatures differ by no more than their sets may; none of them twice."""
    new = groups[left] != groups[right]
    left, right = left[new], right[new]
    sizes = sets.sizes
    differing = np.bitwise_count(signatures[left] ^ signatures[right]).sum(axis=1)
    fits = differing <= (1 - threshold) / (1 + threshold) * (sizes[left] + sizes[right]) + 1e-9
    left, right = left[fits], right[fits]
    pairs = _unique(np.minimum(left, right) * len(sizes) + np.maximum(left, right))
    return pairs // max(len(sizes), 1), pairs % max(len(sizes), 1)


def _signatures(sets: _Sets) -> NDArray[np.uint64]:
    """(sets, 4): of each of 256 bits, whether an odd number of members fall on it."""
    kinds = len(sets.frequency)
    mixed = np.arange(kinds, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    bit = (mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(56)
    table = np.zeros((kinds, 4), dtype=np.uint64)
    table[np.arange(kinds), (bit >> np.uint64(6)).astype(np.int64)] = np.uint64(1) << (bit & np.uint64(63))
    folded = np.bitwise_xor.reduceat(table[sets.members], np.minimum(sets.starts[:-1], max(len(sets.members) - 1, 0)))
    folded[sets.sizes == 0] = 0
    return folded


def _similar(sets: _Sets, left: Numbers, right: Numbers, threshold: float) -> NDArray[np.bool_]:
    """Whether the Jaccard index of each pair reaches the threshold, computed from the sets themselves."""

    @cache
    def of(number: int) -> set[int]:
        return set(sets.members[sets.starts[number] : sets.starts[number + 1]].tolist())

    def reaches(one: int, other: int) -> bool:
        mine, theirs = of(one), of(other)
        common = len(mine & theirs)
        return common >= threshold * (len(mine) + len(theirs) - common) - 1e-9

    return np.fromiter(map(reaches, left.tolist(), right.tolist()), dtype=np.bool_, count=len(left))
