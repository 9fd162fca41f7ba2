"""Rows that `check` shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from rich.console import Console as RichConsole

from sftcore import Role, TextClassification
from sftcore.checking import Example
from sftcore.checking.shown import Rows as ShownRows
from sftcore.checking.shown import chosen_examples, counting, readable_tokens, target_of
from sftcore.cli.token_lines import TokenLine
from sftcore.data.rows import Origins, Rows
from sftcore.report.said import shown_target
from sftcore.report.words import Words


def test_what_an_encoder_decoder_reads_does_not_count_in_the_loss() -> None:
    task: Any = SimpleNamespace(auto_class="AutoModelForSeq2SeqLM")
    assert counting([1, 2, 3], [4, 5, 6], task) is None
    task.auto_class = "AutoModelForCausalLM"
    assert counting([1, 2, 3], [-100, 2, 3], task) == [False, True, True]
    assert counting([1, 2, 3], [2, 3], task) is None


def test_tokens_of_bytes_are_shown_as_their_text() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw: Any = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer
    raw.train_from_iterator(["你好 你好 the the\n"] * 9, trainer(vocab_size=300, initial_alphabet=alphabet))
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=raw)
    ids = tokenizer("你好 the\n龘")["input_ids"]
    shown = readable_tokens(tokenizer, ids)
    assert shown[:-3] == ["你好", " the", "\n"]
    assert shown[-3:] == tokenizer.convert_ids_to_tokens(ids)[-3:]  # single bytes of a rare character
    console = RichConsole(width=60)
    with console.capture() as captured:
        console.print(TokenLine(Example(0, "a row 1", shown, None, "x")))
    assert "你好 the ⏎ é" in captured.get()


def test_of_answers_the_texts_are_shown() -> None:
    roles = {"text": Role(), "answers": Role("any", target=True), "kind": Role("any", target=True)}
    task: Any = SimpleNamespace(roles=roles)
    answers = {"text": ["Anna"], "answer_start": [1]}
    assert target_of(task, {"text": "a", "answers": answers, "kind": None}) == answers
    assert target_of(task, {"answers": answers, "kind": "who"}) == {"answers": answers, "kind": "who"}
    assert target_of(task, {"text": "a"}) is None
    assert _told({"text": ["Anna", "she"], "answer_start": [1, 5]}) == "Anna, she"
    assert _told({"text": [], "answer_start": []}) == "no answer"


def test_examples_show_each_class_of_a_file_that_is_sorted() -> None:
    labels = ["negative"] * 1_500 + ["positive"] * 300 + ["neutral"] * 2
    rows = Rows.of([{"text": "a", "label": label} for label in labels])
    copies = Rows(rows.ids[:600], rows.values[:600], None, np.ones(600, np.int64))
    train = _Encoded(np.ones(2_402), [{"input_ids": [1]}] * 2_402)
    prepared: Any = SimpleNamespace(
        recipe=SimpleNamespace(seed=42),
        train_rows=rows.joined(copies),
        train=train,
        tokenizer=SimpleNamespace(convert_ids_to_tokens=lambda ids: ["a"] * len(ids)),
    )
    found, again = (
        chosen_examples(TextClassification(), prepared, Origins(("a.csv",), (0,)), 6, texts=True) for _ in range(2)
    )
    assert found == again
    assert {example.target for example in found[:3]} == {"negative", "positive", "neutral"}
    assert len({example.row for example in found}) == 6
    assert max(example.row for example in found if example.target == "negative") > 100


def test_tokens_that_count_in_the_loss_are_marked() -> None:
    roles = {"tags": SimpleNamespace(target=True)}
    task = SimpleNamespace(roles=roles, stratum=lambda row: None, auto_class="AutoModelForTokenClassification")
    prepared = SimpleNamespace(
        recipe=SimpleNamespace(seed=42),
        train_rows=Rows.of([{"tags": ["O", "B"]}], ids=[7]),
        train=_Encoded(np.array([3]), [{"input_ids": [1, 2, 3], "labels": [-100, 0, 4]}]),
        tokenizer=SimpleNamespace(convert_ids_to_tokens=lambda ids: [f"t{number}" for number in ids]),
    )
    (found,) = chosen_examples(task, prepared, Origins(("a.conll",), (0,)), 3, texts=True)
    assert found == Example(7, "a.conll row 8", ["t1", "t2", "t3"], [False, True, True], ["O", "B"])
    console = RichConsole(force_terminal=True, width=60, color_system="standard")
    with console.capture() as captured:
        console.print(TokenLine(found))
    shown = captured.get()
    assert "2 of 3 tokens count in the loss" in shown
    assert "\x1b[2mt1\x1b[0m" in shown and "\x1b[1;32mt2\x1b[0m" in shown


class _Encoded:
    """As much of encoded rows as these tests need."""

    def __init__(self, values: np.ndarray, features: list[dict[str, list[int]]] | None = None) -> None:
        self.lengths, self.parents = values, np.arange(len(values))
        self._features = features or []

    def __len__(self) -> int:
        return len(self.lengths)

    def feature(self, index: int) -> dict[str, list[int]]:
        return self._features[index]


def _told(target: Any) -> str:
    return shown_target(target, Words("en"))


def test_a_target_that_is_a_text_is_kept_back_with_the_texts() -> None:
    roles = {"text": Role(), "answer": Role(target=True), "label": Role("label", target=True)}
    task: Any = SimpleNamespace(roles=roles)
    row = {"text": "a", "answer": "b", "label": "c"}
    assert target_of(task, row) == {"answer": "b", "label": "c"}
    assert target_of(task, row, texts=False) == "c"
    loaded: Any = SimpleNamespace(rows=Rows.of([row, row], ids=[3, 4]), origins=Origins(("a.csv",), (0,)))
    shown = ShownRows(task, loaded, texts=False).twins({"exact": [{"rows": 2, "row_ids": [4, 3]}]})
    assert [(one.row, one.place, one.text, one.target) for one in shown["exact"][0].members] == [
        (4, "a.csv row 5", None, "c"),
        (3, "a.csv row 4", None, "c"),
    ]
    assert chosen_examples(task, loaded, loaded.origins, 3, texts=False) == []


def test_the_texts_of_what_is_nested_are_shown() -> None:
    task: Any = SimpleNamespace(roles={"messages": Role("any")})
    row = {"messages": [{"role": "user", "content": "Hello."}]}
    loaded: Any = SimpleNamespace(rows={"train": Rows.of([row])}, origins=Origins((), ()))
    assert ShownRows(task, loaded, texts=True).groups([[0]])[0][0].text == "user · Hello."
