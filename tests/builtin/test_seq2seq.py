"""Encoder-decoder models: the shapes of data, what is learned of them, losses against the models' own, generation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from sftcore import Generated, LossOptions, ModelError, Output, Seq2Seq, TaskState
from sftcore.data.encode import encode_rows
from sftcore.data.rows import Rows

STATE = TaskState()
WORDS = ["one", "two", "three", "four", "five", "six", "say", ":"]
ROWS = [{"prompt": " ".join(WORDS[: n + 1]), "completion": " ".join(WORDS[n::-1])} for n in range(5)]


def make_tokenizer(ends: bool = True, special: tuple[str, ...] = ("<pad>", "</s>", "<unk>")) -> Any:
    """A tokenizer of words; `ends`: it puts the end token after each text by itself."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        backend.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", vocabulary["</s>"])]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=16
    )


def make_t5(**changes: Any) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    sizes = {"vocab_size": 16, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(**(sizes | {"dropout_rate": 0.0} | changes))).eval()


def make_bart(**changes: Any) -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    sides = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("layers", 1), ("ffn_dim", 32))}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "d_model": 16, "max_position_embeddings": 128}
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, "decoder_start_token_id": 1}
    config = BartConfig(**(sides | heads | ids | {"vocab_size": 16, "dropout": 0.0} | changes))
    return BartForConditionalGeneration(config).eval()


MODELS: list[Callable[..., Any]] = [make_t5, make_bart]


def features_of(task: Seq2Seq, tokenizer: Any, rows: Any = ROWS, max_length: int = 16) -> list[dict[str, Any]]:
    encoded = encode_rows(Rows.of(rows), task, STATE, tokenizer, max_length)
    return [encoded.feature(number) for number in range(len(encoded))]


def reshaped(columns: dict[str, str] | None = None, **table: Any) -> tuple[list[dict[str, Any]], str]:
    result, sentence = Seq2Seq().reshape(Dataset.from_dict(table), columns or {})
    return list(result), sentence


def test_alpaca_becomes_prompt_and_completion() -> None:
    rows, sentence = reshaped(
        instruction=["Translate.", "Say hello.", None],
        input=["chat", " ", "x"],
        output=["cat", "hello", "y"],
        id=[7, 8, 9],
    )
    assert [row["prompt"] for row in rows] == ["Translate.\n\nchat", "Say hello.", None]
    assert [row["completion"] for row in rows] == ["cat", "hello", "y"]
    assert rows[0]["id"] == 7
    assert "Alpaca" in sentence


def test_what_goes_before_an_instruction_is_said_not_to_be_read() -> None:
    said = reshaped(instruction=["a"], output=["b"], history=[[["c", "d"]]], system=[""])[1]
    assert said.splitlines()[1:] == ["the column history is not read"]


def test_source_and_target_become_prompt_and_completion() -> None:
    rows, sentence = reshaped(source=["a"], target=["b"])
    assert (rows[0]["prompt"], rows[0]["completion"], sentence) == ("a", "b", "read as source and target")
    assert reshaped(source=["a"])[0] == [{"source": "a", "prompt": "a"}]
    assert reshaped(source=["wiki"], text=["a"]) == ([{"source": "wiki", "text": "a"}], "")


def test_columns_that_the_recipe_names_are_taken_as_they_are() -> None:
    table = {"instruction": ["x"], "question": ["q"], "output": ["o"]}
    assert reshaped({"prompt": "question", "completion": "output"}, **table) == (
        [{k: v[0] for k, v in table.items()}],
        "",
    )
    rows, _ = reshaped({"completion": "output"}, **table)
    assert rows == [{"instruction": "x", "question": "q", "output": "o", "prompt": "x"}]


@pytest.mark.parametrize("ends", [True, False])
def test_every_completion_ends_with_the_end_token(ends: bool) -> None:
    tokenizer = make_tokenizer(ends)
    rows = [{"prompt": "one", "completion": " ".join(WORDS[:n])} for n in (1, 3, 4, 6)]
    encoded = Seq2Seq(max_target_length=4).encode(rows, tokenizer, STATE, 16)
    assert list(encoded.columns["labels"]) == [[3, 1], [3, 4, 5, 1], [3, 4, 5, 1], [3, 4, 5, 1]]
    assert encoded.counts == {"completion cut": [0, 0, 1, 1]}
    assert encoded.columns["input_ids"][0] == ([3, 1] if ends else [3])


