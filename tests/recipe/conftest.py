"""A registry of the core and one guest, and a recipe that uses something of each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from pydantic import Field, model_validator

from sftcore import builtin
from sftcore.components import Metric, Settings, TextPreprocessor
from sftcore.hooks import hookimpl
from sftcore.records import Records
from sftcore.registry import Registry
from sftcore.task import Task

WHOLE = """\
name = "sentiment"
seed = 7
[model]
base = "some/model"
max_length = 128
[data]
source = "reviews.csv"
columns = { text = "sentence", label = "sentiment" }
where = { confidence = { min = 0.99 } }
split = { train = 0.7, validation = 0.1, test = 0.2 }
[[preprocess]]
use = "lowercase"
[[preprocess]]
use = "guest:shout"
volume = 2
[[augment]]
use = "random-deletion"
rate = 0.2
[task]
use = "text-classification"
labels = ["neg", "pos"]
[train]
learning_rate = 3e-4
class_weights = { neg = 2.0, pos = 1.0 }
[[metrics]]
use = "f1"
average = "macro"
[plugins.legal]
level = 2
"""


class Shout(TextPreprocessor, name="shout"):
    """Write in capitals."""

    volume: int = Field(default=1, ge=1, le=3)
    """How loud."""

    def edits(self, text: str) -> list[tuple[int, int, str]]:
        return [(0, len(text), text.upper())]


class Legal(Settings, name="legal"):
    """What the law asks."""

    level: int = Field(default=1, ge=0)
    clauses: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Legal:
        if self.level > 8:
            raise ValueError("no law goes beyond level 8")
        if self.level == 8:
            raise KeyError("a mistake in the plugin")
        return self


class Distance(Metric, name="distance"):
    """A metric of numbers."""

    understands = ("scores",)

    def score(self, records: Records) -> dict[str, float]:
        return {"distance": 0.0}


class Broken(Task, name="broken"):
    """A task that raises when it is asked for its roles."""

    auto_class = "AutoModel"

    @property
    def roles(self) -> Any:
        raise RuntimeError("no roles today")

    @property
    def predicts(self) -> Any:
        return "labels"

    def encode(self, *_: Any) -> Any: ...

    def decode(self, *_: Any) -> Any: ...

    def records(self, *_: Any) -> Any: ...


@hookimpl
def sftcore_register_preprocessors() -> list[Any]:
    return [Shout]


@hookimpl
def sftcore_register_settings() -> list[Any]:
    return [Legal]


@hookimpl
def sftcore_register_metrics() -> list[Any]:
    return [Distance]


@hookimpl
def sftcore_register_tasks() -> list[Any]:
    return [Broken]


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The core and the distribution "guest"."""
    guest = ModuleType("guest")
    for hook in (
        sftcore_register_preprocessors,
        sftcore_register_settings,
        sftcore_register_metrics,
        sftcore_register_tasks,
    ):
        setattr(guest, hook.__name__, hook)
    found = Registry.of(("sftcore", builtin), ("guest", guest))
    assert not found.broken()
    return found


@pytest.fixture
def whole() -> str:
    """A recipe that uses every table."""
    return WHOLE
