"""What the author of a task subclasses: `Task`, and what goes in and out of its methods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sftcore.components import Component, Feature, Frozen, Kind, Metric, Row
from sftcore.records import Prediction, PredictionKind, Records

if TYPE_CHECKING:
    import datasets
    import numpy as np
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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


class TaskState(Frozen):
    """What a task learned from the training rows. It is saved as JSON and handed to everything after `fit`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of rows as features, column by column.

    `columns` holds one value a feature under each name that the model's `forward` takes. `parents[i]` is the
    position in the batch of the row that feature i came from (None: one feature a row, in order).
    `lost_tokens[j]` counts the tokens of row j that no feature holds, `masked[j]` says that nothing of row j
    counts in the loss. `skip[i]` says that feature i is left out of training, although it is read in validation, test
    and prediction (windows without an answer, of which there are too many). `counts` says what else happened to row j
    ("answer cut": 1), for the ledger. `info` holds one small value a feature that `decode` needs and the model does
    not.
    """

    columns: Mapping[str, Sequence[Any]]
    parents: Sequence[int] | None = None
    lost_tokens: Sequence[int] | None = None
    masked: Sequence[bool] | None = None
    skip: Sequence[bool] | None = None
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    info: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class LossOptions:
    """What `[train]` says of the loss: a weight a class (mean 1 over the training rows), and smoothing."""

    class_weights: tuple[float, ...] | None = None
    label_smoothing_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote for one feature: the ids of the new tokens, the end token included, their text, and the
    model's confidence in them, 0 to 1, where that is known."""

    ids: tuple[int, ...]
    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What is kept of the model's output for one feature: `logits` of any small shape, what it `generated` where the
    task generates, and the feature's `info`."""

    logits: np.ndarray
    info: Any = field(default=None, compare=False)
    generated: Generated | None = None


@dataclass(frozen=True, slots=True)
class OwnBaseline:
    """A baseline that a task brings along: its predictions, one for each row that it was asked for."""

    name: str
    description: str
    predictions: Sequence[Prediction]


class Task(Component):
    """Knows a problem: the columns it needs, the model class, encoding, decoding and the metrics that speak of it.

    The pipeline calls, in this order: `reshape` for each table that is read, `check_row` for each row
    (`check_input` for one to predict), `family` and `stratum` in the split, `fit` on the training rows, `config`
    and `prepare_model` when the model is loaded, `encode` and `collate`, `loss_function` and `inputs` in training,
    `outputs`, `generate` (where it `generates`) and `decode` in prediction, `calibrate` on the validation split,
    `reference`, `records`, `slices_told` (`slices`) and `baselines` in evaluation.
    """

    kind: ClassVar[Kind] = "task"
    generates: ClassVar[bool] = False
    """Whether the model writes its answer, token by token. Validation while training then looks at the loss alone, and
    the base model, as it was before training, is evaluated beside the tuned one."""
    logits_from: ClassVar[tuple[str, ...]] = ("logits",)
    """The parts of the model's output that `Prediction.logits` hold, one after the other, without padding; () where
    the logits are not recorded."""
    family_name: ClassVar[str] = "document"
    """What the rows of a family have in common, for messages (see `family`)."""
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

    @property
    def smooths_labels(self) -> bool:
        """Whether its loss heeds `[train] label_smoothing_factor`, which recipes are refused otherwise; by default
        that of every task that does not predict numbers."""
        return self.predicts != "scores"

    def default_metrics(self) -> Sequence[Metric]:
        """The metrics of a recipe that names none, the main one first (it chooses the best checkpoint)."""
        return ()

    @property
    def pipeline(self) -> str:
        """The transformers pipeline that serves the saved model ("text-classification"), or ""."""
        return ""

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """A table of one row an example, made of one in a shape that this task knows (nested JSON, columns of other
        names), and a sentence that says what was recognised; the table as it is, and "", where nothing is to be done.
        Each further line of the text is a warning.

        `columns` (role → column) are those that the recipe names. Columns that it may name in `where` and `group` are
        kept. Raises `sftcore.DataError`.
        """
        return table, ""

    def check_row(self, row: Row) -> str:
        """Why the row can't be used for this task ("label is not a number"), or ""."""
        return ""

    def check_input(self, row: Row) -> str:
        """Why a row to predict, which may lack its targets, can't be read, or "". It comes back with this reason."""
        return ""

    def stratum(self, row: Row) -> Hashable:
        """The class by which split and sample are stratified, or None."""
        return None

    def family(self, row: Row) -> Hashable:
        """What the row shares with others so that they must lie in one split, although each is scored (the document
        that several questions are about), or None."""
        return None

    def corpus(self, row: Row) -> Iterator[str]:
        """The texts of a training row that a tokenizer from nothing is trained on. Default: its input texts."""
        roles = (name for name, role in self.roles.items() if role.kind == "text" and not role.target)
        return (row[name] for name in roles if row.get(name))

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

    def inputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the model's `forward` is called with for a batch of `collate`, on its device, `labels` still among it.

        Asked before every forward pass, in training too; for what only the model knows (the decoder's input, which an
        encoder-decoder makes of the labels). Default: the batch as it is.
        """
        return dict(batch)

    def model_input(self, row: Row) -> Any:
        """What `transformers.pipeline` is fed with for this (preprocessed) row: a text, or a dict of texts."""
        return None

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """One forward pass: the model's outputs (for the loss) and a small array a feature, in the batch's order.

        Default: `model(**inputs)` without `labels` (see `inputs`), and its logits in float32.
        """
        inputs = {name: value for name, value in self.inputs(model, batch).items() if name != "labels"}
        outputs = model(**inputs)
        return outputs, list(outputs.logits.float().cpu().numpy())

    def generate(
        self,
        model: PreTrainedModel,
        batch: dict[str, torch.Tensor],
        tokenizer: PreTrainedTokenizerBase,
        state: TaskState,
    ) -> list[Generated]:
        """What the model writes for each feature of the batch, greedily; asked only of a task that `generates`."""
        raise NotImplementedError(f"{self.name} generates, but has no generate()")

    def prompt_ids(self, feature: Feature) -> Sequence[int]:
        """The ids that `generate` starts from for this feature, without padding: predictions.parquet holds them, and
        `sftcore verify` generates from them again.

        Default: its `input_ids`. Features of causal models go on with the answer, which is to be left out here.
        """
        ids: Sequence[int] = feature["input_ids"]
        return ids

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """The outputs that a model without fault would give for the row's features (with `labels` where it has them).

        `sftcore check` decodes and scores them: what preprocessing, windows and truncation leave to be reached. None:
        not known, or always 1.
        """
        return None

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

    def slices(self, row: Row) -> Mapping[str, str]:
        """The parts of the data that the row belongs to, by what divides them: `{"question type": "who"}`. Each part
        is scored by itself, too."""
        return {}

    def slices_told(self, row: Row, prediction: Prediction) -> Mapping[str, str]:
        """`slices`, for a task some of whose parts only the prediction tells (in how many windows a text was read).

        Asked in its place. Default: `slices(row)`.
        """
        return self.slices(row)

    def baselines(self, train: Sequence[Row], rows: Sequence[Row], state: TaskState) -> Sequence[OwnBaseline]:
        """Baselines of the task's own for `rows`, besides the core's: what anybody would try first."""
        return ()

    def features_text(self, row: Row) -> str | None:
        """The text that the word-count baseline reads; None: no such baseline."""
        return None
