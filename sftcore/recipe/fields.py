"""Field types of the recipe: components looked up in the registry, and the checks that types alone don't make."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from sftcore.components import Component, Kind
from sftcore.errors import PluginError, Problem

KIND_MARK = "x-sftcore-kind"
"""Stands in the JSON Schema of the recipe where the components of a kind are filled in."""
LONGEST_NAME = 120
"""Bytes in UTF-8; file systems take some more, which the names of files beside the folder need."""


def mistake(message: str, advice: str = "") -> PydanticCustomError:
    """An error of validation in our own words."""
    return PydanticCustomError("sftcore", "{message}", {"message": message, "advice": advice})


def component(kind: Kind) -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    """The annotations of a field that holds a component of that kind, chosen by `use`."""

    def validate(value: Any, info: ValidationInfo) -> Component:
        return _component(kind, value, info.context)

    return PlainValidator(validate), PlainSerializer(Component.table), WithJsonSchema({KIND_MARK: kind})


def settings() -> tuple[PlainValidator, PlainSerializer, WithJsonSchema]:
    """The annotations of `[plugins]`: the section's name chooses the model. Hooks look for the bare name, however the
    recipe qualifies it."""

    def validate(value: Any, info: ValidationInfo) -> dict[str, Component]:
        if not isinstance(value, dict):
            raise mistake("expected a table for each plugin: [plugins.<name>]")
        found: dict[str, Component] = {}
        errors: list[InitErrorDetails] = []
        for name, table in value.items():
            use, rest = name, table
            if isinstance(table, dict) and isinstance(table.get("use"), str):  # as a resolved recipe says it
                use, rest = table["use"], {key: item for key, item in table.items() if key != "use"}
            try:
                section = _chosen("settings", use, rest, info.context, (name,))
                if found.setdefault(section.name, section) is not section:
                    said = f"a second section {section.name!r}, and plugins look for theirs by this name: keep one"
                    raise _at((name,), mistake(said), table)
            except ValidationError as error:
                errors += [_moved(each, name) for each in error.errors(include_url=False)]
        if errors:
            raise ValidationError.from_exception_data("plugins", errors)
        return found

    def serialize(value: Mapping[str, Component]) -> dict[str, Any]:
        return {name: section.table() for name, section in value.items()}

    return PlainValidator(validate), PlainSerializer(serialize), WithJsonSchema({KIND_MARK: "settings"})


def _moved(error: Any, name: str) -> InitErrorDetails:
    loc = error["loc"] if error["loc"][:1] == (name,) else (name, *error["loc"])
    if error["type"] in ("sftcore", "value_error", "assertion_error"):
        context = error.get("ctx", {})
        kind: Any = mistake(str(context.get("message", context.get("error", error["msg"]))), context.get("advice", ""))
    else:
        kind = error["type"]
    return InitErrorDetails(type=kind, loc=loc, input=error["input"], ctx=error.get("ctx", {}))


def _component(kind: Kind, value: Any, context: Mapping[str, Any] | None) -> Component:
    if isinstance(value, Component):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError("model_type", "a table was expected")
    rest = dict(value)
    use = rest.pop("use", None)
    if "use" not in value:
        raise _at(("use",), PydanticCustomError("missing", "missing"), value)
    if not isinstance(use, str):
        raise _at(("use",), PydanticCustomError("string_type", "a text was expected"), use)
    return _chosen(kind, use, rest, context, ("use",))


def _chosen(kind: Kind, use: str, table: Any, context: Mapping[str, Any] | None, loc: tuple[str, ...]) -> Component:
    if isinstance(table, Component):  # a validated copy of a recipe hands on what it has
        return table
    if context is None:
        raise TypeError("components are validated with a registry as context: read recipes by Recipe.read")
    try:
        entry = context["registry"].resolve(kind, use)
    except PluginError as error:
        problem: Problem = error.problems[0]
        raise _at(loc, mistake(problem.message, problem.advice), use) from error
    try:
        return entry.cls.from_table(table, context)  # type: ignore[no-any-return]  # the registry is Any here
    except ValidationError:
        raise
    except Exception as error:  # a plugin's own validator may raise anything
        text = f"{entry.qualified} can't read its table: {type(error).__name__}: {error}"
        raise _at((), mistake(text, "that is a mistake in the plugin"), table) from error


def _at(loc: tuple[str, ...], error: PydanticCustomError, value: Any) -> ValidationError:
    return ValidationError.from_exception_data("component", [InitErrorDetails(type=error, loc=loc, input=value)])


def _folder_name(value: str) -> str:
    if not re.fullmatch(r"\w[\w .+-]*", value) or value.endswith((".", " ")):
        raise mistake("a name is the name of a folder: letters, digits, spaces and . _ + - only")
    if len(value.encode()) > LONGEST_NAME:
        raise mistake(
            f"a name is the name of a folder: at most {LONGEST_NAME} bytes (or {LONGEST_NAME // 3} Chinese characters)"
        )
    return value


def _place(value: str) -> str:
    if not value.strip():
        raise mistake("expected a path or a name, found an empty text")
    control = next((letter for letter in value if ord(letter) < 32), "")
    if control:
        shown = {"\t": r"\t (a tab)", "\n": r"\n (a line break)", "\r": r"\r"}.get(control, repr(control))
        typed = value.translate({8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r"})
        advice = f"write {typed.replace(chr(92), '/')}, or single quotes: '{typed}'"
        raise mistake(f'{shown} in a path: in "..." a backslash begins an escape', advice)
    return value


def _codec(value: str) -> str:
    try:
        codecs.lookup(value)
    except LookupError as error:
        raise mistake(f"unknown encoding {value!r}; common ones are utf-8, gbk, gb18030, big5, latin-1") from error
    return value


FolderName = AfterValidator(_folder_name)
"""A text that can name a folder on every system."""
Place = AfterValidator(_place)
"""A path, hub id or URI: not empty, without control characters."""
Codec = AfterValidator(_codec)
"""The name of a text encoding."""