def test_a_feature_is_as_long_as_the_longer_of_its_sides() -> None:
    rows = [{"prompt": "one", "completion": "one two three"}, {"prompt": "one two three four", "completion": "one"}]
    assert encode_rows(Rows.of(rows), Seq2Seq(), STATE, make_tokenizer(), 16).lengths.tolist() == [4, 5]


def test_prompts_are_cut_and_counted_behind_their_prefix() -> None:
    encoded = Seq2Seq(prefix="say: ").encode([{"prompt": "one two three four"}], make_tokenizer(), STATE, 5)
    assert encoded.columns == {"input_ids": [[9, 10, 3, 4, 1]]}
    assert encoded.lost_tokens == [2]
    assert Seq2Seq(prefix="say: ").model_input({"prompt": "one"}) == "say: one"
    assert list(Seq2Seq(prefix="say: ").corpus(ROWS[1])) == ["say: one two", "two one"]


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = make_tokenizer(ends=False)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end token"):
        Seq2Seq().encode(ROWS, tokenizer, STATE, 16)


@pytest.mark.parametrize("make_model", MODELS)
def test_the_loss_is_the_models_own(make_model: Callable[..., Any]) -> None:
    task, tokenizer = Seq2Seq(), make_tokenizer()
    model = task.prepare_model(make_model(), tokenizer, STATE)
    batch = task.collate(features_of(task, tokenizer), tokenizer)
    with torch.no_grad():
        outputs, kept = task.outputs(model, dict(batch), STATE)
        own = model(**batch)
    loss = task.loss_function(STATE, LossOptions())(outputs, batch["labels"])
    torch.testing.assert_close(loss, own.loss)
    torch.testing.assert_close(outputs.logits, own.logits)
    assert [len(row) for row in kept] == [n + 2 for n in range(5)]
    assert -sum(row.sum() for row in kept) / 20 == pytest.approx(own.loss.item(), abs=1e-6)


def test_a_model_without_a_rule_of_its_own_starts_with_its_start_token() -> None:
    task, tokenizer = Seq2Seq(), make_tokenizer()
    model = task.prepare_model(make_t5(), tokenizer, STATE)
    batch = task.collate(features_of(task, tokenizer), tokenizer)
    expected = task.inputs(model, batch)["decoder_input_ids"]

    class Bare(torch.nn.Module):
        config = model.config

    torch.testing.assert_close(task.inputs(Bare(), batch)["decoder_input_ids"], expected)  # type: ignore[arg-type]
    assert expected[0].tolist() == [0, 3, 1, 0, 0, 0]


def test_rows_to_predict_cost_no_forward_pass() -> None:
    task, tokenizer = Seq2Seq(), make_tokenizer()
    batch = task.collate(features_of(task, tokenizer, [{"prompt": "one"}, {"prompt": "one two"}]), tokenizer)
    assert set(batch) == {"input_ids", "attention_mask"}
    outputs, kept = task.outputs(None, dict(batch), STATE)  # type: ignore[arg-type]
    assert outputs is None
    assert [row.size for row in kept] == [0, 0]


