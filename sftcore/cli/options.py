"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

recipe_argument = click.argument("recipe", type=click.Path(path_type=Path))
run_argument = click.argument("run")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, on stdout alone.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print only warnings and the result.")
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the recipe for this once: train.num_train_epochs=1, preprocess.0.rate=0.2.",
)
column_option = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=NAME",
    callback=lambda context, parameter, pairs: _by_role(pairs),
    help="The column for a role, where it is not called as in the recipe: text=review. Several times for several.",
)
runs_option = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    envvar="SFTCORE_RUNS",
    default=Path("runs"),
    show_default=True,
    show_envvar=True,
    metavar="DIR",
    help="Where the run folders are.",
)


def _by_role(pairs: tuple[str, ...]) -> dict[str, str]:
    """Role → column of the `--column` options. Raises `click.BadParameter`."""
    columns = {}
    for pair in pairs:
        role, equals, name = pair.partition("=")
        if not (role and equals and name):
            raise click.BadParameter(f"{pair!r} is not of the form ROLE=NAME, like text=review")
        columns[role.strip()] = name
    return columns


def printing(command: Command) -> Command:
    """`--json` and `--quiet`, for commands that print a result."""
    return json_option(quiet_option(command))


@contextmanager
def encoding_option() -> Iterator[None]:
    """Let what is said of `data.encoding`, the recipe's key, be said of the option `--encoding`."""
    from sftcore.errors import SftcoreError

    try:
        yield
    except SftcoreError as error:
        said = ("data.encoding", "--encoding")
        error.amend(lambda one: replace(one, key=one.key.replace(*said), advice=one.advice.replace(*said)))
        raise
