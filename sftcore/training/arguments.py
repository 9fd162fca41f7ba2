"""`[train]` as `TrainingArguments`, and what the machine decides: device, precision, optimizer, threads."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sftcore.errors import RecipeError
from sftcore.recipe.train import OURS

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from sftcore.recipe.schema import Recipe
    from sftcore.reporter import Reporter

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
Device: TypeAlias = Literal["cpu", "cuda", "mps"]

_OTHERWISE = {*OURS, "label_smoothing_factor"}
_DECIDED = {"eval_strategy", "eval_steps", "save_strategy", "save_steps", "save_total_limit", "logging_steps"}
_DECIDED |= {"max_steps", "load_best_model_at_end", "metric_for_best_model", "greater_is_better", "optim", "report_to"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a training: all intervals in optimizer steps, 0 for never.

    `best_metric` is the name of the validation metric that tells the best weights, or "".
    """

    steps_per_epoch: int
    max_steps: int
    eval_steps: int
    save_steps: int
    logging_steps: int
    best_metric: str = ""
    greater_is_better: bool = True
    load_best: bool = False


def make_plan(recipe: Recipe, batches: int, *, validates: bool, world_size: int = 1) -> Plan:
    """Count the steps: `batches` are all of one epoch, over all processes. Raises `sftcore.RecipeError`.

    "epoch" becomes a number of steps, since a checkpoint saved at the last step of an epoch, before the
    validation that ends the epoch, would on resuming skip that validation.
    """
    train = recipe.train
    per_epoch = math.ceil(math.ceil(batches / world_size) / train.gradient_accumulation_steps)
    total = train.max_steps if train.max_steps > 0 else math.ceil(train.num_train_epochs * per_epoch)
    every = _interval(train.eval_strategy, train.eval_steps, per_epoch, total) if validates else 0
    name, greater = _best_metric(recipe) if every else ("", True)
    return Plan(
        steps_per_epoch=per_epoch,
        max_steps=total,
        eval_steps=every,
        save_steps=_interval(train.save_strategy, train.save_steps, per_epoch, total) or total,
        logging_steps=_steps(train.logging_steps, total),
        best_metric=name,
        greater_is_better=greater,
        load_best=bool(name) and (train.load_best_model_at_end or train.early_stopping_patience is not None),
    )


def _interval(strategy: str, steps: float | None, per_epoch: int, total: int) -> int:
    if strategy == "no":
        return 0
    return per_epoch if strategy == "epoch" else _steps(per_epoch if steps is None else steps, total)


def _steps(steps: float, total: int) -> int:
    """Below 1 a share of all steps, as in `TrainingArguments`."""
    return max(1, math.ceil(total * steps) if steps < 1 else round(steps))


def warmup_steps(recipe: Recipe, plan: Plan) -> int:
    """Steps of the warm-up, as `TrainingArguments` rounds them up; a share of less than one step is none."""
    wanted = recipe.train.warmup_steps
    if wanted >= 1:
        return int(wanted)
    share = wanted * plan.max_steps
    return math.ceil(share) if share >= 1 else 0


def _best_metric(recipe: Recipe) -> tuple[str, bool]:
    """The metric that tells the best weights and whether more of it is better; ("", True) where none is asked for.

    Of a task that generates, validation knows the loss and its perplexity alone.
    """
    train = recipe.train
    if not (train.metric_for_best_model or train.early_stopping_patience or train.load_best_model_at_end):
        return "", True
    metrics = {} if recipe.task.generates else {metric.name: metric.greater_is_better for metric in recipe.all_metrics}
    name = (train.metric_for_best_model or next(iter(metrics), "loss")).removeprefix("eval_")
    greater = metrics.get(name, not name.endswith(("loss", "perplexity")))
    return name, greater if train.greater_is_better is None else train.greater_is_better


def choose_device() -> Device:
    """The device that torch offers: a GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_precision(recipe: Recipe, device: Device, reporter: Reporter) -> Precision:
    """The recipe's precision; for "auto" bf16 where the processor computes with it, else fp32.

    Raises `sftcore.RecipeError` for fp16 without a GPU (on a processor it is some 20 times slower than bf16).
    """
    wanted = recipe.train.precision
    native = has_bf16(device)
    if wanted == "auto":
        return "bf16" if native else "fp32"
    if wanted == "fp16" and device == "cpu":
        advice = 'write precision = "auto"'
        raise RecipeError(recipe.problem("train.precision", "fp16 needs a GPU; a processor is slow with it", advice))
    if wanted == "bf16" and not native:
        reporter.warning("this machine has no bf16 of its own: it is emulated, and slower than fp32")
    return wanted


def has_bf16(device: Device) -> bool:
    """Whether the device multiplies bf16 matrices natively."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "mps":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16"))


