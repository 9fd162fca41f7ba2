"""`sftcore check`: everything short of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sftcore.cli.options import printing, recipe_argument, set_option

if TYPE_CHECKING:
    from sftcore.cli.console import Console
    from sftcore.recipe import Recipe


@click.command("check")
@recipe_argument
@set_option
@click.option(
    "--shape", "shape_only", is_flag=True, help="Only the recipe and its plugins: reads no data, loads no torch."
)
@click.option("--examples", type=click.IntRange(0, 100), default=3, show_default=True, help="Encoded rows to show.")
@printing
def command(
    recipe: Path, overrides: tuple[str, ...], shape_only: bool, examples: int, as_json: bool, quiet: bool
) -> None:
    """Everything short of training: recipe and plugins, data and what was dropped, labels, lengths and
    truncation, twins and conflicting labels, encoded examples, and the plan with every default.
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.recipe import Recipe

        read = Recipe.read(recipe, overrides)
        if shape_only:
            _shape(console, read)
        else:
            _everything(console, read, examples)


def _shape(console: Console, recipe: Recipe) -> None:
    from sftcore import checking
    from sftcore.cli import findings
    from sftcore.registry import discover

    found = checking.shape(recipe, discover())
    if console.as_json:
        console.json(found)
    else:
        console.line(findings.shown_plan(found, recipe))
        console.print(findings.plugins(found))


def _everything(console: Console, recipe: Recipe, examples: int) -> None:
    from sftcore import checking
    from sftcore.cli import findings
    from sftcore.cli.text import plural
    from sftcore.registry import discover

    found = checking.check(recipe, discover(), console, examples=examples)
    if console.as_json:
        console.json(found)
        return
    console.show("ledger", found.ledger)
    console.print(*findings.everything(found))
    console.line(findings.shown_plan(found.shape, recipe))
    console.print(findings.plugins(found.shape))
    warned = f"{plural(console.warnings, 'warning')}; " if console.warnings else ""
    console.line(f"\n{warned}nothing stands in the way of sftcore run {recipe.path}")
