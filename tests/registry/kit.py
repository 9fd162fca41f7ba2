"""Sources of plugins, and how tests look at the registry that finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sftcore.plugin_loading import candidates, load
from sftcore.recipe import Recipe
from sftcore.registry import Plugin, Registry

HEAD = """
from sftcore.components import *
from sftcore.hooks import hookimpl
from pydantic import Field
"""
GOOD = """
class Shout(TextPreprocessor, name="shout"):
    \"\"\"Write in capitals.\"\"\"
    def edits(self, text): return []
@hookimpl
def sftcore_register_preprocessors(): return [Shout]
"""
SOURCE = """
class Bucket(Source, name="bucket"):
    \"\"\"A bucket.\"\"\"
    schemes = ("bucket",)
    endings = (".lines.gz", ".csv")
    def load(self, location, *, encoding=None): ...
@hookimpl
def sftcore_register_sources(): return [Bucket]
"""
Install = Callable[..., Path]


def found() -> Registry:
    return Registry(load(candidate) for candidate in candidates())


def plugin(name: str, registry: Registry | None = None) -> Plugin:
    return next(each for each in (registry or found()).plugins if each.distribution == name)


def read(registry: Registry, **tables: Any) -> Recipe:
    values = {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    return Recipe.from_dict(values | tables, registry=registry)
