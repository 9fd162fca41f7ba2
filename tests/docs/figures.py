"""Whether a page shows what was printed. Here, and nowhere else, stands which figures may differ, and by how much.

A page shows parts of an output: a part ends at an empty line or at "…", and its words come one after the other, in
whatever way the terminal broke the lines. Of its words

- what the machine decides is not compared: times, speeds, hashes, versions, the length of bars;
- numbers with a decimal point may be off by `NEAR`: on another machine weights differ in their last bits, and what
  comes of them in the second decimal;
- other numbers are the same, unless the page says that they are `about` so, which is for counts of what a model got
  right: then they are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

NEAR = 0.03
MACHINE = re.compile(
    r"""\d+\ min\ \d+\ s | [\d.,]+\ s\b | [\d.,]+\ \w+/s\b      # times, speeds
    | \b[0-9a-f]{16,}\b | \b\d+\.\d+\.\d+(?:\+\w+)?\b | [█▒]+   # hashes, versions, bars""",
    re.VERBOSE,
)
FIGURE = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def parts(text: str) -> list[list[str]]:
    """The words of each part of a block."""
    lines = MACHINE.sub("■", text).splitlines()
    groups = groupby(lines, key=lambda line: line.strip() in ("", "…"))
    return [" ".join(found).split() for gap, found in groups if not gap]


def missing(shown: str, printed: str, *, about: bool = False) -> list[str]:
    """The parts of a block that were not printed, or not in this order."""
    words, at, absent = MACHINE.sub("■", printed).split(), 0, []
    for part in parts(shown):
        places = range(at, len(words) - len(part) + 1)
        found = next((place for place in places if all_alike(part, words[place:], about)), None)
        if found is None:
            absent.append(" ".join(part))
        else:
            at = found + len(part)
    return absent


def all_alike(part: Sequence[str], words: Sequence[str], about: bool) -> bool:
    return all(alike(shown, word, about) for shown, word in zip(part, words, strict=False))


def alike(shown: str, printed: str, about: bool = False) -> bool:
    """Whether two words are the same but for figures that may differ."""
    if shown == printed:
        return True
    if FIGURE.sub("0", shown) != FIGURE.sub("0", printed):
        return False
    pairs = zip(FIGURE.findall(shown), FIGURE.findall(printed), strict=True)
    return all(near(one, other, about) for one, other in pairs)


def near(shown: str, printed: str, about: bool) -> bool:
    if "." not in shown + printed:
        return about or shown == printed
    one, other = (float(figure.replace("−", "-").replace(",", "")) for figure in (shown, printed))
    return abs(one - other) <= NEAR
