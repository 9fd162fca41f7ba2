"""Accumulated gradients of tasks whose labels are tokens: those of the one big batch, whatever its rows' lengths."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sftcore import Seq2Seq, Task, TokenClassification
from sftcore.data.encode import encode_rows
from sftcore.data.rows import Rows

SPLITS = ((4, 1), (2, 2), (1, 4))


def seq2seq(tiny_bert: str) -> tuple[Task, Rows, Any, Any]:
    from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "dropout_rate": 0.0}
    rows = [{"prompt": "say it again " * (n % 3 + 1), "completion": "word " * (n * n + 1)} for n in range(4)]
    model = T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **sizes))
    return Seq2Seq(), Rows.of(rows), tokenizer, model


def token_classification(tiny_bert: str) -> tuple[Task, Rows, Any, Any]:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    rows = [
        {"text": f"{'so ' * n * n}John lives", "entities": [{"start": 3 * n * n, "end": 3 * n * n + 4, "label": "PER"}]}
        for n in range(4)
    ]
    task = TokenClassification()
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    keywords = task.config(task.fit(rows)) | none
    model = AutoModelForTokenClassification.from_pretrained(tiny_bert, **keywords)
    return task, Rows.of(rows), AutoTokenizer.from_pretrained(tiny_bert), model


@pytest.mark.parametrize("make", [seq2seq, token_classification])
def test_one_step_is_the_same_however_it_is_accumulated(
    make: Any, tiny_bert: str, job_module: ModuleType, tmp_path: Path
) -> None:
    from sftcore.training.train import train

    steps = []
    for batch, accumulation in SPLITS:
        torch.manual_seed(0)
        task, rows, tokenizer, model = make(tiny_bert)
        state = task.fit(rows.values)
        model = task.prepare_model(model, tokenizer, state)
        encoded = encode_rows(rows, task, state, tokenizer, 64)
        start = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        recipe: Any = job_module.recipe_of(
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            max_steps=1,
            warmup_steps=0.0,
            optim="sgd",
            learning_rate=0.1,
            logging_steps=1.0,
            max_grad_norm=1000.0,
        )
        recipe.task = task
        result = train(
            recipe=recipe,
            model=model,
            tokenizer=tokenizer,
            task=task,
            state=state,
            features=lambda epoch, encoded=encoded: encoded,  # type: ignore[misc]
            evaluate=None,
            folder=tmp_path / str(batch),
            callbacks=[],
            reporter=job_module.Told(),
        )
        weights = {name: value.cpu() for name, value in model.state_dict().items()}
        steps.append((start, weights, result.log_history[0]))
    start, expected, log = steps[0]
    assert len({int(row) for row in encoded.lengths}) > 2, "rows of one length would prove nothing"
    assert max((expected[name] - start[name]).abs().max().item() for name in start) > 1e-3
    for _, weights, other in steps[1:]:
        assert max((expected[name] - weights[name]).abs().max().item() for name in expected) < 1e-6
        assert other["loss"] == pytest.approx(log["loss"], abs=1e-6)
        assert other["grad_norm"] == pytest.approx(log["grad_norm"], rel=1e-5)
