"""What plugin authors subclass.

A component is its own configuration: a frozen Pydantic class whose fields are the keys of its TOML table and
whose methods do the work. A class is named by a class keyword::

    class MaskEmails(TextPreprocessor, name="mask-emails"):
        \"\"\"Replace e-mail addresses by a placeholder.\"\"\"

        placeholder: str = "<email>"

Nothing here imports torch, transformers, datasets or evaluate: they are needed only inside methods.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sftcore.records import PredictionKind, Records
from sftcore.sentences import first_sentence

if TYPE_CHECKING:
    import datasets
    import evaluate
    import numpy as np

    from sftcore.task import Role

Row: TypeAlias = Mapping[str, Any]
"""A row of data by role: `{"text": "...", "label": "..."}`; None stands for a missing value."""

Feature: TypeAlias = Mapping[str, Any]
"""What the model reads for one example: `{"input_ids": [...], "labels": 2}`."""

Labels = Annotated[tuple[str, ...], Field(description="names of the classes, in the order of the model's outputs")]
"""The type of a field that lists class names; reuse it when a field of that kind is redefined."""

Kind: TypeAlias = Literal["source", "preprocessor", "augmenter", "task", "metric", "settings"]


class Edit(NamedTuple):
    """Replace `text[start:end]` by `replacement`: a half-open range in code points of the text given."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Returned by a `RowPreprocessor` in place of a row: leave it out, for this reason (counted by reason)."""

    reason: str


class Frozen(BaseModel):
    """Base of everything that a recipe configures: frozen, strict, without unknown keys.

    The docstring below a field is its description in schema and docs.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        ignored_types=(cached_property,),
        protected_namespaces=(),
    )

    @classmethod
    def from_table(cls, table: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> Self:
        """Validate a TOML table strictly: `true` is no number, `"12"` no integer, lists become tuples, and a key that
        no field has is a mistake, in the tables of nested models too. Validators find `context` in their `info`."""
        return cls.model_validate_json(json.dumps(table), strict=True, extra="forbid", context=context)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy whose updates are validated like any value, and whose cached properties are made anew."""
        values = {name: getattr(self, name) for name in self.model_fields_set} | dict(update or {})
        values = deepcopy(values) if deep else values
        return type(self).model_validate(values, strict=True, by_alias=False, by_name=True)

    def __getstate__(self) -> dict[Any, Any]:
        """Only the fields travel to worker processes; cached properties are made anew there."""
        state = super().__getstate__()
        fields = type(self).model_fields
        return state | {"__dict__": {key: value for key, value in state["__dict__"].items() if key in fields}}


