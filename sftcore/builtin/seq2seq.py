"""Sequence to sequence: an encoder reads the prompt, a decoder writes the completion (T5, BART, Marian and friends)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from pydantic import Field

from sftcore import (
    DataError,
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
)
from sftcore.builtin.losses import NO_LABEL
from sftcore.builtin.text_metrics import Chrf, ExactMatch, Rouge
from sftcore.builtin.token_loss import TokenLoss, token_logprobs
from sftcore.builtin.tokens import encode_fast, encode_slowly, padded, padded_inputs
from sftcore.records import object_column

if TYPE_CHECKING:
    import datasets
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_OF_THE_VOCABULARY = (
    "bos_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "bad_words_ids",
    "suppress_tokens",
)
"""What of a base's generation settings says which tokens are what, rather than how to search."""
_LIMITS_OF_POSITIONS = ("max_position_embeddings", "max_target_positions", "max_decoder_position_embeddings")
_AROUND = ("system", "history")
"""Columns in which Alpaca's relatives keep what goes before the instruction."""
_EMPTY = np.zeros(0, np.float32)


class Seq2Seq(Task, name="seq2seq"):
    """Write a text for a text with an encoder-decoder model (T5, BART, Marian): summaries, translation, answers.

    Reads columns `prompt` and `completion`, `source` and `target`, or Alpaca's `instruction`, `input` and `output`.
    The loss is on the completion and its end token; predictions are written greedily.
    """

    auto_class: ClassVar[str] = "AutoModelForSeq2SeqLM"
    generates: ClassVar[bool] = True
    logits_from: ClassVar[tuple[str, ...]] = ()

    prefix: str = ""
    """What is put in front of every prompt: `"summarize: "`, as T5 was taught."""
    max_target_length: int = Field(default=128, ge=2)
    """Tokens of the completion that are learned, its end token included; longer ones are cut, and counted."""
    max_new_tokens: int | None = Field(default=None, ge=1)
    """Tokens that are written at most. Default: max_target_length."""

    @property
    def roles(self) -> Mapping[str, Role]:
        """`prompt`, and the `completion` to be learned."""
        return {
            "prompt": Role("text", description="the text that the encoder reads"),
            "completion": Role("text", target=True, description="the text to write"),
        }

    @property
    def predicts(self) -> PredictionKind:
        """texts."""
        return "texts"

    def default_metrics(self) -> Sequence[Metric]:
        """ROUGE, chrF and exact match."""
        return (Rouge(), Chrf(), ExactMatch())

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """`prompt` and `completion` made of Alpaca's columns, or of `source` and `target`; the others are kept."""
        names = set(table.column_names)
        if columns.get("prompt", "prompt") in names:
            return table, ""
        if "instruction" in names:
            prompts = prompts_of(table, "instruction", "input" if "input" in names else "")
            sentence = "read as instruction, input and output (Alpaca)"
            return _with_columns(table, columns, prompts, "output"), "\n".join([sentence, *unread(table, _AROUND)])
        if {"source", "target"} <= names or names == {"source"}:
            return _with_columns(table, columns, list(table["source"]), "target"), "read as source and target"
        return table, ""

    def corpus(self, row: Row) -> Iterator[str]:
        """The prompt with its prefix, and the completion."""
        yield self.prefix + row["prompt"]
        if row.get("completion"):
            yield row["completion"]

    def prepare_model(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, state: TaskState
    ) -> PreTrainedModel:
        """Take over the tokenizer's special tokens, and have `generate()` write greedily by default.

        Of the base's own generation settings only those of its vocabulary are kept (which token begins a text, which
        must not be written), so that plain `generate()` of the saved model writes what was evaluated. Raises
        `sftcore.ModelError` where the decoder has too few positions for the texts to learn.
        """
        config: Any = model.config
        self._require_positions(config)
        _agree_on_special_tokens(config, tokenizer)
        cast(Any, model).generation_config = _greedy(cast(Any, model).generation_config, config, self._most_new_tokens)
        return model

    @property
    def _most_new_tokens(self) -> int:
        return self.max_new_tokens or self.max_target_length

    def _require_positions(self, config: Any) -> None:
        """Raise `ModelError` where a completion may be longer than the decoder's positions."""
        limits = [limit for name in _LIMITS_OF_POSITIONS if isinstance(limit := getattr(config, name, None), int)]
        wanted = {"max_target_length": self.max_target_length, "max_new_tokens": self._most_new_tokens}
        problems = [
            Problem(
                f"the model's decoder has positions for {min(limits)} tokens at most",
                key=f"task.{name}",
                value=str(tokens),
                advice=f"set it to {min(limits)} or less",
            )
            for name, tokens in wanted.items()
            if limits and tokens > min(limits)
        ]
        if problems:
            raise ModelError(*problems[:1])

    def encode(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, state: TaskState, max_length: int
    ) -> Encoded:
        """One feature a row: `input_ids` of the prompt, and `labels`, the completion with its end token.

        `lost_tokens` counts what was cut of prompts longer than `max_length`, the count "completion cut" the rows
        whose completion has more than `max_target_length` tokens. Raises `sftcore.ModelError` for a tokenizer without
        an end token.
        """
        encode = encode_fast if getattr(tokenizer, "is_fast", False) else encode_slowly
        ids, _, lost = encode(tokenizer, [self.prefix + row["prompt"] for row in rows], None, max_length)
        if not rows or any(row.get("completion") is None for row in rows):
            return Encoded({"input_ids": ids}, lost_tokens=lost)
        labels, cut = self._targets([row["completion"] for row in rows], tokenizer)
        return Encoded({"input_ids": ids, "labels": labels}, lost_tokens=lost, counts={"completion cut": cut})

    def _targets(self, texts: list[str], tokenizer: PreTrainedTokenizerBase) -> tuple[list[list[int]], list[int]]:
        """The completions as tokens, each with an end token, and for each whether it was cut."""
        end = end_id(tokenizer)
        call: Any = tokenizer
        targets = call(text_target=texts, truncation=False, padding=False, verbose=False)["input_ids"]
        added = [] if all(end in ids[-2:] for ids in targets) else [end]  # mBART's language follows the end token
        room = self.max_target_length - len(added)
        cut = [int(len(ids) > room) for ids in targets]
        long = [place for place, is_cut in enumerate(cut) if is_cut]
        if long:
            some = [texts[place] for place in long]
            short = call(text_target=some, truncation=True, max_length=room, padding=False)["input_ids"]
            for place, ids in zip(long, short, strict=True):
                targets[place] = ids
        return [ids + added for ids in targets], cut

    def collate(self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
        """A padded batch with its attention mask; `labels` are filled up with -100, on the right."""
        import torch

        batch = padded_inputs(features, tokenizer)
        if "labels" in features[0]:
            labels = padded([feature["labels"] for feature in features], NO_LABEL, False)
            batch["labels"] = torch.from_numpy(labels)
        return batch

    def loss_function(self, state: TaskState, options: LossOptions) -> TokenLoss:
        """Cross entropy over the tokens of the completions."""
        return TokenLoss(shift=False, label_smoothing_factor=options.label_smoothing_factor)

    def inputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The batch with `decoder_input_ids`: the labels, shifted by one as the model does it."""
        if "labels" not in batch:
            return dict(batch)
        return {**batch, "decoder_input_ids": _shifted(model, batch["labels"])}

    def outputs(
        self, model: PreTrainedModel, batch: dict[str, torch.Tensor], state: TaskState
    ) -> tuple[Any, list[np.ndarray]]:
        """The outputs for the completions given, and the log-probabilities of their tokens.

        Rows to predict have no completion: then there is no forward pass (None), and an empty array a feature.
        """
        if "labels" not in batch:
            return None, [_EMPTY] * len(batch["input_ids"])
        inputs = {name: value for name, value in self.inputs(model, batch).items() if name != "labels"}
        outputs = model(**inputs)
        return outputs, token_logprobs(outputs.logits, batch["labels"], shift=False)

    def generate(
        self,
        model: PreTrainedModel,
        batch: dict[str, torch.Tensor],
        tokenizer: PreTrainedTokenizerBase,
        state: TaskState,
    ) -> list[Generated]:
        """What the model writes, greedily, by its own generation settings (see `prepare_model`)."""
        end = end_id(tokenizer)
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        sequences = cast(Any, model).generate(**inputs)[:, 1:].tolist()  # the decoder's start token is not written
        return [_generated(ids, end, tokenizer) for ids in sequences]

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: PreTrainedTokenizerBase
    ) -> Sequence[Output] | None:
        """The labels as if they had been written: what truncation and the tokenizer leave of the completion."""
        if any("labels" not in feature for feature in features):
            return None
        found = [_generated(feature["labels"], end_id(tokenizer), tokenizer) for feature in features]
        return [Output(_EMPTY, generated=generated) for generated in found]

    def model_input(self, row: Row) -> str:
        """The prompt with its prefix."""
        return self.prefix + cast(str, row["prompt"])

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The text that was written."""
        generated = outputs[0].generated
        if generated is None:
            return Prediction(None, reason="nothing was generated")
        return Prediction(generated.text, generated=generated.ids)

    def reference(self, row: Row, state: TaskState) -> str | None:
        """The completion, None for a row without one."""
        return row.get("completion")

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Texts against the one completion of each row; a row without a prediction has an empty text."""
        texts = object_column([prediction.value or "" for prediction in predictions])
        answers = object_column([(reference,) for reference in references])
        return Records("texts", np.asarray(row_ids), texts, answers, groups=groups)


def end_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends a text. Raises `sftcore.ModelError` where the tokenizer has none."""
    for number in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        if number is not None:
            return int(number)
    raise ModelError(
        Problem(
            "the tokenizer has no end token, so a model could not learn where a text ends",
            key="model.base",
            advice="give the tokenizer an eos_token, or take a base that has one",
        )
    )


def prompts_of(table: datasets.Dataset, instruction: str, text: str) -> list[str | None]:
    """Each instruction and, below it, the input that it is about (the column `text`, "" for none), where there is one.

    Numbers become text. Raises `sftcore.DataError`, with the row, for a list or a table.
    """
    instructions = as_texts(table[instruction])
    inputs = as_texts(table[text]) if text else [None] * len(table)
    for name, values in ((instruction, instructions), (text, inputs)):
        number = next((number for number, value in enumerate(values, 1) if not isinstance(value, str | None)), None)
        if number is not None:
            shown = json.dumps(values[number - 1], ensure_ascii=False, default=str)[:200]
            raise DataError(Problem("a text was expected", row=number, key=name, value=shown))
    return [_with_input(*pair) for pair in zip(instructions, inputs, strict=True)]


def unread(table: datasets.Dataset, names: Iterable[str]) -> list[str]:
    """A sentence on each of these columns that is there and says something: it is not read."""
    here = (name for name in names if name in table.column_names)
    return [f"the column {name} is not read" for name in here if any(map(is_said, table[name]))]


def is_said(value: Any) -> bool:
    """Whether there is a text, or a list or table with something in it."""
    return value.strip() not in ("", "[]", "null") if isinstance(value, str) else bool(value)


def as_texts(values: Iterable[Any]) -> list[Any]:
    """The values, numbers as texts."""
    return [str(value) if isinstance(value, int | float) else value for value in values]


def _with_input(instruction: str | None, text: str | None) -> str | None:
    if instruction is None or not (text or "").strip():
        return instruction
    return f"{instruction}\n\n{text}"


def _with_columns(
    table: datasets.Dataset, columns: Mapping[str, str], prompts: list[str | None], target: str
) -> datasets.Dataset:
    """The table with the prompts, and with the completions from the column `target` where it is there."""
    prompt, completion = (columns.get(role, role) for role in ("prompt", "completion"))
    table = table.add_column(prompt, prompts)
    if target in table.column_names and completion not in table.column_names:
        table = table.add_column(completion, list(table[target]))
    return table


def _agree_on_special_tokens(config: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give the configuration the tokenizer's padding and end tokens, and a token that the decoder starts with.

    The start token moves along with the token that it was; without one it is the padding, as for T5. mBART has none:
    it starts with the language.
    """
    former = [getattr(config, f"{name}_token_id", None) for name in ("decoder_start", "eos", "pad")]
    end = end_id(tokenizer)
    padding = next(number for number in (tokenizer.pad_token_id, former[2], end) if number is not None)
    config.eos_token_id, config.pad_token_id = end, padding
    moved = {former[2]: padding, former[1] if isinstance(former[1], int) else None: end}
    if former[0] is not None:
        config.decoder_start_token_id = moved.get(former[0], former[0])
    elif config.model_type != "mbart":
        config.decoder_start_token_id = padding


def _greedy(former: Any, config: Any, most: int) -> Any:
    """Generation settings that write the most probable token each time, at most `most`, with the same vocabulary."""
    from transformers import GenerationConfig

    kept = {name: value for name in _OF_THE_VOCABULARY if (value := getattr(former, name, None)) is not None}
    ids = {name: getattr(config, name, None) for name in ("decoder_start_token_id", "eos_token_id", "pad_token_id")}
    kept |= {name: number for name, number in ids.items() if number is not None}
    make: Any = GenerationConfig
    return make(max_new_tokens=most, do_sample=False, num_beams=1, **kept)


def _shifted(model: PreTrainedModel, labels: torch.Tensor) -> torch.Tensor:
    """The labels one place to the right, behind the decoder's start token: by the model's own rule if it has one."""
    import torch

    own = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if own is not None:
        return cast(torch.Tensor, own(labels=labels))
    config: Any = model.config
    filled = labels.masked_fill(labels.eq(NO_LABEL), config.pad_token_id)
    start = filled.new_full((len(filled), 1), config.decoder_start_token_id)
    return torch.cat([start, filled[:, :-1]], dim=1)


def _generated(ids: Sequence[int], end: int, tokenizer: PreTrainedTokenizerBase) -> Generated:
    """The ids up to the end token, which is kept, and their text without special tokens."""
    written = [*takewhile(lambda number: number != end, ids)]
    kept = tuple(ids[: len(written) + 1])
    return Generated(kept, str(tokenizer.decode(list(kept), skip_special_tokens=True)).strip())


COMPONENTS: tuple[type[Task], ...] = (Seq2Seq,)
"""The task that the core offers for encoder-decoder models."""
