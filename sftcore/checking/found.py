"""The result of a check: plain values, whose names are the keys of `sftcore check --json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sftcore.evaluation.ceiling import Ceiling

Level = Literal["attention", "fine"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What can be said without reading data: the plan with every default, and who takes part."""

    name: str
    plan: dict[str, Any]
    plugins: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the check has to say: its `kind` ("cut", "conflicts", ...), whether it needs attention, and the
    values that its sentence is made of. `advice` says whether there is something to do about it."""

    kind: str
    level: Level
    values: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of a split's features in tokens, as they are read, and how many rows were cut at `limit`.

    `histogram` counts the lengths before the cut; see `sftcore.data.lengths.length_histogram` for its parts.
    """

    features: int
    rows: int
    mean: float
    p50: int
    p95: int
    p99: int
    longest: int
    limit: int
    truncated_rows: int
    truncated_share: float
    lost_tokens: int
    histogram: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """An encoded training row: its tokens, which of them count in the loss (None: the row as a whole, or tokens that
    the model writes and does not read), its target."""

    row: int
    place: str
    tokens: list[str]
    counts: list[bool] | None
    target: Any


@dataclass(frozen=True, slots=True)
class Relative:
    """A row of a group whose texts are alike, and where it came from. `text` is its beginning; None for both text and
    target where the report shows no texts."""

    row: int
    place: str
    text: str | None
    target: Any


@dataclass(frozen=True, slots=True)
class TwinGroup:
    """A group of rows that are alike: how many they are, and some of them."""

    rows: int
    members: list[Relative]


@dataclass(frozen=True, slots=True)
class Twins:
    """Rows that are alike.

    `counts`: by how many groups each kind of twin reduced their number (exact, normalised, preprocessed, near).
    `near_threshold`: the Jaccard index of near twins, None where they were not looked for; `near_complete`: whether
    all pairs were. `rows` have a twin; `test_rows_scored`: of twins in the test split one is scored. `families`: the
    rows that belong together besides, as the task says (the questions about one document), None where it says nothing.
    `left_out`: rows of the source's own splits that had a twin in a later split. `examples`: groups by kind.
    """

    counts: dict[str, int] = field(default_factory=dict)
    near_threshold: float | None = None
    near_complete: bool = True
    rows: int = 0
    largest_group: int = 0
    test_rows_scored: int = 0
    families: dict[str, Any] | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[TwinGroup]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Texts that come with different labels: how many, in how many rows, and the first of them."""

    groups: int = 0
    rows: int = 0
    examples: list[list[Relative]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Steps:
    """Optimizer steps in one process: of an epoch, in all, between validations and between checkpoints; and the
    features and tokens that an epoch trains on."""

    per_epoch: int
    total: int
    between_validations: int
    between_checkpoints: int
    features_per_epoch: int
    tokens_per_epoch: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that `check` has to say.

    `findings`: what needs attention first. `warnings` and `notes`: what the stages told, as a run tells it. `texts`:
    whether texts of the data are in here (`report.texts`). `rows` counts rows by split and `labels` those of each
    class, `targets` sums numbers up. `unknown_tokens`: the share of the training tokens that the tokenizer does not
    know. `ceiling` is what a model without fault would reach, None where the task does not know.
    """

    shape: Shape
    findings: Sequence[Finding]
    warnings: Sequence[str]
    notes: Sequence[str]
    texts: bool
    ledger: dict[str, Any]
    rows: dict[str, int]
    labels: dict[str, dict[str, int]]
    targets: dict[str, dict[str, float]]
    twins: Twins
    conflicts: Conflicts
    lengths: dict[str, Lengths]
    unknown_tokens: float
    examples: list[Example]
    steps: Steps
    ceiling: Ceiling | None = None
    machine: dict[str, Any] = field(default_factory=dict)
