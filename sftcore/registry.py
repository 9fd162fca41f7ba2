"""What is installed: plugins found by entry point, each loaded on its own, and the names that they offer.

A plugin that fails (at import, by a misspelt hook, by a component that can't be configured) is put into quarantine
with its reason; the others go on. Distributions are taken in the order of their normalised names, so that the order
of installation changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from sftcore.components import Component, Kind, Source
from sftcore.errors import PluginError, Problem, did_you_mean
from sftcore.locations import SCHEME
from sftcore.plugin_loading import CORE, Candidate, Entry, Plugin, candidates, guarded, load, normalised

if TYPE_CHECKING:
    from types import ModuleType

    from transformers import TrainerCallback

    from sftcore.recipe.schema import Recipe
    from sftcore.reporter import Reporter
    from sftcore.runs.folder import Run

__all__ = ["CORE", "Entry", "Plugin", "Registry", "discover", "normalised"]


@cache
def discover() -> Registry:
    """The registry of this process: the core's components, and those of every installed plugin."""
    return Registry(load(candidate) for candidate in candidates())


OTHER_TASKS = {
    **dict.fromkeys(("sequence-classification", "regression", "multi-label-classification"), "text-classification"),
    **dict.fromkeys(("ner", "named-entity-recognition", "sequence-labeling", "tagging"), "token-classification"),
    **dict.fromkeys(("summarization", "translation", "text2text-generation", "text2text", "seq2seq-lm"), "seq2seq"),
    **dict.fromkeys(
        ("sft", "chat", "instruction", "instruction-tuning", "text-generation", "clm", "language-modeling"), "causal-lm"
    ),
}
"""What tasks of the core are called elsewhere: in transformers' pipelines and in other frameworks."""


