"""A small training that tests run in this process, in another that they kill, or in two: python job.py '{json}'."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from sftcore.builtin.metrics import Accuracy
from sftcore.builtin.text_classification import TextClassification
from sftcore.data.encode import EncodedRows, encode_rows
from sftcore.data.randomness import generator
from sftcore.data.rows import Rows
from sftcore.errors import Problem, SftcoreError
from sftcore.recipe.schema import Recipe
from sftcore.recipe.train import Train
from sftcore.reporter import SilentReporter
from sftcore.task import Task

WORDS = {"bad": "awful broken hate terrible worst angry", "good": "best great happy love perfect wonderful"}
FILLER = ["the", "a", "it", "was", "is", "very", "this", "that", "and", "with", "phone", "camera", "book", "one"]


class Told(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.reports: list[tuple[int, int, dict[str, Any]]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def progress(self, step: int, total: int, values: Mapping[str, Any]) -> None:
        self.reports.append((step, total, dict(values)))


def recipe_of(seed: int = 42, texts: bool = True, **train: Any) -> Recipe:
    """As much of a recipe as training reads."""
    settings: dict[str, Any] = {"per_device_train_batch_size": 4, "learning_rate": 1e-3, "logging_steps": 3.0}
    metrics = (Accuracy(),)

    def problem(key: str, message: str, advice: str = "") -> Problem:
        return Problem(message, key=key, advice=advice)

    model = SimpleNamespace(adapter=None)
    namespace = SimpleNamespace(
        seed=seed,
        model=model,
        task=TextClassification(),
        train=Train(**(settings | train)),
        all_metrics=metrics,
        report=SimpleNamespace(texts=texts),
        problem=problem,
    )
    return cast(Recipe, namespace)


def rows_of(count: int, problem_type: str = "single_label_classification") -> Rows:
    """Texts of two classes with two words of their class among 1 to 14 others."""
    values = []
    for number in range(count):
        rng = generator("rows", number)
        label = list(WORDS)[number % 2]
        words = [*rng.choice(WORDS[label].split(), 2), *rng.choice(FILLER, rng.integers(1, 15))]
        targets: dict[str, Any] = {
            "single_label_classification": label,
            "multi_label_classification": [label, "odd"] if number % 3 else [label],
            "regression": number % 7 / 3,
        }
        values.append({"text": " ".join(rng.permutation(words).tolist()), "label": targets[problem_type]})
    return Rows.of(values)


class Job:
    """A model, a task and rows, made anew from the settings each time."""

    def __init__(
        self, model: str, *, count: int = 44, problem_type: str = "single_label_classification", dropout: float = 0.1
    ) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

        self.task: Task = TextClassification(problem_type=problem_type)  # type: ignore[arg-type]
        self.rows = rows_of(count, problem_type)
        self.state = self.task.fit(self.rows.values)
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        set_seed(7)
        keywords = self.task.config(self.state) | {
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
        }
        self.model = AutoModelForSequenceClassification.from_pretrained(model, **keywords)
        self.encoded = self.encode(self.rows)

    def encode(self, rows: Rows) -> EncodedRows:
        return encode_rows(rows, self.task, self.state, self.tokenizer, 32)

    def fresh(self, epoch: int) -> EncodedRows:
        """Each text without one word, another one in every epoch."""
        values = []
        for number, row in enumerate(self.rows.values):
            words = row["text"].split()
            del words[generator("fresh", number, epoch).integers(len(words))]
            values.append(row | {"text": " ".join(words)})
        return self.encode(self.rows.with_values(values))

    def loss(self, model: Any) -> dict[str, float]:
        """A validation that draws random numbers, as some do, and gives a number that moves."""
        import torch

        torch.rand(3)
        np.random.rand(3)
        batch = self.task.collate([self.encoded.feature(index) for index in range(16)], self.tokenizer)
        model.eval()
        placed = {name: value.to(model.device) for name, value in batch.items()}
        outputs, _ = self.task.outputs(model, placed, self.state)
        logits = outputs.logits.float()
        value = logits.square().mean().item()
        return {"loss": value, "accuracy": round(value * 1000) % 7 / 7}

    def train(
        self,
        folder: Path,
        *,
        fresh: bool = False,
        validate: bool = False,
        callbacks: list[Any] | None = None,
        reporter: Any = None,
        precision: Any = "fp32",
        log: Callable[[dict[str, Any]], None] | None = None,
        evaluate: Any = None,
        **settings: Any,
    ) -> Any:
        from sftcore.training.train import train

        return train(
            recipe=recipe_of(**settings),
            model=self.model,
            tokenizer=self.tokenizer,
            task=self.task,
            state=self.state,
            features=self.fresh if fresh else lambda epoch: self.encoded,
            evaluate=evaluate or (self.loss if validate else None),
            folder=folder,
            callbacks=callbacks or [],
            reporter=reporter or Told(),
            precision=precision,
            log=log,
        )

    def weights(self) -> dict[str, Any]:
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}


def main() -> int:
    """Train, write the weights and say how it ended."""
    import torch
    from safetensors.torch import save_file

    settings = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    folder, slow, dies = Path(settings.pop("folder")), settings.pop("slow", 0.0), settings.pop("dies", 0)
    job = Job(settings.pop("model"), **settings.pop("job", {}))
    callbacks = [_slow(slow, dies)] if slow or dies else []
    try:
        job.train(folder / "checkpoints", callbacks=callbacks, **settings)
    except SftcoreError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    save_file(job.weights(), folder / "weights.safetensors")
    return 0


def _slow(seconds: float, dies: int) -> Any:
    """Makes each step last, so that there is time to be killed in, and says on stdout that it was done; kills the
    process itself after step `dies`."""
    import os
    import signal
    import time

    from transformers import TrainerCallback

    class Slow(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
            print("step", state.global_step, flush=True)
            time.sleep(seconds)
            if state.global_step == dies:
                os.kill(os.getpid(), signal.SIGKILL)

    return Slow()


if __name__ == "__main__":
    sys.exit(main())
