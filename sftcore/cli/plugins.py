"""`sftcore plugins`: what is installed, from which distribution, what it offers, what is broken and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sftcore.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sftcore.registry import Plugin, Registry

SLOW = 2.0
"""Seconds: a plugin that takes longer to load is told of, since every command that reads a recipe waits for it."""


@click.group("plugins", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show what is installed, from which distribution, what it offers, and what is broken and why.

    A broken plugin harms nobody: recipes that do not name it go on.
    """
    if context.invoked_subcommand is None:
        _show(as_json)


@command.command("list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """The same as `sftcore plugins`."""
    _show(as_json or bool(context.parent and context.parent.params["as_json"]))


def _show(as_json: bool) -> None:
    from sftcore.cli.console import Console
    from sftcore.registry import discover

    with Console(as_json=as_json) as console:
        registry = discover()
        if as_json:
            console.json({"plugins": [_as_json(plugin) for plugin in registry.plugins]})
        else:
            console.print(*(_block(plugin, registry) for plugin in registry.plugins))


def _as_json(plugin: Plugin) -> dict[str, Any]:
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "part": plugin.part,
        "entry_point": plugin.entry_point,
        "editable": plugin.editable,
        "offers": {kind: list(names) for kind, names in plugin.offers.items()},
        "descriptions": {f"{entry.kind} {entry.name}": entry.description for entry in plugin.entries},
        "problem": plugin.problem or None,
        "seconds": round(plugin.seconds, 3),
    }


def _block(plugin: Plugin, registry: Registry) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    from sftcore.cli import tables
    from sftcore.cli.text import clean

    slow = f"takes {plugin.seconds:.1f} s to load" if plugin.seconds > SLOW else ""
    found = (plugin.version, "editable" if plugin.editable else "", plugin.part, slow)
    notes = ", ".join(note for note in found if note)
    head = Text.assemble((plugin.distribution, "bold"), f"  {notes}")
    if plugin.problem:
        return Group(head.append("  broken", "bold red"), Padding(Text(clean(plugin.problem)), (0, 0, 1, 2)))
    offers = [
        (registry.shortest(entry), Text(entry.kind, style="dim"), Text(entry.description)) for entry in plugin.entries
    ]
    body = tables.table(["", "", ""], offers) if offers else Text("offers nothing", style="dim")
    return Group(head, Padding(body, (0, 0, 1, 2)))
