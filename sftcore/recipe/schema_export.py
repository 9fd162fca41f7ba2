"""The JSON Schema (draft-07) of the recipe with every installed plugin's components, for editors.

Under `definitions` stand the recipe's tables by their class, every component whole by its qualified name
(`sftcore:lowercase`), and each kind of component (`preprocessor`), to which the recipe refers; see `schema_kinds`.
Beside the words of draft-07 it uses some that language servers read: `x-taplo` for what the values of `use` mean,
`x-tombi-…` for the version of TOML and for what free keys are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel

from sftcore.components import Kind
from sftcore.recipe.descriptions import describe
from sftcore.recipe.fields import KIND_MARK
from sftcore.recipe.schema import Recipe
from sftcore.recipe.schema_kinds import documented_items, kind_schema
from sftcore.recipe.tables import KINDS

if TYPE_CHECKING:
    from sftcore.registry import Entry, Registry

DRAFT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]
FREE_KEYS = {("Data", "columns"): "role", ("Data", "where"): "column"}
"""What the keys of a table are that hold no names of ours."""


def json_schema(registry: Registry) -> Schema:
    """The schema of a recipe's TOML as an editor sees it."""
    definitions: Schema = {}
    recipe = _schema_of(Recipe, "", definitions)
    for kind in KINDS.values():
        for entry in registry.entries(kind):
            definitions[entry.qualified] = _component(entry, registry, definitions)
    for kind in KINDS.values():
        definitions[kind] = _settings(registry) if kind == "settings" else _kind(kind, registry, definitions)
    filled: Schema = _filled(recipe)
    for table in filled["properties"].values():
        if isinstance(table.get("default"), dict):
            del table["default"]  # of a whole table: its keys have theirs
    for table in (filled, *definitions.values()):
        if "if" not in table and "properties" in table:  # a field's enumeration has none
            table["properties"] = {key: documented_items(value) for key, value in table["properties"].items()}
    _name_free_keys(definitions)
    head = {"$schema": DRAFT, "x-tombi-toml-version": "v1.0.0"}
    return {**head, **filled, "title": "sftcore recipe", "definitions": dict(sorted(definitions.items()))}


def _name_free_keys(definitions: Schema) -> None:
    """Say what the keys are that users choose: tombi then offers `role = …` rather than "additional key"."""
    for (definition, key), name in FREE_KEYS.items():
        definitions[definition]["properties"][key]["x-tombi-additional-key-label"] = name


def _schema_of(cls: type[BaseModel], prefix: str, definitions: Schema) -> Schema:
    """A model's schema; the models that it refers to go to `definitions`, their names after the prefix."""
    describe(cls)
    schema: Schema = cls.model_json_schema(by_alias=True, ref_template=f"{_ref(prefix)}{{model}}")
    for name, definition in schema.pop("$defs", {}).items():
        definitions[prefix + name] = _filled(_draft07(definition))
    translated: Schema = _draft07(schema)
    return translated


def _ref(name: str) -> str:
    return f"#/definitions/{quote(name, safe=':.')}"


def _component(entry: Entry, registry: Registry, definitions: Schema) -> Schema:
    schema = _schema_of(entry.cls, f"{entry.qualified}.", definitions)
    schema["title"] = entry.name
    if entry.kind != "settings":
        names = [entry.qualified] if registry.shortest(entry) == entry.qualified else [entry.name, entry.qualified]
        use = {"enum": names, "description": schema.get("description", "")}
        schema["properties"] = {"use": use, **schema.get("properties", {})}
        schema["required"] = ["use", *schema.get("required", [])]
    return schema


def _kind(kind: Kind, registry: Registry, definitions: Schema) -> Schema:
    """One of the components of a kind, chosen by `use`."""
    components = {_ref(entry.qualified): definitions[entry.qualified] for entry in registry.entries(kind)}
    return kind_schema(kind, _ref(kind), components)


def _settings(registry: Registry) -> Schema:
    sections = {registry.shortest(entry): {"$ref": _ref(entry.qualified)} for entry in registry.entries("settings")}
    return {"type": "object", "properties": sections, "additionalProperties": False}


def _filled(value: Any) -> Any:
    """The schema with references in place of the marks that stand for kinds of components."""
    if isinstance(value, dict):
        if KIND_MARK in value:  # the reference alone: beside an allOf, tombi takes every key for unknown
            return {"$ref": _ref(value[KIND_MARK])}
        return {key: _filled(item) for key, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _draft07(value: Any) -> Any:
    """The schema in the words of draft-07, without null: TOML has none."""
    if isinstance(value, list):
        return [_draft07(item) for item in value]
    if not isinstance(value, dict):
        return value
    translated = {key: _draft07(item) for key, item in _without_null(value)}
    if "prefixItems" in translated:
        translated["items"] = translated.pop("prefixItems")
        translated["additionalItems"] = False
    if "$ref" in translated and len(translated) > 1:  # draft-07 ignores what stands beside a reference
        translated["allOf"] = [{"$ref": translated.pop("$ref")}]
    return translated


def _without_null(schema: Schema) -> Iterator[tuple[str, Any]]:
    alternatives = [item for item in schema.get("anyOf", ()) if item != {"type": "null"}]
    for key, value in schema.items():
        if key == "anyOf" and len(alternatives) == 1:
            yield from alternatives[0].items()
        elif key == "anyOf":
            yield key, alternatives
        elif key != "default" or value is not None:
            yield key, value
