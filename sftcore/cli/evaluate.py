"""`sftcore evaluate`: a run's metrics on other data."""

from __future__ import annotations

from pathlib import Path

import click

from sftcore.cli.options import column_option, encoding_option, printing, run_argument, runs_option


@click.command("evaluate")
@run_argument
@click.option("--data", "source", required=True, metavar="SOURCE", help="What [data] source can name: file, glob, …")
@click.option("--encoding", help="Of the data's text files; default: detected.")
@column_option
@runs_option
@printing
def command(
    run: str, source: str, encoding: str | None, columns: dict[str, str], runs: Path, as_json: bool, quiet: bool
) -> None:
    """Compute the metrics of RUN on other data, read as its recipe says.

    RUN is a run folder, or a run's name or the folder of that name (its newest run).
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.runs.folder import Run

        found = Run.find(run, runs)
        from sftcore.serving import evaluate

        with encoding_option():
            metrics = evaluate(found, source, encoding=encoding, columns=columns, reporter=console)
        if as_json:
            console.json(metrics)
        else:
            console.show("ledger", metrics["ledger"])
            console.show("metrics", metrics)
