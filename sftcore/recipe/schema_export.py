"""The JSON Schema (draft-07) of the recipe with every installed plugin's components, for editors.

For each kind of component there is a loose `anyOf`, from which editors complete keys, and an `allOf` of if/then
with `additionalProperties: false`, from which they name the wrong key.
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
from sftcore.recipe.tables import KINDS

if TYPE_CHECKING:
    from sftcore.registry import Entry, Registry

DRAFT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]


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
    return {"$schema": DRAFT, "title": "sftcore recipe", **filled, "definitions": dict(sorted(definitions.items()))}


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
    entries = registry.entries(kind)
    uses = [{entry.qualified: definitions[entry.qualified]["properties"]["use"]} for entry in entries]
    names = [name for use in uses for each in use.values() for name in each["enum"]]
    schema: Schema = {
        "type": "object",
        "required": ["use"],
        "properties": {"use": {"enum": names, "description": f"the {kind}; sftcore plugins lists them all"}},
    }
    if entries:
        schema["anyOf"] = [_loose(definitions[entry.qualified]) for entry in entries]
        schema["allOf"] = [_chosen(entry, definitions[entry.qualified]) for entry in entries]
    return schema


def _loose(definition: Schema) -> Schema:
    """The keys of a component with what they mean, without complaint about any other."""
    others = {key: value for key, value in definition["properties"].items() if key != "use"}
    return {**_described(definition), "properties": {name: _described(value) for name, value in others.items()}}


def _described(schema: Schema) -> Schema:
    return {key: schema[key] for key in ("title", "description", "default") if key in schema}


def _chosen(entry: Entry, definition: Schema) -> Schema:
    use = {"enum": definition["properties"]["use"]["enum"]}
    return {"if": {"properties": {"use": use}, "required": ["use"]}, "then": {"$ref": _ref(entry.qualified)}}


def _settings(registry: Registry) -> Schema:
    sections = {registry.shortest(entry): {"$ref": _ref(entry.qualified)} for entry in registry.entries("settings")}
    return {"type": "object", "properties": sections, "additionalProperties": False}


def _filled(value: Any) -> Any:
    """The schema with references in place of the marks that stand for kinds of components."""
    if isinstance(value, dict):
        if KIND_MARK in value:
            rest = {key: item for key, item in value.items() if key in ("title", "description")}
            return {**rest, "allOf": [{"$ref": _ref(value[KIND_MARK])}]}
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