class Registry:
    """The plugins of a process and the components that they offer.

    `plugins` holds the quarantined ones too; the core comes first, guests by distribution name, those of one
    distribution by the names of their entry points.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        ordered = sorted(plugins, key=lambda plugin: (plugin.distribution != CORE, plugin.distribution, plugin.part))
        self.plugins = tuple(_without_repeats(ordered))
        for plugin in self.plugins:
            if plugin.distribution == CORE and plugin.problem:
                raise RuntimeError(f"sftcore's own components can't be registered: {plugin.problem}")

    @classmethod
    def of(cls, *modules: ModuleType | tuple[str, ModuleType]) -> Registry:
        """A registry of modules at hand, each with its distribution's name (default: the module's own)."""
        named = [module if isinstance(module, tuple) else (module.__name__, module) for module in modules]
        return cls(load(Candidate.of(name, module)) for name, module in named)

    def entries(self, kind: Kind) -> list[Entry]:
        """What is offered of that kind, the core's first."""
        return [entry for plugin in self.plugins for entry in plugin.entries if entry.kind == kind]

    def names(self, kind: Kind) -> list[str]:
        """What `use` can say: bare names, and `distribution:name` where a bare one would not do."""
        return [self.shortest(entry) for entry in self.entries(kind)]

    def shortest(self, entry: Entry) -> str:
        """The entry's bare name if that means it, else the qualified one."""
        return entry.name if self._bare(entry.kind, entry.name) == [entry] else entry.qualified

    def resolve(self, kind: Kind, use: str) -> Entry:
        """The component that `use` means.

        A bare name that the core offers means the core's; one that two guests share needs `distribution:name`.
        Raises `PluginError` with the nearest name and every plugin in quarantine.
        """
        distribution, _, name = use.rpartition(":")
        found = self._found(kind, use)
        if len(found) == 1:
            return found[0]
        if found:
            choice = " or ".join(entry.qualified for entry in found)
            raise PluginError(Problem(f"{len(found)} plugins offer a {kind} {name!r}; write {choice}", key="use"))
        raise PluginError(self._unknown(kind, distribution, use))

    def may_offer(self, kind: Kind, use: str) -> bool:
        """Whether what is installed offers this name, or should: a whole distribution that it names is here."""
        parts = self.parts(use.rpartition(":")[0])
        return bool(self._found(kind, use)) or (bool(parts) and not any(part.problem for part in parts))

    def parts(self, distribution: str) -> list[Plugin]:
        """The plugins of a distribution: one for each of its entry points, [] where it is not installed."""
        wanted = normalised(distribution)
        return [plugin for plugin in self.plugins if plugin.distribution == wanted]

    def entry_of(self, component: Component | type[Component]) -> Entry | None:
        """The entry of a component's class, or None for a class that nobody registered."""
        cls = component if isinstance(component, type) else type(component)
        return self._by_class.get(cls)

    def source_for(self, location: str) -> Entry | None:
        """The source that claims the location's URI scheme, else its file ending (the longest), or None.

        Raises `PluginError` where two guests claim the same.
        """
        scheme = SCHEME.match(location)
        claimed = scheme and self._claim("schemes", scheme[1].lower())
        if claimed:
            return claimed
        name = re.split(r"[\\/]", location)[-1].lower()
        endings = (name[at:] for at, letter in enumerate(name) if letter == ".")
        return next((entry for ending in endings if (entry := self._claim("endings", ending))), None)

    def participants(self, recipe: Recipe) -> list[Plugin]:
        """The guests that take part: those in `requires`, and those that a `use` or the source resolves to.

        A part of such a distribution that is in quarantine takes no part.
        """
        named = {normalised(name) for name in recipe.required_distributions}
        named |= {use.partition(":")[0] for use in recipe.uses.values()}
        named |= {entry.distribution for location in recipe.data.locations if (entry := self.source_for(location))}
        whole = (plugin for plugin in self.plugins if not plugin.problem and plugin.distribution != CORE)
        return [plugin for plugin in whole if plugin.distribution in named]

    def callbacks(self, recipe: Recipe) -> list[TrainerCallback]:
        """The callbacks of core and participants, by distribution name. Raises `PluginError`."""
        from transformers import TrainerCallback

        callbacks: list[TrainerCallback] = []
        for plugin in self._asked(recipe):
            results, failure = guarded(
                partial(plugin.call, "sftcore_trainer_callbacks", recipe=recipe), plugin.distribution
            )
            for result in results or ():
                items = result if isinstance(result, list | tuple) else [result]
                wrong = [item for item in items if not isinstance(item, TrainerCallback)]
                failure = failure or (f"{wrong[0]!r} is no TrainerCallback" if wrong else "")
                callbacks += items
            if failure:
                raise PluginError(Problem(f"sftcore_trainer_callbacks: {failure}", where=plugin.distribution))
        return callbacks

    def run_finished(self, run: Run, recipe: Recipe, reporter: Reporter) -> None:
        """Tell core and participants of a sealed run; what they raise becomes a warning."""
        for plugin in self._asked(recipe):
            _, failure = guarded(partial(plugin.call, "sftcore_run_finished", run=run), plugin.distribution)
            if failure:
                reporter.warning(f"the plugin {plugin.distribution} failed after the run was sealed: {failure}")

    def broken(self) -> list[Plugin]:
        """The plugins in quarantine."""
        return [plugin for plugin in self.plugins if plugin.problem]

    def _asked(self, recipe: Recipe) -> Iterator[Plugin]:
        yield from (plugin for plugin in self.plugins if plugin.distribution == CORE)
        yield from self.participants(recipe)

    @cached_property
    def _by_class(self) -> dict[type[Component], Entry]:
        entries = [entry for plugin in self.plugins for entry in plugin.entries]
        return {entry.cls: entry for entry in reversed(entries)}

    def _found(self, kind: Kind, use: str) -> list[Entry]:
        distribution, _, name = use.rpartition(":")
        return self._qualified(kind, distribution, name) if distribution else self._bare(kind, name)

    def _bare(self, kind: Kind, name: str) -> list[Entry]:
        found = [entry for entry in self.entries(kind) if entry.name == name]
        return [entry for entry in found if entry.distribution == CORE] or found

    def _qualified(self, kind: Kind, distribution: str, name: str) -> list[Entry]:
        wanted = normalised(distribution)
        return [entry for entry in self.entries(kind) if (entry.distribution, entry.name) == (wanted, name)]

    def _claim(self, what: str, value: str) -> Entry | None:
        found = [entry for entry in self.entries("source") if value in _claims(entry.cls, what)]
        found = [entry for entry in found if entry.distribution == CORE] or found
        if len(found) > 1:
            owners = " and ".join(entry.distribution for entry in found)
            raise PluginError(Problem(f"{owners} both read {value!r}; uninstall one of them", where=owners))
        return found[0] if found else None

    def _unknown(self, kind: Kind, distribution: str, use: str) -> Problem:
        wanted, parts = normalised(distribution), self.parts(distribution)
        broken = next((part.problem for part in parts if part.problem), "")
        if broken:
            return Problem(f"the plugin {wanted} is installed but broken: {broken}", key="use", value=use)
        if distribution and not parts:
            near = did_you_mean(distribution, [plugin.distribution for plugin in self.plugins])
            return Problem(f"no plugin {distribution} is installed{near}", key="use", value=use)
        name = use.rpartition(":")[2]
        own = [entry.name for part in parts for entry in part.entries if entry.kind == kind]
        offered = own if parts else self.names(kind)
        what = "plugin section" if kind == "settings" else kind
        message = f"{wanted} has no {what} {name!r}" if parts else f"unknown {what} {name!r}"
        others = sorted({entry.kind for each in self.plugins for entry in each.entries if entry.name == name} - {kind})
        hint = f"; it is the name of {_with_article(others[0])}" if others else _meant(kind, name, offered)
        return Problem(message + hint, key="use", value=use, advice=self._quarantined())

    def _quarantined(self) -> str:
        """One line on the plugins that may have offered the name, were they not broken."""
        reasons = [f"{plugin.distribution} ({_short(plugin.problem)})" for plugin in self.broken()]
        return f"broken plugins offer nothing: {'; '.join(reasons)}" if reasons else ""


def _meant(kind: Kind, name: str, offered: Sequence[str]) -> str:
    """The nearest name, or the task that others call by this one."""
    known = OTHER_TASKS.get(name.lower().replace("_", "-").replace(" ", "-")) if kind == "task" else None
    return f"; did you mean {known}?" if known in offered else did_you_mean(name, offered)


def _without_repeats(plugins: Sequence[Plugin]) -> Iterator[Plugin]:
    """The plugins; one that offers what another part of its distribution offers already goes into quarantine."""
    seen: dict[tuple[str, Kind, str], Plugin] = {}
    for plugin in plugins:
        keys = [(entry.qualified, entry.kind, entry.name) for entry in plugin.entries]
        repeated = next((key for key in keys if key in seen), None)
        if repeated is None:
            seen |= dict.fromkeys(keys, plugin)
            yield plugin
        else:
            problem = f"the {repeated[1]} {repeated[2]!r} is offered by the entry point {seen[repeated].part!r} already"
            yield replace(plugin, entries=(), hooks=(), problem=problem)


def _claims(cls: type[Component], what: str) -> Sequence[str]:
    claims: Any = getattr(cls, what) if issubclass(cls, Source) else ()
    return [claim.lower() for claim in claims]


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _short(text: str, width: int = 90) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"
