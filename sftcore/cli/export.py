"""`sftcore export`: a run's model as a folder of its own, or its adapter alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sftcore.cli.options import printing, run_argument, runs_option

if TYPE_CHECKING:
    from sftcore.runs.exporting import Exported


@click.command("export")
@run_argument
@click.option("--merge", "what", flag_value="model", help="The whole model, an adapter merged into its base.")
@click.option("--adapter", "what", flag_value="adapter", help="The adapter alone, as PEFT loads it.")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A new or empty folder; default: exports/NAME-ID (of an adapter exports/NAME-ID-adapter).",
)
@click.option("--base", default="", metavar="PLACE", help="Where the base is now, as [model] base can name it.")
@runs_option
@printing
def command(run: str, what: str | None, to: Path | None, base: str, runs: Path, as_json: bool, quiet: bool) -> None:
    """Write the model of RUN to a folder that needs neither sftcore nor PEFT, or its adapter.

    With --merge the weights of a run with an adapter are made anew from base and adapter; its outputs are compared
    with the recorded ones before the folder gets its name. RUN is a run folder, or a run's name (its newest run).
    """
    from sftcore.cli.console import Console

    if what is None:
        raise click.UsageError("what to export is missing: --merge (the whole model) or --adapter")
    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.runs.exporting import export_adapter, export_model
        from sftcore.runs.folder import Run

        found = Run.find(run, runs)
        whole = what == "model"
        done = export_model(found, to, base, console) if whole else export_adapter(found, to, console)
        if as_json:
            console.json(done)
        else:
            for text in _sentences(done):
                console.line(text)


def _sentences(done: Exported) -> Iterator[str]:
    from sftcore.cli.text import plural

    if done.merged:
        difference = f"{done.weights_difference:.1g}"
        yield f"base and adapter merged: the weights of the run's model, largest difference {difference}"
    if done.outputs:
        yield (
            f"it gives the recorded outputs of {plural(done.outputs.rows, 'row')}: largest difference "
            f"{done.outputs.max_difference:.1g}, allowed {done.outputs.tolerance:.1g} ({done.outputs.precision})"
        )
    if done.generated:
        written = done.generated
        ties = f", {plural(written.near_ties, 'near-tie')}" if written.near_ties else ""
        yield f"it writes the recorded {plural(written.tokens, 'token')} of {plural(written.rows, 'row')}{ties}"
    if done.skipped:
        yield f"its outputs were not compared: {done.skipped}"
    yield f"{done.what}  {done.path}"
