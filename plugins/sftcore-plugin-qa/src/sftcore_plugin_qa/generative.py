"""The task `generative-qa`: the answer to a question is written by the model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from sftcore import (
    CausalLM,
    Encoded,
    ExactMatch,
    Feature,
    Generated,
    LossOptions,
    Metric,
    Output,
    Prediction,
    Role,
    Rouge,
    Row,
    Seq2Seq,
    TaskState,
    TokenF1,
)
from sftcore_plugin_qa.answers import NO_FORM, answer_texts
from sftcore_plugin_qa.base import QUESTION_TYPE, QuestionAnswering

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROMPTS = {"seq2seq": "question: {question} context: {context}", "causal": "{context}\n\n{question}"}
"""What is asked by default: as T5 was taught; and for causal models, whose prompts are cut at the beginning where they
are too long, with the question at the end."""


class GenerativeQA(QuestionAnswering, name="generative-qa"):
    """Answer a question in words of the model's own, from a text where there is one.

    Reads what extractive-qa reads; answers need not be passages of the context. `architecture` says what kind of model
    it is: an encoder-decoder (T5, BART), which works as in the task seq2seq, or a causal one (GPT, Llama, Qwen), as in
    causal-lm. The first answer of a row is learned, each of them is right.
    """

    generates: ClassVar[bool] = True
    logits_from: ClassVar[tuple[str, ...]] = ()

    architecture: Literal["seq2seq", "causal"] = "seq2seq"
    """What kind of model writes: "seq2seq" (T5, BART, Marian) or "causal" (GPT, Llama, Qwen)."""
    prompt: str | None = None
    """What the model is asked, with {question} and {context} in it. Default: "question: {question} context: {context}",
    for causal models the context, an empty line and the question."""
    prompt_without_context: str = "{question}"
    """What it is asked where a row has no context, with {question} in it."""
    no_answer: str = "no answer"
    """What is written where a text has no answer; a model that writes it has given none."""
    max_answer_length: int = Field(default=64, ge=2)
    """Tokens of the longest answer, its end token included. Encoder-decoders learn no more of one; none is written."""
    chat_template: str | None = None
    """How a causal model's turns are written, as in causal-lm. Default: the tokenizer's own, else the plain texts."""

    @field_validator("prompt", "prompt_without_context")
    @classmethod
    def _asks(cls, prompt: str | None) -> str | None:
        if prompt is not None and prompt.count("{question}") != 1:
            raise ValueError("expected a text with {question} in it once")
        return prompt

    @field_validator("prompt")
    @classmethod
    def _shows(cls, prompt: str | None) -> str | None:
        if prompt is not None and prompt.count("{context}") != 1:
            raise ValueError("expected a text with {context} in it once")
        return prompt

    @field_validator("no_answer")
    @classmethod
    def _says_something(cls, no_answer: str) -> str:
        if not no_answer.strip():
            raise ValueError("expected some words, for a model has to write something")
        return no_answer

    @model_validator(mode="after")
    def _templates_are_for_causal_models(self) -> Self:
        if self.chat_template is not None and self.architecture != "causal":
            raise ValueError('only causal models have a chat_template: write architecture = "causal", or leave it out')
        return self

    @cached_property
    def writer(self) -> Seq2Seq | CausalLM:
        """The built-in task that does the writing, from `prompt` and `completion`."""
        if self.architecture == "seq2seq":
            return Seq2Seq(max_target_length=self.max_answer_length)
        return CausalLM(chat_template=self.chat_template, max_new_tokens=self.max_answer_length)

    @property
    def auto_class(self) -> str:  # type: ignore[override]  # the contract allows a property here
        """AutoModelForSeq2SeqLM or AutoModelForCausalLM."""
        return self.writer.auto_class

    @property
    def pipeline(self) -> str:
        """`text-generation` for causal models."""
        return self.writer.pipeline

    @property
    def roles(self) -> Mapping[str, Role]:
        """`question`, the `context` if there is one, the `answers`, and `question_type`, by which scores are shown."""
        return {
            "question": Role("text", description="the question"),
            "context": Role("text", required=False, description="the text that the answer is to be found in"),
            "answers": Role("any", target=True, description="texts, each of which is right; none: no answer"),
            "question_type": QUESTION_TYPE,
        }

    def default_metrics(self) -> Sequence[Metric]:
        """ROUGE, exact match and token F1; for Chinese take char-f1 and char-exact-match."""
        return (Rouge(), ExactMatch(), TokenF1())

    def check_row(self, row: Row) -> str:
        """Why the answers can't be used: no list of texts."""
        value = row.get("answers")
        if value is None:
            return ""
        texts = value.get("text") if isinstance(value, Mapping) else None
        return "" if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts) else NO_FORM

    def check_input(self, row: Row) -> str:
        """Why the question gives no prompt."""
        return self.writer.check_input(self.written(row))

    def written(self, row: Row) -> dict[str, str]:
        """The row as `prompt` and, where its answers are known, `completion`, the text to be written."""
        context, answers = row.get("context") or "", answer_texts(row)
        prompt = (self.prompt or PROMPTS[self.architecture]) if context.strip() else self.prompt_without_context
        parts = {"question": row["question"], "context": context}
        asked = {"prompt": re.sub(r"\{(question|context)\}", lambda found: parts[found[1]], prompt)}
        return asked if answers is None else {**asked, "completion": answers[0] if answers else self.no_answer}

    def corpus(self, row: Row) -> Iterator[str]:
        """The prompt and the answer."""
        return self.writer.corpus(self.written(row))

    def prepare_model(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, state: TaskState
    ) -> PreTrainedModel:
        """Have `generate()` write greedily by default; see seq2seq and causal-lm."""
        return self.writer.prepare_model(model, tokenizer, state)

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """The prompts with their answers; see seq2seq and causal-lm."""
        return self.writer.encode([self.written(row) for row in rows], tokenizer, state, max_length)

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A padded batch."""
        return self.writer.collate(features, tokenizer)

    def loss_function(self, state: TaskState, options: LossOptions) -> Any:
        """Cross entropy over the tokens of the answers."""
        return self.writer.loss_function(state, options)

    def inputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the model's `forward` is called with."""
        return self.writer.inputs(model, batch)

    def model_input(self, row: Row) -> Any:
        """The prompt; for causal models a turn of the user with it."""
        return self.writer.model_input(self.written(row))

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """The outputs for the answers given, and the log-probabilities of their tokens."""
        return self.writer.outputs(model, batch, state)

    def generate(
        self,
        model: PreTrainedModel,
        batch: dict[str, torch.Tensor],
        tokenizer: PreTrainedTokenizerBase,
        state: TaskState,
    ) -> list[Generated]:
        """What the model writes, greedily."""
        return self.writer.generate(model, batch, tokenizer, state)

    def prompt_ids(self, feature: Feature) -> Sequence[int]:
        """The ids that writing starts from."""
        return self.writer.prompt_ids(feature)

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """The answers as if they had been written: what truncation and the tokenizer leave of them."""
        return self.writer.perfect(self.written(row), features, infos, tokenizer)

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """What was written, "" where that says that there is no answer; `extra` has the text as it was `written`."""
        found = self.writer.decode(self.written(row), outputs, state)
        if found.value is None:
            return found
        none = _folded(found.value) == _folded(self.no_answer)
        value = "" if none else found.value
        return Prediction(
            value, found.score, feature=found.feature, generated=found.generated, extra={"written": found.value}
        )


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
