"""Rows of the task causal-lm, and the features and batches made of them."""

from __future__ import annotations

from typing import Any

from sftcore import LossOptions
from sftcore.builtin.causal_lm import CausalLM

TURNS = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "It."}]
CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
ROWS = [
    {"prompt": f"{'Please: ' * (place % 3)}what is the capital of {country}?", "completion": city}
    for place, (country, city) in enumerate(CAPITALS.items())
]
STATE = CausalLM().fit([])
LOSS = CausalLM().loss_function(STATE, LossOptions())


def features_of(tokenizer: Any, rows: list[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
    found = CausalLM(**settings).encode(rows, tokenizer, STATE, 512)
    return [{name: column[at].tolist() for name, column in found.columns.items()} for at in range(len(found.parents))]


def batch_of(tokenizer: Any, rows: list[dict[str, Any]], **settings: Any) -> Any:
    return CausalLM().collate(features_of(tokenizer, rows, **settings), tokenizer)


def chat(*turns: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(turns)]
