"""What it takes to make the run again: the recipe, seed, versions, hashes and the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftcore.report.discretion import kept_back, shown_overrides, shown_recipe
from sftcore.report.frame import Section, filled

if TYPE_CHECKING:
    from sftcore.report.evidence import Evidence
    from sftcore.report.words import Words

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution; `editable` where its code is a working copy, `sha256` in hexadecimal."""

    name: str
    version: str
    sha256: str
    editable: bool
    plugin: bool


def section(evidence: Evidence, words: Words) -> Section | None:
    """Everything of lock.json that decides the result, and the recipe as it was given."""
    hidden = kept_back(evidence)
    body = filled(
        "origin.html",
        words,
        hashes=_hashes(evidence, words),
        run=_run(evidence, words),
        machine=_machine(evidence, words),
        packages=packages(evidence),
        recipe=None if hidden is None else shown_recipe(evidence.recipe_text, hidden),
        overrides=[] if hidden is None else shown_overrides(evidence.overrides, hidden),
        masked=bool(hidden),
    )
    return Section("origin", words("origin.title"), body)


def _run(evidence: Evidence, words: Words) -> list[tuple[str, str]]:
    chosen = evidence.metrics.get("training", {}).get("choices", {})
    decided = evidence.lock.get("fingerprint", {})
    facts = {
        "run": f"{evidence.name} / {evidence.id}",
        "seed": str(evidence.recipe.get("seed", "")),
        "precision": chosen.get("precision") or decided.get("precision"),
        "optimizer": chosen.get("optimizer"),
        "attention": chosen.get("attention"),
        "commit": _commit(evidence),
    }
    return _named("origin", facts, words)


def _commit(evidence: Evidence) -> str:
    """The hub's commit of the base: what stands in its hash's place."""
    digest = str(evidence.lock.get("fingerprint", {}).get("base", {}).get("sha256", ""))
    return digest if len(digest) == 40 else ""


def _hashes(evidence: Evidence, words: Words) -> list[tuple[str, str]]:
    decided = evidence.lock.get("fingerprint", {})
    base = decided.get("base", {}).get("sha256")
    facts = {"data": decided.get("data", {}).get("sha256"), "base": None if _commit(evidence) else base}
    return _named("origin", facts, words)


def _machine(evidence: Evidence, words: Words) -> list[tuple[str, str]]:
    found, decided = evidence.lock.get("environment", {}), evidence.lock.get("fingerprint", {})
    memory = found.get("memory")
    facts = {
        "device": decided.get("device"),
        "gpus": ", ".join(found.get("gpus", ())),
        "processor": found.get("processor"),
        "cores": found.get("cores"),
        "memory": f"{memory / GIB:.0f} GiB" if memory else None,
        "threads": decided.get("threads"),
        "processes": decided.get("processes"),
        "platform": found.get("platform"),
        "python": " ".join(str(found[name]) for name in ("implementation", "python") if found.get(name)),
    }
    return _named("origin", facts, words)


def _named(table: str, facts: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    return [(words(f"{table}.{name}"), str(value)) for name, value in facts.items() if value not in (None, "")]


def packages(evidence: Evidence) -> list[Package]:
    """The packages that can change a figure, plugins first."""
    lock = evidence.lock
    plugins = lock.get("fingerprint", {}).get("plugins", {})
    found = {**plugins, **lock.get("environment", {}).get("packages", {})}
    return [
        Package(
            name,
            str(one.get("version", "")),
            str(one.get("sha256", "")),
            one.get("editable") == "yes",
            name in plugins,
        )
        for name, one in found.items()
    ]
