"""The same texts give the same vocabulary in every process: else a resumed run would go on with another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from sftcore import Recipe
from sftcore.errors import ModelError
from sftcore.models.base import locate_base

SCRIPT = """
import json, random, sys
from sftcore import Recipe
from sftcore.models.base import locate_base
from sftcore.models.loading import load_tokenizer
draw = random.Random(7)
letters = "abcdefghijklmnopqrstuvwxyz甲乙丙丁戊己庚辛"
words = ["".join(draw.choices(letters, k=draw.randint(2, 7))) for _ in range(400)]
texts = [" ".join(draw.choices(words, k=9)) + "." for _ in range(300)]
found = {}
for model_type, task in (("bert", "text-classification"), ("t5", "seq2seq")):
    for kind in ("characters", "wordpiece", "bpe", "unigram"):
        config = f'{{ model_type = "{model_type}" }}'
        recipe = Recipe.from_toml(
            f'model.scratch = {{ config = {config}, tokenizer = {{ kind = "{kind}", vocab_size = 420 }} }}'
            f'\\n[data]\\nsource = "x.csv"\\n[task]\\nuse = "{task}"\\n', "."
        )
        raw = load_tokenizer(recipe, locate_base(recipe), texts).backend_tokenizer
        ids = [raw.encode(text).ids for text in texts[:20]]
        found[f"{model_type} {kind}"] = [raw.to_str(), ids, raw.get_vocab_size()]
json.dump(found, sys.stdout)
"""


def learned_elsewhere() -> dict[str, list[Any]]:
    """What a process learns that hashes texts in another order than this one."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    result = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found: dict[str, list[Any]] = json.loads(result.stdout)
    return found


def learned_here(capsys: pytest.CaptureFixture[str]) -> dict[str, list[Any]]:
    exec(SCRIPT, {})
    found: dict[str, list[Any]] = json.loads(capsys.readouterr().out)
    return found


def test_every_process_learns_the_same_vocabulary(capsys: pytest.CaptureFixture[str]) -> None:
    first, again = learned_here(capsys), learned_elsewhere()
    assert [name for name in first if again[name] != first[name]] == []
    sizes = {name: facts[2] for name, facts in first.items()}
    assert sizes["bert wordpiece"] == sizes["bert bpe"] == sizes["t5 bpe"] == sizes["t5 wordpiece"] == 420
    assert all(400 <= size <= 420 for name, size in sizes.items() if "unigram" in name)


def test_unigrams_need_sentencepiece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    monkeypatch.setattr("sftcore.models.base.find_spec", lambda name: None if name == "sentencepiece" else object())
    text = '[model.scratch]\nconfig = { model_type = "bert" }\ntokenizer = { kind = "unigram" }\n'
    recipe = Recipe.from_toml(f'[data]\nsource = "x.csv"\n[task]\nuse = "text-classification"\n{text}', ".")
    with pytest.raises(ModelError, match="sentencepiece, which is not installed") as caught:
        locate_base(recipe)
    assert "sftcore[unigram]" in str(caught.value)
