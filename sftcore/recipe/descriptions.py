"""What each key means: the docstring below a field in its class.

Pydantic can read them as it makes a class, for a third of the time that reading a recipe takes; they are wanted only
for schema, docs and messages, so they are read when these ask.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel


@cache
def describe(cls: type[BaseModel]) -> None:
    """Give the fields of a model, and of the models that these hold, their docstrings as descriptions."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _docstrings(base)
    for name, field in cls.model_fields.items():
        field.description = field.description or found.get(name)
        for model in _models(field.annotation):
            describe(model)
    cls.model_rebuild(force=True)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


@cache
def _docstrings(cls: type[BaseModel]) -> dict[str, str]:
    """The texts that stand below the annotated names of a class."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # made at run time: there is no source
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        first.target.id: inspect.cleandoc(second.value.value)
        for first, second in pairwise(body)
        if isinstance(first, ast.AnnAssign) and isinstance(first.target, ast.Name)
        if isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant)
        if isinstance(second.value.value, str)
    }
