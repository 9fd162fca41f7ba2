"""`sftcore push`: upload a run's model, with its card, to the Hugging Face hub."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sftcore.cli.options import printing, run_argument, runs_option

if TYPE_CHECKING:
    from sftcore.cli.console import Console
    from sftcore.runs.sharing import Push

SHOWN = 12


@click.command("push")
@run_argument
@click.option("--to", default="", metavar="REPO", help="NAMESPACE/NAME on the hub; default: the run's name, as yours.")
@click.option("--public", is_flag=True, help="A repository that everybody can read; without it a private one.")
@click.option("--yes", is_flag=True, help="Upload without asking.")
@click.option("--dry-run", is_flag=True, help="Only say what would be uploaded; the hub is not asked.")
@runs_option
@printing
def command(run: str, to: str, public: bool, yes: bool, dry_run: bool, runs: Path, as_json: bool, quiet: bool) -> None:
    """Upload the model of RUN, with its model card, to the Hugging Face hub.

    What goes there is said first, and asked about. The token is that of HF_TOKEN or of `hf auth login`. RUN is a run
    folder, or a run's name (its newest run).
    """
    from sftcore.cli.console import Console

    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.runs.folder import Run
        from sftcore.runs.sharing import plan_push, push

        found = Run.find(run, runs)
        planned = plan_push(found, to, public=public, ask=not dry_run, reporter=console)
        if not as_json and not (quiet and yes):
            _show(console, planned)
        if not dry_run and (yes or _agreed(console, planned)):
            planned = push(found, planned, console)
        if as_json:
            console.json(planned)
        else:
            console.line(f"uploaded  {planned.url}" if planned.url else "nothing was uploaded")


def _agreed(console: Console, planned: Push) -> bool:
    """Whether the user says yes. Raises `UsageError` where nobody can be asked."""
    from sftcore.errors import Problem, UsageError

    if console.as_json or not (sys.stdin.isatty() and console.is_terminal):
        message = "nothing was uploaded: there is nobody here who could be asked"
        advice = "--yes uploads without asking, --dry-run only says what would be uploaded"
        raise UsageError(Problem(message, where="sftcore push", advice=advice))
    return click.confirm(f"Upload {_amount(planned)} to {planned.repo}?", err=True)


def _show(console: Console, planned: Push) -> None:
    for text in _lines(planned):
        console.line(text)


def _lines(planned: Push) -> Iterator[str]:
    """What is uploaded where, as a table of two columns."""
    visible = "private" if planned.private else "PUBLIC: everybody can read it"
    there = {None: "the hub was not asked whether it exists", False: "new", True: "exists"}[planned.exists]
    yield f"to        {planned.repo} ({visible}; {there})"
    yield f"files     {_amount(planned)}, all of {Path(planned.run) / 'model'}"
    width = max(len(name) for name, _ in planned.files)
    for name, size in planned.files[:SHOWN]:
        yield f"          {name:<{width}}  {_size(size):>8}" + ("  replaces" if name in planned.replaced else "")
    if len(planned.files) > SHOWN:
        yield f"          … and {len(planned.files) - SHOWN} more"
    if planned.kept:
        yield f"stays     {', '.join(planned.kept[:SHOWN])}{' …' if len(planned.kept) > SHOWN else ''}"
    yield f"card      README.md tells: {', '.join(planned.card)}"
    for place, note in enumerate(planned.notes):
        yield f"{'' if place else 'mind':<10}{note}"


def _amount(planned: Push) -> str:
    from sftcore.cli.text import plural

    return f"{plural(len(planned.files), 'file')} ({_size(planned.bytes)})"


def _size(number: int) -> str:
    """`812 B`, `6.9 kB`, `90.9 MB`, `1.2 GB`, in powers of 1,000, as the hub shows them."""
    size, unit = float(number), "B"
    for larger in ("kB", "MB", "GB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
