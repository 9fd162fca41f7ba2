"""Training speed on the starter's data: `sftcore` against a plain Trainer script, side by side in one run.

    python benchmarks/throughput.py [--rounds 3] [--steps 100] [--threads 2]

The plain script is what a tutorial shows: `Trainer`, `DataCollatorWithPadding` (dynamic padding), fp32, random order.
It and the starter's recipe are each measured with the base's own dropout and without any, so that like is compared with
like; the recipe trains without. All train the same model on the same rows in batches of 32. A process of its own for
each measurement, in turn; the first steps are not counted. Samples a CPU-second, since CPU-seconds suffer least from
what else the machine does; wall time is printed beside them. Few steps meet longer or shorter rows than the average,
so the real tokens (without padding) a CPU-second are printed too, which do not depend on that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

RECIPE = Path(__file__).parent.parent / "recipes/sentiment.toml"
OVERRIDES = ["train.save_strategy='no'", "train.eval_strategy='no'"]
OWN_DROPOUT = "model.config={}"
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BATCH, UNCOUNTED = 32, 10
WORKERS = ("plain", "recipe", "plain without dropout", "recipe with dropout")
LIKE_FOR_LIKE = {"recipe": "plain without dropout", "recipe with dropout": "plain"}


def timer(steps: int) -> Any:
    """A callback that takes the clocks, and the real tokens so far, after the first steps and at the end."""
    from transformers import TrainerCallback

    class Timer(TrainerCallback):
        def __init__(self) -> None:
            self.taken: dict[int, tuple[float, float, int]] = {}
            self.tokens = 0

        def count(self, model: Any, positional: Any, inputs: Any) -> None:
            self.tokens += int(inputs["attention_mask"].sum())

        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
            model.register_forward_pre_hook(self.count, with_kwargs=True)

        def on_step_end(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
            if state.global_step in (UNCOUNTED, UNCOUNTED + steps):
                self.taken[state.global_step] = (time.process_time(), time.perf_counter(), self.tokens)

        def result(self) -> dict[str, float]:
            (cpu, wall, tokens), (cpu_end, wall_end, tokens_end) = self.taken.values()
            return {"cpu": cpu_end - cpu, "wall": wall_end - wall, "tokens": tokens_end - tokens}

    return Timer()


def prepared(steps: int, *overrides: str) -> Any:
    from sftcore import Recipe
    from sftcore.data.ledger import Ledger
    from sftcore.data.load import load_rows
    from sftcore.models.base import locate_base
    from sftcore.preparing import prepare
    from sftcore.registry import discover
    from sftcore.reporter import SILENT

    recipe = Recipe.read(RECIPE, [*OVERRIDES, *overrides, f"train.max_steps={steps + UNCOUNTED}"])
    ledger = Ledger()
    base = locate_base(recipe)
    return base, prepare(recipe, load_rows(recipe, discover(), ledger, SILENT), base, ledger)


def measure_sftcore(steps: int, threads: int, *overrides: str) -> dict[str, float]:
    from sftcore.models.loading import load_model
    from sftcore.reporter import SILENT
    from sftcore.training.arguments import choose_device, choose_precision, pin_threads
    from sftcore.training.train import train

    pin_threads(threads)
    base, ready = prepared(steps, *overrides)
    recipe = ready.recipe
    model = load_model(recipe, base, recipe.task, ready.state, ready.tokenizer, SILENT)
    clock = timer(steps)
    with TemporaryDirectory() as folder:
        train(
            recipe=recipe,
            model=model,
            tokenizer=ready.tokenizer,
            task=recipe.task,
            state=ready.state,
            features=lambda epoch: ready.train,
            evaluate=None,
            folder=Path(folder),
            callbacks=[clock],
            precision=choose_precision(recipe, choose_device(), SILENT),
        )
    return clock.result()


def measure_plain(steps: int, threads: int, **config: float) -> dict[str, float]:
    import torch
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments

    torch.set_num_threads(threads)
    base, ready = prepared(steps)
    labels = ready.recipe.task.label_names(ready.state)
    rows = ready.train_rows.values
    tokens = ready.tokenizer([row["text"] for row in rows], truncation=True)
    data = Dataset.from_dict({**tokens, "labels": [labels.index(row["label"]) for row in rows]})
    model = AutoModelForSequenceClassification.from_pretrained(
        base.path, num_labels=len(labels), dtype=torch.float32, **config
    )
    clock = timer(steps)
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            max_steps=steps + UNCOUNTED,
            learning_rate=3e-4,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=data,
            data_collator=DataCollatorWithPadding(ready.tokenizer),
            callbacks=[clock],
        ).train()
    return clock.result()


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def measure(worker: str, steps: int, threads: int) -> dict[str, float]:
    if worker.startswith("plain"):
        return measure_plain(steps, threads, **(NO_DROPOUT if worker.endswith("without dropout") else {}))
    return measure_sftcore(steps, threads, *([OWN_DROPOUT] if worker.endswith("with dropout") else []))


def in_its_own_process(worker: str, steps: int, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--worker", worker, "--steps", str(steps), "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", choices=WORKERS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(arguments.worker, arguments.steps, arguments.threads)))
        return
    names = ("python", "torch", "transformers", "accelerate", "datasets")
    versions = [f"{name} {platform.python_version() if name == 'python' else version(name)}" for name in names]
    print(f"$ python benchmarks/throughput.py --rounds {arguments.rounds} --steps {arguments.steps}", end=" ")
    print(f"--threads {arguments.threads}\n{processor()}, {os.cpu_count()} cores; {', '.join(versions)}")
    found: dict[str, list[tuple[float, float]]] = {worker: [] for worker in WORKERS}
    for number in range(1, arguments.rounds + 1):
        for worker, rates in found.items():
            taken = in_its_own_process(worker, arguments.steps, arguments.threads)
            samples = BATCH * arguments.steps
            rates.append((samples / taken["cpu"], taken["tokens"] / taken["cpu"]))
            print(f"round {number}  {worker:22} {rates[-1][0]:6.1f} samples and {rates[-1][1]:7,.0f} tokens", end=" ")
            print(f"a CPU-second; {samples / taken['wall']:6.1f} samples a second", flush=True)
    for worker, other in LIKE_FOR_LIKE.items():
        for place, what in enumerate(("samples", "tokens")):
            ratios = [ours[place] / plain[place] for ours, plain in zip(found[worker], found[other], strict=True)]
            shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{worker} to {other}, {what}: {shown}; median {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
