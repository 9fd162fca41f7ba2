"""What identifies people, replaced by placeholders: patterns and a list, not anonymisation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar, NamedTuple

from pydantic import Field, field_validator

from sftcore import Edit, TextPreprocessor
from sftcore_plugin_legal.identity import emails, identity_numbers, telephone_numbers
from sftcore_plugin_legal.parties import Parties, find_names, names_of


class _Hit(NamedTuple):
    start: int
    end: int
    kind: str


class Redact(TextPreprocessor, name="redact"):
    """Replace e-mail addresses, telephone numbers, identity numbers and listed parties by placeholders.

    "Call John Smith, +1 212 555 0123" becomes "Call [PARTY 1], [PHONE]" where `parties` lists John Smith. It finds what
    its patterns describe and the names on the list, in English and Chinese, and nothing else: it is NOT anonymisation.
    Names that nobody listed, addresses, signatures and what can be inferred stay.
    """

    redacts: ClassVar[bool] = True

    emails: bool = True
    """Replace e-mail addresses."""
    phones: bool = True
    """Replace telephone numbers: international (+ and digits), Chinese mobile and landline, North American."""
    identity_numbers: bool = True
    """Replace US social security and taxpayer numbers and Chinese 18-digit identity numbers."""
    check_digits: bool = True
    """Take 18 digits for a Chinese identity number only where the check digit is right; false: a date of birth in them
    is enough (for scanned text, where a digit may be misread)."""
    parties: Parties = Field(default=(), repr=False)
    """Names to replace; several of one party as "Acme Corporation|Acme". "file:parties.txt" takes them from that file,
    a party a line. The names are written into the run's lock.json, so that its model treats new texts alike."""
    ignore_case: bool = True
    """Find the listed names in any case."""
    placeholder: str = "[{kind}]"
    """What is written; {kind} stands for EMAIL, PHONE, ID or PARTY with its number on the list."""

    @field_validator("placeholder")
    @classmethod
    def _names_the_kind(cls, placeholder: str) -> str:
        if placeholder.count("{kind}") > 1:
            raise ValueError('expected a text with {kind} in it at most once, such as "[{kind}]" or ""')
        return placeholder

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each thing found; what overlaps is replaced as one, by the placeholder of the first."""
        merged: _Hit | None = None
        for hit in sorted(self._hits(text), key=lambda hit: (hit.start, -hit.end)):
            if merged is not None and hit.start < merged.end:
                merged = merged._replace(end=max(merged.end, hit.end))
                continue
            if merged is not None:
                yield self._edit(merged)
            merged = hit
        if merged is not None:
            yield self._edit(merged)

    def _edit(self, hit: _Hit) -> Edit:
        return Edit(hit.start, hit.end, self.placeholder.replace("{kind}", hit.kind))

    def _hits(self, text: str) -> Iterator[_Hit]:
        if self.emails and ("@" in text or "＠" in text):
            yield from (_Hit(*span, "EMAIL") for span in emails(text))
        if self.identity_numbers:
            yield from (_Hit(*span, "ID") for span in identity_numbers(text, self.check_digits))
        if self.phones:
            yield from (_Hit(*span, "PHONE") for span in telephone_numbers(text))
        if self.parties:
            for found in find_names(text, self._numbers, self.ignore_case):
                yield _Hit(found.start, found.end, f"PARTY {self._numbers[found.name]}")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The number of the party that each name belongs to; of a name that two share, the first one's."""
        listed = [(name, number) for number, party in enumerate(self.parties, 1) for name in names_of(party)]
        return dict(reversed(listed))
