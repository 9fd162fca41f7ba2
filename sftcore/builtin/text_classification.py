"""Text classification: one label a text, any number of labels, or a number; of one text or a pair."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from pydantic import Field, model_validator

from sftcore import (
    DataError,
    Encoded,
    Feature,
    Labels,
    LossOptions,
    Metric,
    Output,
    Prediction,
    PredictionKind,
    Problem,
    Records,
    Role,
    Row,
    Task,
    TaskState,
)
from sftcore.builtin.class_names import as_number, label_name, label_order
from sftcore.builtin.label_checks import doubtful, no_classes, one_only, together, unknown
from sftcore.builtin.losses import NO_LABEL, ClassificationLoss, ProblemType
from sftcore.builtin.metrics import F1, Accuracy, MeanAbsoluteError, Pearson
from sftcore.builtin.probabilities import best_threshold, score_matrix, sigmoid, softmax
from sftcore.builtin.tokens import encode_fast, encode_slowly, padded_inputs, padding_id

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TextClassificationState(TaskState):
    """What text classification learned from the training rows.

    `labels`: the classes in the order of the model's outputs; `counts`: the training rows of each; `thresholds`:
    multi-label only, the probability from which a label is given, a value a label.
    """

    labels: Labels = ()
    counts: tuple[int, ...] = ()
    thresholds: tuple[float, ...] = ()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label."""
        return {label: number for number, label in enumerate(self.labels)}