class Component(Frozen, ABC):
    """A named piece that a recipe can `use`. Subclass one of the kinds below, not this class.

    A public class has a docstring, and a `name` that is not inherited; a class without a name is a helper
    that nobody can `use`.
    """

    kind: ClassVar[Kind]
    name: ClassVar[str] = ""
    needs_packages: ClassVar[Mapping[str, str]] = {}
    """Packages that it imports when it works, and that an installation may lack: the name to import, and what pip
    installs for it (`{"sacrebleu": "sftcore[generation]"}`). A recipe that uses it without them is refused."""

    def __init_subclass__(cls, name: str = "", **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.name = name

    @classmethod
    def __pydantic_init_subclass__(cls, name: str = "", **keywords: Any) -> None:
        super().__pydantic_init_subclass__(**keywords)

    def table(self) -> dict[str, Any]:
        """The component as a TOML table: `use` and every field, defaults included."""
        return {"use": self.name, **self.model_dump(mode="json")}


class Source(Component):
    """Reads data from a place that it claims by URI scheme or file ending."""

    kind: ClassVar[Kind] = "source"
    schemes: ClassVar[tuple[str, ...]] = ()
    """What stands before the colon: `("s3",)` for `s3:bucket/key`."""
    endings: ClassVar[tuple[str, ...]] = ()
    """File endings with the dot, lower case: `(".csv",)`."""

    @abstractmethod
    def load(self, location: str, *, encoding: str | None = None) -> datasets.Dataset | datasets.DatasetDict:
        """Read one file (for an ending: its path) or one URI (for a scheme: the whole of it).

        Text stays text: "NA" and "null" are words, 007 keeps its zeros. Raises `sftcore.DataError` with file
        and row for what can't be read. `encoding` is the recipe's, or None where it is to be detected.
        """


class TextPreprocessor(Component):
    """Rewrites a text by edits, so that positions in it stay known."""

    kind: ClassVar[Kind] = "preprocessor"
    on: tuple[str, ...] | None = None
    """Roles to work on; default: the task's input texts."""
    redacts: ClassVar[bool] = False
    """Whether it takes away what identifies people, or must not be seen for another reason: the texts before it are
    then neither recorded nor shown."""

    @abstractmethod
    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """Yield `(start, end, replacement)`, ascending and disjoint; adjacent edits that are one rewrite as one."""


class RowPreprocessor(Component):
    """Makes a new row of a row, or drops it with a reason. A function of that one row alone."""

    kind: ClassVar[Kind] = "preprocessor"
    redacts: ClassVar[bool] = False
    """As of a `TextPreprocessor`."""

    @abstractmethod
    def process(self, row: Row) -> Row | Drop:
        """Return the row to go on with (roles may change their values), or `Drop(reason)`.

        Rows to predict have no targets: a step that can't do without is warned of before the training.
        """


class _Augmenter(Component):
    kind: ClassVar[Kind] = "augmenter"
    copies: int = Field(default=1, ge=1, le=20)
    """How many new variants of each training row, made once; with `every_epoch` it stays 1."""
    every_epoch: bool = False
    """Replace each row by a fresh variant in every epoch; the length of the epoch does not change."""


class TextAugmenter(_Augmenter):
    """Makes variants of training texts by edits."""

    on: tuple[str, ...] | None = None
    """Roles to work on; default: the task's input texts."""

    @abstractmethod
    def edits(self, text: str, rng: np.random.Generator) -> Iterable[Edit | tuple[int, int, str]]:
        """Yield edits as `TextPreprocessor.edits` does, drawing only from `rng`."""


class RowAugmenter(_Augmenter):
    """Makes variants of whole training rows."""

    @abstractmethod
    def augment(self, row: Row, rng: np.random.Generator) -> Row:
        """Return one variant of the row, drawing only from `rng`."""

    def vary(self, row: Row, roles: Mapping[str, Role], rng: np.random.Generator) -> Row:
        """What the core calls: `augment`, for an augmenter that has to know which roles are texts, and whose spans lie
        in which of them (`Role.protects`). Spans are the augmenter's to move then (`sftcore.move_spans`)."""
        return self.augment(row, rng)


class Metric(Component):
    """Scores predictions. It works on `Records` alone, so that intervals can resample them."""

    kind: ClassVar[Kind] = "metric"
    understands: ClassVar[tuple[PredictionKind, ...]]
    """The kinds of predictions that it can score."""
    needs_scores: ClassVar[bool] = False
    """Whether it needs `Records.scores` (class probabilities) besides the predictions."""
    greater_is_better: ClassVar[bool] = True

    @abstractmethod
    def score(self, records: Records) -> dict[str, float]:
        """Values by name, the main one first and named like the metric; NaN where it is not defined."""

    def meaning(self) -> str:
        """What it measures, in a sentence for someone who has never met it: metrics.json and the report have it.

        By default the first sentence of the docstring; override it where the settings change what is measured.
        """
        return first_sentence(type(self).__doc__)

    def build(self, labels: Sequence[str] = ()) -> evaluate.Metric:
        """A fresh local `evaluate.Metric`, fed by `add_batch`, whose `compute()` gives `score` of what it got."""
        from sftcore.local_metric import LocalMetric

        return LocalMetric(self, tuple(labels))


class Settings(Component):
    """A plugin's own section of the recipe, `[plugins.<name>]`; its hooks find it in `recipe.plugins[name]`."""

    kind: ClassVar[Kind] = "settings"
