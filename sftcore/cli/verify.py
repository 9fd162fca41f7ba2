"""`sftcore verify`: every file of a run against its hash, the reloaded model against the recorded outputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sftcore.cli.options import printing, run_argument, runs_option

if TYPE_CHECKING:
    from sftcore.runs.verify import VerifyResult


@click.command("verify")
@run_argument
@runs_option
@printing
def command(run: str, runs: Path, as_json: bool, quiet: bool) -> None:
    """Compare every file of RUN with its hash, and the reloaded model with the recorded outputs.

    RUN is a run folder, or a run's name or the folder of that name (its newest run).
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.runs.folder import Run
        from sftcore.runs.verify import verify

        report = verify(Run.find(run, runs), reporter=console)
        if as_json:
            console.json(report)
        else:
            for text in _sentences(report):
                console.line(text)


def _sentences(report: VerifyResult) -> Iterator[str]:
    from sftcore.cli.text import plural

    yield f"{plural(report.files, 'file')} as sealed, by SHA-256"
    outputs, generated = report.outputs, report.generated
    if generated is not None:
        yield (
            f"the reloaded model writes the recorded tokens for {plural(generated.rows, 'row')}: "
            f"{plural(generated.tokens, 'token')}, greedily (fp32, {generated.device})"
        )
        if generated.near_ties:
            yield f"{plural(generated.near_ties, 'row')} among them went on from a tie of two tokens otherwise"
        return
    if outputs is None:
        yield f"the model was not run: {report.skipped}"
        return
    yield (
        f"the reloaded model gives the recorded outputs of {plural(outputs.rows, 'row')}: largest difference "
        f"{outputs.max_difference:.1g}, allowed {outputs.tolerance:.1g} ({outputs.precision}, {outputs.device})"
    )
    if outputs.near_ties:
        yield f"{plural(outputs.near_ties, 'near-tie')} in which the label tips over"