class TextClassification(Task, name="text-classification"):
    """Classify a text, or a pair of texts: one label each, any number of labels, or a number (regression)."""

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    state_class: ClassVar[type[TaskState]] = TextClassificationState

    labels: Labels | None = None
    """The classes in the order of the model's outputs; default: those of the training rows, sorted (numbers as
    numbers)."""
    problem_type: ProblemType = "single_label_classification"
    """As in transformers: one label a row, any number of labels a row, or regression (the label is a number)."""
    separator: str = Field(default="|", min_length=1)
    """What stands between the labels of a multi-label row whose labels are one text ("joy|anger")."""

    @model_validator(mode="after")
    def _labels_fit_the_problem(self) -> Self:
        if self.labels is None:
            return self
        if self.problem_type == "regression":
            raise ValueError('problem_type "regression" has no labels: the label column holds numbers')
        doubles = [label for label, times in Counter(self.labels).items() if times > 1]
        if doubles:
            raise ValueError(f"labels names {', '.join(doubles)} twice")
        if not all(label.strip() for label in self.labels):
            raise ValueError("a label can't be empty")
        if len(self.labels) < (2 if self.is_single else 1):
            raise ValueError("a classifier needs at least two labels")
        return self

    @property
    def is_single(self) -> bool:
        """Whether every row has one label."""
        return self.problem_type == "single_label_classification"

    @property
    def is_multi(self) -> bool:
        """Whether a row has any number of labels."""
        return self.problem_type == "multi_label_classification"

    @property
    def roles(self) -> Mapping[str, Role]:
        """`text`, perhaps `text_pair`, and the `label` to be learned."""
        return {
            "text": Role("text", description="the text to classify"),
            "text_pair": Role("text", required=False, description="a second text, judged together with the first"),
            "label": Role("label", target=True, description="class name, several names, or a number (regression)"),
        }

    @property
    def predicts(self) -> PredictionKind:
        """labels, label_sets or scores (regression)."""
        return "labels" if self.is_single else "label_sets" if self.is_multi else "scores"

    def default_metrics(self) -> Sequence[Metric]:
        """Accuracy and macro-F1; micro- and macro-F1 of label sets; mean absolute error and Pearson of numbers."""
        if self.is_single:
            return (Accuracy(), F1())
        return (F1(average="micro"), F1()) if self.is_multi else (MeanAbsoluteError(), Pearson())

    @property
    def pipeline(self) -> str:
        """`text-classification`, which reads problem_type from the config.

        Single label: softmax. Multi-label: sigmoid (ask for `top_k=None`, and apply the state's thresholds).
        Regression: the plain number as `score`.
        """
        return "text-classification"

    def check_row(self, row: Row) -> str:
        """Why the row can't be used: an empty text, or a label that is missing or of the wrong form."""
        for role in ("text", "text_pair"):
            if role in row and not (isinstance(row[role], str) and row[role].strip()):
                return f"{role} is empty" if row[role] is None or isinstance(row[role], str) else f"{role} is no text"
        if "label" not in row:
            return ""
        return self._check_label(row["label"])

    def _check_label(self, value: Any) -> str:
        if value is None:
            return "label is missing"
        if self.is_multi:
            return "" if isinstance(value, str | int | list | tuple) else "label is no list of names"
        if self.is_single:
            if isinstance(value, list | tuple | dict):
                return "label is a list, but the task has one label a row"
            return "" if label_name(value) else "label is missing"
        number = as_number(value)
        if number is None:
            return "label is not a number" if str(value).strip() else "label is missing"
        return "" if math.isfinite(number) else "label is not finite"

    def stratum(self, row: Row) -> Hashable:
        """The label, or the sorted tuple of labels; None for regression and for rows without a label."""
        value = row.get("label")
        if value is None or self.problem_type == "regression":
            return None
        return label_name(value) if self.is_single else tuple(sorted(self._names(value)))

    def classes(self, row: Row) -> tuple[str, ...]:
        """The label names of the row, split at `separator` where it has several; () for regression."""
        value = row.get("label")
        return () if value is None or self.problem_type == "regression" else self._names(value)

    def _names(self, value: Any) -> tuple[str, ...]:
        """The label names of one row, each once."""
        if self.is_single:
            return (label_name(value),)
        parts = value if isinstance(value, list | tuple) else label_name(value).split(self.separator)
        return tuple(dict.fromkeys(name for name in map(label_name, parts) if name))

    def fit(self, rows: Sequence[Row]) -> TextClassificationState:
        """The labels of the training rows and how many rows each has.

        Raises `sftcore.DataError` for labels that the recipe does not list, and where there is one class only.
        """
        targets = [row["label"] for row in rows]
        if self.problem_type == "regression":
            self._check_variety(Counter(as_number(target) for target in targets))
            return self._state()
        sets = Counter(self._names(target) for target in targets)
        found: Counter[str] = Counter()
        for names, times in sets.items():
            found.update(dict.fromkeys(names, times))
        if self.is_single and self.labels is None:
            _refuse(no_classes(found))
        labels = tuple(sorted(found, key=label_order)) if self.labels is None else self.labels
        self._check_known(found, labels)
        self._check_variety(Counter({tuple(sorted(names)): times for names, times in sets.items()}))
        return self._state(labels=labels, counts=tuple(found[label] for label in labels))

    def _state(self, **values: Any) -> TextClassificationState:
        return cast(TextClassificationState, self.state_class(**values))

    def _check_variety(self, targets: Counter[Any]) -> None:
        """Raise `DataError` where all targets are alike."""
        _refuse(one_only(targets, "value" if self.problem_type == "regression" else "class"))

    def _check_known(self, found: Counter[str], labels: Sequence[str]) -> None:
        """Raise `DataError` for every label in the data that is not one of `labels`."""
        _refuse(unknown(found, labels, listed=self.labels is not None))

    @property
    def calibrates(self) -> bool:
        """Multi-label only: the thresholds are chosen."""
        return self.is_multi

    def calibrate(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], state: TaskState
    ) -> TextClassificationState:
        """Multi-label: each label's threshold becomes the one of highest F1 on the validation rows.

        It lies between 0.05 and 0.95, halfway between two scores; of equally good ones the nearest to 0.5. A
        label with fewer than 5 validation rows keeps 0.5: so few would fit noise. Other problems: no change.
        """
        state = _own(state)
        if not self.is_multi:
            return state
        pairs = [(p.scores, self.reference(row, state)) for row, p in zip(rows, predictions, strict=True)]
        known = [(scores, names) for scores, names in pairs if scores is not None and names is not None]
        if not known:
            return state
        scores = np.array([scores for scores, _ in known])
        truth = self._indicators([names for _, names in known], state)
        thresholds = (best_threshold(scores[:, k], truth[:, k]) for k in range(len(state.labels)))
        return state.model_copy(update={"thresholds": tuple(thresholds)})

    def notes(self, state: TaskState) -> Sequence[str]:
        """Listed labels that no training row has, labels that differ in case alone, numbers taken for names, several
        labels taken for one."""
        own = _own(state)
        several = together(own.labels, self.separator) if self.is_multi else ()
        return [*doubtful(own.labels, own.counts), *several]

    def label_names(self, state: TaskState) -> tuple[str, ...]:
        """The class names; () for regression."""
        return _own(state).labels

    def config(self, state: TaskState) -> dict[str, Any]:
        """num_labels, id2label, label2id and problem_type."""
        names = _own(state).labels or ("score",)
        return {
            "num_labels": len(names),
            "id2label": dict(enumerate(names)),
            "label2id": {name: number for number, name in enumerate(names)},
            "problem_type": self.problem_type,
        }

    def prepare_model(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, state: TaskState
    ) -> PreTrainedModel:
        """Tell a model that reads its answer from the last token which token is padding."""
        config = cast(Any, model.config)
        if getattr(config, "pad_token_id", None) is None:
            config.pad_token_id = padding_id(tokenizer)
        return model

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """One feature a row: `input_ids`, `token_type_ids` where they are not all 0, and `labels`.

        Longer rows are cut, the longer text of a pair first; `lost_tokens` counts what was cut. Labels are there
        where every row has one: a number, or a value a class. Raises `sftcore.DataError` for unknown labels.
        """
        first = [row["text"] for row in rows]
        second = [row["text_pair"] for row in rows] if rows and rows[0].get("text_pair") is not None else None
        encode = encode_fast if getattr(tokenizer, "is_fast", False) else encode_slowly
        ids, types, lost = encode(tokenizer, first, second, max_length)
        columns: dict[str, Sequence[Any]] = {"input_ids": ids}
        if "token_type_ids" in tokenizer.model_input_names and any(any(row) for row in types[:1]):
            columns["token_type_ids"] = types
        if rows and all(row.get("label") is not None for row in rows):
            columns["labels"] = self._targets([row["label"] for row in rows], _own(state))
        return Encoded(columns, lost_tokens=lost)

    def _targets(self, values: Sequence[Any], state: TextClassificationState) -> list[Any]:
        """What the loss compares with: a class number, a float a class, or a float."""
        if self.problem_type == "regression":
            return [_learnable(_finite(value)) for value in values]
        sets = [self._names(value) for value in values]
        self._check_known(Counter(name for names in sets for name in names), state.labels)
        if self.is_single:
            return [state.numbers[name] for (name,) in sets]
        return cast("list[Any]", self._indicators(sets, state).astype(np.float32).tolist())

    def _indicators(self, sets: Iterable[Sequence[str] | None], state: TextClassificationState) -> NDArray[np.bool_]:
        """Which labels each row has: (n, k)."""
        rows = list(sets)
        result = np.zeros((len(rows), len(state.labels)), dtype=np.bool_)
        for number, names in enumerate(rows):
            result[number, [state.numbers[name] for name in names or ()]] = True
        return result

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A padded batch with its attention mask; draws nothing from any random generator."""
        import torch

        batch = padded_inputs(features, tokenizer)
        if "labels" in features[0]:
            dtype = torch.int64 if self.is_single else torch.float32
            batch["labels"] = torch.tensor([feature["labels"] for feature in features], dtype=dtype)
        return batch

    def loss_function(self, state: TaskState, options: LossOptions) -> ClassificationLoss:
        """Cross entropy, binary cross entropy or squared error: a sum divided by the number of items."""
        return ClassificationLoss(self.problem_type, options.class_weights, options.label_smoothing_factor)

    def model_input(self, row: Row) -> Any:
        """The text, or `{"text": …, "text_pair": …}`."""
        if row.get("text_pair") is None:
            return row["text"]
        return {"text": row["text"], "text_pair": row["text_pair"]}

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The most probable label; the labels from their thresholds on; or the number.

        `score` is the probability of the label; of label sets, that of the least certain decision.
        """
        logits = np.asarray(outputs[0].logits, np.float64)
        state, raw = _own(state), tuple(logits.tolist())
        if self.problem_type == "regression":
            return Prediction(raw[0], logits=raw)
        scores = softmax(logits) if self.is_single else sigmoid(logits)
        kept = tuple(scores.tolist())
        if self.is_single:
            best = int(scores.argmax())
            return Prediction(state.labels[best], kept[best], kept, raw)
        given = scores >= np.array(state.thresholds or [0.5] * len(kept))
        value = tuple(label for label, yes in zip(state.labels, given, strict=True) if yes)
        return Prediction(value, float(np.where(given, scores, 1 - scores).min()), kept, raw)

    def reference(self, row: Row, state: TaskState) -> Any:
        """The label, the tuple of labels in the state's order, or the number; None for a row without one."""
        value, state = row.get("label"), _own(state)
        if value is None:
            return None
        if self.problem_type == "regression":
            return _finite(value)
        names = self._names(value)
        self._check_known(Counter(names), state.labels)
        return names[0] if self.is_single else tuple(sorted(names, key=state.numbers.__getitem__))

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Records of rows that have a reference; a row that could not be predicted is class -1, no label, or NaN."""
        state, values = _own(state), [prediction.value for prediction in predictions]
        left, right = (self._column(column, state) for column in (values, references))
        scores = score_matrix(predictions, len(state.labels)) if state.labels else None
        return Records(self.predicts, np.asarray(row_ids), left, right, state.labels, scores, groups)

    def _column(self, values: Sequence[Any], state: TextClassificationState) -> np.ndarray:
        if self.is_single:
            return np.array([-1 if value is None else state.numbers[value] for value in values], np.int64)
        if self.is_multi:
            return self._indicators(values, state)
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def features_text(self, row: Row) -> str:
        """The text, or both texts of a pair, for the word-count baseline."""
        return "\n".join(row[role] for role in ("text", "text_pair") if row.get(role))


def _refuse(problem: Problem | None) -> None:
    if problem is not None:
        raise DataError(problem)


def _own(state: TaskState) -> TextClassificationState:
    return cast(TextClassificationState, state)


def _finite(value: Any) -> float:
    number = as_number(value)
    if number is None or not math.isfinite(number):
        raise DataError(Problem("expected a number", key="data.columns.label", value=str(value)))
    return number


def _learnable(number: float) -> float:
    """The number itself, but for -100, which Trainer takes for "no label" and would not count."""
    return float(np.nextafter(np.float32(number), np.float32(0))) if number == NO_LABEL else number


COMPONENTS: tuple[type[Task], ...] = (TextClassification,)
"""The tasks that the core offers for texts."""
