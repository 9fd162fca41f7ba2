"""Problems that name a key of the recipe, found by stages that do not know the recipe's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftcore.errors import Problem, SftcoreError

if TYPE_CHECKING:
    from sftcore.recipe.schema import Recipe


@contextmanager
def located(recipe: Recipe) -> Iterator[None]:
    """Let the problems of errors raised in the block point at file and line of the key that they name."""
    try:
        yield
    except SftcoreError as error:
        error.amend(lambda problem: _located(problem, recipe))
        raise


def _located(problem: Problem, recipe: Recipe) -> Problem:
    if problem.where or problem.row is not None or problem.key.partition(".")[0] not in type(recipe).model_fields:
        return problem
    return recipe.problem(problem.key, problem.message, problem.advice)
