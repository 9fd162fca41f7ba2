"""The fingerprint: what decides the result of a run, and so whether the same command goes on with it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sftcore.runs.environment import package

if TYPE_CHECKING:
    from sftcore.recipe import Recipe
    from sftcore.registry import Registry

ABSENT = "absent"

_PACKAGES = (
    "accelerate",
    "charset-normalizer",
    "datasets",
    "ftfy",
    "numpy",
    "pyarrow",
    "rapidfuzz",
    "scikit-learn",
    "stopwordsiso",
    "tokenizers",
    "torch",
    "transformers",
)
_BESIDE = ("name", "report")
"""Parts of the recipe that change neither rows nor weights nor figures."""


def fingerprint(
    recipe: Recipe, *, data_sha256: str, base_sha256: str, threads: int, registry: Registry, precision: str = ""
) -> dict[str, Any]:
    """What decides the result: recipe, data, base model, code, threads, device and number of processes.

    Of the installed plugins only those that take part in the recipe count. JSON-serialisable; `flatten` gives
    its keys as they are named to the user: `recipe.train.learning_rate`, `data.sha256`, `packages.torch`.
    """
    names = [*_PACKAGES, *_besides(recipe.model)]
    return {
        "recipe": _decisive(recipe.resolved()),
        "data": {"sha256": data_sha256},
        "base": {"sha256": base_sha256},
        "packages": {
            "python": ".".join(platform.python_version_tuple()[:2]),
            "sftcore": package("sftcore"),
            **{name: found["version"] for name in names if (found := package(name))},
        },
        "plugins": _plugins(recipe, registry),
        "threads": threads,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "device": device(),
        **({"precision": precision} if precision else {}),
    }


def _decisive(resolved: dict[str, Any]) -> dict[str, Any]:
    """The resolved recipe without what changes neither rows nor weights nor figures: trackers are only told of them."""
    train = {key: value for key, value in resolved["train"].items() if key != "report_to"}
    return {key: value for key, value in (resolved | {"train": train}).items() if key not in _BESIDE}


def _besides(model: Any) -> list[str]:
    """Packages that a model's weights go through if it has an adapter, or comes from a GGUF file."""
    packed = str(getattr(model, "base", None) or "").lower().endswith(".gguf")
    return [*(["peft"] if getattr(model, "adapter", None) else []), *(["gguf"] if packed else [])]


def device() -> str:
    """The kind of processor that trains: `cpu`, `mps` or `cuda NVIDIA H100 80GB HBM3`."""
    import torch

    if torch.cuda.is_available():
        return f"cuda {torch.cuda.get_device_name()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _plugins(recipe: Recipe, registry: Registry) -> dict[str, dict[str, str]]:
    found = sorted(registry.participants(recipe), key=lambda plugin: plugin.distribution)
    return {
        plugin.distribution: package(plugin.distribution, str(plugin.entry_point).partition(":")[0]) for plugin in found
    }


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested tables and lists with their dotted keys; lists count from 0."""
    pairs: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, Mapping):
        pairs = iter(value.items())
    elif isinstance(value, list | tuple):
        pairs = iter(enumerate(value))
    if pairs is None or (path and not value):
        yield path, value
        return
    for key, item in pairs:
        yield from flatten(item, f"{path}.{key}" if path else str(key))


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What differs between two fingerprints: key, old value, new value, sorted by key."""
    before, after = ({key: _text(value) for key, value in flatten(side)} for side in (old, new))
    return [
        (key, _shown(key, before.get(key)), _shown(key, after.get(key)))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _text(value: Any) -> str:
    """A value as JSON text: 1 and true differ, a tuple and a list do not."""
    return json.dumps(value, ensure_ascii=False)


def _shown(key: str, text: str | None) -> str:
    """A value as it is told: hashes by their first 12 digits."""
    if text is None or text == '""':
        return ABSENT
    return text.strip('"')[:12] if key.endswith("sha256") else text
