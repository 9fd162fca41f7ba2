"""The task `extractive-qa`: the answer to a question is a passage of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from pydantic import Field

from sftcore import (
    Encoded,
    ExactMatch,
    Feature,
    LossOptions,
    Metric,
    Output,
    Prediction,
    Role,
    Row,
    TaskState,
    TokenF1,
)
from sftcore_plugin_qa.answers import answer_texts, answers_flaw
from sftcore_plugin_qa.base import QUESTION_TYPE, QAState, QuestionAnswering, passage_of
from sftcore_plugin_qa.features import Limits, windows_of
from sftcore_plugin_qa.loss import NO_LABEL, SpanLoss
from sftcore_plugin_qa.parts import window_count
from sftcore_plugin_qa.segments import overlap_f1
from sftcore_plugin_qa.spans import Found, Span, best_spans
from sftcore_plugin_qa.threshold import FEWEST, best_threshold
from sftcore_plugin_qa.windows import Window

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SHOWN = 3
"""How many of the best answers `Prediction.extra` holds."""
_CERTAIN = 20.0
"""The logit that a faultless model gives to what is right, against 0 for all else."""


class ExtractiveQAState(QAState):
    """What was seen in the training rows, and when the model says that a text has no answer.

    `no_answer_threshold`: by how much "no answer" has to score more (logits) than the best span; None: no training row
    was without an answer, so there always is one.
    """

    no_answer_threshold: float | None = None


class ExtractiveQA(QuestionAnswering, name="extractive-qa"):
    """Answer a question with a passage of a text, or say that the text has no answer.

    Reads SQuAD 1.1 and 2.0 (the nested JSON, or a row a question), and tables with the answer as text. Long texts are
    read in windows that overlap. The answer is a passage of the text as it was given, whatever preprocessing changed.
    """

    auto_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    logits_from: ClassVar[tuple[str, ...]] = ("start_logits", "end_logits")
    state_class: ClassVar[type[TaskState]] = ExtractiveQAState

    max_question_length: int = Field(default=64, ge=1)
    """Tokens of the question that are read, at most half of a window; longer ones are cut, and counted."""
    stride: int | None = Field(default=None, ge=0)
    """Tokens that neighbouring windows share. Default: 128, or half of what fits beside the question if that is less.
    An answer that is longer than that may be cut by every window."""
    max_answer_length: int = Field(default=30, ge=1)
    """Tokens of the longest answer that is given. `sftcore check` says what it costs; for Chinese give more."""
    n_best: int = Field(default=20, ge=1)
    """Best spans over all windows among which the probabilities of the answers are shared out."""
    negative_windows: float | None = Field(default=None, ge=0)
    """Windows without an answer that are trained on for each window with one, in a thousand rows at a time. Default:
    all of them. Validation and test read all windows."""

    @property
    def roles(self) -> Mapping[str, Role]:
        """`question`, `context`, the `answers` in it, and `question_type`, by which scores are shown."""
        return {
            "question": Role("text", description="the question"),
            "context": Role("text", description="the text that the answer is a passage of"),
            "answers": Role(
                "any", target=True, protects="context", description="texts and where they begin; none: no answer"
            ),
            "question_type": QUESTION_TYPE,
        }

    def default_metrics(self) -> Sequence[Metric]:
        """Exact match and token F1, as in SQuAD; for Chinese take char-exact-match and char-f1."""
        return (ExactMatch(), TokenF1())

    def check_row(self, row: Row) -> str:
        """Why the answers can't be used: of another form than SQuAD's, or not where they are said to be."""
        return answers_flaw(row)

    def fit(self, rows: Sequence[Row]) -> ExtractiveQAState:
        """How many training rows have an answer, and how many none, without which there always is one.

        Raises `sftcore.DataError` where none has one.
        """
        state = _own(super().fit(rows))
        return state.model_copy(update={"no_answer_threshold": 0.0}) if state.unanswered else state

    def calibrate(self, rows: Sequence[Row], predictions: Sequence[Prediction], state: TaskState) -> ExtractiveQAState:
        """The threshold from which on there is no answer: the one of highest F1 on the validation rows.

        F1 of words, of Chinese by characters. Where training rows all have an answer there is none; with fewer than 5
        validation rows that have an answer, or that have none, it stays 0.
        """
        own = _own(state)
        pairs = [
            (answers, prediction.extra)
            for row, prediction in zip(rows, predictions, strict=True)
            if (answers := answer_texts(row)) is not None and prediction.extra and prediction.extra["n_best"]
        ]
        without = sum(not answers for answers, _ in pairs)
        if own.no_answer_threshold is None or min(without, len(pairs) - without) < FEWEST:
            return own
        threshold = best_threshold(
            [extra["margin"] for _, extra in pairs],
            [overlap_f1(extra["n_best"][0]["text"], answers) for answers, extra in pairs],
            [float(not answers) for answers, _ in pairs],
        )
        return own.model_copy(update={"no_answer_threshold": threshold})

    def config(self, state: TaskState) -> dict[str, Any]:
        """Two outputs a token: start and end."""
        return {"num_labels": 2}

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """Windows of question and context; see `sftcore_plugin_qa.features.windows_of`."""
        limits = Limits(
            max_length, self.max_question_length, self.stride, self.max_answer_length, self.negative_windows
        )
        return windows_of(rows, tokenizer, limits)

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A batch padded on the right; `labels` (n, 3) are first and last token of the answer and the length."""
        import torch

        lengths = np.array([len(feature["input_ids"]) for feature in features])
        filling = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": tokenizer.pad_token_type_id}
        batch = {
            name: _padded([feature[name] for feature in features], number, int(lengths.max()))
            for name, number in filling.items()
            if name in features[0]
        }
        batch["attention_mask"] = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        if "labels" in features[0]:
            labels = np.array([feature["labels"] for feature in features], np.int64)
            counting = labels[:, :1] != NO_LABEL
            batch["labels"] = np.concatenate([labels, np.where(counting, lengths[:, None], NO_LABEL)], axis=1)
        return {name: torch.from_numpy(values) for name, values in batch.items()}

    @property
    def smooths_labels(self) -> bool:
        """No: it would spread over tokens that are no place for an answer."""
        return False

    def loss_function(self, state: TaskState, options: LossOptions) -> SpanLoss:
        """The mean of the cross entropies of start and end."""
        return SpanLoss()

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """The model's outputs, and of each feature the logits of start and end (2, length) without padding."""
        import torch

        outputs = model(**{name: value for name, value in batch.items() if name != "labels"})
        logits = torch.stack([outputs.start_logits, outputs.end_logits], dim=1).detach().float().cpu().numpy()
        lengths = batch["attention_mask"].sum(1).tolist()
        return outputs, [some[:, :length].copy() for some, length in zip(logits, lengths, strict=True)]

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """Logits that are certain of the labels, and of no answer where none is known."""
        if any("labels" not in feature for feature in features):
            return None
        return [_certain(feature, cast(Window, info)) for feature, info in zip(features, infos, strict=True)]

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The best passage of the text as it was given, or "" where no answer scores more by the state's threshold.

        `score` is its probability among the best spans and no answer; `logits` are those of the window that it is in.
        `extra` has `start` and `end` in the given text (None for no answer), `n_best` (the 3 best: `text`, `start`,
        `end`, `score`), `no_answer` (its probability), `margin` (by how much its logits exceed those of the best) and
        `windows` (in how many the text was read).
        """
        found = best_spans(outputs, self.n_best, self.max_answer_length)
        threshold = _own(state).no_answer_threshold
        probabilities, null = found.probabilities()
        shown = [_answer(row, *pair) for pair in zip(found.spans[:SHOWN], probabilities, strict=False)]
        says_none = not shown or (threshold is not None and found.margin > threshold)
        feature = found.null_feature if says_none else found.spans[0].feature
        best: dict[str, Any] = {"text": "", "start": None, "end": None, "score": null} if says_none else shown[0]
        return Prediction(
            best["text"],
            best["score"],
            logits=np.asarray(outputs[feature].logits).ravel().tolist(),
            feature=feature,
            extra={"start": best["start"], "end": best["end"], **_also(found, shown, null), "windows": len(outputs)},
        )

    def slices_told(self, row: Row, prediction: Prediction) -> Mapping[str, str]:
        """Besides `slices`, in how many windows the text was read."""
        windows = (prediction.extra or {}).get("windows")
        return {**self.slices(row), **({"windows": window_count(windows)} if windows else {})}


def _own(state: TaskState) -> ExtractiveQAState:
    return cast(ExtractiveQAState, state)


def _padded(rows: Sequence[Sequence[int]], filling: int, width: int) -> np.ndarray:
    result = np.full((len(rows), width), filling, np.int64)
    for number, row in enumerate(rows):
        result[number, : len(row)] = row
    return result


def _answer(row: Row, span: Span, probability: float) -> dict[str, Any]:
    text, start, end = passage_of(row, span.start, span.end)
    return {"text": text, "start": start, "end": end, "score": probability}


def _also(found: Found, shown: Sequence[Mapping[str, Any]], null: float) -> dict[str, Any]:
    return {"n_best": list(shown), "no_answer": null, "margin": found.margin if found.spans else None}


def _certain(feature: Feature, window: Window) -> Output:
    logits = np.zeros((2, len(feature["input_ids"])), np.float32)
    for side, position in enumerate(feature["labels"]):
        logits[side, window.null if position == NO_LABEL else position] = _CERTAIN
    return Output(logits, window)
