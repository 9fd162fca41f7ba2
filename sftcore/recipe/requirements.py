"""`requires`: the distributions that a recipe needs, checked against what is installed."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from sftcore.errors import Problem
from sftcore.recipe.document import Document
from sftcore.registry import normalised

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from sftcore.registry import Registry


def unmet(requires: Any, document: Document, registry: Registry) -> list[Problem]:
    """A problem for each requirement that is not met; values of another shape are left to validation."""
    if not isinstance(requires, list) or not requires:
        return []
    from packaging.requirements import InvalidRequirement, Requirement

    problems = []
    for index, text in enumerate(requires):
        if not isinstance(text, str):
            continue
        try:
            message, advice = _unmet(Requirement(text), text, registry)
        except InvalidRequirement:
            message, advice = "expected a distribution as pip names it", 'like "sftcore-plugin-sentiment>=0.1"'
        if message:
            problems.append(document.problem(("requires", index), message, advice))
    return problems


def _unmet(requirement: Requirement, text: str, registry: Registry) -> tuple[str, str]:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return "", ""
    name, advice = normalised(requirement.name), f'pip install "{text}"'
    plugin = next((each for each in registry.plugins if each.distribution == name), None)
    if plugin is not None and plugin.problem:
        return f"{name} is installed but broken: {plugin.problem}", ""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if plugin is None:
            return f"{requirement.name} is not installed", advice
        version = plugin.version
    if requirement.specifier.contains(version, prereleases=True):
        return "", ""
    return f"{requirement.name} {version} is installed, and the recipe needs {requirement.specifier}", advice
