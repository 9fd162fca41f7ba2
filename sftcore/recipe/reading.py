"""Reading a recipe: from a file, a text or plain values to a validated `Recipe`, or all its mistakes at once."""

from __future__ import annotations

import copy
import datetime
import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from sftcore.errors import Problem, RecipeError, by_place
from sftcore.recipe.document import Document, KeyPath, plain
from sftcore.recipe.misfits import misfits
from sftcore.recipe.positions import parsed_path
from sftcore.recipe.problems import explained
from sftcore.recipe.requirements import components, unmet, with_their_names
from sftcore.recipe.schema import Recipe, SplitShares, Train
from sftcore.recipe.syntax import syntax_problem
from sftcore.recipe.tables import LISTS, Tables, value_at
from sftcore.recipe.text_file import read_text
from sftcore.registry import discover

if TYPE_CHECKING:
    from sftcore.registry import Registry

R = TypeVar("R", bound=Recipe)


def read(cls: type[R], path: Path, overrides: Sequence[str], registry: Registry | None) -> R:
    """The recipe in a file; its name is the file's stem unless it gives one."""
    text = read_text(path)
    if not plain(text).strip():
        raise RecipeError(Problem("the file is empty; sftcore new writes a recipe to start from", where=str(path)))
    values = _parsed(text, str(path))
    name = "".join(letter if letter.isalnum() or letter in " ._+-" else "-" for letter in path.stem).strip(" .")
    values, folder = {"name": name or "recipe", **values}, path.absolute().parent
    return _placed(_built(cls, values, Document(str(path), text), overrides, registry, folder), folder, path)


def from_toml(cls: type[R], text: str, folder: Path, overrides: Sequence[str], registry: Registry | None) -> R:
    """The recipe in a TOML text."""
    folder = folder.absolute()
    recipe = _built(cls, _parsed(text, "recipe"), Document("recipe", text), overrides, registry, folder)
    return _placed(recipe, folder, None)


def from_dict(
    cls: type[R], values: Mapping[str, Any], folder: Path, overrides: Sequence[str], registry: Registry | None
) -> R:
    """The recipe in plain values, as a TOML text would give them."""
    folder = folder.absolute()
    recipe = _built(cls, copy.deepcopy(dict(values)), Document("recipe"), overrides, registry, folder)
    return _placed(recipe, folder, None)


