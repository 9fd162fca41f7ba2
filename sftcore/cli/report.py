"""`sftcore report`: a run's page, made again from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sftcore.cli.options import printing, run_argument, runs_option

if TYPE_CHECKING:
    from sftcore.runs.folder import Run


@click.command("report")
@run_argument
@click.option("--language", type=click.Choice(["en", "zh"]), help="Default: the recipe's [report] language.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it; default: NAME-ID-report.html in this folder.",
)
@runs_option
@printing
def command(
    run: str, language: Literal["en", "zh"] | None, out: Path | None, runs: Path, as_json: bool, quiet: bool
) -> None:
    """Make the page of RUN again: in another language, or with charts that were missing. The run stays as it is.

    RUN is a run folder, or a run's name or the folder of that name (its newest run).
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.report import write_report
        from sftcore.runs.folder import Run

        found = Run.find(run, runs)
        path = _place(found, out)
        missing = write_report(found.path, language, path)
        for what in missing:
            console.warning(f"{path} is not whole: {what}")
        if as_json:
            console.json({"run": str(found.path), "report": str(path), "missing": list(missing)})
        else:
            console.line(f"report  {path}")


def _place(run: Run, out: Path | None) -> Path:
    """Where the page goes. Raises `UsageError` for a place where it can't be, and `RunError` for a run without
    results."""
    from sftcore.cli.places import check_place
    from sftcore.errors import Problem, RunError

    if not run.metrics:
        advice = "the command that began it goes on with it: sftcore run RECIPE"
        raise RunError(Problem("has no results yet: it is not finished", where=str(run.path), advice=advice))
    path = Path(f"{run.name}-{run.id}-report.html") if out is None else out
    path = path / f"{run.name}-{run.id}-report.html" if path.is_dir() else path
    check_place("--out", path)
    return path
