"""Which tokens of a conversation count in the loss, token by token, for chat templates as models have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sftcore import DataError, ModelError, RecipeError
from sftcore.builtin.causal_lm import CausalLM
from sftcore.builtin.chat_templates import NAMED, Template, template_for
from sftcore.builtin.losses import NO_LABEL
from tests.builtin.chats import bytes_of, tokenizer_of

SYSTEM = {"role": "system", "content": "Be brief."}
ASK, SAY = {"role": "user", "content": "What is the capital?"}, {"role": "assistant", "content": "(Paris) 巴黎"}
MORE, LAST = {"role": "user", "content": "And of Italy? "}, {"role": "assistant", "content": "Rome."}
CHAT = [ASK, SAY, MORE, LAST]

# What each template writes, piece by piece, and whether the model has to learn it: worked out by hand.
WRITTEN = {
    "chatml": [
        ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is the capital?<|im_end|>\n", False),
        ("<|im_start|>assistant\n", False),
        ("(Paris) 巴黎<|im_end|>", True),
        ("\n<|im_start|>user\nAnd of Italy? <|im_end|>\n<|im_start|>assistant\n", False),
        ("Rome.<|im_end|>", True),
        ("\n", False),
    ],
    "llama3": [
        ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>", False),
        ("<|start_header_id|>user<|end_header_id|>\n\nWhat is the capital?<|eot_id|>", False),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n", False),
        ("(Paris) 巴黎<|eot_id|>", True),
        ("<|start_header_id|>user<|end_header_id|>\n\nAnd of Italy?<|eot_id|>", False),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n", False),
        ("Rome.<|eot_id|>", True),
    ],
    "zephyr": [
        ("<|system|>\nBe brief.</s>\n<|user|>\nWhat is the capital?</s>\n<|assistant|>\n", False),
        ("(Paris) 巴黎</s>", True),
        ("\n<|user|>\nAnd of Italy? </s>\n<|assistant|>\n", False),
        ("Rome.</s>", True),
        ("\n", False),
    ],
    "gemma": [
        ("<bos><start_of_turn>user\nWhat is the capital?<end_of_turn>\n<start_of_turn>model\n", False),
        ("(Paris) 巴黎<end_of_turn>", True),
        ("\n<start_of_turn>user\nAnd of Italy?<end_of_turn>\n<start_of_turn>model\n", False),
        ("Rome.<end_of_turn>", True),
        ("\n", False),
    ],
}
FAMILIES = list(WRITTEN)


def chat_for(family: str) -> list[dict[str, str]]:
    return CHAT if family in ("gemma", "mistral") else [SYSTEM, *CHAT]


def encoded(tokenizer: Any, rows: list[dict[str, Any]], limit: int = 512, **settings: Any) -> list[dict[str, Any]]:
    task = CausalLM(**settings)
    found = task.encode(rows, tokenizer, task.state_class(), limit)
    return [{name: column[at].tolist() for name, column in found.columns.items()} for at in range(len(found.parents))]


def by_token(tokenizer: Any, pieces: list[tuple[str, bool]]) -> list[tuple[bytes, bool]]:
    """The pieces' bytes, each with whether it counts."""
    return [(bytes([byte]), counts) for text, counts in pieces for byte in text.encode()]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_assistants_words_and_the_end_of_its_turn_count_and_nothing_else(family: str) -> None:
    tokenizer = tokenizer_of(family)
    (feature,) = encoded(tokenizer, [{"messages": chat_for(family)}])
    expected = by_token(tokenizer, WRITTEN[family])
    place = 0
    for number, label in zip(feature["input_ids"], feature["labels"], strict=True):
        text = bytes_of(tokenizer, number)
        of_token = expected[place : place + len(text)]
        assert b"".join(byte for byte, _ in of_token) == text
        assert {counts for _, counts in of_token} == {label != NO_LABEL}, text
        assert label in (NO_LABEL, number)
        place += len(text)
    assert place == len(expected)


