"""The tables of a recipe at hand: which keys each may hold, given the components that its `use` keys choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sftcore.components import Kind
from sftcore.errors import PluginError
from sftcore.recipe.descriptions import describe
from sftcore.recipe.document import KeyPath

if TYPE_CHECKING:
    from sftcore.registry import Registry

LISTS = ("preprocess", "augment", "metrics")
"""Sections that are lists of tables, `[[...]]`."""
KINDS: Mapping[str, Kind] = {
    "preprocess": "preprocessor",
    "augment": "augmenter",
    "task": "task",
    "metrics": "metric",
    "plugins": "settings",
}
"""The kind of component that a table of the recipe holds."""
SECTIONS = {
    "model": '[model] with base = "..."',
    "data": '[data] with source = "..."',
    "task": '[task] with use = "..."',
}


def value_at(values: Any, path: KeyPath) -> Any:
    """The value at a key path, None where there is none."""
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


@dataclass(frozen=True, slots=True)
class Tables:
    """The recipe's values with the registry that says what its components may hold."""

    root: type[BaseModel]
    values: Mapping[str, Any]
    registry: Registry

    def model(self, path: KeyPath) -> type[BaseModel] | None:
        """The model that a table is validated by, None for free tables and unknown components."""
        found: Any = self.root
        for depth, part in enumerate(path, start=1):
            found = self._component(path[:depth]) or _inside(found, part)
        return next((each for each in _members(found) if _is_model(each)), None)

    def keys(self, path: KeyPath) -> list[str]:
        """The keys that the table at this path may hold."""
        found = self.model(path)
        names = list(_fields(found)) if found else []
        return [*names, "use"] if self.kind(path) not in ("", "settings") else names

    def kind(self, path: KeyPath) -> str:
        """The kind of component at this path, or ""."""
        section = str(path[0]) if path else ""
        return KINDS.get(section, "") if len(path) == (1 if section == "task" else 2) else ""

    def uses(self, path: KeyPath) -> list[str]:
        """What `use` can say at this path."""
        kind = KINDS.get(str(path[0])) if path else None
        return self.registry.names(kind) if kind else []

    def subject(self, path: KeyPath) -> str:
        """` of random-deletion` for the table of a component, else ""."""
        use = value_at(self.values, (*path, "use"))
        return f" of {use}" if self.kind(path) and isinstance(use, str) else ""

    def description(self, path: KeyPath, key: str) -> str:
        """The first sentence on a key."""
        found = self.model(path)
        if found is not None:
            describe(found)
        field = _fields(found).get(key) if found else None
        return (field.description or "").split("\n")[0].rstrip(".") if field else ""

    def home(self, key: str, but: KeyPath) -> KeyPath | None:
        """The path of another table that has this very key, the top of the file first."""
        return next((path for path in self._others() if path != but and key in self.keys(path)), None)

    def _others(self) -> Iterator[KeyPath]:
        yield ()
        for name, field in self.root.model_fields.items():
            if name in LISTS:
                steps = self.values.get(name)
                yield from ((name, index) for index in range(len(steps) if isinstance(steps, list) else 0))
            elif any(_is_model(each) for each in _members(field.annotation)):
                yield (name,)

    def _component(self, path: KeyPath) -> type[BaseModel] | None:
        kind = self.kind(path)
        if not kind:
            return None
        use = path[1] if kind == "settings" else value_at(self.values, (*path, "use"))
        try:
            return self.registry.resolve(kind, use).cls if isinstance(use, str) else None  # type: ignore[arg-type]  # KINDS holds kinds
        except PluginError:
            return None


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the keys that a table has for them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _members(annotation: Any) -> list[Any]:
    """The alternatives of a type: those of a union, without what is only annotated."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for each in get_args(annotation) for member in _members(each)]
    return [annotation]


def _inside(annotation: Any, part: str | int) -> Any:
    """The type of what stands under a key, or at an index, of a value of this type; None where it is free."""
    for each in _members(annotation):
        if _is_model(each) and part in _fields(each):
            return _fields(each)[str(part)].annotation
        arguments = get_args(each)
        if arguments and get_origin(each) is Mapping and isinstance(part, str):
            return arguments[1]
        if arguments and get_origin(each) is tuple and isinstance(part, int):
            return arguments[0]
    return None
