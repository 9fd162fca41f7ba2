"""Loading one plugin: its module, its hooks, its component classes, and what can be wrong with them."""

from __future__ import annotations

import inspect
import io
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from sftcore import components, hooks, task
from sftcore.component_checks import component_complaint, named
from sftcore.components import Component, Kind
from sftcore.errors import did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

GROUP = "sftcore"
CORE = "sftcore"
_FOREIGN_CODE = re.compile(r"^<|importlib|[\\/](pluggy|pydantic)[\\/]|plugin_loading\.py$")
T = TypeVar("T")

BASES: Mapping[str, tuple[Kind, tuple[type[Component], ...]]] = {
    "sftcore_register_sources": ("source", (components.Source,)),
    "sftcore_register_preprocessors": ("preprocessor", (components.TextPreprocessor, components.RowPreprocessor)),
    "sftcore_register_augmenters": ("augmenter", (components.TextAugmenter, components.RowAugmenter)),
    "sftcore_register_tasks": ("task", (task.Task,)),
    "sftcore_register_metrics": ("metric", (components.Metric,)),
    "sftcore_register_settings": ("settings", (components.Settings,)),
}


class _UnfitError(Exception):
    """Why a plugin goes into quarantine, in words for its author: a line for each complaint."""

    def __init__(self, *complaints: str) -> None:
        super().__init__("\n".join(complaints))


