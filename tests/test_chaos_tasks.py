"""One run of each task, killed at random moments: the weights are those of a run that nobody killed."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest

from tests.test_chaos import finish, launch, wait_for_training

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]

SAMPLES = Path(__file__).parent.parent / "recipes/samples"
KILLS = 2
HEAD = "requires = ['sftcore-plugin-qa', 'sftcore-plugin-legal']\n"
BERT = "[model]\nbase = {base!r}\nmax_length = 64\n"
WRITES = "[model]\nmax_length = 160\n[model.scratch.tokenizer]\nkind = 'bpe'\nvocab_size = 600\n"
T5 = (
    f"{WRITES}[model.scratch.config]\nmodel_type = 't5'\nd_model = 32\nd_kv = 16\n"
    "d_ff = 64\nnum_layers = 2\nnum_heads = 2\n"
)
LLAMA = (
    f"{WRITES}[model.scratch.config]\nmodel_type = 'llama'\nhidden_size = 32\nintermediate_size = 64\n"
    "num_hidden_layers = 2\nnum_attention_heads = 2\nnum_key_value_heads = 2\n"
)
TYPOS = "[[augment]]\nuse = 'keyboard-typos'\nevery_epoch = true\non = ['{role}']\n"
CASES = {
    "extractive-qa": (BERT, "qa.json", "stride = 16", TYPOS.format(role="question")),
    "contract-qa": (BERT, "contracts.json", "stride = 16\nmax_answer_length = 20", ""),
    "clause-classification": (BERT, "legal-clauses.csv", "", TYPOS.format(role="text")),
    "token-classification": (BERT, "entities.jsonl", "", TYPOS.format(role="text")),
    "seq2seq": (T5, "t5-qa.jsonl", "max_new_tokens = 4", ""),
    "causal-lm": (LLAMA, "chat.jsonl", "max_new_tokens = 4\nchat_template = 'alpaca'", ""),
    "legal-qa": (LLAMA, "legal-qa.jsonl", "max_new_tokens = 4\nchat_template = 'alpaca'", ""),
    "generative-qa": (LLAMA, "qa.json", "max_answer_length = 4\narchitecture = 'causal'", ""),
}
TRAIN = (
    "[train]\nnum_train_epochs = 4\nlearning_rate = 1e-3\nper_device_train_batch_size = 4\n"
    "gradient_accumulation_steps = 2\nsave_steps = 5\n"
)


def entities(path: Path) -> None:
    """Sentences with a marked name each."""
    names = ["Anna", "Bruno", "Carla", "Dmitri", "王芳", "Emeka"]
    rows = []
    for number in range(120):
        name, before = names[number % len(names)], f"letter {number} was signed by "
        span = {"start": len(before), "end": len(before) + len(names[number % len(names)]), "label": "person"}
        rows.append({"text": f"{before}{name} on day {number * 7 % 31}", "entities": [span]})
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def written(folder: Path, task: str, base: str) -> Path:
    """The recipe of a case, with its data."""
    model, sample, options, augment = CASES[task]
    if sample == "entities.jsonl":
        source = folder.parent / sample
        entities(source)
    else:
        source = SAMPLES / sample
    folder.mkdir()
    recipe = folder / "killed.toml"
    columns = "columns = { prompt = 'question', completion = 'answer' }\n" if task == "seq2seq" else ""
    data = f"[data]\nsource = {str(source)!r}\n{columns}limit = 120\nnear_duplicates = false\n"
    parts = (HEAD, model.replace("{base!r}", repr(base)), data, f"[task]\nuse = '{task}'\n{options}\n", augment, TRAIN)
    recipe.write_text("".join(parts), encoding="utf-8")
    return recipe


@pytest.mark.parametrize("task", CASES)
def test_a_killed_run_of_each_task_ends_with_the_weights_of_one_that_was_not(
    task: str, tiny_bert: str, tmp_path: Path
) -> None:
    whole, _ = finish(written(tmp_path / "whole", task, tiny_bert))
    recipe, source, killed = written(tmp_path / "killed", task, tiny_bert), random.Random(task), 0
    for _ in range(KILLS):
        process = launch(recipe)
        wait_for_training(process, recipe)
        time.sleep(source.uniform(0, 2))
        process.kill()
        process.wait()
        killed += process.returncode == -signal.SIGKILL
    weights, _ = finish(recipe)
    assert killed
    assert weights == whole
