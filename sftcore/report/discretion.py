"""What a page that people send around does not show of a recipe: the values that a component keeps out of its `repr`.

A redacting step's names of parties, say: recipe.toml has them, and so has lock.json; a report need not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sftcore.errors import SftcoreError
from sftcore.recipe.document import plain
from sftcore.recipe.positions import KeyPath, Positions, parsed_path
from sftcore.runs.folder import Run

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sftcore.recipe import Recipe
    from sftcore.report.evidence import Evidence

MASK = '"…"'


def kept_back(evidence: Evidence) -> frozenset[str] | None:
    """The key paths with such a value (`preprocess.0.parties`); None where a plugin that knows of them is missing."""
    try:
        recipe = Run(evidence.path).recipe()
    except SftcoreError:
        return None
    return hidden_paths(recipe)


def hidden_paths(recipe: Recipe) -> frozenset[str]:
    """The key paths of a recipe with a value that its component keeps back."""
    steps: dict[str, BaseModel] = {f"preprocess.{place}": step for place, step in enumerate(recipe.preprocess)}
    steps |= {f"augment.{place}": step for place, step in enumerate(recipe.augment)}
    steps |= {f"metrics.{place}": metric for place, metric in enumerate(recipe.metrics)}
    steps |= {f"plugins.{name}": section for name, section in recipe.plugins.items()}
    return frozenset(path for where, part in {**steps, "task": recipe.task}.items() for path in _hidden(part, where))


def _hidden(part: BaseModel, where: str) -> Iterator[str]:
    for name, field in type(part).model_fields.items():
        if not field.repr and getattr(part, name):
            yield f"{where}.{name}"


def shown_recipe(text: str, hidden: frozenset[str]) -> str:
    """The recipe's text with "…" in place of the hidden values; its other letters stay as they are."""
    text = plain(text)
    paths: set[KeyPath] = {parsed_path(path) for path in hidden}
    spans = [span.value for path, span in Positions(text).spans.items() if path in paths]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + MASK + text[end:]
    return text


def shown_overrides(overrides: Sequence[str], hidden: frozenset[str]) -> list[str]:
    """The overrides; of those that give a hidden value, or something that it is part of, only the key."""
    return [_shown_override(text, hidden) for text in overrides]


def _shown_override(text: str, hidden: frozenset[str]) -> str:
    key = text.partition("=")[0].strip()
    touched = any(f"{path}.".startswith(f"{key}.") or f"{key}.".startswith(f"{path}.") for path in hidden)
    return f"{key}={MASK}" if touched else text


def masked(value: Any, hidden: frozenset[str], path: str = "") -> Any:
    """A resolved recipe, or a part of it at `path`, with "…" in place of the hidden values."""
    if path in hidden:
        return "…"
    if isinstance(value, Mapping):
        return {key: masked(item, hidden, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, hidden, f"{path}.{place}" if path else str(place)) for place, item in enumerate(value)]
    return value
