"""A recipe's stand-in for tests that need no more than its name, text and values."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore.errors import Problem

MakeRecipe = Callable[..., Any]


@pytest.fixture
def make_recipe() -> MakeRecipe:
    def make(name: str = "sentiment", learning_rate: float = 5e-5, texts: bool = True) -> Any:
        values = {
            "name": name,
            "train": {"learning_rate": learning_rate, "seeds": [1, 2]},
            "report": {"texts": texts},
        }
        return SimpleNamespace(
            name=name,
            text=f'# 情感\r\nname = "{name}"\n',
            overrides=("train.learning_rate=5e-5",),
            resolved=lambda: values,
            problem=lambda key, message, advice="": Problem(message, where="recipe.toml", key=key, advice=advice),
        )

    return make


@pytest.fixture
def fingerprint() -> Callable[..., dict[str, Any]]:
    def make(learning_rate: float = 5e-5, data: str = "a" * 64) -> dict[str, Any]:
        return {
            "recipe": {"train": {"learning_rate": learning_rate, "seeds": (1, 2)}, "preprocess": []},
            "data": {"sha256": data},
            "packages": {"transformers": "5.23.0"},
        }

    return make
