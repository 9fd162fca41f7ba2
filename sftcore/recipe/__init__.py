"""The recipe: a TOML file, read into a frozen model."""

from __future__ import annotations

from sftcore.recipe.schema import Recipe

__all__ = ["Recipe"]
