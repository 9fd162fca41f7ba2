"""Token classification: named entities in a text, found token by token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from pydantic import model_validator

from sftcore import (
    DataError,
    Encoded,
    Feature,
    Labels,
    LossOptions,
    Metric,
    Output,
    OwnBaseline,
    Prediction,
    PredictionKind,
    Problem,
    Records,
    Role,
    Row,
    Task,
    TaskState,
    original_passage,
)
from sftcore.builtin.entity_dictionary import EntityDictionary
from sftcore.builtin.entity_shapes import place_flaw, with_entities
from sftcore.builtin.label_checks import doubtful, unknown
from sftcore.builtin.losses import NO_LABEL
from sftcore.builtin.placed_tokens import placed_tokens
from sftcore.builtin.span_metrics import EntityF1, EntityPrecision, EntityRecall
from sftcore.builtin.tags import stretches, tag_names
from sftcore.builtin.token_loss import TokenLoss
from sftcore.builtin.tokens import padded, padded_inputs
from sftcore.records import object_column

if TYPE_CHECKING:
    import datasets
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_CERTAIN = 20.0
"""The logit of the right tag in the outputs of a faultless model; those of the others are 0."""


class TokenClassificationState(TaskState):
    """What token classification learned from the training rows: the labels of entities, and how many there are of each.

    The model's classes are the `tags` made of them: O, then B- and I- of each label.
    """

    labels: Labels = ()
    counts: tuple[int, ...] = ()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label."""
        return {label: number for number, label in enumerate(self.labels)}

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The model's classes, in the order of its outputs."""
        return tag_names(self.labels)


