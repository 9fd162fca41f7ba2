"""The recipe: a TOML file, read into a frozen model."""

from __future__ import annotations

from sftcore.recipe.reading import read_recipe
from sftcore.recipe.schema import Recipe

__all__ = ["Recipe", "read_recipe"]