@pytest.mark.parametrize("family", [*FAMILIES, "mistral"])
def test_ids_and_prompts_are_those_of_apply_chat_template(family: str) -> None:
    tokenizer, turns, task = tokenizer_of(family), chat_for(family), CausalLM()
    (feature,) = encoded(tokenizer, [{"messages": turns}])
    assert feature["input_ids"] == tokenizer.apply_chat_template(turns, return_dict=False)
    prompt = tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, return_dict=False)
    assert list(task.prompt_ids(feature)) == prompt
    (asked,) = encoded(tokenizer, [{"messages": turns[:-1]}])
    assert asked["input_ids"] == prompt
    assert set(asked["labels"]) == {NO_LABEL}


def test_a_tokenizer_without_bytes_counts_the_same_words() -> None:
    tokenizer = tokenizer_of("mistral")
    (feature,) = encoded(tokenizer, [{"messages": [ASK, {**SAY, "content": "Paris."}, MORE, LAST]}])
    runs = tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL])
    assert runs == "Paris.</s>Rome.</s>"
    tokens = tokenizer.convert_ids_to_tokens(feature["input_ids"])
    assert tokens[0] == "<s>" and tokens.count("<s>") == 1
    assert feature["labels"][tokens.index("</s>")] == tokenizer.eos_token_id


def test_the_end_counts_although_it_is_the_padding_token_too() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    features = encoded(tokenizer, [{"messages": CHAT}, {"messages": [ASK, LAST]}])
    batch = task.collate(features, tokenizer)
    ends = (batch["input_ids"] == tokenizer.eos_token_id) & (batch["labels"] != NO_LABEL)
    assert ends.sum(dim=1).tolist() == [2, 1]
    assert not bool(((batch["attention_mask"] == 0) & (batch["labels"] != NO_LABEL)).any())


def test_the_last_turn_alone_or_everything_can_be_learned() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    (last,) = encoded(tokenizer, [{"messages": CHAT}], loss_on="last")
    assert tokenizer.decode([label for label in last["labels"] if label != NO_LABEL]) == "Rome.<|im_end|>"
    (everything,) = encoded(tokenizer, [{"messages": CHAT}], loss_on="all")
    masked = [place for place, label in enumerate(everything["labels"]) if label == NO_LABEL]
    prompt = task.prompt_ids(last)
    assert masked == [0, len(prompt) - 1, len(everything["labels"]) - 1]  # the line break after the end is no part
    assert task.prompt_ids(everything) == prompt


def test_prompt_and_completion_are_one_turn_each_or_plain_text() -> None:
    row = {"prompt": "The capital of France is", "completion": " Paris."}
    (chat,) = encoded(tokenizer_of("llama3"), [row])
    assert tokenizer_of("llama3").decode(chat["input_ids"]) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nThe capital of France is<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nParis.<|eot_id|>"
    )
    bare = tokenizer_of("bare")
    (plain,) = encoded(bare, [row])
    assert bare.decode(plain["input_ids"]) == "The capital of France is Paris.<|endoftext|>"
    assert bare.decode([label for label in plain["labels"] if label != NO_LABEL]) == " Paris.<|endoftext|>"
    (started,) = encoded(tokenizer_of("llama3"), [row], chat_template="plain")
    assert tokenizer_of("llama3").decode(started["input_ids"]) == (
        "<|begin_of_text|>The capital of France is Paris.<|end_of_text|>"
    )


@pytest.mark.parametrize(
    ("prompt", "completion"), [("To know ", "about it"), ("Pari", "s."), ("2 + 2 = \n", "\n4"), ("巴", "黎")]
)
def test_a_token_across_the_border_is_taken_apart(prompt: str, completion: str) -> None:
    tokenizer, task = tokenizer_of("bare"), CausalLM()
    (feature,) = encoded(tokenizer, [{"prompt": prompt, "completion": completion}])
    assert list(task.prompt_ids(feature)) == tokenizer(prompt)["input_ids"]
    assert tokenizer.decode(feature["input_ids"]) == prompt + completion + "<|endoftext|>"


def test_alpacas_template_ends_with_the_tokenizers_own_end() -> None:
    tokenizer = tokenizer_of("bare")
    (feature,) = encoded(tokenizer, [{"messages": [SYSTEM, *CHAT]}], chat_template="alpaca")
    assert tokenizer.decode(feature["input_ids"]) == (
        "Be brief.\n\n### Instruction:\nWhat is the capital?\n\n### Response:\n(Paris) 巴黎<|endoftext|>\n\n"
        "### Instruction:\nAnd of Italy? \n\n### Response:\nRome.<|endoftext|>"
    )
    learned = tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL])
    assert learned == "(Paris) 巴黎<|endoftext|>Rome.<|endoftext|>"