class TokenClassification(Task, name="token-classification"):
    """Find entities in a text and name their kinds: persons, places, amounts, whatever the training rows mark.

    Reads spans (`start`, `end`, `label`), or tokens with tags (BIO and its kin). The model tags every token by IOB2,
    and an entity is predicted where its tags say so, in the text as it was given.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    state_class: ClassVar[type[TaskState]] = TokenClassificationState

    labels: Labels | None = None
    """The kinds of entities; default: those of the training rows, sorted."""

    @model_validator(mode="after")
    def _labels_are_names(self) -> Self:
        doubles = [label for label, times in Counter(self.labels or ()).items() if times > 1]
        if doubles:
            raise ValueError(f"labels names {', '.join(doubles)} twice")
        if self.labels is not None and not (self.labels and all(label.strip() for label in self.labels)):
            raise ValueError("labels: at least one is needed, and none can be empty")
        return self

    @property
    def roles(self) -> Mapping[str, Role]:
        """`text`, and the `entities` in it, which are to be learned."""
        about = "list of tables with start, end (not included) and label; tokens with tags are turned into it"
        return {
            "text": Role("text", description="the text to search"),
            "entities": Role("any", target=True, protects="text", description=about),
        }

    @property
    def predicts(self) -> PredictionKind:
        """spans."""
        return "spans"

    def default_metrics(self) -> Sequence[Metric]:
        """F1, precision and recall of entities."""
        return (EntityF1(), EntityPrecision(), EntityRecall())

    @property
    def pipeline(self) -> str:
        """`token-classification`; with `aggregation_strategy="simple"` it gives the entities."""
        return "token-classification"

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """Texts and entities made of tokens with tags, or of spans in other shapes (Doccano, Label Studio)."""
        return with_entities(table, columns)

    def check_row(self, row: Row) -> str:
        """Why the row can't be used: an entity without a label, or one that is not in the text where it says."""
        entities = row.get("entities")
        if entities is None:
            return ""
        if not isinstance(entities, list | tuple) or not all(_is_entity(entity) for entity in entities):
            return "entities is no list of tables with start, end and label"
        if not all(entity["label"].strip() for entity in entities):
            return "entities has one without a label"
        return next(filter(None, (place_flaw(row["text"], entity) for entity in entities)), "")

    def stratum(self, row: Row) -> Hashable:
        """The labels of the row's entities, sorted; None for rows without targets."""
        return None if row.get("entities") is None else tuple(sorted(self.classes(row)))

    def classes(self, row: Row) -> tuple[str, ...]:
        """The labels of the row's entities, each once."""
        return tuple(dict.fromkeys(entity["label"] for entity in row.get("entities") or ()))

    def fit(self, rows: Sequence[Row]) -> TokenClassificationState:
        """The labels of the training rows' entities. Raises `sftcore.DataError` for labels that the recipe does not
        list, and where there is no entity at all."""
        found = Counter(entity["label"] for row in rows for entity in row["entities"])
        if not found:
            message = "no training row has an entity; there is nothing to find"
            raise DataError(Problem(message, key="data.columns.entities", advice="check the column of the entities"))
        labels = tuple(sorted(found)) if self.labels is None else self.labels
        self._require_known(found, labels)
        counts = tuple(found[label] for label in labels)
        return cast(TokenClassificationState, cast(Any, self.state_class)(labels=labels, counts=counts))

    def _require_known(self, found: Mapping[str, int], labels: Sequence[str]) -> None:
        problem = unknown(found, labels, listed=self.labels is not None)
        if problem is not None:
            raise DataError(problem)

    def notes(self, state: TaskState) -> Sequence[str]:
        """Listed labels that no training row has, and labels that differ in case alone."""
        return list(doubtful(_own(state).labels, _own(state).counts))

    def label_names(self, state: TaskState) -> tuple[str, ...]:
        """The tags: O, then B- and I- of each label."""
        return _own(state).tags

    def config(self, state: TaskState) -> dict[str, Any]:
        """num_labels, id2label and label2id."""
        tags = _own(state).tags
        numbers = {tag: number for number, tag in enumerate(tags)}
        return {"num_labels": len(tags), "id2label": dict(enumerate(tags)), "label2id": numbers}

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """One feature a row, cut at `max_length`, with a tag for every token that stands for text.

        A token is part of the entity that it shares a character with. A row whose preprocessing lost an entity is not
        trained on. Counted are entities beyond the cut, those that overlap an earlier one, and those with an end
        inside a token (then the tokens say more than the entity). `info` holds the tokens' ranges of the text. Raises
        `sftcore.ModelError` for a tokenizer that does not tell them, `sftcore.DataError` for unknown labels.
        """
        tokens = placed_tokens([row["text"] for row in rows], tokenizer, max_length)
        columns: dict[str, Sequence[Any]] = {"input_ids": [row.ids for row in tokens]}
        if "token_type_ids" in tokenizer.model_input_names and any(any(row.types) for row in tokens):
            columns["token_type_ids"] = [row.types for row in tokens]
        lost, info = [row.lost for row in tokens], [row.places for row in tokens]
        if not rows or any(row.get("entities") is None for row in rows):
            return Encoded(columns, lost_tokens=lost, info=info)
        tagged = [self._tags(row, one.places, _own(state)) for row, one in zip(rows, tokens, strict=True)]
        columns["labels"] = [tags for tags, _ in tagged]
        masked = [bool((tags == NO_LABEL).all()) for tags, _ in tagged]
        counts = {what: [found[what] for _, found in tagged] for what in _COUNTED}
        return Encoded(columns, lost_tokens=lost, masked=masked, counts=counts, info=info)

    def _tags(
        self, row: Row, places: NDArray[np.int32], state: TokenClassificationState
    ) -> tuple[NDArray[np.int64], Counter[str]]:
        """The number of each token's tag, -100 where it does not count, and what happened to the entities."""
        starts, ends = places.T
        tags = np.where(starts < ends, 0, NO_LABEL)
        entities = sorted(row["entities"], key=lambda entity: (entity["start"], -entity["end"]))
        self._require_known(Counter(entity["label"] for entity in entities), state.labels)
        found: Counter[str] = Counter()
        if any(entity["start"] < 0 for entity in entities):
            return np.full_like(tags, NO_LABEL), found
        for entity in entities:
            inside = np.flatnonzero((starts < ends) & (starts < entity["end"]) & (ends > entity["start"]))
            if not len(inside) or ends.max() < entity["end"] or starts[inside[0]] > entity["start"]:
                found[_CUT] += 1
            elif (starts[inside[0]], ends[inside[-1]]) != (entity["start"], entity["end"]):
                found[_RAGGED] += 1
            if tags[inside].any():
                found[_OVERLAPPING] += 1
                continue
            first = 1 + 2 * state.numbers[entity["label"]]
            tags[inside] = first + 1
            tags[inside[:1]] = first
        return tags, found

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A padded batch with its attention mask, `labels` filled up with -100."""
        import torch

        batch = padded_inputs(features, tokenizer)
        if "labels" in features[0]:
            left = tokenizer.padding_side == "left"
            batch["labels"] = torch.from_numpy(padded([feature["labels"] for feature in features], NO_LABEL, left))
        return batch

    def loss_function(self, state: TaskState, options: LossOptions) -> TokenLoss:
        """Cross entropy over the tokens that stand for text."""
        return TokenLoss(shift=False, label_smoothing_factor=options.label_smoothing_factor)

    def model_input(self, row: Row) -> str:
        """The text."""
        return cast(str, row["text"])

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """The model's outputs, and the logits of each feature's tokens (tokens, tags), without padding."""
        outputs, logits = super().outputs(model, batch, state)
        masks = batch["attention_mask"].bool().cpu().numpy()
        # Adapters with virtual tokens put their logits in front.
        return outputs, [row[-len(mask) :][mask] for row, mask in zip(logits, masks, strict=True)]

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """Logits that give each token its tag with certainty."""
        if any("labels" not in feature for feature in features):
            return None
        tags = [np.maximum(np.asarray(feature["labels"]), 0) for feature in features]
        size = 1 + max((int(numbers.max()) for numbers in tags), default=0)
        return [Output(_CERTAIN * np.eye(size)[numbers], info) for numbers, info in zip(tags, infos, strict=True)]

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The entities that the most probable tags stand for, in the text as it was given.

        A list of `start`, `end`, `label` and `text`. `score` is the probability of the least certain tag.
        """
        logits, places = np.asarray(outputs[0].logits, np.float64), outputs[0].info
        real = np.flatnonzero(places[:, 0] < places[:, 1])
        numbers, tags = logits.argmax(1)[real], _own(state).tags
        entities = [
            _original(row, int(places[real[first], 0]), int(places[real[stop - 1], 1]), label)
            for first, stop, label in stretches([tags[number] for number in numbers])
        ]
        value = [entity for entity in entities if entity["start"] < entity["end"]]
        # The largest probability of a softmax is 1 / Σ exp(logit - the largest one).
        doubts = np.exp(logits - logits.max(1, keepdims=True)).sum(1)[real]
        return Prediction(value, float(1 / doubts.max(initial=1.0)), logits=logits.ravel().tolist())

    def reference(self, row: Row, state: TaskState) -> list[dict[str, Any]] | None:
        """The entities in the text as it was given, in the form of `Prediction.value`; None for a row without them.

        Raises `sftcore.DataError` for a label that the state does not know.
        """
        entities = row.get("entities")
        if entities is None:
            return None
        self._require_known(Counter(entity["label"] for entity in entities), _own(state).labels)
        return [_given(row, entity) for entity in entities]

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Tuples of (start, end, label) a row; `scores` (n, 1) is the probability of its least certain tag."""
        predicted = _spans([prediction.value for prediction in predictions])
        scores = np.array([[np.nan if one.score is None else one.score] for one in predictions], np.float32)
        return Records(
            "spans",
            np.asarray(row_ids),
            predicted,
            _spans(references),
            _own(state).labels,
            scores.reshape(len(predictions), 1),
            groups,
        )

    def baselines(self, train: Sequence[Row], rows: Sequence[Row], state: TaskState) -> Sequence[OwnBaseline]:
        """A dictionary of the entities in the training rows, looked up in the others."""
        known = EntityDictionary.of(
            (row["text"], [(one["start"], one["end"], one["label"]) for one in row["entities"] or ()]) for row in train
        )
        found = [[_original(row, *span) for span in known.find(row["text"])] for row in rows]
        about = "the entities of the training rows, wherever their words stand again"
        return (OwnBaseline("dictionary", about, [Prediction(entities) for entities in found]),)


_CUT, _OVERLAPPING, _RAGGED = "entity cut off", "entity overlaps another", "entity ends inside a token"
_COUNTED = (_CUT, _OVERLAPPING, _RAGGED)


def _own(state: TaskState) -> TokenClassificationState:
    return cast(TokenClassificationState, state)


def _is_entity(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(type(value.get(end)) is int for end in ("start", "end")) and isinstance(value.get("label"), str)


def _original(row: Row, start: int, end: int, label: str) -> dict[str, Any]:
    """An entity of the preprocessed text, in the text as it was given."""
    text, start, end = original_passage(row, "text", start, end)
    return {"start": start, "end": end, "label": label, "text": text}


def _given(row: Row, entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity of the data where it was before preprocessing, also one that preprocessing lost."""
    label = entity["label"]
    if "at" in entity and "text" in entity:
        start, text = entity["at"], entity["text"]
        return {"start": start, "end": start + len(text), "label": label, "text": text}
    if entity["start"] < 0:
        return {"start": -1, "end": -1, "label": label, "text": ""}
    return _original(row, entity["start"], entity["end"], label)


def _spans(rows: Sequence[Sequence[Mapping[str, Any]] | None]) -> np.ndarray:
    """(n,) tuples of (start, end, label)."""
    return object_column([tuple((one["start"], one["end"], one["label"]) for one in row or ()) for row in rows])


COMPONENTS: tuple[type[Task], ...] = (TokenClassification,)
"""The task that the core offers for entities."""
