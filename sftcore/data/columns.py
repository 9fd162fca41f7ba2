"""Which column plays which role, and its values as plain Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sftcore.errors import Problem, did_you_mean
from sftcore.task import Role

if TYPE_CHECKING:
    import datasets

    from sftcore.recipe import Recipe


def columns_of_roles(recipe: Recipe, available: Iterable[str], *, targets: bool = True) -> dict[str, str]:
    """Role → column for every role whose column is there.

    A role that the recipe gives no column is the column of its own name. Without `targets` a column of the
    role's own name will do in place of the recipe's, as rows to predict may have it.
    """
    here = set(available)
    found = {}
    for role in recipe.task.roles:
        named = recipe.data.columns.get(role, role)
        if named in here:
            found[role] = named
        elif not targets and role in here:
            found[role] = role
    return found


def column_problems(recipe: Recipe, available: Iterable[str], *, targets: bool = True, file: str = "") -> list[Problem]:
    """What is wrong with the recipe's columns in a table (of `file`, where it is of one): unknown roles, columns that
    are not there, two roles on one."""
    roles, here = recipe.task.roles, list(available)
    found = columns_of_roles(recipe, here, targets=targets)
    problems = [
        recipe.problem(("data", "columns", role), f"the task has no role {role!r}{did_you_mean(role, roles)}")
        for role in recipe.data.columns
        if role not in roles
    ]
    for role, meaning in roles.items():
        if role not in found and (role in recipe.data.columns or meaning.required) and (targets or not meaning.target):
            problems.append(absent_column(recipe, role, here, file))
    for role, column in found.items():
        twin = next((other for other in found if other != role and found[other] == column), None)
        if twin is not None and list(found).index(twin) < list(found).index(role):
            message = f"the roles {twin} and {role} both read the column {column!r}"
            problems.append(recipe.problem(("data", "columns", role), message))
    return problems


def other_column_problems(recipe: Recipe, available: Iterable[str]) -> list[Problem]:
    """Columns of `where` and `group` that are not there."""
    here = set(available)
    keys: list[tuple[tuple[str, ...], str]] = [(("data", "where", column), column) for column in recipe.data.where]
    if recipe.data.group is not None:
        keys.append((("data", "group"), recipe.data.group))
    return [
        recipe.problem(key, f"there is no column {column!r}{did_you_mean(column, here)}")
        for key, column in keys
        if column not in here
    ]


def values_of(table: datasets.Dataset, column: str) -> list[Any]:
    """The column's values: class numbers as class names, NaN as None, nested ones as lists and dicts, texts as they
    are."""
    feature = table.features[column]
    is_json = type(feature).__name__ == "Json"  # decoded here: datasets itself rounds long fractions
    if _is_media(feature) and not is_json:
        return list(table[column])
    stored = table.data if table._indices is None else table.with_format("arrow")[:]
    values: list[Any] = stored.column(column).to_pylist()
    if is_json:
        return [None if value is None else json.loads(value) for value in values]
    if _has_class_numbers(feature):
        return [_named(feature, value) for value in values]
    if getattr(feature, "dtype", "").startswith("float"):
        return [None if value is None or math.isnan(value) else value for value in values]
    return values


def as_json(tables: Sequence[datasets.Dataset]) -> list[str]:
    """The columns of lists or objects that differ from table to table in their parts, so that only JSON holds all."""
    kinds: dict[str, list[Any]] = {}
    for table in tables:
        for name, feature in table.features.items():
            kinds.setdefault(name, []).append(feature)
    return [
        name
        for name, found in kinds.items()
        if any(other != found[0] for other in found) and all(_is_nested(feature) for feature in found)
    ]


def as_text(value: Any) -> Any:
    """A scalar as text; None, and what is no scalar, stay as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def flaw(row: Mapping[str, Any], roles: Mapping[str, Role], *, targets: bool = True) -> str:
    """Why a row can't be used whatever the task: a required value is missing or empty, or a text is none. Else ""."""
    for name, role in roles.items():
        value = row.get(name)
        if role.target and not targets:
            continue
        if value is None:
            if role.required:
                return f"{name} is missing"
        elif role.kind == "text":
            if not isinstance(value, str):
                return f"{name} is no text"
            if role.required and not value.strip():
                return f"{name} is empty"
        elif role.kind == "label" and role.required and isinstance(value, str) and not value.strip():
            return f"{name} is empty"
    return ""


def absent_column(recipe: Recipe, role: str, here: list[str], file: str = "") -> Problem:
    """What to say where none of the columns `here`, of `file`, is that of the role."""
    from sftcore.builtin.sources import Text

    column = recipe.data.columns.get(role, role)
    listed = ", ".join(here[:12]) + (" …" if len(here) > 12 else "")
    near = did_you_mean(column, here)
    near = near if near.startswith("; did") else ""
    found = f"the columns are {listed}" if here else "the source gave no columns at all: no rows were found in it"
    message = f"there is no column {column!r} for the role {role}{near}\n{found}"
    if role in recipe.data.columns:
        return recipe.problem(("data", "columns", role), message)
    advice = f'say which one it is: columns = {{ {role} = "..." }} in [data]; a file needs a first line of names'
    if file.lower().endswith(Text.endings):
        advice = "a .txt file is read as one text a line; a table needs the ending .csv or .tsv"
    return recipe.problem("data.source", message, advice)


def _named(feature: Any, value: Any) -> Any:
    """Class numbers by their names, however deep they lie; a negative number stands for no class."""
    if value is None:
        return None
    if hasattr(feature, "int2str"):
        return feature.int2str(value) if value >= 0 else None
    if isinstance(feature, dict):
        return {name: _named(part, value[name]) for name, part in feature.items()}
    if hasattr(feature, "feature"):
        return [_named(feature.feature, item) for item in value]
    return value


def _has_class_numbers(feature: Any) -> bool:
    return _any_part(feature, "int2str")


def _is_nested(feature: Any) -> bool:
    return isinstance(feature, dict | list) or hasattr(feature, "feature") or type(feature).__name__ == "Json"


def _is_media(feature: Any) -> bool:
    """Whether datasets has to decode the values: images, audio, video."""
    return _any_part(feature, "decode_example")


def _any_part(feature: Any, method: str) -> bool:
    if isinstance(feature, dict):
        return any(_any_part(part, method) for part in feature.values())
    inner = getattr(feature, "feature", None)
    return hasattr(feature, method) or (inner is not None and _any_part(inner, method))
