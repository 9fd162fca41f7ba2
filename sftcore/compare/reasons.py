"""Why something can't be compared, as a code and its figures: said in words where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.report.words import Words


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence of words/*.toml (`compare.why.<code>`) and what stands in its places."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    def said(self, words: Words) -> str:
        """The sentence in the language of the words."""
        return words(f"compare.why.{self.code}", **self.values)

    def as_json(self, words: Words) -> dict[str, Any]:
        """`{"code", "sentence"}`."""
        return {"code": self.code, "sentence": self.said(words)}
