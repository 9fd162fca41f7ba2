"""`sftcore verify`: every file of a run against its hash, the reloaded model against the recorded outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sftcore.cli.options import printing, run_argument, runs_option

if TYPE_CHECKING:
    from sftcore.runs.verify import Reread, VerifyResult


@click.command("verify")
@run_argument
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The recipe's folder: read its data again, and run the model on the test rows.",
)
@runs_option
@printing
def command(run: str, folder: Path | None, runs: Path, as_json: bool, quiet: bool) -> None:
    """Compare every file of RUN with its hash, and the reloaded model with the recorded outputs.

    RUN is a run folder, or a run's name or the folder of that name (its newest run). Where the recipe has
    report.texts = false no inputs are recorded; --folder lets them be made again from the data.
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.runs.folder import Run
        from sftcore.runs.verify import verify

        found = Run.find(run, runs)
        report = verify(found, reporter=console)
        if folder is not None:
            from sftcore.rereading import reread

            report = replace(report, reread=reread(found, folder, console))
        if as_json:
            console.json(report)
        else:
            for text in _sentences(report):
                console.line(text)


def _sentences(report: VerifyResult) -> Iterator[str]:
    from sftcore.cli.text import plural

    yield f"{plural(report.files, 'file')} as sealed, by SHA-256"
    outputs, generated = report.outputs, report.generated
    if report.reread is not None:
        yield from _reread(report.reread)
    if generated is not None:
        yield (
            f"the reloaded model writes the recorded tokens for {plural(generated.rows, 'row')}: "
            f"{plural(generated.tokens, 'token')}, greedily (fp32, {generated.device})"
        )
        if generated.near_ties:
            yield f"{plural(generated.near_ties, 'row')} among them went on from a tie of two tokens otherwise"
        return
    if outputs is None:
        if report.reread is None:
            yield f"the model was not run: {report.skipped}"
            yield "--folder DIR, the folder of the recipe, reads the data again and runs it on the test rows"
        return
    yield (
        f"the reloaded model gives the recorded outputs of {plural(outputs.rows, 'row')}: largest difference "
        f"{outputs.max_difference:.1g}, allowed {outputs.tolerance:.1g} ({outputs.precision}, {outputs.device})"
    )
    if outputs.near_ties:
        yield f"{plural(outputs.near_ties, 'near-tie')} in which the label tips over"


def _reread(found: Reread) -> Iterator[str]:
    from sftcore.cli.text import plural

    again = f"{plural(found.rows, 'test row')}, read and encoded again"
    if found.loss is not None and found.recorded_loss is not None:
        yield f"the reloaded model's loss on {again}: {found.loss:.6g}, recorded {found.recorded_loss:.6g}"
    if found.outputs is not None:
        yield (
            f"it gives the recorded outputs of {plural(found.outputs.rows, 'row')}: largest difference "
            f"{found.outputs.max_difference:.1g}, allowed {found.outputs.tolerance:.1g} ({found.outputs.precision})"
        )
