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
from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sftcore.records import Prediction, PredictionKind, Records

if TYPE_CHECKING:
    import datasets
    import evaluate
    import numpy as np
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

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


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column plays for a task.

    `kind` is "text" (a string that the model reads), "label" (a class name, a list of them, or a number) or
    "any" (handed on as it is). `target` marks what is to be learned: preprocessors never touch it, and rows
    to predict do not need it. `protects` names the text role in which this role's spans lie.
    """

    kind: Literal["text", "label", "any"] = "text"
    required: bool = True
    target: bool = False
    protects: str = ""
    description: str = ""


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
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Validate a TOML table strictly: `true` is no number, `"12"` no integer, lists become tuples."""
        return cls.model_validate_json(json.dumps(table), strict=True)

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

    @abstractmethod
    def edits(self, text: str) -> Iterable[Edit | tuple[int, int, str]]:
        """Yield `(start, end, replacement)`, ascending and disjoint; adjacent edits that are one rewrite as one."""


class RowPreprocessor(Component):
    """Makes a new row of a row, or drops it with a reason. A function of that one row alone."""

    kind: ClassVar[Kind] = "preprocessor"

    @abstractmethod
    def process(self, row: Row) -> Row | Drop:
        """Return the row to go on with (roles may change their values), or `Drop(reason)`."""


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

    def build(self, labels: Sequence[str] = ()) -> evaluate.Metric:
        """A fresh local `evaluate.Metric`, fed by `add_batch`, whose `compute()` gives `score` of what it got."""
        from sftcore.local_metric import LocalMetric

        return LocalMetric(self, tuple(labels))


class TaskState(Frozen):
    """What a task learned from the training rows. It is saved as JSON and handed to everything after `fit`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of rows as features, column by column.

    `columns` holds one value a feature under each name that the model's `forward` takes. `parents[i]` is the
    position in the batch of the row that feature i came from (None: one feature a row, in order).
    `lost_tokens[j]` counts the tokens of row j that no feature holds, `masked[j]` says that nothing of row j
    counts in the loss. `info` holds one small value a feature that `decode` needs and the model does not.
    """

    columns: Mapping[str, Sequence[Any]]
    parents: Sequence[int] | None = None
    lost_tokens: Sequence[int] | None = None
    masked: Sequence[bool] | None = None
    info: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What `[train]` says of the loss: a weight a class (mean 1 over the training rows), and smoothing."""

    class_weights: tuple[float, ...] | None = None
    label_smoothing_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Output:
    """What is kept of the model's output for one feature: `logits` of any small shape, and the feature's `info`."""

    logits: np.ndarray
    info: Any = field(default=None, compare=False)


class Task(Component):
    """Knows a problem: the columns it needs, the model class, encoding, decoding and the metrics that speak of it.

    The pipeline calls, in this order: `check_row` for each row, `fit` on the training rows, `config` and
    `prepare_model` when the model is loaded, `encode` and `collate`, `loss_function` in training, `outputs`
    and `decode` in prediction, `calibrate` on the validation split, `reference` and `records` in evaluation.
    """

    kind: ClassVar[Kind] = "task"
    auto_class: ClassVar[str]
    """The transformers class that loads the model: "AutoModelForSequenceClassification"."""
    state_class: ClassVar[type[TaskState]] = TaskState

    @property
    @abstractmethod
    def roles(self) -> Mapping[str, Role]:
        """The roles that columns can play, the main input first."""

    @property
    @abstractmethod
    def predicts(self) -> PredictionKind:
        """The kind of its predictions; metrics say which kinds they understand."""

    def default_metrics(self) -> Sequence[Metric]:
        """The metrics of a recipe that names none, the main one first (it chooses the best checkpoint)."""
        return ()

    @property
    def pipeline(self) -> str:
        """The transformers pipeline that serves the saved model ("text-classification"), or ""."""
        return ""

    def check_row(self, row: Row) -> str:
        """Why the row can't be used for this task ("label is not a number"), or ""."""
        return ""

    def stratum(self, row: Row) -> Hashable:
        """The class by which split and sample are stratified, or None."""
        return None

    def classes(self, row: Row) -> tuple[str, ...]:
        """The names of the classes in the row's targets, each once; () for a number to learn, and for no target.

        Default: the texts in its targets of kind "label", and those in lists of texts. `sftcore check` counts them.
        """
        values = (row.get(name) for name, role in self.roles.items() if role.target and role.kind == "label")
        parts = (part for value in values for part in (value if isinstance(value, list | tuple) else (value,)))
        return tuple(dict.fromkeys(part for part in parts if isinstance(part, str)))

    def fit(self, rows: Sequence[Row]) -> TaskState:
        """Learn the state (labels, …) from the training rows. Raises `sftcore.DataError`."""
        return self.state_class()

    @property
    def calibrates(self) -> bool:
        """Whether `calibrate` has anything to learn from the validation split; it is asked only then.

        Default: whether the class has a `calibrate` of its own.
        """
        return type(self).calibrate is not Task.calibrate

    def calibrate(self, rows: Sequence[Row], predictions: Sequence[Prediction], state: TaskState) -> TaskState:
        """Complete the state (thresholds, …) with the validation rows and their predictions."""
        return state

    def notes(self, state: TaskState) -> Sequence[str]:
        """What the user should be warned of in the state: "no training row has the label neutral"."""
        return ()

    def label_names(self, state: TaskState) -> tuple[str, ...]:
        """The class names, in the order of the model's outputs; () where there are no classes."""
        return ()

    def config(self, state: TaskState) -> dict[str, Any]:
        """Keyword arguments for `from_pretrained`: num_labels, id2label, label2id, problem_type, …"""
        return {}

    def prepare_model(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, state: TaskState
    ) -> PreTrainedModel:
        """Change the freshly loaded model; the result must load with the plain Auto class."""
        return model

    @abstractmethod
    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """Features of the rows; with `labels` where the rows have their targets. The tokenizer is a private copy."""

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A padded batch. Default: `DataCollatorWithPadding`."""
        from transformers import DataCollatorWithPadding

        return dict(DataCollatorWithPadding(tokenizer)([dict(feature) for feature in features]))

    def loss_function(self, state: TaskState, options: LossOptions) -> Any | None:
        """`f(outputs, labels, num_items_in_batch=None) -> tensor`, a sum divided by the number of items, so that
        gradient accumulation is exact; None: the model's own loss, which must take `num_items_in_batch`."""
        return None

    def model_input(self, row: Row) -> Any:
        """What `transformers.pipeline` is fed with for this (preprocessed) row: a text, or a dict of texts."""
        return None

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """One forward pass: the model's outputs (for the loss) and a small array a feature, in the batch's order.

        Default: `model(**batch)` without `labels`, and its logits in float32.
        """
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        outputs = model(**inputs)
        return outputs, list(outputs.logits.float().cpu().numpy())

    @abstractmethod
    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The prediction for one row from the outputs of its features."""

    def reference(self, row: Row, state: TaskState) -> Any:
        """The row's target in the form of `Prediction.value`, None where the row has none.

        Raises `sftcore.DataError` for a label that the state does not know.
        """
        return row.get("label")

    @abstractmethod
    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """The records that metrics score: predictions and references as arrays (class numbers for labels)."""

    def features_text(self, row: Row) -> str | None:
        """The text that the word-count baseline reads; None: no such baseline."""
        return None


class Settings(Component):
    """A plugin's own section of the recipe, `[plugins.<name>]`; its hooks find it in `recipe.plugins[name]`."""

    kind: ClassVar[Kind] = "settings"
