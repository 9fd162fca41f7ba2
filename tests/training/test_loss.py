from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from sftcore.errors import RecipeError
from sftcore.training.loss import class_weights, training_loss


def weights(job: Any, job_module: ModuleType, wanted: Any) -> tuple[float, ...] | None:
    return class_weights(job_module.recipe_of(class_weights=wanted), job.task, job.state, job.encoded)


def test_balanced_weights_have_mean_one_and_even_out(make_job: Callable[..., Any], job_module: ModuleType) -> None:
    job = make_job(count=45)
    found = weights(job, job_module, "balanced")
    counts = Counter(job.encoded.columns["labels"].values.tolist())
    assert found is not None
    assert sum(found[label] * count for label, count in counts.items()) == pytest.approx(45)
    assert found[0] * counts[0] == pytest.approx(found[1] * counts[1])


def test_named_weights_keep_their_ratio(make_job: Callable[..., Any], job_module: ModuleType) -> None:
    found = weights(make_job(count=44), job_module, {"good": 3.0})
    assert found == pytest.approx((0.5, 1.5))


def test_unknown_classes_are_named(make_job: Callable[..., Any], job_module: ModuleType) -> None:
    with pytest.raises(RecipeError, match="did you mean good"):
        weights(make_job(), job_module, {"god": 2.0})


def test_weights_need_one_class_a_row(make_job: Callable[..., Any], job_module: ModuleType) -> None:
    with pytest.raises(RecipeError, match="one class a row"):
        weights(make_job(problem_type="regression"), job_module, "balanced")


def test_a_task_without_a_loss_of_its_own_refuses_options(make_job: Callable[..., Any], job_module: ModuleType) -> None:
    job = make_job()
    task = type("Plain", (type(job.task),), {"loss_function": lambda *_: None})()
    recipe = job_module.recipe_of(label_smoothing_factor=0.1)
    with pytest.raises(RecipeError, match="no such option"):
        training_loss(recipe, task, job.state, job.encoded)
    assert training_loss(job_module.recipe_of(), task, job.state, job.encoded) is None
