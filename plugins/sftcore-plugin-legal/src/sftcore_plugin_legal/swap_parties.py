"""Variants of a row with other parties and other years, the same ones throughout the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from sftcore import Edit, Role, Row, RowAugmenter, move_spans, read_spans
from sftcore_plugin_legal.company_names import (
    CHINESE_HEADS,
    HEADS,
    TAILS,
    Company,
    companies_in,
    invented,
    unused,
)
from sftcore_plugin_legal.dates import has_leap_day, written, years_of_dates
from sftcore_plugin_legal.parties import Parties, find_names, is_chinese, names_of
from sftcore_plugin_legal.row_texts import Place, texts_of, with_texts

if TYPE_CHECKING:
    import numpy as np

DATES = ""
"""The owner of edits of dates; those of names are owned by the party's first name."""


class _Swap(NamedTuple):
    """An edit, and what it belongs to: all edits of one owner are made, or none."""

    edit: Edit
    owner: str


class SwapParties(RowAugmenter, name="swap-parties"):
    """Give the parties of a row other names and its dates other years, the same throughout all texts of the row.

    Companies are found by their legal form (Acme Holdings, Inc., 恒泽科技有限公司), which stays; their short names go
    with them. Other names are swapped where `parties` lists them. All dates move by the same number of years. It works
    on every text of the row, questions, passages and answers too, so what was true in the row stays true. A name that
    overlaps the border of an answer's span stays throughout the row.
    """

    parties: Parties = Field(default=(), repr=False)
    """Names to swap besides those found; several of one party as "Acme Corporation|Acme". "file:parties.txt" takes them
    from that file, a party a line."""
    find: bool = True
    """Look for companies by their legal form."""
    replacements: tuple[str, ...] = ()
    """Names to draw from, without a legal form; default: invented ones, Chinese for Chinese names, else English."""
    years: int = Field(default=4, ge=0, le=50)
    """The most years by which dates move, back or forth; 0 leaves dates alone."""

    def augment(self, row: Row, rng: np.random.Generator) -> Row:
        """One variant of a row whose texts are all texts."""
        return self.vary(row, {name: Role() for name, value in row.items() if isinstance(value, str)}, rng)

    def vary(self, row: Row, roles: Mapping[str, Role], rng: np.random.Generator) -> Row:
        """One variant of the row, the row itself where there is nothing to swap."""
        texts = texts_of(row, roles)
        swaps = self._swaps(texts, rng)
        guarded = _guarded(row, roles)
        refused = {
            swap.owner for place, made in swaps.items() for swap in made if _cuts(swap.edit, guarded.get(place, ()))
        }
        edits = {place: [swap.edit for swap in made if swap.owner not in refused] for place, made in swaps.items()}
        edits = {place: made for place, made in edits.items() if made}
        if not edits:
            return row
        new = with_texts(row, {place: _applied(texts[place], made) for place, made in edits.items()})
        for name, role in roles.items():
            made = edits.get((role.protects,))
            if role.protects and made and row.get(name) is not None:
                new[name] = _moved(row[name], texts[role.protects,], made)
        return new

    def _swaps(self, texts: Mapping[Place, str], rng: np.random.Generator) -> dict[Place, list[_Swap]]:
        """The edits of each text, ascending and disjoint."""
        names, owners = self._names(list(texts.values()), rng)
        shift = self._shift(list(texts.values()), rng)
        swaps = {}
        for place, text in texts.items():
            found = [*_renamed(text, names, owners), *_moved_years(text, shift)]
            swaps[place] = _disjoint(found)
        return swaps

    def _names(self, texts: Sequence[str], rng: np.random.Generator) -> tuple[dict[str, str], dict[str, str]]:
        """What stands for each name, and whose name it is."""
        listed = [Company(names_of(party)[0], names_of(party)[1:], is_chinese(party)) for party in self.parties]
        parties = listed + (companies_in(texts) if self.find else [])
        pools = {chinese: self._pool(chinese, texts, rng) for chinese in (False, True)}
        tails = [""] if self.replacements else [TAILS[place] for place in rng.permutation(len(TAILS)).tolist()]
        names: dict[str, str] = {}
        owners: dict[str, str] = {}
        for number, party in enumerate(parties):
            if party.stem in owners or not pools[party.is_chinese]:
                continue
            new = invented(party, pools[party.is_chinese].pop(), tails[number % len(tails)])
            for name, replacement in new.items():
                for form, written_form in ((name, replacement), (name.upper(), replacement.upper())):
                    owners.setdefault(form, party.stem)
                    names.setdefault(form, written_form)
        return names, owners

    def _pool(self, chinese: bool, texts: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Names to draw from, in random order."""
        free = unused(self.replacements or (CHINESE_HEADS if chinese else HEADS), texts)
        return [free[place] for place in rng.permutation(len(free)).tolist()]

    def _shift(self, texts: Sequence[str], rng: np.random.Generator) -> int:
        """By how many years the dates move."""
        step = 4 if any(map(has_leap_day, texts)) else 1
        most = self.years // step
        choices = [step * number for number in range(-most, most + 1) if number]
        return choices[int(rng.integers(len(choices)))] if choices else 0


def _renamed(text: str, names: Mapping[str, str], owners: Mapping[str, str]) -> Iterable[_Swap]:
    for start, end, name in find_names(text, names):
        yield _Swap(Edit(start, end, names[name]), owners[name])


def _moved_years(text: str, shift: int) -> Iterable[_Swap]:
    for year in years_of_dates(text) if shift else ():
        yield _Swap(Edit(year.start, year.end, written(year.number + shift, text[year.start : year.end])), DATES)


def _disjoint(found: Iterable[_Swap]) -> list[_Swap]:
    kept: list[_Swap] = []
    for swap in sorted(found):
        if not kept or swap.edit.start >= kept[-1].edit.end:
            kept.append(swap)
    return kept


def _guarded(row: Row, roles: Mapping[str, Role]) -> dict[Place, list[tuple[int, int]]]:
    """The spans that lie in each text, without those that are lost."""
    guarded: dict[Place, list[tuple[int, int]]] = {}
    for name, role in roles.items():
        if role.protects and row.get(name) is not None:
            spans = [span for span in read_spans(row[name]) if span[0] >= 0]
            guarded[role.protects,] = [*guarded.get((role.protects,), []), *spans]
    return guarded


def _cuts(edit: Edit, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether the edit reaches across the border of a span: one within it, or all of it, keeps it whole."""
    touched = ((start, end) for start, end in spans if edit.start < end and start < edit.end)
    return any(edit.start < start or edit.end > end for start, end in touched)


def _moved(value: Any, text: str, edits: Sequence[Edit]) -> Any:
    """The spans after the edits; the texts of answers in SQuAD's form are those that stand there now."""
    moved = move_spans(value, text, edits)
    if not isinstance(moved, Mapping):
        return moved
    new, places = _applied(text, edits), zip(moved["answer_start"], moved["answer_end"], strict=True)
    texts = [new[start:end] if start >= 0 else old for (start, end), old in zip(places, moved["text"], strict=True)]
    return {**moved, "text": texts}


def _applied(text: str, edits: Sequence[Edit]) -> str:
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.replacement]
        at = edit.end
    return "".join([*pieces, text[at:]])
