"""The loss in training: the task's, with class weights and smoothing from the recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.data.encode import EncodedRows, Scalars
from sftcore.errors import RecipeError, did_you_mean
from sftcore.task import LossOptions, Task, TaskState

if TYPE_CHECKING:
    from sftcore.recipe.schema import Recipe


def training_loss(recipe: Recipe, task: Task, state: TaskState, encoded: EncodedRows) -> Callable[..., Any] | None:
    """The task's loss function with the recipe's options, None for the model's own loss.

    Raises `sftcore.RecipeError` where the options do not fit the task.
    """
    train = recipe.train
    options = LossOptions(class_weights(recipe, task, state, encoded), train.label_smoothing_factor)
    function: Callable[..., Any] | None = task.loss_function(state, options)
    asked = {"train.class_weights": train.class_weights, "train.label_smoothing_factor": train.label_smoothing_factor}
    ignored = [key for key, value in asked.items() if value] if function is None else []
    if ignored:
        message = f"{task.name} trains with the model's own loss, which has no such option"
        raise RecipeError(*(recipe.problem(key, message) for key in ignored))
    return function


def class_weights(recipe: Recipe, task: Task, state: TaskState, encoded: EncodedRows) -> tuple[float, ...] | None:
    """A weight a class, of mean 1 over the training rows; None where the recipe asks for none."""
    wanted, names = recipe.train.class_weights, task.label_names(state)
    if wanted is None:
        return None
    labels = encoded.columns.get("labels")
    if not names or not isinstance(labels, Scalars) or labels.values.dtype.kind not in "iu":
        message = "class weights need a task with one class a row"
        raise RecipeError(recipe.problem("train.class_weights", message, "take the key out"))
    numbers = labels.values[(labels.values >= 0) & encoded.trained]
    counts = np.bincount(numbers, minlength=len(names))
    raw = 1 / np.maximum(counts, 1) if wanted == "balanced" else _by_name(recipe, dict(wanted), names)
    weights = raw * (counts.sum() / (raw * counts).sum())
    return tuple(weights.tolist())


def _by_name(recipe: Recipe, wanted: dict[str, float], names: tuple[str, ...]) -> np.ndarray:
    """The weights in the order of the classes; 1 for those that are not named."""
    problems = [
        recipe.problem(f"train.class_weights.{name}", f"{name} is no class of the data{did_you_mean(name, names)}")
        for name in wanted
        if name not in names
    ]
    if problems:
        raise RecipeError(*problems)
    return np.array([wanted.get(name, 1.0) for name in names])
