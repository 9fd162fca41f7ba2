"""The command line: a lazy group of commands, one module a verb, and the one place where errors end.

Nothing but click and what signals need is imported here, so that `sftcore --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import NoReturn

import click

from sftcore.cli import signals

COMMANDS = {
    "run": "Carry out a recipe, from the data to a sealed run folder.",
    "check": "Everything short of training: data, labels, lengths, plan.",
    "predict": "Predictions of a run for texts, rows or a file.",
    "try": "A local page on which one asks a run's model.",
    "evaluate": "A run's metrics on other data.",
    "report": "A run's page made again, in English or Chinese.",
    "compare": "Runs side by side: recipes, metrics, rows.",
    "plugins": "What is installed, what it offers, what is broken and why.",
    "schema": "JSON Schema of the recipe, for editors.",
    "new": "Write a commented recipe for a task.",
    "export": "A run's model as a folder of its own, or its adapter.",
    "push": "Upload a run's model, with its card, to the Hugging Face hub.",
    "verify": "A run's files against their hashes, its model's outputs too.",
}
"""The commands and their one-line help, so that the overview loads none of their modules."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(click.Group):
    """Imports a command's module when the command is called, and only then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"sftcore.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and its arguments. Raises `sftcore.UsageError` with the nearest name."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            _unknown(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, so that none is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _unknown(name: str) -> NoReturn:
    from sftcore.errors import Problem, UsageError, did_you_mean

    message = f"no such command{did_you_mean(name, COMMANDS)}"
    raise UsageError(Problem(message, where="sftcore", key=name, advice="see sftcore --help"))


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from sftcore.cli.text import versions

    click.echo(versions())
    ctx.exit()


@click.command(cls=LazyGroup, context_settings=CONTEXT, epilog="sftcore COMMAND --help tells more of a command.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Versions.")
def group() -> None:
    """Fine-tune Hugging Face models on labelled data, from one TOML recipe."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2, 3, 4, 130, 143, or 1 for a bug of ours."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    with signals.heeded():
        try:
            if "_SFTCORE_COMPLETE" in os.environ:
                group.main(given, prog_name="sftcore")
            code = _invoke(given or ["--help"])
            signals.check()
            return code
        except click.exceptions.Exit as done:
            return done.exit_code
        except BaseException as error:
            if signals.received():
                signals.ignore()
            from sftcore.cli.failures import end

            return end(error, given)


def _open_streams() -> None:
    """A stream that was closed before the command began (`>&-`) ends in nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _invoke(arguments: list[str]) -> int:
    """Click's own `main` would print errors in its own form, so it is left out."""
    with group.make_context("sftcore", arguments) as context:
        result = group.invoke(context)
    return result if isinstance(result, int) else 0
