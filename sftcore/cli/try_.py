"""`sftcore try`: a local page on which a run's model is asked."""

from __future__ import annotations

from pathlib import Path

import click

from sftcore.cli.options import quiet_option, run_argument, runs_option
from sftcore.trying.server import PORT


@click.command("try")
@run_argument
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: one that is free is chosen."
)
@click.option("--no-browser", is_flag=True, help="Only say the address; open no browser.")
@click.option("--language", type=click.Choice(["en", "zh"]), help="Of the page; default: as the run's report.")
@runs_option
@quiet_option
def command(run: str, port: int, no_browser: bool, language: str | None, runs: Path, quiet: bool) -> None:
    """Ask the model of RUN on a page in the browser: type a text, see the prediction, its scores, and the span or the
    words that mattered.

    The page is served on this computer alone (127.0.0.1) until Ctrl-C. What is typed is neither stored nor logged.
    Needs the extra: pip install "sftcore[try]".

    RUN is a run folder, or a run's name or the folder of that name (its newest run).
    """
    from sftcore.cli.console import Console
    from sftcore.trying.server import check_installed, listening, serve, show

    with Console(quiet=quiet) as console:
        check_installed()
        with listening(port) as taken:
            from sftcore.report.evidence import Evidence
            from sftcore.report.words import Words
            from sftcore.serving import find_run, load_model
            from sftcore.trying.answering import Trial
            from sftcore.trying.app import application

            found = find_run(run, runs)
            console.stage("load", "model")
            words = Words(language or Evidence.read(found.path).language)  # type: ignore[arg-type]  # click checks it
            trial = Trial(load_model(found), words, found.name, found.id)
            address = f"http://{taken.getsockname()[0]}:{taken.getsockname()[1]}/"
            console.write(f"{address}\n")
            console.note("Ctrl-C ends it")
            if not no_browser and not show(address):
                console.note("no browser was opened: open the address yourself")
            serve(application(trial, console.warning), taken)