def test_an_end_is_added_where_the_template_has_none() -> None:
    template = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    template += "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    tokenizer = tokenizer_of("bare")
    (feature,) = encoded(tokenizer, [{"messages": CHAT}], chat_template=template)
    learned = tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL])
    assert learned == "(Paris) 巴黎\nRome.\n<|endoftext|>"
    assert feature["labels"][-1] == tokenizer.eos_token_id


def test_marks_of_the_template_are_followed_and_the_end_of_the_turn_is_learned_all_the_same() -> None:
    tokenizer, task = tokenizer_of("chatml", "marked"), CausalLM()
    (feature,) = encoded(tokenizer, [{"messages": CHAT}])
    learned = [label for label in feature["labels"] if label != NO_LABEL]
    assert tokenizer.decode(learned) == "(Paris) 巴黎<|im_end|>Rome.<|im_end|>"
    marked = tokenizer.apply_chat_template(CHAT, return_assistant_tokens_mask=True)["assistant_masks"]
    assert sum(marked) == len(learned) - 2
    assert all(label != NO_LABEL for label, mark in zip(feature["labels"], marked, strict=True) if mark)
    prompt = tokenizer.apply_chat_template(CHAT[:-1], add_generation_prompt=True, return_dict=False)
    assert list(task.prompt_ids(feature)) == prompt
    (last,) = encoded(tokenizer, [{"messages": CHAT}], loss_on="last")
    assert tokenizer.decode([label for label in last["labels"] if label != NO_LABEL]) == "Rome.<|im_end|>"


def test_a_template_that_rewrites_earlier_turns_gives_each_turn_as_it_is_written() -> None:
    tokenizer, task = tokenizer_of("chatml", "reasoning"), CausalLM()
    thought = {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\nParis."}
    turns = [ASK, thought, MORE, LAST]
    found = task.encode([{"messages": [ASK, LAST]}, {"messages": turns}], tokenizer, task.state_class(), 512)
    assert found.parents == [0, 1, 1]
    features = [{name: column[at].tolist() for name, column in found.columns.items()} for at in range(3)]
    learned = [tokenizer.decode([label for label in one["labels"] if label != NO_LABEL]) for one in features[1:]]
    assert learned == ["<think>\nEasy.\n</think>\n\nParis.<|im_end|>", "Rome.<|im_end|>"]
    for feature, size in zip(features[1:], (1, 3), strict=True):
        prompt = tokenizer.apply_chat_template(turns[:size], add_generation_prompt=True, return_dict=False)
        assert list(task.prompt_ids(feature)) == prompt
    assert "Easy" not in tokenizer.decode(features[2]["input_ids"])


def test_a_template_that_does_not_go_on_from_its_own_prompt_is_refused() -> None:
    template = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
    template += "{% if add_generation_prompt %}<|im_start|><think>{% endif %}"
    with pytest.raises(DataError, match="is not how it begins one"):
        encoded(tokenizer_of("chatml"), [{"messages": CHAT}], chat_template=template)


def test_rows_that_the_template_refuses_are_counted_and_all_of_them_are_an_error() -> None:
    task, tokenizer = CausalLM(), tokenizer_of("gemma")
    rows = [{"messages": [SYSTEM, *CHAT]}, {"messages": CHAT}]
    found = task.encode(rows, tokenizer, task.state_class(), 512)
    assert found.parents == [1]
    assert found.counts["refused by the chat template: System role not supported"] == [1, 0]
    assert found.masked == [True, False]
    with pytest.raises(DataError, match="refuses all 1 rows: System role not supported") as error:
        task.encode(rows[:1], tokenizer, task.state_class(), 512)
    assert error.value.problems[0].key == "task.chat_template"


def test_calls_of_tools_that_the_template_has_no_place_for_are_counted() -> None:
    task, tokenizer, state = CausalLM(), tokenizer_of("chatml"), CausalLM().state_class()
    call = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "f"}}]}
    rows = [{"messages": [*CHAT, CHAT[0], call]}, {"messages": CHAT}]
    name = "calls of tools that the chat template does not write"
    assert task.encode(rows, tokenizer, state, 512).counts[name] == [1, 0]
    tokenizer.chat_template = tokenizer.chat_template + "{# tool_calls #}"
    assert task.encode(rows, tokenizer, state, 512).counts[name] == [0, 0]


