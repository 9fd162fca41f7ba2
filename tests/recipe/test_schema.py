"""The checked-in classes against the library that they take their keys from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter
from pydantic_core import core_schema

from sftcore.components import Frozen
from sftcore.recipe import problems, schema
from sftcore.recipe.descriptions import describe
from sftcore.recipe.schema import Recipe
from sftcore.recipe.train import OURS, REFUSED, Train


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    """The fields of the installed TrainingArguments with their types."""
    from transformers import TrainingArguments

    hints = get_type_hints(TrainingArguments)
    return {field.name: hints[field.name] for field in dataclasses.fields(TrainingArguments)}


def plain_types(annotation: Any) -> set[type]:
    """The types of the values that a field takes, as TOML has them."""
    if get_origin(annotation) is Annotated:
        return plain_types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*(plain_types(each) for each in get_args(annotation)))
    if get_origin(annotation) is Literal:
        return {type(each) for each in get_args(annotation)}
    if get_origin(annotation) in (dict, Mapping):
        return {dict}
    if get_origin(annotation) in (tuple, list):
        return {list}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {str}
    return {annotation}


@pytest.mark.parametrize("name", [name for name in Train.model_fields if name not in OURS])
def test_a_key_of_train_is_one_of_training_arguments_and_of_its_type(name: str, theirs: dict[str, Any]) -> None:
    assert name in theirs
    assert plain_types(Train.model_fields[name].annotation) - {NoneType} <= plain_types(theirs[name])


@pytest.mark.parametrize("name", OURS)
def test_keys_of_ours_are_not_theirs(name: str, theirs: dict[str, Any]) -> None:
    assert name in Train.model_fields
    assert name not in theirs


def test_every_key_of_training_arguments_is_given_or_refused_with_advice(theirs: dict[str, Any]) -> None:
    assert set(theirs) - set(Train.model_fields) - set(REFUSED) == set()
    assert not set(REFUSED) & set(Train.model_fields)


def test_choices_are_values_that_the_library_takes() -> None:
    from transformers.trainer_utils import IntervalStrategy, SaveStrategy, SchedulerType
    from transformers.training_args import OptimizerNames

    theirs: dict[str, type[Enum]] = {
        "lr_scheduler_type": SchedulerType,
        "optim": OptimizerNames,
        "eval_strategy": IntervalStrategy,
        "save_strategy": SaveStrategy,
    }
    for name, enum in theirs.items():
        assert set(get_args(Train.model_fields[name].annotation)) - {"auto"} <= {each.value for each in enum}


def test_the_library_takes_our_defaults(tmp_path: Any) -> None:
    from transformers import TrainingArguments

    ours = {name: getattr(Train(), name) for name in Train.model_fields if name not in OURS}
    arguments = TrainingArguments(output_dir=str(tmp_path), **(ours | {"optim": "adamw_torch"}))
    assert arguments.learning_rate == 5e-5
    assert arguments.get_warmup_steps(200) == 20


def test_every_field_of_the_recipe_has_a_description() -> None:
    describe(Recipe)
    models = [each for each in vars(schema).values() if isinstance(each, type) and issubclass(each, Frozen)]
    own = [each for each in models if each.__module__.startswith("sftcore.recipe")]
    assert len(own) > 8
    for model in own:
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


# -- messages --------------------------------------------------------------------------------------------------------

# kinds of errors that strict validation of JSON can't raise for the types that components may have
ELSEWHERE = (
    "arguments_type|missing_argument|unexpected_keyword|missing_keyword|unexpected_positional|missing_positional|"
    "multiple_argument|frozen_|no_such_attribute|get_attribute_error|recursion_|needs_python|is_instance|is_subclass|"
    "callable|iteration_error|default_factory|dataclass_exact|json_|named_tuple|missing_sentinel|ellipsis|invalid_key|"
    "set_item|ordered_dict|counter|deque|frozen_dict|bytes|date|time|timezone|url|uuid|decimal|fraction|complex|"
    "union_tag|string_unicode|string_not_ascii|parsing|none_required|enum|model_attributes|mapping_type|dataclass_type"
)


def test_every_kind_of_error_that_can_occur_has_words_of_ours() -> None:
    import re

    kinds = [kind for kind in get_args(core_schema.ErrorType) if not re.search(ELSEWHERE, kind)]
    own = {"extra_forbidden", "missing", "literal_error", *problems._OWN}
    assert [kind for kind in kinds if kind not in problems._EXPECTED and kind not in own] == []


@pytest.mark.parametrize("kind", [list[int], set[str], tuple[int, str], dict[str, int], float, bool, complex, bytes])
def test_a_message_never_speaks_pydantic(kind: Any) -> None:
    with pytest.raises(ValueError) as caught:
        TypeAdapter(kind).validate_json('{"a": [null]}' if kind is not dict[str, int] else '"x"', strict=True)
    for details in caught.value.errors():  # type: ignore[attr-defined]  # pydantic's own ValueError
        finding = problems._Finding(("x",), details["type"], details["msg"], details["input"], details.get("ctx", {}))
        assert "Input" not in problems._expected(finding)
