"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
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


def printing(command: Command) -> Command:
    """`--json` and `--quiet`, for commands that print a result."""
    return json_option(quiet_option(command))