def test_special_tokens_in_a_text_are_counted() -> None:
    task = CausalLM()
    rows = [
        {"prompt": "What does <|im_end|> mean?", "completion": "The end."},
        {"prompt": "What?", "completion": "It."},
    ]
    found = task.encode(rows, tokenizer_of("chatml"), task.state_class(), 512)
    assert found.counts["special tokens in the text"] == [1, 0]


def test_conversations_need_a_template_that_can_be_had() -> None:
    bare = tokenizer_of("bare")
    with pytest.raises(DataError, match="no chat template") as error:
        encoded(bare, [{"messages": CHAT}])
    assert error.value.problems[0].key == "task.chat_template"
    with pytest.raises(RecipeError, match=r"<\|im_start\|>, <\|im_end\|>, which the tokenizer does not have"):
        encoded(bare, [{"messages": CHAT}], chat_template="chatml")
    with pytest.raises(RecipeError, match="no Jinja, in its line 2"):
        encoded(bare, [{"messages": CHAT}], chat_template="{{ bos_token }}\n{% for message in %}")
    with pytest.raises(DataError, match="several"):
        encoded(bare, [{"messages": CHAT}], chat_template="plain")
    with pytest.raises(ValueError, match="did you mean chatml"):
        CausalLM(chat_template="chat-ml")


def test_named_templates_put_in_front_what_the_tokenizer_does() -> None:
    for family, start in (("llama3", "<|begin_of_text|>"), ("bare", "")):
        for name in set(NAMED) - {"chatml"}:
            text = template_for(tokenizer_of(family), name).render([ASK])
            assert text.startswith(start) and text.count("<|begin_of_text|>") == len(start[:1])


def test_what_ends_writing_is_the_end_of_the_turn_and_the_end_of_the_text() -> None:
    ends = {
        family: tokenizer_of(family).convert_ids_to_tokens(template_for(tokenizer_of(family), None).ends)
        for family in ("chatml", "llama3", "gemma", "bare")
    }
    assert ends == {
        "chatml": ["<|im_end|>"],
        "llama3": ["<|eot_id|>", "<|end_of_text|>"],
        "gemma": ["<end_of_turn>", "<eos>"],
        "bare": ["<|endoftext|>"],
    }


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="written in Python"):
        template_for(Slow(), None)  # type: ignore[arg-type]


def words(count: int) -> str:
    return " ".join(["the capital of France"] * count)


def test_the_oldest_turns_go_first_and_the_system_stays() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    turns = [SYSTEM, *([ASK, SAY] * 6), MORE, LAST]
    (whole,) = encoded(tokenizer, [{"messages": [SYSTEM, ASK, SAY, MORE, LAST]}])
    limit = len(whole["input_ids"]) + 3
    found = task.encode([{"messages": turns}], tokenizer, task.state_class(), limit)
    assert found.columns["input_ids"][0].tolist() == whole["input_ids"]
    assert found.columns["labels"][0].tolist() == whole["labels"]
    assert found.counts["oldest turns left out"] == [10]
    assert found.counts["answer cut"] == [0]
    full = len(tokenizer.apply_chat_template(turns, return_dict=False))
    assert found.lost_tokens == [full - len(whole["input_ids"])]


@pytest.mark.parametrize("family", FAMILIES)
def test_then_the_beginning_of_the_prompts_text_goes_and_its_header_stays(family: str) -> None:
    tokenizer = tokenizer_of(family)
    turns = [*chat_for(family)[:-4], {"role": "user", "content": f"{words(40)}?"}, LAST]
    (feature,) = encoded(tokenizer, [{"messages": turns}], limit=60)
    assert len(feature["input_ids"]) == 60
    text, whole = tokenizer.decode(feature["input_ids"]), tokenizer.apply_chat_template(turns, tokenize=False)
    head, tail = whole.split(words(40))
    assert text.startswith(head) and text.endswith(tail)
    assert words(40).endswith(text[len(head) : -len(tail)])
    end = "</s>" if family == "zephyr" else tail.strip().rpartition(".")[2]
    assert tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL]) == f"Rome.{end}"