@dataclass(frozen=True, slots=True)
class Entry:
    """A component class under the name that its distribution gives it."""

    kind: Kind
    cls: type[Component]
    distribution: str
    version: str

    @property
    def name(self) -> str:
        """The bare name, which `use` gives."""
        return self.cls.name

    @property
    def qualified(self) -> str:
        """`distribution:name`, which always means this entry."""
        return f"{self.distribution}:{self.name}"

    @property
    def description(self) -> str:
        """The first sentence of its docstring, on one line."""
        text = " ".join((self.cls.__doc__ or "").split())
        return re.split(r"(?<!et al)\. ", text, maxsplit=1)[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class Plugin:
    """What one entry point in the group `sftcore` of an installed distribution names.

    A distribution may have several: then each is a plugin of its own, so that one whose module can't be imported
    takes nothing from the others; `part` is the entry point's name then, "" for an only one. `problem` says why it is
    in quarantine ("" otherwise: then it offers what `entries` holds).
    """

    distribution: str
    version: str
    entry_point: str
    module: ModuleType | None = None
    entries: tuple[Entry, ...] = ()
    hooks: tuple[str, ...] = ()
    problem: str = ""
    editable: bool = False
    part: str = ""
    seconds: float = field(default=0.0, compare=False)
    """How long it took to load; every command that reads a recipe waits so long."""
    _manager: pluggy.PluginManager | None = field(default=None, repr=False, compare=False)

    @property
    def offers(self) -> dict[Kind, list[str]]:
        """The names of its components by kind."""
        kinds = dict.fromkeys(entry.kind for entry in self.entries)
        return {kind: [entry.name for entry in self.entries if entry.kind == kind] for kind in kinds}

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """The results of one hook of this plugin alone, without Nones."""
        if self._manager is None:
            return []
        results: list[Any] = getattr(self._manager.hook, hook)(**arguments)
        return results


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin before it is loaded."""

    distribution: str
    version: str
    entry_point: str
    importer: Callable[[], Any]
    editable: bool = False
    problem: str = ""
    part: str = ""

    @classmethod
    def of(cls, distribution: str, module: ModuleType) -> Candidate:
        """A module that is at hand already."""
        return cls(normalised(distribution), "0", module.__name__, lambda: module)


def normalised(distribution: str) -> str:
    """The name as packaging tools compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class _Named(io.StringIO):
    """Writes to stderr, each line with the name of who prints it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name, self._begins = name, True

    def write(self, text: str) -> int:
        """Write the text, with the name before each line."""
        for line in text.splitlines(keepends=True) if sys.stderr else ():
            sys.stderr.write(f"{self._name}: {line}" if self._begins else line)
            self._begins = line.endswith("\n")
        return len(text)

    def end(self) -> None:
        """End the last line, so that what others print does not go on with it."""
        if not self._begins:
            self.write("\n")

    def fileno(self) -> int:
        """That of stderr."""
        return sys.stderr.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def guarded(action: Callable[[], T], name: str) -> tuple[T | None, str]:
    """The result of the code of the plugin of that name, or None and why it failed.

    What it prints goes to stderr, with the name; nothing but KeyboardInterrupt leaves.
    """
    printed = _Named(name)
    try:
        with redirect_stdout(printed):
            return action(), ""
    except KeyboardInterrupt:
        raise
    except _UnfitError as error:
        return None, str(error)
    except BaseException as error:  # SystemExit and whatever else a stranger's code may raise
        return None, _described(error)
    finally:
        printed.end()


@contextmanager
def _contained() -> Iterator[None]:
    """What a plugin's import does to the process is undone: it has no say in what other recipes log, and what its C
    code and child processes print (they know nothing of `sys.stdout`) goes to stderr, beside no result."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    kept = _stdout_to_stderr()
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def _stdout_to_stderr() -> int | None:
    """What the file descriptor of stdout was, which is that of stderr now; None where there is no such thing."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (AttributeError, OSError, ValueError):  # a process without streams
        return None
    try:
        os.dup2(2, 1)
    except OSError:
        os.close(kept)
        return None
    return kept


def _described(error: BaseException) -> str:
    text = " ".join(str(error).split())[:240]
    name = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _FOREIGN_CODE.search(frame.filename)]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({Path(error.filename).name}:{error.lineno})"
    return f"{name}: {text}{place}" if text else f"{name}{place}"


# -- finding ---------------------------------------------------------------------------------------------------------


def candidates() -> Iterator[Candidate]:
    """The core, then every entry point in the group, by normalised distribution and its own name. Loads nothing."""
    yield _core()
    found: dict[str, list[metadata.Distribution]] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"] if _entry_points(distribution) else None
        if name and normalised(name) != CORE:
            found.setdefault(normalised(name), []).append(distribution)
    for name in sorted(found):
        yield from _candidates(name, _distinct(found[name]))


def _core() -> Candidate:
    """The core itself; run from a checkout that nobody installed it has no version."""
    try:
        distribution = metadata.distribution(CORE)
    except metadata.PackageNotFoundError:
        version, editable = "0", False
    else:
        version, editable = distribution.version, is_editable(distribution)
    return Candidate(CORE, version, "sftcore.builtin", lambda: import_module("sftcore.builtin"), editable)


def _entry_points(distribution: metadata.Distribution) -> list[metadata.EntryPoint]:
    text = distribution.read_text("entry_points.txt") or ""
    if GROUP not in text:
        return []
    return [point for point in distribution.entry_points if point.group == GROUP]


def _distinct(found: list[metadata.Distribution]) -> list[metadata.Distribution]:
    """Without the same folder seen twice, and without the egg-info that lies beside an editable's source."""
    folders = {_folder(distribution).resolve(): distribution for distribution in reversed(found)}
    installed = {path: each for path, each in folders.items() if path.suffix != ".egg-info"}
    return list((installed or folders).values())


def _folder(distribution: metadata.Distribution) -> Path:
    # importlib.metadata knows the folder and has no public name for it
    return Path(str(getattr(distribution, "_path", distribution.locate_file(""))))


def _candidates(name: str, found: list[metadata.Distribution]) -> Iterator[Candidate]:
    """One for each entry point of the distribution."""
    distribution, problem = found[0], ""
    version, editable = distribution.version or "0", is_editable(distribution)
    if len(found) > 1:
        folders = ", ".join(sorted(str(_folder(each)) for each in found))
        problem = f"{len(found)} metadata folders of this distribution; reinstall it: {folders}"
    points = sorted(_entry_points(distribution), key=lambda point: point.name)
    for point in points[:1] if problem else points:
        part = point.name if len(points) > 1 else ""
        yield Candidate(name, version, point.value, point.load, editable, problem, part)


def is_editable(distribution: metadata.Distribution) -> bool:
    """Whether it was installed from a folder whose changes it follows (PEP 610)."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(origin.get("dir_info", {}).get("editable"))


# -- loading ---------------------------------------------------------------------------------------------------------


def load(candidate: Candidate) -> Plugin:
    """Import a plugin and register what it offers; where anything is wrong, the plugin comes back in quarantine."""
    bare = Plugin(
        candidate.distribution,
        candidate.version,
        candidate.entry_point,
        editable=candidate.editable,
        part=candidate.part,
    )
    if candidate.problem:
        return replace(bare, problem=candidate.problem)
    start = perf_counter()
    with _contained():
        plugin, problem = guarded(lambda: _loaded(candidate, bare), candidate.distribution)
    return replace(plugin or replace(bare, problem=problem), seconds=perf_counter() - start)


def _loaded(candidate: Candidate, bare: Plugin) -> Plugin:
    module = candidate.importer()
    names = _hook_names(module)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hooks)
    manager.register(module, name=candidate.distribution)
    manager.check_pending()
    entries = tuple(_entries(manager, names, candidate))
    return replace(bare, module=module, entries=entries, hooks=names, _manager=manager)


@cache
def hook_specs() -> tuple[str, ...]:
    """The names of all hooks."""
    return tuple(name for name, value in vars(hooks).items() if hasattr(value, "sftcore_spec"))


def _hook_names(module: Any) -> tuple[str, ...]:
    """The hooks that a module implements. A function that looks like a hook and is none is a mistake."""
    functions = dict(inspect.getmembers(module, inspect.isroutine))
    marked = {name: value.sftcore_impl for name, value in functions.items() if hasattr(value, "sftcore_impl")}
    implemented = {name: options.get("specname") or name for name, options in marked.items()}
    complaints = []
    for name in sorted(marked.keys() | {name for name in functions if name.startswith("sftcore_")}):
        hook = implemented.get(name, name)
        if hook not in hook_specs():
            complaints.append(f"{hook} is not a hook{did_you_mean(hook, hook_specs())}")
        elif name not in marked:
            complaints.append(f"{name} is not marked with @hookimpl")
    if complaints:
        raise _UnfitError(*complaints)
    return tuple(name for name in hook_specs() if name in implemented.values())


def _entries(manager: pluggy.PluginManager, names: Iterable[str], candidate: Candidate) -> list[Entry]:
    """What the plugin offers. Raises every complaint about it at once."""
    entries: list[Entry] = []
    complaints: list[str] = []
    for hook, (kind, bases) in BASES.items():
        for result in getattr(manager.hook, hook)() if hook in names else ():
            if not isinstance(result, list | tuple):
                complaints.append(f"{hook} returned {named(result)}; a list of component classes was expected")
                continue
            for cls in result:
                complaint = component_complaint(cls, kind, bases)
                complaints += [complaint] if complaint else []
                entries += [] if complaint else [Entry(kind, cls, candidate.distribution, candidate.version)]
    complaints += _name_complaints(entries)
    if complaints:
        raise _UnfitError(*complaints)
    return entries


def _name_complaints(entries: Iterable[Entry]) -> Iterator[str]:
    seen: dict[tuple[Kind, str], Entry] = {}
    for entry in entries:
        other = seen.setdefault((entry.kind, entry.name), entry)
        if other is not entry:
            yield f"{other.cls.__qualname__} and {entry.cls.__qualname__} are both {entry.kind} {entry.name!r}"
