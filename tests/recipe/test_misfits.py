"""Recipes whose parts are well-formed and do not fit each other."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from sftcore.errors import PluginError, RecipeError
from sftcore.recipe import Recipe
from sftcore.recipe.misfits import SCHEDULE_OPTIONS
from sftcore.recipe.train import Train
from sftcore.registry import Registry

REGRESSION = {"use": "text-classification", "problem_type": "regression"}
BOTH_TEXTS = {"train": "a.csv", "validation": "b.csv", "test": "c.csv"}
MINE = {"use": "text-classification", "labels": ["neg", "pos"]}

# what is changed in a good recipe, the key of the problem, what is said
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"model": {}}, "model", 'write base = "..."'),
    ({"model": {"base": "x", "scratch": {"config": {}, "tokenizer": {"kind": "bpe"}}}}, "model.scratch", "not both"),
    (
        {"model": {"scratch": {"config": {}, "tokenizer": {"kind": "bpe"}}, "adapter": {"use": "lora"}}},
        "model.adapter",
        "needs a model to adapt",
    ),
    ({"model": {"base": "package:x/y", "revision": "v1"}}, "model.revision", "only a model on the hub"),
    ({"data": {"source": "a.csv", "columns": {"txet": "a"}}}, "data.columns.txet", "did you mean text?"),
    (
        {"data": {"source": "a.csv", "columns": {"text": "a", "label": "a"}}},
        "data.columns.label",
        "the answer would be in the question",
    ),
    ({"data": {"source": "a.csv", "columns": {"text": ""}}}, "data.columns.text", "name of a column"),
    ({"data": {"source": "a.csv", "where": {"a b": {}}}}, 'data.where."a b"', "say min, max, equals, in or missing"),
    ({"data": {"source": "a.csv", "where": {"a": {"min": 2, "max": 1}}}}, "data.where.a", "at least 2 and at most 1"),
    ({"data": {"source": "a.csv", "split": {"train": 0.9}}}, "data.split", "add up to 1.1 instead of 1"),
    ({"data": {"source": BOTH_TEXTS, "split": {"train": 0.8}}}, "data.split", "leave out split"),
    ({"preprocess": [{"use": "lowercase", "on": ["txet"]}]}, "preprocess.0.on.0", "did you mean text?"),
    ({"preprocess": [{"use": "lowercase", "on": ["label"]}]}, "preprocess.0.on.0", "what is to be learned"),
    ({"augment": [{"use": "random-swap", "on": ["x"]}]}, "augment.0.on.0", "has no role 'x'"),
    ({"augment": [{"use": "random-swap", "copies": 2, "every_epoch": True}]}, "augment.0.copies", "keep copies or"),
    ({"metrics": [{"use": "distance"}]}, "metrics.0.use", "metrics that fit: accuracy"),
    ({"metrics": [{"use": "f1"}, {"use": "f1"}]}, "metrics.1.use", "twice with the same options"),
    ({"task": MINE, "train": {"class_weights": {"negg": 1.0}}}, "train.class_weights.negg", "did you mean neg?"),
    ({"task": REGRESSION, "train": {"class_weights": "balanced"}}, "train.class_weights", "no classes to weigh"),
    ({"task": REGRESSION, "train": {"label_smoothing_factor": 0.1}}, "train.label_smoothing_factor", "no classes"),
    (
        {"train": {"eval_strategy": "no", "early_stopping_patience": 2}},
        "train.early_stopping_patience",
        'write eval_strategy = "epoch"',
    ),
    (
        {
            "data": {"source": "a.csv", "split": {"train": 0.9, "validation": 0, "test": 0.1}},
            "train": {"load_best_model_at_end": True},
        },
        "train.load_best_model_at_end",
        "no validation split",
    ),
    ({"train": {"eval_steps": 5}}, "train.eval_steps", 'counts only when eval_strategy is "steps"'),
    ({"train": {"save_strategy": "epoch", "save_steps": 5}}, "train.save_steps", "counts only when"),
    ({"train": {"warmup_steps": 1.5}}, "train.warmup_steps", "a whole number was expected, found 1.5"),
    ({"train": {"metric_for_best_model": "acuracy"}}, "train.metric_for_best_model", "did you mean accuracy?"),
    (
        {"train": {"eval_strategy": "no", "metric_for_best_model": "loss"}},
        "train.metric_for_best_model",
        "measured in validation",
    ),
    ({"train": {"greater_is_better": False}}, "train.greater_is_better", "nothing is chosen by a metric"),
    ({"train": {"optim": "sgd", "adam_beta1": 0.8}}, "train.adam_beta1", "only for AdamW"),
    ({"train": {"lr_scheduler_type": "constant", "warmup_steps": 0.1}}, "train.warmup_steps", "constant_with_warmup"),
    (
        {"train": {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycle": 2}}},
        "train.lr_scheduler_kwargs.num_cycle",
        "did you mean num_cycles?",
    ),
    ({"train": {"lr_scheduler_kwargs": {"power": 2}}}, "train.lr_scheduler_kwargs.power", "leave it out"),
    (
        {"train": {"lr_scheduler_type": "cosine_with_min_lr"}},
        "train.lr_scheduler_type",
        "one of min_lr and min_lr_rate",
    ),
    ({"train": {"lr_scheduler_type": "warmup_stable_decay"}}, "train.lr_scheduler_type", "num_decay_steps = 100"),
    ({"model": {"base": "x", "max_length": 512}, "train": {"tokens_per_batch": 100}}, "train.tokens_per_batch", "512"),
]


def recipe_with(registry: Registry, **tables: Any) -> Recipe:
    good: dict[str, Any] = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    return Recipe.from_dict(good | tables, registry=registry)


@pytest.mark.parametrize(("tables", "key", "said"), CASES, ids=[f"{case[1]}-{case[2][:16]}" for case in CASES])
def test_a_misfit_is_told_before_any_data_is_read(
    registry: Registry, tables: dict[str, Any], key: str, said: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_with(registry, **tables)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert said in f"{problem.message}\n{problem.advice}"


@pytest.mark.parametrize(
    "tables",
    [
        {"task": MINE, "train": {"class_weights": {"neg": 1.0}, "metric_for_best_model": "loss"}},
        {"train": {"early_stopping_patience": 2, "metric_for_best_model": "eval_accuracy"}},
        {"train": {"eval_strategy": "steps", "eval_steps": 0.1, "warmup_steps": 100}},
        {"train": {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-6}}},
        {"train": {"lr_scheduler_type": "constant", "warmup_steps": 0.0, "optim": "adamw_torch", "adam_beta2": 0.99}},
        {"train": {"early_stopping_patience": 1, "greater_is_better": False}},
        {"data": {"source": {"train": "a", "validation": "b"}, "split": {"train": 0.9, "validation": 0, "test": 0.1}}},
        {"augment": [{"use": "random-swap", "every_epoch": True}, {"use": "random-deletion", "copies": 3}]},
        {"metrics": [{"use": "f1", "average": "macro"}, {"use": "f1", "average": "micro"}]},
        {"data": {"source": "a.csv", "where": {"a": {"missing": False}, "b": {"in": [1, "x"]}, "c": {"equals": True}}}},
    ],
)
def test_what_fits_is_read(registry: Registry, tables: dict[str, Any]) -> None:
    assert recipe_with(registry, **tables).name == "recipe"


@pytest.mark.parametrize("kind", get_args(Train.model_fields["lr_scheduler_type"].annotation))
def test_the_options_of_a_curve_are_those_of_transformers(kind: str) -> None:
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION

    given = {"optimizer", "num_warmup_steps", "num_training_steps", "last_epoch"}
    takes = inspect.signature(TYPE_TO_SCHEDULER_FUNCTION[kind]).parameters.keys() - given
    assert set(SCHEDULE_OPTIONS.get(kind, ())) == takes


def test_misfits_come_once_the_shape_is_right(registry: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_with(registry, metrics=[{"use": "distance"}], seed="x")
    assert [problem.key for problem in caught.value.problems] == ["seed"]


def test_trackers_that_are_not_installed_are_named_with_the_command(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trackio").mkdir()
    (tmp_path / "trackio" / "__init__.py").touch()
    (tmp_path / "wandb").mkdir()  # W&B leaves such a folder where it is used
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    assert recipe_with(registry, train={"report_to": ["trackio"]}).train.trackers == ("trackio",)
    with pytest.raises(RecipeError) as caught:
        recipe_with(registry, train={"report_to": ["trackio", "wandb", "mlflow", "wandb"]})
    told = [(problem.key, problem.message, problem.advice) for problem in caught.value.problems]
    assert told == [
        ("train.report_to.1", "the package wandb is not installed", "pip install wandb"),
        ("train.report_to.2", "the package mlflow is not installed", "pip install mlflow"),
    ]
    with pytest.raises(RecipeError) as caught:
        recipe_with(registry, train={"report_to": "mlflow"})
    assert [problem.key for problem in caught.value.problems] == ["train.report_to"]
    assert recipe_with(registry, train={"report_to": "none"}).train.trackers == ()


def test_a_task_that_fails_is_the_plugin_s_mistake(registry: Registry) -> None:
    with pytest.raises(PluginError, match=r"guest:broken\n.*roles failed: RuntimeError: no roles today"):
        recipe_with(registry, task={"use": "broken"})
