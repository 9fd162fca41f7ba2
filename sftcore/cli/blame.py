"""Whose code an unexpected error comes from: the core's, or that of one plugin."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sftcore.errors import Excerpt, PluginError, Problem

if TYPE_CHECKING:
    from types import ModuleType

    from sftcore.registry import Plugin

TRACEBACK = "SFTCORE_TRACEBACK"
"""The environment variable that shows the traceback of every error."""


def plugins_fault(error: BaseException) -> PluginError | None:
    """The error as one of a plugin, where the innermost frame that is ours or a plugin's is a plugin's; else None."""
    from sftcore.registry import CORE, discover

    if isinstance(error, KeyboardInterrupt):
        return None
    guests = [plugin for plugin in discover().plugins if plugin.distribution != CORE and plugin.module is not None]
    core = Path(__file__).parents[1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(core):
            return None
        owner = next((plugin for plugin in guests if any(map(file.is_relative_to, _places(plugin)))), None)
        if owner is not None:
            return PluginError(_problem(owner, frame, error))
    return None


def _places(plugin: Plugin) -> Iterator[Path]:
    """The folders of a plugin's package, or its one file."""
    module: ModuleType | None = plugin.module
    if module is not None and hasattr(module, "__path__"):
        yield from map(Path, module.__path__)
    elif module is not None and module.__file__:
        yield Path(module.__file__)


def _problem(plugin: Plugin, frame: traceback.FrameSummary, error: BaseException) -> Problem:
    line = frame.lineno or 1
    text = linecache.getline(frame.filename, line).rstrip("\n")
    start = frame.colno if frame.colno is not None else len(text) - len(text.lstrip())
    end = frame.end_colno if frame.end_colno is not None and frame.end_lineno == line else len(text)
    said = " ".join(str(error).split())[:200]
    return Problem(
        f"the plugin {plugin.distribution} {plugin.version} raised {type(error).__name__}{f': {said}' if said else ''}",
        where=frame.filename,
        line=line,
        excerpt=Excerpt(line, text, start, end - start),
        advice=f"tell its author, or leave it out of the recipe; {TRACEBACK}=1 shows the whole traceback",
    )