def choose_optimizer(wanted: str, device: Device) -> str:
    """The recipe's optimizer; for "auto" AdamW, fused where torch has it for the device."""
    if wanted != "auto":
        return wanted
    return "adamw_torch_fused" if device in ("cpu", "cuda") else "adamw_torch"


def pin_threads(threads: int | None = None) -> int:
    """Fix the number of torch's threads and return it: other numbers of threads give other weights.

    Default: OMP_NUM_THREADS where it is set (torchrun does), else the physical cores that this process may use.
    """
    import torch

    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    chosen = threads or (int(asked) if asked.isdigit() else 0) or physical_cores()
    torch.set_num_threads(chosen)
    return torch.get_num_threads()


def physical_cores() -> int:
    """Physical cores that this process may use, within its control group's share of time; at least 1."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_core(number) for number in allowed}
    return max(1, min(len(cores), math.ceil(_quota(Path("/sys/fs/cgroup/cpu.max")))))


def _core(number: int) -> tuple[str, ...]:
    """The package and core that a logical processor belongs to."""
    folder = Path(f"/sys/devices/system/cpu/cpu{number}/topology")
    try:
        return tuple((folder / name).read_text().strip() for name in ("physical_package_id", "core_id"))
    except OSError:
        return (str(number),)


def _quota(file: Path) -> float:
    """Processors' worth of time that the control group grants; more than any machine has where nothing limits it."""
    try:
        granted, period = file.read_text().split()
        return float(granted) / float(period)
    except (OSError, ValueError):
        return 10_000.0


def training_arguments(
    recipe: Recipe, plan: Plan, folder: Path, *, device: Device, precision: Precision
) -> TrainingArguments:
    """The arguments of the Trainer: the recipe's keys as they are, the rest as sftcore decides."""
    from transformers import TrainingArguments

    known = {field.name for field in dataclasses.fields(TrainingArguments)}
    table = {key: value for key, value in _table(recipe.train).items() if value is not None}
    given = {key: value for key, value in table.items() if key in known - _OTHERWISE - _DECIDED}
    if not warmup_steps(recipe, plan):
        given["warmup_steps"] = 0
    if recipe.train.tokens_per_batch:
        given["per_device_train_batch_size"] = 1  # an item is a batch
    if isinstance(given.get("lr_scheduler_kwargs"), Mapping):
        given["lr_scheduler_kwargs"] = dict(given["lr_scheduler_kwargs"])
    return TrainingArguments(
        **given,
        **_intervals(plan),
        output_dir=str(folder),
        seed=recipe.seed,
        data_seed=recipe.seed,
        optim=choose_optimizer(recipe.train.optim, device),
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        dataloader_pin_memory=device == "cuda",
        ddp_backend="gloo" if device == "cpu" and "LOCAL_RANK" in os.environ else None,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
        disable_tqdm=True,
        logging_nan_inf_filter=False,
        restore_callback_states_from_checkpoint=True,
    )


def _intervals(plan: Plan) -> dict[str, Any]:
    return {
        "max_steps": plan.max_steps,
        "eval_strategy": "steps" if plan.eval_steps else "no",
        "eval_steps": plan.eval_steps or None,
        "save_strategy": "steps",
        "save_steps": plan.save_steps,
        "logging_steps": plan.logging_steps,
        "metric_for_best_model": plan.best_metric or None,
        "greater_is_better": plan.greater_is_better if plan.best_metric else None,
    }


def _table(train: Any) -> dict[str, Any]:
    return {name: getattr(train, name) for name in type(train).model_fields}


def describe(arguments: TrainingArguments, plan: Plan) -> dict[str, Any]:
    """What was chosen for this machine, for the lock and the report."""
    import torch

    precision = "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32"
    name = torch.cuda.get_device_name() if arguments.device.type == "cuda" else ""
    return {
        "device": arguments.device.type,
        "device_name": name,
        "processes": arguments.world_size,
        "precision": precision,
        "optimizer": str(getattr(arguments.optim, "value", arguments.optim)),
        "threads": torch.get_num_threads(),
        "steps": plan.max_steps,
        "steps_per_epoch": plan.steps_per_epoch,
    }
