"""The schema of a kind of component, in the form that TOML language servers make most of.

What they do with a schema differs (measured with taplo 0.9 and tombi 1.9), so a kind says everything twice:

- `properties` holds the options of all its components, each with what it means for which of them, and with its type
  where the components agree. Keys, values and hover texts are taken from there: neither server looks into if/then.
- `then` refuses, for the component that `use` names, the options of others. It stands in one if/then and not in the
  kind's own `allOf`: beside an `allOf`, taplo completes none of the `properties`.

Types are said in one of the two places, lest a wrong value be told twice; and that other keys are allowed is said
wherever it holds, since tombi takes silence for a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sftcore.components import Kind

Schema = dict[str, Any]
MEANING = ("title", "description", "default", "examples")
"""What a schema says of a value without restricting it."""
FEW = 4
"""So many components are named beside an option that only they have."""


def kind_schema(kind: Kind, reference: str, components: Mapping[str, Schema]) -> Schema:
    """One of the components of a kind, chosen by `use`.

    `components` are their whole definitions, by the path that refers to each; `reference` refers to the result.
    """
    schema: Schema = {
        "type": "object",
        "description": f"A {kind}, chosen by `use`.",
        "required": ["use"],
        "properties": {"use": _use(kind, components)},
        "additionalProperties": True,
    }
    if components:
        options = _options(components)
        schema["properties"] |= {key: _shared(key, found) for key, found in options.items()}
        schema["if"] = {"required": ["use"], "additionalProperties": True}
        chosen = [_chosen(path, definition, options) for path, definition in components.items()]
        schema["then"] = {"additionalProperties": True, "allOf": chosen}
        schema["items"] = {"$ref": reference}  # no such table is a list; taplo looks here when a key of it is hovered
    return schema


def _use(kind: Kind, components: Mapping[str, Schema]) -> Schema:
    """The names: bare ones first, each with its component's description as taplo reads it."""
    meanings = {name: each["description"] for each in components.values() for name in _names(each)}
    names = sorted(meanings, key=lambda name: ":" in name)
    lines = [f"- `{_names(each)[0]}`: {_sentence(each['description'])}" for each in components.values()]
    description = "\n".join([f"The name of a {kind}:", "", *lines])
    documents = {"docs": {"enumValues": [meanings[name] for name in names]}}
    return {"enum": names, "description": description, "x-taplo": documents}


def _names(component: Schema) -> list[str]:
    names: list[str] = component["properties"]["use"]["enum"]
    return names


def _sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".:")


def _options(components: Mapping[str, Schema]) -> dict[str, dict[str, Schema]]:
    """Each option with its schema in every component that has it, by the component's name."""
    options: dict[str, dict[str, Schema]] = {}
    for component in components.values():
        for key, schema in component["properties"].items():
            if key != "use":
                options.setdefault(key, {})[_names(component)[0]] = schema
    return options


def _agreed(found: Mapping[str, Schema]) -> Schema | None:
    """What all schemas of an option restrict it to; None where they differ."""
    first, *others = [_without_meaning(schema) for schema in found.values()]
    return first if all(each == first for each in others) else None


def _without_meaning(schema: Schema) -> Schema:
    bare = {key: value for key, value in schema.items() if key not in MEANING}
    return {**bare, "items": _without_meaning(bare["items"])} if isinstance(bare.get("items"), dict) else bare


def _shared(key: str, found: Mapping[str, Schema]) -> Schema:
    """An option as all components that have it see it."""
    schema = {**_either(found), "title": key, "description": _meanings(found)}
    defaults = [each.get("default") for each in found.values()]
    if defaults[0] is not None and all(each == defaults[0] for each in defaults):
        schema["default"] = defaults[0]
    return documented_items(schema)


def _either(found: Mapping[str, Schema]) -> Schema:
    """The agreed restrictions; else the values that at least one component takes, where all list theirs."""
    agreed = _agreed(found)
    if agreed is not None:
        return agreed
    if all("enum" in each for each in found.values()):
        return {"enum": list(dict.fromkeys(value for each in found.values() for value in each["enum"]))}
    kinds = {each.get("type") for each in found.values()}
    return {"type": kinds.pop()} if len(kinds) == 1 and None not in kinds else {}


def documented_items(schema: Schema) -> Schema:
    """The schema of a list with its description at its items, too: there taplo looks when the key is hovered."""
    items = schema.get("items")
    if isinstance(items, dict) and "description" in schema and "$ref" not in items:
        return {**schema, "items": {"description": schema["description"], **items}}
    return schema


def _meanings(found: Mapping[str, Schema]) -> str:
    names_of: dict[str, list[str]] = {}
    for name, schema in found.items():
        names_of.setdefault(schema.get("description", ""), []).append(name)
    if len(names_of) == 1 and len(found) > FEW:
        return next(iter(names_of))
    return "\n\n".join(f"{_quoted(names)}: {text}" for text, names in names_of.items())


def _quoted(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:FEW])
    return f"{shown}, …" if len(names) > FEW else shown


def _chosen(path: str, component: Schema, options: Mapping[str, Mapping[str, Schema]]) -> Schema:
    """What holds where `use` names the component."""
    properties = dict(_restrictions(path, component, options))
    then = {
        "title": component["title"],
        "properties": properties,
        "required": component["required"],
        "additionalProperties": False,
    }
    return {"if": {"properties": {"use": {"enum": _names(component)}}, "required": ["use"]}, "then": then}


def _restrictions(
    path: str, component: Schema, options: Mapping[str, Mapping[str, Schema]]
) -> Iterator[tuple[str, Schema]]:
    for key in component["properties"]:
        agreed = key == "use" or _agreed(options[key]) is not None
        yield key, {} if agreed else {"$ref": f"{path}/properties/{key}"}
