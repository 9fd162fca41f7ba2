from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from sftcore.errors import RecipeError
from sftcore.training import arguments
from sftcore.training.arguments import Plan, choose_optimizer, choose_precision, make_plan, pin_threads


def plan(job_module: ModuleType, batches: int = 10, validates: bool = True, **train: Any) -> Plan:
    return make_plan(job_module.recipe_of(**train), batches, validates=validates)


def test_shares_and_epochs_become_steps(job_module: ModuleType) -> None:
    result = plan(job_module, num_train_epochs=2.5, eval_strategy="epoch", save_steps=0.2, logging_steps=7.0)
    assert (result.max_steps, result.eval_steps, result.save_steps, result.logging_steps) == (25, 10, 5, 7)
    assert plan(job_module, save_strategy="epoch").save_steps == 10
    assert plan(job_module, eval_strategy="steps", eval_steps=0.25).eval_steps == 8


def test_accumulation_and_processes_make_fewer_steps(job_module: ModuleType) -> None:
    recipe = job_module.recipe_of(gradient_accumulation_steps=4)
    assert make_plan(recipe, 10, validates=False).steps_per_epoch == 3
    assert make_plan(recipe, 10, validates=False, world_size=2).steps_per_epoch == 2


def test_max_steps_wins_over_epochs(job_module: ModuleType) -> None:
    assert plan(job_module, max_steps=3).max_steps == 3


def test_the_best_metric_is_the_main_one_unless_named(job_module: ModuleType) -> None:
    assert plan(job_module).best_metric == ""
    assert plan(job_module, load_best_model_at_end=True).best_metric == "accuracy"
    stopping = plan(job_module, early_stopping_patience=2, metric_for_best_model="loss")
    assert (stopping.best_metric, stopping.greater_is_better, stopping.load_best) == ("loss", False, True)
    kept = plan(job_module, metric_for_best_model="accuracy", greater_is_better=False)
    assert (kept.greater_is_better, kept.load_best) == (False, False)


def test_a_task_that_generates_is_judged_by_its_loss(job_module: ModuleType) -> None:
    recipe = job_module.recipe_of(load_best_model_at_end=True)
    recipe.task = SimpleNamespace(generates=True)
    found = make_plan(recipe, 10, validates=True)
    assert (found.best_metric, found.greater_is_better) == ("loss", False)
    recipe = job_module.recipe_of(load_best_model_at_end=True, metric_for_best_model="eval_perplexity")
    recipe.task = SimpleNamespace(generates=True)
    found = make_plan(recipe, 10, validates=True)
    assert (found.best_metric, found.greater_is_better) == ("perplexity", False)
    named = plan(job_module, load_best_model_at_end=True, metric_for_best_model="eval_accuracy")
    assert (named.best_metric, named.greater_is_better) == ("accuracy", True)


def test_without_validation_nothing_waits_for_it(job_module: ModuleType) -> None:
    result = plan(job_module, validates=False, early_stopping_patience=1)
    assert (result.eval_steps, result.best_metric, result.load_best) == (0, "", False)


def test_the_trainer_gets_the_recipes_keys_and_ours(job_module: ModuleType, tmp_path: Path) -> None:
    recipe = job_module.recipe_of(
        adam_beta2=0.95, warmup_steps=0.2, lr_scheduler_type="cosine", lr_scheduler_kwargs={"num_cycles": 0.4}, seed=5
    )
    plan = make_plan(recipe, 10, validates=False)
    args = arguments.training_arguments(recipe, plan, tmp_path, device="cpu", precision="bf16")
    assert (args.adam_beta2, args.warmup_steps, args.seed, args.data_seed) == (0.95, 0.2, 5, 5)
    assert (args.bf16, args.use_cpu, args.max_steps, args.save_steps) == (True, True, 30, 6)
    assert (args.lr_scheduler_type, args.lr_scheduler_kwargs) == ("cosine", {"num_cycles": 0.4})
    assert (args.report_to, args.logging_nan_inf_filter) == ([], False)
    assert args.train_sampling_strategy == "sequential"
    assert not args.dataloader_persistent_workers
    chosen = arguments.describe(args, plan)
    assert (chosen["precision"], chosen["optimizer"], chosen["device"]) == ("bf16", "adamw_torch_fused", "cpu")


def test_precision_follows_the_machine(job_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    told = job_module.Told()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert choose_precision(job_module.recipe_of(), "cpu", told) == "bf16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert choose_precision(job_module.recipe_of(), "cpu", told) == "fp32"
    assert choose_precision(job_module.recipe_of(precision="fp32"), "cpu", told) == "fp32"
    assert not told.warnings
    assert choose_precision(job_module.recipe_of(precision="bf16"), "cpu", told) == "bf16"
    assert "slower" in told.warnings[0]
    with pytest.raises(RecipeError, match="needs a GPU"):
        choose_precision(job_module.recipe_of(precision="fp16"), "cpu", told)


def test_the_optimizer_is_fused_where_torch_has_it() -> None:
    assert choose_optimizer("auto", "cpu") == "adamw_torch_fused"
    assert choose_optimizer("auto", "mps") == "adamw_torch"
    assert choose_optimizer("sgd", "cpu") == "sgd"


def test_threads_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pin_threads(1) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert pin_threads() == 2 == torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= pin_threads() <= (os.cpu_count() or 1)


def test_a_control_group_limits_the_threads(tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text("150000 100000\n")
    assert arguments._quota(file) == 1.5
    file.write_text("max 100000\n")
    assert arguments._quota(file) > 1000
    assert arguments._quota(tmp_path / "absent") > 1000


@pytest.mark.parametrize(("wanted", "total", "steps"), [(0.1, 1, 0), (0.1, 9, 0), (0.1, 15, 2), (3, 100, 3), (0, 5, 0)])
def test_a_share_below_one_step_is_no_warm_up(
    wanted: float, total: int, steps: int, job_module: ModuleType, tmp_path: Path
) -> None:
    recipe = job_module.recipe_of(warmup_steps=float(wanted), max_steps=total)
    plan = make_plan(recipe, 10, validates=False)
    args = arguments.training_arguments(recipe, plan, tmp_path, device="cpu", precision="fp32")
    assert arguments.warmup_steps(recipe, plan) == args.get_warmup_steps(total) == steps