def test_an_answer_that_is_too_long_itself_loses_its_end_and_that_is_counted() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM()
    row = {"messages": [{"role": "user", "content": words(9)}, {"role": "assistant", "content": words(60)}]}
    found = task.encode([row], tokenizer, task.state_class(), 80)
    feature = {name: column[0].tolist() for name, column in found.columns.items()}
    assert (len(feature["input_ids"]), found.counts["answer cut"], found.masked) == (80, [1], [False])
    assert len(task.prompt_ids(feature)) == 20
    assert tokenizer.eos_token_id not in feature["labels"]
    assert words(60).startswith(tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL]))


def test_the_end_goes_where_that_is_asked_for_and_masked_rows_are_told() -> None:
    tokenizer, task = tokenizer_of("chatml"), CausalLM(truncate="answer")
    rows = [
        {"messages": [ASK, {"role": "assistant", "content": words(20)}]},
        {"messages": [{"role": "user", "content": words(40)}, LAST]},
        {"messages": [ASK, LAST]},
    ]
    found = task.encode(rows, tokenizer, task.state_class(), 60)
    assert [len(ids) for ids in found.columns["input_ids"]] == [60, 60, 38]
    assert found.counts["answer cut"] == [1, 1, 0]
    assert found.masked == [False, True, False]
    assert found.lost_tokens is not None and found.lost_tokens[0] > 0 and found.lost_tokens[2] == 0


def test_a_prompt_to_go_on_from_leaves_room_for_the_answer() -> None:
    tokenizer = tokenizer_of("chatml")
    row = {"messages": [{"role": "user", "content": words(60)}]}
    sizes = [len(encoded(tokenizer, [row], limit=80, max_new_tokens=new)[0]["input_ids"]) for new in (10, 128)]
    assert sizes == [70, 40]
    (cut,) = encoded(tokenizer, [row], limit=80)
    assert tokenizer.decode(cut["input_ids"]).endswith("France<|im_end|>\n<|im_start|>assistant\n")


def test_a_system_that_is_too_long_goes_too_but_for_the_start_token() -> None:
    tokenizer = tokenizer_of("llama3")
    (feature,) = encoded(tokenizer, [{"messages": [{**SYSTEM, "content": words(80)}, ASK, LAST]}], limit=40)
    assert len(feature["input_ids"]) == 40
    assert feature["input_ids"][0] == tokenizer.bos_token_id
    assert tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL]) == "Rome.<|eot_id|>"


def test_a_first_turn_of_the_system_comes_from_the_recipe() -> None:
    tokenizer = tokenizer_of("chatml")
    rows = [{"prompt": "What?", "completion": "It."}, {"messages": [SYSTEM, ASK, LAST]}]
    first, second = (tokenizer.decode(one["input_ids"]) for one in encoded(tokenizer, rows, system="Be kind."))
    assert first.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat?")
    assert second.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user")


def test_offsets_that_leave_out_blanks_do_not_move_the_border() -> None:
    tokenizer = tokenizer_of("chatml")
    row = {"messages": [ASK, {"role": "assistant", "content": "  two blanks  "}]}
    (feature,) = encoded(tokenizer, [row])
    learned = tokenizer.decode([label for label in feature["labels"] if label != NO_LABEL])
    assert learned == "  two blanks  <|im_end|>"


def test_everything_is_encoded_by_rows_of_any_number() -> None:
    task, tokenizer = CausalLM(), tokenizer_of("chatml")
    empty = task.encode([], tokenizer, task.state_class(), 32)
    assert (list(empty.columns["input_ids"]), empty.parents) == ([], [])
    assert isinstance(template_for(tokenizer, None), Template)
    assert np.asarray(task.encode([{"prompt": "What?"}], tokenizer, task.state_class(), 512).masked).tolist() == [True]
