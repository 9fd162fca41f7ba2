"""`requires`: the distributions that a recipe needs, checked against what is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

from sftcore.errors import Problem
from sftcore.recipe.document import Document
from sftcore.recipe.tables import KINDS
from sftcore.registry import normalised

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from sftcore.components import Kind
    from sftcore.registry import Registry


def unmet(requires: Any, document: Document, registry: Registry) -> tuple[list[Problem], list[Problem]]:
    """A problem for each requirement that can't be read, and one for each that is not met.

    Values of another shape are left to validation.
    """
    if not isinstance(requires, list) or not requires:
        return [], []
    from packaging.requirements import InvalidRequirement, Requirement

    unreadable, problems = [], []
    for index, text in enumerate(requires):
        if not isinstance(text, str):
            continue
        try:
            message, advice = _unmet(Requirement(text), text, registry)
        except InvalidRequirement:
            message, advice = "expected a distribution as pip names it", 'like "sftcore-plugin-sentiment>=0.1"'
            unreadable.append(document.problem(("requires", index), message, advice))
        else:
            problems += [document.problem(("requires", index), message, advice)] if message else []
    return unreadable, problems


def with_their_names(
    missing: Sequence[Problem], others: Sequence[Problem], values: Mapping[str, Any], registry: Registry
) -> list[Problem]:
    """All problems, where unknown names are laid to the requirements that are not met: one cause, one problem."""
    unknown = {f"{path}.use": use for path, kind, use in components(values) if not registry.may_offer(kind, use)}
    unknown |= {path.removesuffix(".use"): use for path, use in unknown.items() if path.startswith("plugins.")}
    names = [unknown[problem.key] for problem in others if problem.key in unknown]
    if not missing or not names:
        return [*missing, *others]
    first, *rest = missing
    told = f"these names probably come from {'them' if rest else 'it'}: {', '.join(dict.fromkeys(names))}"
    first = replace(first, advice="\n".join(part for part in (first.advice, told) if part))
    return [first, *rest, *(problem for problem in others if problem.key not in unknown)]


def components(values: Mapping[str, Any]) -> Iterator[tuple[str, Kind, str]]:
    """Key path, kind and name of every component that plain values name; what has another shape is left out."""
    for section, kind in KINDS.items():
        for path, table in _tables(section, values.get(section)):
            if isinstance(table, dict) and isinstance(table.get("use"), str):
                yield path, kind, table["use"]


def _tables(section: str, found: Any) -> Iterator[tuple[str, Any]]:
    """The tables of a section by key path; a plugin's section that does not say its `use` is of its own name."""
    if section == "task":
        yield section, found
    elif section == "plugins" and isinstance(found, dict):
        sections = {name: table for name, table in found.items() if isinstance(table, dict)}
        yield from ((f"plugins.{name}", {"use": name, **table}) for name, table in sections.items())
    elif isinstance(found, list):
        yield from ((f"{section}.{at}", table) for at, table in enumerate(found))


def lacking(values: Mapping[str, Any], versions: Mapping[str, Any], registry: Registry, where: str) -> list[Problem]:
    """A problem for each plugin that a resolved recipe names and that is not there, or broken.

    `versions` holds what was installed: by distribution a table with `version`.
    """
    named = {use.rpartition(":")[0] for _, _, use in components(values)} - {""}
    unknown = {use.rpartition(":")[0] for _, kind, use in components(values) if not registry.may_offer(kind, use)}
    problems = []
    for name in sorted(named):
        if not registry.parts(name):
            version = str(dict(versions.get(name) or {}).get("version") or "")
            exact = f"=={version}" if version else ""
            message = f"the run needs the plugin {name}, which is not installed"
            problems.append(Problem(message, where, advice=f'pip install "{name}{exact}"'))
        elif name in unknown:
            broken = next(part.problem for part in registry.parts(name) if part.problem)
            problems.append(Problem(f"the run needs the plugin {name}, which is broken: {broken}", where))
    return problems


def _unmet(requirement: Requirement, text: str, registry: Registry) -> tuple[str, str]:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return "", ""
    name, advice = normalised(requirement.name), f'pip install "{text}"'
    parts = registry.parts(name)
    if parts and all(part.problem for part in parts):
        return f"{name} is installed but broken: {parts[0].problem}", ""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if not parts:
            return f"{requirement.name} is not installed", advice
        version = parts[0].version
    if requirement.specifier.contains(version, prereleases=True):
        return "", ""
    return f"{requirement.name} {version} is installed, and the recipe needs {requirement.specifier}", advice
