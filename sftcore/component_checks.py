"""Whether a class can be a component, in words for the author of its plugin."""

from __future__ import annotations

import re
from typing import Any, get_args

from sftcore import components, task
from sftcore.components import Component, Kind
from sftcore.records import PredictionKind

RESERVED = {"use", "name", "kind"}


def component_complaint(cls: Any, kind: Kind, bases: tuple[type[Component], ...]) -> str:
    """What is wrong with a class that a plugin offers as a component of that kind, or ""."""
    expected = " or ".join(base.__name__ for base in bases)
    if not isinstance(cls, type) or not issubclass(cls, bases):
        return f"{named(cls)} is offered as a {kind}; a subclass of {expected} was expected"
    complaint = (
        _generic_complaint(cls)
        or _config_complaint(cls)
        or _field_complaint(cls)
        or _naming_complaint(cls)
        or _abstract_complaint(cls)
        or _claim_complaint(cls)
        or _schema_complaint(cls)
    )
    return f"{cls.__qualname__}: {complaint}" if complaint else ""


def _schema_complaint(cls: type[Component]) -> str:
    try:
        cls.model_json_schema()
    except Exception as error:  # pydantic raises several kinds, one of them outside its own hierarchy
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"its fields give no JSON schema ({first})"
    return ""


def _naming_complaint(cls: type[Component]) -> str:
    if not cls.name:
        return f'no name; write class {cls.__name__}({cls.__bases__[0].__name__}, name="...")'
    if not re.fullmatch(r"\w[\w.-]*", cls.name):
        return f"the name {cls.name!r} may hold letters, digits, hyphens, dots and underscores only"
    return "" if (cls.__doc__ or "").strip() else "no docstring; its first line is what users read about it"


def _generic_complaint(cls: type[Component]) -> str:
    generic = getattr(cls, "__pydantic_generic_metadata__", {})
    return "generic classes can't be used as components" if generic.get("parameters") or generic.get("origin") else ""


def _config_complaint(cls: type[Component]) -> str:
    kept = ("frozen", "extra", "strict", "allow_inf_nan")
    changed = [key for key in kept if cls.model_config.get(key) != Component.model_config.get(key)]
    return f"model_config changes {', '.join(changed)}; components are frozen and strict" if changed else ""


def _field_complaint(cls: type[Component]) -> str:
    for name in cls.model_fields:
        if name in RESERVED:
            return f"a field can't be called {name!r}: the recipe's {name} stands for something else"
        hidden = next((base for base in cls.__mro__[1:] if _has_public(base, name)), None)
        if hidden:
            return f"the field {name!r} hides {hidden.__name__}.{name}; give it another name"
    return ""


def _has_public(base: type, name: str) -> bool:
    return not name.startswith("_") and name in vars(base) and name not in getattr(base, "model_fields", {})


def _abstract_complaint(cls: type[Component]) -> str:
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    return f"it does not implement {', '.join(missing)}" if missing else ""


def _claim_complaint(cls: type[Component]) -> str:
    """What a component has to say of itself besides its name."""
    if issubclass(cls, components.Metric):
        kinds = getattr(cls, "understands", ())
        wrong = [kind for kind in kinds if kind not in get_args(PredictionKind)]
        if not kinds or isinstance(kinds, str) or wrong:
            return f'understands: a tuple of {", ".join(get_args(PredictionKind))} was expected, like ("labels",)'
    if issubclass(cls, task.Task) and not isinstance(getattr(cls, "auto_class", None), str | property):
        return 'auto_class: the name of a transformers class was expected, like "AutoModelForSequenceClassification"'
    if issubclass(cls, task.Task) and cls.generates and cls.generate is task.Task.generate:
        return "generates is True, and it has no method generate"
    if issubclass(cls, components.Source) and not (cls.schemes or cls.endings):
        return 'it claims no place: give schemes = ("s3",) or endings = (".csv",)'
    return ""


def named(value: Any) -> str:
    """A class by its name, anything else as Python writes it."""
    return value.__qualname__ if isinstance(value, type) else repr(value)[:80]
