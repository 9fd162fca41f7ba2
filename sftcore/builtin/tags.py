"""Tags of tokens (BIO and its kin) and the entities that they stand for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
_PREFIXED = re.compile(r"([BIESLUM])[-_](.+)", re.DOTALL)
_OPENING, _CLOSING = frozenset("BSU"), frozenset("ELSU")


class Stretch(NamedTuple):
    """Tokens `[first, stop)` that are one entity."""

    first: int
    stop: int
    label: str


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The tags of a model that marks entities of these labels: O, then B- and I- of each (IOB2)."""
    return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in "BI"))


def is_prefixed(tags: Iterable[str]) -> bool:
    """Whether the tags say where an entity begins or goes on (B-PER, I-PER), rather than name it alone (PER)."""
    return all(tag in ("", OUTSIDE) or _PREFIXED.fullmatch(tag) for tag in tags)


def strays(tags: Iterable[str]) -> set[str]:
    """Tags without a prefix among tags of a scheme: of some label there are two kinds (B-PER, I-PER)."""
    read = {tag: _PREFIXED.fullmatch(tag) for tag in tags if tag not in ("", OUTSIDE)}
    kinds = Counter(match[2] for match in read.values() if match)
    return {tag for tag, match in read.items() if not match} if any(number > 1 for number in kinds.values()) else set()


def stretches(tags: Sequence[str], prefixed: bool = True) -> list[Stretch]:
    """The entities of a row of tags, as the evaluation of CoNLL reads them (Tjong Kim Sang & De Meulder 2003).

    Reads IOB1, IOB2, IOBES, BILOU and BMES. An entity that begins without a B (I after O, or after another label)
    begins all the same. Without prefixes, neighbours of one name are one entity.
    """
    found: list[Stretch] = []
    is_open = False
    for place, tag in enumerate(tags):
        prefix, label = _parts(tag, prefixed)
        if not label:
            is_open = False
            continue
        if is_open and prefix not in _OPENING and found[-1].label == label:
            found[-1] = found[-1]._replace(stop=place + 1)
        else:
            found.append(Stretch(place, place + 1, label))
        is_open = prefix not in _CLOSING
    return found


def _parts(tag: str, prefixed: bool) -> tuple[str, str]:
    """Prefix and label of a tag; no label outside of entities."""
    if tag in ("", OUTSIDE):
        return "", ""
    match = _PREFIXED.fullmatch(tag) if prefixed else None
    return (match[1], match[2]) if match else ("I", tag)
