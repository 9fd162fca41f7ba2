"""Causal language models (GPT, Llama, Qwen and friends) that learn to answer: instructions and chats."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
from pydantic import Field, field_validator

from sftcore import (
    Encoded,
    Feature,
    Generated,
    LossOptions,
    Metric,
    ModelError,
    Output,
    Prediction,
    PredictionKind,
    Problem,
    Records,
    Role,
    Row,
    Task,
    TaskState,
    did_you_mean,
)
from sftcore.builtin.causal_batches import (
    PACKING_ATTENTION,
    generated,
    logits_to_keep,
    packed_batch,
    packs,
    padded_batch,
    prompt_length,
    prompts_of,
    takes,
    written,
)
from sftcore.builtin.chat import LossOn
from sftcore.builtin.chat_encoding import ChatEncoder
from sftcore.builtin.chat_fitting import Truncate
from sftcore.builtin.chat_shapes import one_shape
from sftcore.builtin.chat_templates import JINJA_SIGNS, NAMED, Template, no_template, template_for
from sftcore.builtin.conversations import Turn, answer_of, flaw_of, read_turns, texts_of
from sftcore.builtin.losses import NO_LABEL
from sftcore.builtin.text_metrics import Chrf, ExactMatch, Rouge
from sftcore.builtin.token_loss import TokenLoss, token_logprobs
from sftcore.builtin.tokens import padding_id
from sftcore.records import object_column

if TYPE_CHECKING:
    import datasets
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_EMPTY = np.zeros(0, np.float32)


class CausalLM(Task, name="causal-lm"):
    """Teach a causal language model to answer, in instructions and in chats (GPT, Llama, Qwen and friends).

    Reads conversations (`messages` of `role` and `content`, ShareGPT's `from` and `value`), Alpaca's `instruction`,
    `input` and `output`, and `prompt` and `completion`. They are written in the tokenizer's chat template; a base
    without one reads prompt and completion as they are, one after the other. The loss is on what the assistant says
    and the token that ends its turn; predictions are written greedily.
    """

    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    generates: ClassVar[bool] = True
    logits_from: ClassVar[tuple[str, ...]] = ()
    family_name: ClassVar[str] = "prompt"

    chat_template: str | None = None
    """How turns are written: "chatml", "alpaca", "plain" (the prompt and the answer as they are), or a template in
    Jinja. Default: the tokenizer's own, else plain."""
    system: str = ""
    """A first turn of the system, for conversations that have none."""
    loss_on: LossOn = "assistant"
    """What is learned: all turns of the assistant, only its last one, or all tokens (but the one before the last
    answer)."""
    truncate: Truncate = "prompt"
    """What goes where a row is longer than max_length: the oldest turns and then the beginning of the prompt, or the
    end of the answer."""
    max_new_tokens: int = Field(default=128, ge=1)
    """Tokens that are written at most."""
    packing: Literal["auto"] | bool = "auto"
    """Train on the rows of a batch one after the other, without padding; none sees another. "auto": on a GPU, where the
    base's config.json names an attention made for it (flash, flex)."""

    @field_validator("chat_template")
    @classmethod
    def _names_a_template(cls, wanted: str | None) -> str | None:
        if wanted is not None and wanted not in NAMED and not any(sign in wanted for sign in JINJA_SIGNS):
            raise ValueError(f"neither Jinja nor a template's name{did_you_mean(wanted, NAMED)}")
        return wanted

    @property
    def roles(self) -> Mapping[str, Role]:
        """`prompt` and `completion`, or `messages`, which hold both."""
        return {
            "prompt": Role("text", required=False, description="what the model is asked"),
            "messages": Role("any", required=False, description="a conversation: a list of turns, role and content"),
            "completion": Role("text", required=False, target=True, description="the answer to learn"),
        }

    @property
    def predicts(self) -> PredictionKind:
        """texts."""
        return "texts"

    @property
    def pipeline(self) -> str:
        """`text-generation`, which is fed with turns: the saved tokenizer has the template that training used."""
        return "text-generation"

    def default_metrics(self) -> Sequence[Metric]:
        """ROUGE, chrF and exact match."""
        return (Rouge(), Chrf(), ExactMatch())

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """`messages`, or `prompt` and `completion`, made of the shape that the table has; see `one_shape`."""
        return one_shape(table, columns)

    def conversation(self, row: Row) -> list[Turn]:
        """The row as turns, the last one the assistant's where the row has the answer. For subclasses to override.

        Raises ValueError, beginning with the role's name, for what can't be read.
        """
        if row.get("messages") is not None:
            turns = read_turns(row["messages"])
        elif (row.get("prompt") or "").strip():
            turns = [{"role": "user", "content": row["prompt"]}]
            if (row.get("completion") or "").strip():
                turns.append({"role": "assistant", "content": row["completion"]})
        else:
            raise ValueError(f"prompt is {'missing' if row.get('prompt') is None else 'empty'}")
        if self.system and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": self.system})
        return turns

    def check_row(self, row: Row) -> str:
        """Why the row can't be learned from: nothing to answer, no answer, turns that are none or in disorder."""
        try:
            turns = self.conversation(row)
        except ValueError as error:
            return str(error)
        if row.get("messages") is None and answer_of(turns) is None:
            return f"completion is {'missing' if row.get('completion') is None else 'empty'}"
        return flaw_of(turns, answered=True)

    def check_input(self, row: Row) -> str:
        """Why the row gives no prompt: nothing to answer, turns that are none or in disorder."""
        try:
            return flaw_of(self.conversation(row), answered=False)
        except ValueError as error:
            return str(error)

    def family(self, row: Row) -> Hashable:
        """What is asked, of a conversation in turns: rows that differ in the answer alone lie in one split."""
        if row.get("messages") is None:
            return None
        return tuple((turn["role"], turn["content"]) for turn in self.model_input(row))

    def corpus(self, row: Row) -> Iterator[str]:
        """The texts of all turns."""
        return texts_of(self.conversation(row))

    def prepare_model(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, state: TaskState
    ) -> PreTrainedModel:
        """Have `generate()` write greedily by default, up to the template's end of a turn, and the tokenizer keep the
        template, so that the saved model reads and writes with plain transformers as it does here."""
        from transformers import GenerationConfig

        template, config = template_for(tokenizer, self.chat_template), cast(Any, model.config)
        stops = dict.fromkeys([*template.ends, *_own_stops(model, template)])
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.chat_template = template.text
        settings: Any = GenerationConfig  # its constructor is not annotated
        cast(Any, model).generation_config = settings(
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=list(stops) if len(stops) > 1 else template.ends[0],
            pad_token_id=padding_id(tokenizer),
        )
        if getattr(config, "pad_token_id", None) is None:
            config.pad_token_id = padding_id(tokenizer)
        return model

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """`input_ids` and `labels` of each row's conversation, one feature a row (more only for templates that rewrite
        earlier turns); a row whose answer is yet to come gives its prompt, without a label that counts.

        `counts`: "answer cut", "oldest turns left out", "special tokens in the text", which are read as such,
        "calls of tools that the chat template does not write", and "refused by the chat template: …", rows without a
        feature. Raises `sftcore.DataError` for turns that no
        template says how to write, and where the template refuses every row.
        """
        template = template_for(tokenizer, self.chat_template)
        if not template.given and any(row.get("messages") is not None for row in rows):
            raise no_template(tokenizer)
        encoder = ChatEncoder(template, self.loss_on, self.truncate, max_length, self.max_new_tokens)
        return encoder.encode([self.conversation(row) for row in rows])

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A batch padded on the right: `input_ids`, `attention_mask` and `labels`."""
        return padded_batch(features, tokenizer)

    def loss_function(self, state: TaskState, options: LossOptions) -> TokenLoss:
        """Cross entropy over the tokens that count."""
        return TokenLoss(shift=True, label_smoothing_factor=options.label_smoothing_factor)

    def inputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """In training: the batch packed where that is asked for, else with the number of positions at the end whose
        logits are needed, where the model can leave out the others.

        Raises `sftcore.ModelError` for `packing = true` and a model that does not keep packed rows apart.
        """
        if self._is_packed(model, batch):
            return packed_batch(batch)
        return _without_needless_logits(model, batch)

    def _is_packed(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> bool:
        if self.packing is False or not model.training:
            return False
        attention = getattr(model.config, "_attn_implementation", "")
        if self.packing == "auto" and not (batch["input_ids"].is_cuda and attention in PACKING_ATTENTION):
            return False
        if packs(model):
            return True
        if self.packing == "auto":
            return False
        message = f"with {attention} attention, this model lets packed rows see each other"
        raise ModelError(Problem(message, key="task.packing", advice="leave it out, or set it to false"))

    def model_input(self, row: Row) -> list[Turn]:
        """The turns before the answer."""
        turns = self.conversation(row)
        return turns if answer_of(turns) is None else turns[:-1]

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """The outputs for the rows with their answers, and the log-probabilities of the tokens that count.

        Rows to predict have none: then there is no forward pass (None), and an empty array a feature.
        """
        if not bool(batch["labels"].ne(NO_LABEL).any()):
            return None, [_EMPTY] * len(batch["labels"])
        inputs: dict[str, Any] = _without_needless_logits(model, batch)
        del inputs["labels"]
        outputs = model(**inputs, **({"use_cache": False} if takes(model, "use_cache") else {}))
        return outputs, token_logprobs(outputs.logits, batch["labels"], shift=True)

    def generate(
        self,
        model: PreTrainedModel,
        batch: dict[str, torch.Tensor],
        tokenizer: PreTrainedTokenizerBase,
        state: TaskState,
    ) -> list[Generated]:
        """What the model writes after each prompt, greedily: what comes before a feature's last run of labels."""
        return written(model, prompts_of(batch), tokenizer)

    def prompt_ids(self, feature: Feature) -> Sequence[int]:
        """The ids before the answer."""
        ids: Sequence[int] = feature["input_ids"]
        return ids[: prompt_length(feature["labels"])]

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """The labels of the answers as if they had been written: what truncation and the template leave of them."""
        stops = template_for(tokenizer, self.chat_template).ends
        answers = [feature["input_ids"][prompt_length(feature["labels"]) :] for feature in features]
        if not all(answers):
            return None
        return [Output(_EMPTY, generated=generated(tokenizer, ids, stops)) for ids in answers]

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """What was written for the last turn; its score is the geometric mean of the tokens' probabilities."""
        last = len(outputs) - 1
        found = outputs[last].generated
        if found is None:
            return Prediction(None, reason="nothing was generated")
        return Prediction(found.text, score=found.score, feature=last, generated=found.ids)

    def reference(self, row: Row, state: TaskState) -> tuple[str, ...] | None:
        """The answer, as the only acceptable one; None for a row without one."""
        answer = answer_of(self.conversation(row))
        return None if answer is None else (answer,)

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Texts against the acceptable answers of each row; a row without a prediction has an empty text."""
        texts = object_column([prediction.value or "" for prediction in predictions])
        answers = object_column([tuple(reference or ()) for reference in references])
        scores = [prediction.score for prediction in predictions]
        known = scores and all(score is not None for score in scores)
        sure = np.array(scores, np.float32)[:, None] if known else None
        return Records("texts", np.asarray(row_ids), texts, answers, (), sure, groups)


def _own_stops(model: PreTrainedModel, template: Template) -> Iterator[int]:
    """Where the base's own settings stop writing, as far as these are special tokens of the tokenizer."""
    own = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return (number for number in (own if isinstance(own, list) else [own]) if number in template.specials)


def _without_needless_logits(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The batch, with the number of positions whose logits are needed where the model's `forward` takes that."""
    inputs: dict[str, Any] = dict(batch)
    if "labels" in batch and takes(model, "logits_to_keep"):
        inputs["logits_to_keep"] = logits_to_keep(batch["labels"])
    return inputs


COMPONENTS: tuple[type[Task], ...] = (CausalLM,)
"""The task that the core offers for causal language models."""
