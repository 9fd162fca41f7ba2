"""What differs between the recipes of runs, and between what they were made of, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sftcore.report.discretion import MASK, masked

COMPONENTS = ("preprocess", "augment", "metrics")
"""Lists of components in a recipe: where other ones stand in them, each list is one value."""
CORE = "sftcore:"
HASH = "sha256"
HASH_SHOWN = 12
_NAMES = ("name",)
_GUARDED = (*COMPONENTS, "task", "plugins")
_MACHINE = ("python", "implementation", "platform", "processor", "cores", "memory", "gpus")
_PROCESS = ("threads", "processes", "device", "precision")


@dataclass(frozen=True, slots=True)
class Difference:
    """A dotted key and its value in each run, None where a run has none."""

    key: str
    values: tuple[Any, ...]

    def shown(self) -> tuple[str, ...]:
        """The values as they are read: hashes by their first 12 digits, components by their names, None as ""."""
        return tuple(_shown(self.key, value) for value in self.values)


def recipe_differences(locks: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """What differs between the resolved recipes (lock.json), defaults included, in the order of their keys.

    The name of a run is none of it.
    """
    recipes = [{key: value for key, value in lock.get("recipe", {}).items() if key not in _NAMES} for lock in locks]
    whole = [name for name in COMPONENTS if len({_uses(recipe.get(name)) for recipe in recipes}) > 1]
    return _differing([dict(_leaves(recipe, "", whole)) for recipe in recipes])


def lock_differences(locks: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """What else differs: data, base model, code, packages and machine.

    The hash of a package's files is told only where its version is the same.
    """
    found = _differing([dict(_leaves(_made_of(lock))) for lock in locks])
    versions = {difference.key for difference in found if difference.key.endswith(".version")}
    return tuple(one for one in found if f"{one.key.removesuffix(f'.{HASH}')}.version" not in versions)


def discreet(found: Sequence[Difference], hidden: Sequence[frozenset[str] | None]) -> tuple[Difference, ...]:
    """The differences with "…" for what a component keeps out of sight, by run; see `sftcore.report.discretion`.

    Of a run for which that is not known (None) no value of a component is shown but its name.
    """
    return tuple(
        Difference(
            one.key, tuple(_discreet(one.key, value, kept) for value, kept in zip(one.values, hidden, strict=True))
        )
        for one in found
    )


def _discreet(key: str, value: Any, hidden: frozenset[str] | None) -> Any:
    if value is None or hidden is not None:
        return value if value is None else masked(value, hidden or frozenset(), key)
    guarded = key.partition(".")[0] in _GUARDED and not key.endswith(".use")
    return MASK.strip('"') if guarded else value


def _made_of(lock: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of lock.json besides the recipe, each thing in one place."""
    fingerprint, environment = lock.get("fingerprint", {}), lock.get("environment", {})
    packages = {**fingerprint.get("packages", {}), **environment.get("packages", {})}
    packages = {name: one if isinstance(one, Mapping) else {"version": one} for name, one in packages.items()}
    own = {name: packages.pop(name) for name in ("sftcore", "python") if name in packages}
    return {
        "data": fingerprint.get("data"),
        "base": fingerprint.get("base"),
        "code": {**{name: one for name, one in own.items() if name == "sftcore"}, **fingerprint.get("plugins", {})},
        "packages": packages,
        "machine": {name: environment.get(name) for name in _MACHINE}
        | {name: fingerprint.get(name) for name in _PROCESS},
    }


def _differing(sides: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """Keys whose values are not all the same JSON, as they stand in the first run; keys of others beside their like."""
    rows = (Difference(key, tuple(side.get(key) for side in sides)) for key in _ordered(sides))
    return tuple(row for row in rows if len({json.dumps(value, sort_keys=True) for value in row.values}) > 1)


def _ordered(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    """All keys, sorted by where each part of their paths is first met."""
    met: dict[str, int] = {}
    for key in (key for side in sides for key in side):
        for prefix in _prefixes(key):
            met.setdefault(prefix, len(met))
    keys = dict.fromkeys(key for side in sides for key in side)
    return sorted(keys, key=lambda key: [met[prefix] for prefix in _prefixes(key)])


def _prefixes(key: str) -> list[str]:
    """`model`, `model.adapter` and `model.adapter.r`."""
    return list(accumulate(key.split("."), lambda path, part: f"{path}.{part}"))


def _uses(steps: Any) -> tuple[str, ...]:
    return tuple(str(step.get("use")) for step in steps or ())


def _leaves(value: Any, path: str = "", whole: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values. What is None or empty is not there; a list of tables counts from 0, any other is
    one value, and so is what stands at a path of `whole`."""
    if value is None or value in ({}, [], ""):
        return
    if path not in whole and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key), whole)
    elif path not in whole and isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}", whole)
    else:
        yield path, value


def _shown(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key.endswith(HASH):
        return str(value)[:HASH_SHOWN]
    if isinstance(value, list):
        return ", ".join(_step(item) if isinstance(item, Mapping) else _shown("", item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _step(step: Mapping[str, Any]) -> str:
    """A component as `lowercase` or `random-deletion (rate 0.1)`."""
    settings = [f"{key} {_shown('', item)}" for key, item in step.items() if key != "use" and item not in (None, "")]
    name = str(step.get("use", "")).removeprefix(CORE)
    return f"{name} ({', '.join(settings)})" if settings else name
