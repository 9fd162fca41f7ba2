from __future__ import annotations

import copy
import enum
import json
import tomllib
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from sftcore import builtin
from sftcore.components import Frozen, TextPreprocessor
from sftcore.hooks import hookimpl
from sftcore.recipe.schema_export import json_schema
from sftcore.registry import Registry


@pytest.fixture(scope="module")
def schema(registry: Registry) -> dict[str, Any]:
    return json_schema(registry)


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft7Validator:
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_a_whole_recipe_is_valid(validator: jsonschema.Draft7Validator, whole: str) -> None:
    assert [error.message for error in validator.iter_errors(tomllib.loads(whole))] == []


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "modle", {}),
        (("model",), "bsae", "x"),
        (("data",), "sorce", "x"),
        (("data", "where", "confidence"), "mim", 1),
        (("train",), "seed", 1),
        (("task",), "lables", []),
        (("task",), "labels", "a"),
        (("preprocess", 0), "onn", []),
        (("preprocess", 1), "volume", 9),
        (("preprocess", 1), "use", "shuot"),
        (("augment", 0), "rate", "0.1"),
        (("metrics", 0), "average", "makro"),
        (("plugins",), "leagl", {}),
        (("plugins", "legal"), "levle", 1),
    ],
)
def test_one_wrong_key_makes_one_error_there(
    validator: jsonschema.Draft7Validator, whole: str, path: tuple[str | int, ...], key: str, value: Any
) -> None:
    recipe = copy.deepcopy(tomllib.loads(whole))
    table: Any = recipe
    for part in path:
        table = table[part]
    table[key] = value
    errors = list(validator.iter_errors(recipe))
    assert errors
    assert all(tuple(error.absolute_path)[: len(path)] == path for error in errors)
    assert any(str(key) in error.message or key in error.absolute_path for error in errors)


def test_a_key_of_another_component_of_the_kind_is_refused(validator: jsonschema.Draft7Validator, whole: str) -> None:
    recipe = tomllib.loads(whole)
    recipe["preprocess"][0]["volume"] = 1
    assert [tuple(error.absolute_path) for error in validator.iter_errors(recipe)] == [("preprocess", 0)]


def test_required_keys(validator: jsonschema.Draft7Validator) -> None:
    missing = {error.message.split("'")[1] for error in validator.iter_errors({})}
    assert missing == {"model", "data", "task"}


def test_a_guest_s_description_and_field_are_there(schema: dict[str, Any]) -> None:
    shout = schema["definitions"]["guest:shout"]
    assert shout["description"] == "Write in capitals."
    assert shout["properties"]["volume"]["description"] == "How loud."
    assert shout["properties"]["use"]["enum"] == ["shout", "guest:shout"]


def test_an_option_says_which_components_mean_what_by_it(schema: dict[str, Any]) -> None:
    preprocessor = schema["definitions"]["preprocessor"]
    assert preprocessor["properties"]["volume"]["description"] == "`shout`: How loud."
    assert "- `shout`: Write in capitals" in preprocessor["properties"]["use"]["description"]
    names = preprocessor["properties"]["use"]["enum"]
    meanings = preprocessor["properties"]["use"]["x-taplo"]["docs"]["enumValues"]
    assert dict(zip(names, meanings, strict=True))["guest:shout"] == "Write in capitals."
    assert names.index("shout") < names.index("sftcore:lowercase")  # bare names first
    keep = preprocessor["properties"]["keep"]  # marks for one, words for another
    assert "type" not in keep
    assert "`punctuation`: " in keep["description"]
    assert "`stop-words`: " in keep["description"]


def test_a_wrong_value_makes_one_error(validator: jsonschema.Draft7Validator, whole: str) -> None:
    recipe = tomllib.loads(whole)
    recipe["preprocess"][1]["volume"] = "loud"
    recipe["augment"][0]["rate"] = 7
    paths = [tuple(error.absolute_path) for error in validator.iter_errors(recipe)]
    assert paths == [("preprocess", 1, "volume"), ("augment", 0, "rate")]


def test_every_reference_leads_somewhere_and_no_null_is_left(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)
    assert "x-sftcore" not in text
    assert '"null"' not in text
    assert "$defs" not in text
    for reference in {part.split('"')[0] for part in text.split('"#/')[1:]}:
        place: Any = schema
        for step in reference.split("/"):
            place = place[unquote(step)]
        assert isinstance(place, dict)


def test_every_key_of_the_core_is_described(schema: dict[str, Any]) -> None:
    for name, definition in schema["definitions"].items():
        if name.startswith("guest") or ":" not in name:
            continue
        for key, value in definition.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"


class Channel(enum.Enum):
    """How people write."""

    MAIL = "mail"
    CHAT = "chat"


class Rule(Frozen):
    """What is taken away."""

    channel: Channel
    """Where it counts."""
    weight: float = 1.0


class Greetings(TextPreprocessor, name="greetings"):
    """Take greetings away."""

    rules: tuple[Rule, ...] = (Rule(channel=Channel.CHAT),)
    """The rules, in order."""
    channels: tuple[Channel, ...] = (Channel.MAIL,)

    def edits(self, text: str) -> list[tuple[int, int, str]]:
        return []


def test_fields_that_are_enumerations_or_tables_of_their_own() -> None:
    guest = ModuleType("guest")
    guest.sftcore_register_preprocessors = hookimpl(lambda: [Greetings])  # type: ignore[attr-defined]
    guest.sftcore_register_preprocessors.sftcore_impl["specname"] = "sftcore_register_preprocessors"
    registry = Registry.of(("sftcore", builtin), ("guest", guest))
    assert registry.broken() == []
    checked = jsonschema.Draft7Validator(json_schema(registry))
    start = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}

    def wrong(**table: Any) -> list[str]:
        recipe = start | {"preprocess": [{"use": "greetings", **table}]}
        return [error.message for error in checked.iter_errors(recipe)]

    assert wrong(channels=["chat"], rules=[{"channel": "mail", "weight": 2.0}]) == []
    assert len(wrong(channels=["fax"])) == 1
    assert len(wrong(rules=[{"channel": "mail", "wieght": 2.0}])) == 1
