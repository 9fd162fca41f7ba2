"""`sftcore run`: carry out a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sftcore.cli.options import printing, recipe_argument, runs_option, set_option

if TYPE_CHECKING:
    from sftcore.cli.console import Console
    from sftcore.runs.folder import Run


@click.command("run")
@recipe_argument
@set_option
@click.option("--fresh", is_flag=True, help="Start the next run, whatever became of the one before.")
@runs_option
@printing
def command(recipe: Path, overrides: tuple[str, ...], fresh: bool, runs: Path, as_json: bool, quiet: bool) -> None:
    """Carry out RECIPE: data, training, evaluation, a sealed run folder.

    A run that was stopped goes on where it was. A finished one whose recipe did not change is shown as it is;
    one whose recipe changed is followed by the next.
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.recipe import Recipe

        read = Recipe.read(recipe, overrides)
        from sftcore.pipeline import run

        finished = run(read, runs=runs, fresh=fresh, reporter=console)
        if as_json:
            console.json(_as_json(finished))
        else:
            _show(console, finished, quiet)


def _as_json(run: Run) -> dict[str, Any]:
    report = {"report": str(run.report_path)} if run.report_path.is_file() else {}
    told = {"run": str(run.path), "name": run.name, "id": run.id, **report}
    return {**told, "metrics": run.metrics, "ledger": run.ledger}


def _show(console: Console, run: Run, quiet: bool) -> None:
    metrics = run.metrics
    if not quiet:
        console.show("ledger", run.ledger)
    console.show("metrics", metrics)
    if metrics.get("time") and not quiet:
        console.show("time", metrics["time"])
    console.line(f"\nrun      {run.path}")
    if not quiet:
        console.line(f"predict  sftcore predict {_quoted(run.path)} --text TEXT")
    if run.report_path.is_file():
        console.line(f"report   {run.report_path}")


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
