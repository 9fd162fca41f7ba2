"""`sftcore check`: everything short of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sftcore.cli.options import printing, recipe_argument, set_option
from sftcore.reporter import Relay

if TYPE_CHECKING:
    from sftcore.checking import CheckResult
    from sftcore.cli.console import Console
    from sftcore.recipe import Recipe


@click.command("check")
@recipe_argument
@set_option
@click.option(
    "--shape", "shape_only", is_flag=True, help="Only the recipe and its plugins: reads no data, loads no torch."
)
@click.option("--examples", type=click.IntRange(0, 100), default=3, show_default=True, help="Encoded rows to show.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it as one self-contained page, too; its language is report.language.",
)
@printing
def command(
    recipe: Path,
    overrides: tuple[str, ...],
    shape_only: bool,
    examples: int,
    html: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Everything short of training: what needs attention, the data and what was dropped, labels, lengths and
    truncation, twins and conflicting labels, encoded examples, and the plan with every default.
    """
    from sftcore.cli.console import Console
    from sftcore.cli.places import check_place
    from sftcore.errors import Problem, UsageError

    if shape_only and html:
        advice = "leave one of the two out"
        raise UsageError(Problem("there is no page of the shape alone", where="--html", advice=advice))
    if html:
        check_place("--html", html)
    with Console(as_json=as_json, quiet=quiet) as console:
        from sftcore.recipe import Recipe

        read = Recipe.read(recipe, overrides)
        if shape_only:
            _shape(console, read)
        else:
            _everything(console, read, examples, html)


def _shape(console: Console, recipe: Recipe) -> None:
    from sftcore import checking
    from sftcore.cli import plan
    from sftcore.registry import discover

    found = checking.shape(recipe, discover())
    if console.as_json:
        console.json(found)
    else:
        console.line(plan.shown_plan(found, recipe))
        console.print(plan.plugins(found))


def _everything(console: Console, recipe: Recipe, examples: int, html: Path | None) -> None:
    from sftcore.checking import check
    from sftcore.registry import discover

    reporter = _Waiting(console)
    try:
        found = check(recipe, discover(), reporter, examples=examples)
    except BaseException:
        reporter.tell()
        raise
    if html:
        _write_page(found, recipe, html)
    if console.as_json:
        reporter.tell()
        console.json(as_json(found))
    else:
        _print(console, recipe, found, html)


class _Waiting(Relay):
    """Keeps warnings back: they stand among what needs attention, first of all."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._warnings: list[str] = []

    def warning(self, text: str) -> None:
        """Keep it."""
        self._warnings.append(text)

    def tell(self) -> None:
        """Tell them after all: the check was not finished."""
        for text in self._warnings:
            super().warning(text)


def as_json(found: CheckResult) -> dict[str, Any]:
    """The result as plain values, each finding with its sentence."""
    from sftcore.report.said import advised, said
    from sftcore.report.words import Words
    from sftcore.runs.files import plain

    words = Words("en")
    table: dict[str, Any] = plain(found)
    for entry, finding in zip(table["findings"], found.findings, strict=True):
        entry |= {"text": said(finding, words), "advice": advised(finding, words)}
    return table


def _write_page(found: CheckResult, recipe: Recipe, html: Path) -> None:
    """The page; what a component keeps out of its `repr` is not on it. Raises `ResourceError` (disk full)."""
    from dataclasses import replace

    from sftcore.cli import plan
    from sftcore.report.checked import check_page
    from sftcore.report.discretion import hidden_paths, masked
    from sftcore.report.words import Words
    from sftcore.runs.files import write_text

    shape = replace(found.shape, plan=masked(found.shape.plan, hidden_paths(recipe)))
    found = replace(found, shape=shape)
    write_text(html, check_page(found, "\n".join(plan.plan(shape, recipe)), Words(recipe.report.language)))


def _print(console: Console, recipe: Recipe, found: CheckResult, html: Path | None) -> None:
    from sftcore.cli import findings, plan
    from sftcore.cli.text import plural

    console.print(*findings.overview(found))
    console.show("ledger", found.ledger)
    console.print(*findings.everything(found))
    console.line(plan.shown_plan(found.shape, recipe))
    console.print(plan.plugins(found.shape))
    if html:
        console.line(f"\nwritten to {html}")
    number = sum(one.level == "attention" for one in found.findings)
    attention = f"{plural(number, 'thing')} to look at, see above; " if number else ""
    console.line(f"\n{attention}nothing stands in the way of sftcore run {recipe.path}")