@pytest.mark.parametrize("make_model", MODELS)
def test_what_it_writes_is_what_plain_transformers_write(make_model: Callable[..., Any], tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    task, tokenizer = Seq2Seq(max_new_tokens=6), make_tokenizer()
    model = make_model()
    model.generation_config.num_beams, model.generation_config.no_repeat_ngram_size = 4, 3
    model = task.prepare_model(model, tokenizer, STATE)
    batch = task.collate(features_of(task, tokenizer), tokenizer)
    written = task.generate(model, dict(batch), tokenizer, STATE)
    assert all(1 <= len(one.ids) <= 6 for one in written)
    model.save_pretrained(tmp_path)
    plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    for row, one in zip(features_of(task, tokenizer), written, strict=True):
        (ids,) = plain.generate(torch.tensor([row["input_ids"]])).tolist()
        assert tuple(ids[1:]) == one.ids
        assert one.text == tokenizer.decode(ids, skip_special_tokens=True).strip()


def test_what_was_written_ends_with_its_end_token() -> None:
    task, tokenizer = Seq2Seq(), make_tokenizer()
    sequences = torch.tensor([[0, 3, 4, 1, 0, 0], [0, 3, 4, 5, 6, 7], [0, 1, 0, 0, 0, 0]])
    asked = []

    def generate(**inputs: Any) -> torch.Tensor:
        asked.append(set(inputs))
        return sequences

    batch = task.collate(features_of(task, tokenizer, ROWS[:3]), tokenizer)
    written = task.generate(SimpleNamespace(generate=generate), dict(batch), tokenizer, STATE)  # type: ignore[arg-type]
    assert [one.ids for one in written] == [(3, 4, 1), (3, 4, 5, 6, 7), (1,)]
    assert [one.text for one in written] == ["one two", "one two three four five", ""]
    assert asked == [{"input_ids", "attention_mask"}]


def test_the_configuration_follows_the_tokenizer() -> None:
    tokenizer = make_tokenizer(special=("<unk>", "<pad>", "</s>"))
    t5 = Seq2Seq(max_target_length=9).prepare_model(make_t5(), tokenizer, STATE)
    assert (t5.config.pad_token_id, t5.config.eos_token_id, t5.config.decoder_start_token_id) == (1, 2, 1)
    settings: Any = t5.generation_config
    assert (settings.pad_token_id, settings.eos_token_id, settings.decoder_start_token_id) == (1, 2, 1)
    assert (settings.max_new_tokens, settings.num_beams, settings.do_sample) == (9, 1, False)
    bart = Seq2Seq(max_target_length=9).prepare_model(make_bart(), tokenizer, STATE)
    assert (bart.config.pad_token_id, bart.config.eos_token_id, bart.config.decoder_start_token_id) == (1, 2, 2)


def test_more_tokens_than_the_decoder_has_places_for_are_refused() -> None:
    with pytest.raises(ModelError, match="32 tokens at most") as caught:
        Seq2Seq().prepare_model(make_bart(max_position_embeddings=32), make_tokenizer(), STATE)
    assert caught.value.problems[0].key == "task.max_target_length"
    with pytest.raises(ModelError, match="32 tokens at most") as caught:
        Seq2Seq(max_target_length=32, max_new_tokens=33).prepare_model(
            make_bart(max_position_embeddings=32), make_tokenizer(), STATE
        )
    assert caught.value.problems[0].key == "task.max_new_tokens"


def test_predictions_are_texts_against_the_completion() -> None:
    task = Seq2Seq()
    empty: Any = torch.zeros(0).numpy()
    predictions = [
        task.decode(row, [Output(empty, generated=Generated((3, 1), text))], STATE)
        for row, text in zip(ROWS, ["one", "two one", "x", "", "x"], strict=True)
    ]
    assert (predictions[0].value, predictions[0].generated) == ("one", (3, 1))
    predictions[3] = task.decode(ROWS[3], [Output(empty)], STATE)
    assert (predictions[3].value, predictions[3].reason) == (None, "nothing was generated")
    references = [task.reference(row, STATE) for row in ROWS]
    records = task.records(np.arange(5), predictions, references, STATE)
    assert records.predictions.tolist() == ["one", "two one", "x", "", "x"]
    assert records.references[1] == ("two one",)
    scores = [metric.score(records)[metric.name] for metric in task.default_metrics()]
    assert scores[2] == 0.4
    assert task.reference({"prompt": "one"}, STATE) is None


def test_a_perfect_model_reaches_what_the_cut_leaves() -> None:
    tokenizer = make_tokenizer()
    for task, expected in ((Seq2Seq(), "four three two one"), (Seq2Seq(max_target_length=3), "four three")):
        feature = features_of(task, tokenizer, ROWS[3:4])[0]
        outputs = task.perfect(ROWS[3], [feature], [None], tokenizer)
        assert outputs is not None
        assert task.decode(ROWS[3], outputs, STATE).value == expected
    assert Seq2Seq().perfect({"prompt": "one"}, [{"input_ids": [3]}], [None], tokenizer) is None
