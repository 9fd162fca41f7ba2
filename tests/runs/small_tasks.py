"""A small real recipe for each kind of task, on texts whose words nothing but the data has."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sftcore import Recipe

WORDS = (
    *("quexalimbor", "zorvuplenk", "drimbastole", "vexnuquilly", "plorghanist", "wubbletrine", "khazmorillo"),
    *("snirfelgant", "obluvitrank", "茉莉栀子丁香", "鹦鹉鸬鹚鹭鸶", "caf\u00e9n\u00e2tr\u00f6k", 'say"quo\\ted"it'),
)
"""Long enough, and odd enough, that none of them is anywhere by accident; some need escapes in JSON."""
ROWS = 60
ENCODER = "[model.scratch]\nconfig = {{ model_type = 'bert', {size} }}\ntokenizer = {{ kind = 'wordpiece', {tokens} }}"
SIZE = "hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, intermediate_size = 32"
TOKENS = "vocab_size = 300"
T5 = "d_model = 16, d_kv = 8, d_ff = 32, num_layers = 1, num_heads = 2"
LLAMA = f"{SIZE}, num_key_value_heads = 2"
MODELS = {
    "encoder": ENCODER.format(size=SIZE, tokens=TOKENS),
    "encoder-decoder": f"[model.scratch]\nconfig = {{ model_type = 't5', {T5} }}\n"
    f"tokenizer = {{ kind = 'bpe', {TOKENS} }}",
    "decoder": f"[model.scratch]\nconfig = {{ model_type = 'llama', {LLAMA} }}\n"
    f"tokenizer = {{ kind = 'bpe', {TOKENS} }}",
}
TASKS = {
    "text-classification": ("encoder", "use = 'text-classification'"),
    "label-sets": ("encoder", "use = 'text-classification'\nproblem_type = 'multi_label_classification'"),
    "regression": ("encoder", "use = 'text-classification'\nproblem_type = 'regression'"),
    "token-classification": ("encoder", "use = 'token-classification'"),
    "extractive-qa": ("encoder", "use = 'extractive-qa'"),
    "generative-qa": ("encoder-decoder", "use = 'generative-qa'\nmax_answer_length = 4"),
    "seq2seq": ("encoder-decoder", "use = 'seq2seq'\nmax_new_tokens = 4"),
    "causal-lm": ("decoder", "use = 'causal-lm'\nmax_new_tokens = 4\nchat_template = 'alpaca'"),
}
PLUGINS = {"extractive-qa": "sftcore-plugin-qa", "generative-qa": "sftcore-plugin-qa"}
RECIPE = """
name = "{kind}"
requires = {requires}
[model]
max_length = 64
{model}
[data]
source = "rows.jsonl"
near_duplicates = false
split = {{ train = 0.6, validation = 0.2, test = 0.2 }}
[[preprocess]]
use = "whitespace"
[task]
{task}
[train]
max_steps = 4
per_device_train_batch_size = 8
precision = "fp32"
save_strategy = "steps"
save_steps = 2
[report]
texts = {texts}
"""


def small_recipe(kind: str, folder: Path, *, texts: bool = False) -> Recipe:
    """The recipe of that kind, with its data in the folder."""
    rows = (json.dumps(row, ensure_ascii=False) for row in small_rows(kind))
    (folder / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    model, task = TASKS[kind]
    requires = json.dumps([PLUGINS[kind]] if kind in PLUGINS else [])
    table = RECIPE.format(kind=kind, model=MODELS[model], task=task, requires=requires, texts=json.dumps(texts))
    (folder / "recipe.toml").write_text(table, encoding="utf-8")
    return Recipe.read(folder / "recipe.toml")


def small_rows(kind: str) -> Iterator[dict[str, Any]]:
    """Sixty rows of six words and a number each; what is to be learned is in them, or one of three classes."""
    source = random.Random(1)
    for number in range(ROWS):
        words = source.sample(WORDS, 6)
        text = f"{'  '.join(words)} {number}"
        yield _row(kind, number, words, text)


def _row(kind: str, number: int, words: list[str], text: str) -> dict[str, Any]:
    start = text.index(words[1])
    if kind in ("text-classification", "label-sets", "regression"):
        label = ("low", "mid", "high")[number % 3]
        return {"text": text, "label": {"label-sets": [label, "odd"], "regression": number / 7}.get(kind, label)}
    if kind == "token-classification":
        marked = {"start": start, "end": start + len(words[1]), "label": ("PLANT", "BIRD")[number % 2]}
        return {"text": text, "entities": [marked]}
    if kind in PLUGINS:
        answers = {"text": [words[1]], "answer_start": [start]}
        return {"question": f"What of {words[2]}?", "context": text, "answers": answers}
    return {"prompt": text, "completion": f"{words[3]} {words[0]}"}