def as_written(values: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved recipe's values as somebody could have written them: without the defaults of `split` and `[train]`.

    Keys that are refused beside others (`save_steps` beside `save_strategy = "epoch"`) have defaults all the same.
    """
    defaults: dict[str, dict[str, Any]] = {
        "data": {"split": SplitShares().model_dump(mode="json")},
        "train": Train().model_dump(mode="json"),
    }
    return {
        name: {key: value for key, value in table.items() if (key, value) not in defaults[name].items()}
        if name in defaults and isinstance(table, dict)
        else table
        for name, table in values.items()
    }


def _placed(recipe: R, folder: Path, path: Path | None) -> R:
    recipe._folder, recipe._path = folder, path
    return recipe


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(syntax_problem(plain(text), str(error), where)) from error


def _built(
    cls: type[R],
    values: dict[str, Any],
    document: Document,
    overrides: Sequence[str],
    registry: Registry | None,
    folder: Path,
) -> R:
    """Validate shape and names, and then whether the parts fit each other.

    Validators find the recipe's folder, which relative paths are relative to, in `info.context["folder"]`.
    """
    registry = registry or discover()
    overridden, problems = _override(values, overrides)
    document = Document(document.where, document.text, overridden, tuple(overrides))
    problems += _without_foreign_values(values, document)
    unreadable, missing = unmet(values.get("requires"), document, registry)
    problems += unreadable
    try:
        context = {"registry": registry, "folder": folder}
        recipe = cls.model_validate_json(json.dumps(values), strict=True, context=context)
    except ValidationError as error:
        problems += explained(error, values, document, Tables(cls, values, registry))
    problems = with_their_names(missing, problems, values, registry)
    if problems:
        raise RecipeError(*_in_order(problems))
    recipe._document = document
    recipe._uses = dict(_uses(values, registry))
    recipe._qualified = _qualified(recipe, registry)
    found = misfits(recipe, registry, values)
    if found:
        raise RecipeError(*_in_order(found))
    return recipe


def _in_order(problems: list[Problem]) -> list[Problem]:
    """One problem a key, in the order of the file, overrides last."""
    first: dict[tuple[str, str, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.where, problem.key, "" if problem.key else problem.message), problem)
    return sorted(first.values(), key=by_place)


def _uses(values: Mapping[str, Any], registry: Registry) -> Iterator[tuple[str, str]]:
    """The qualified name of every component that the values name, by key path."""
    yield from ((path, registry.resolve(kind, use).qualified) for path, kind, use in components(values))


def _qualified(recipe: Recipe, registry: Registry) -> dict[Any, str]:
    """The qualified names of the classes in use: as the recipe names them, the task's own metrics and
    the sections of plugins as registered."""
    named = (*recipe.all_metrics, *recipe.plugins.values())
    entries = {type(part): registry.entry_of(part) for part in named}
    names: dict[Any, str] = {cls: entry.qualified for cls, entry in entries.items() if entry is not None}
    parts: dict[str, Any] = {"task": recipe.task}
    for section in ("preprocess", "augment", "metrics"):
        parts |= {f"{section}.{at}": step for at, step in enumerate(getattr(recipe, section))}
    return names | {type(part): recipe._uses[path] for path, part in parts.items()}


# -- overrides -------------------------------------------------------------------------------------------------------


def _override(values: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[KeyPath, str], list[Problem]]:
    """Put `key.path=value` pairs into the values; which override gave which key, and what can't be set."""
    overridden: dict[KeyPath, str] = {}
    problems = []
    for override in overrides:
        try:
            key, equals, text = override.partition("=")
            if not equals:
                raise ValueError("expected key=value, like train.num_train_epochs=1")
            path = _set(values, _key_path(key), _toml_value(text.strip()))
            overridden.pop(path, None)
            overridden[path] = override
        except ValueError as error:
            problems.append(Problem(str(error), where=f"--set {override}"))
    return overridden, problems


def _key_path(key: str) -> KeyPath:
    try:
        return parsed_path(key.strip())
    except ValueError:
        raise ValueError(f"{key!r} is no key path, like train.num_train_epochs or preprocess.0.rate") from None


def _toml_value(text: str) -> Any:
    """The value as TOML, else as a text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if set(parsed) == {"value"} else text


def _set(values: Any, path: KeyPath, value: Any) -> KeyPath:
    """Set the value and return its path as validation will call it."""
    done: KeyPath = ()
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(values, dict):
            part = str(part)
            following = value if last else values.setdefault(part, [] if not done and part in LISTS else {})
        elif isinstance(values, list):
            part = _index(part, values, done)
            following = value if last else values[part]
        else:
            raise ValueError(f"{'.'.join(map(str, done))} is not a table, so nothing in it can be set")
        if last:
            values[part] = value
        done, values = (*done, part), following
    return done


def _index(part: str | int, values: list[Any], path: KeyPath) -> int:
    count = f"{'.'.join(map(str, path))} has {len(values)} {'entry' if len(values) == 1 else 'entries'}"
    if not isinstance(part, int):
        raise ValueError(f"{count}; say which one, counting from 0: {'.'.join(map(str, path))}.0.{part}")
    if part >= len(values):
        raise ValueError(f"{count}, counted from 0; there is no {part}")
    return part


# -- values that TOML has and recipes don't --------------------------------------------------------------------------


def _without_foreign_values(values: dict[str, Any], document: Document) -> list[Problem]:
    """Refuse dates, infinities and what JSON does not know, and put None in their place."""
    problems = []
    for path, value in list(_leaves(values, ())):
        message = _foreign(value)
        if message:
            problems.append(document.problem(path, message, value=value))
            value_at(values, path[:-1])[path[-1]] = None
    return problems


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _foreign(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a number that a recipe can hold; a finite one was expected"
    if isinstance(value, datetime.date | datetime.time):
        return f'dates and times are not used in recipes; as a text, write it in quotes: "{value}"'
    known = isinstance(value, str | int | float | bool) or value is None
    return "" if known else f"{type(value).__name__} is not a value that TOML has"
