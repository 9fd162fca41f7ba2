"""Write docs/images: pages as a browser shows them (PNG) and terminals as they print (SVG).

    python docs/make_screenshots.py RUNS [--out docs/images] [--only NAME ...]

RUNS is a folder of finished runs, `RUNS/<recipe>/<id>`. Pictures whose run is not there are left out, and said. Needs
the extras `browser` and `report`, and Chromium or Chrome on the PATH.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DOCS = Path(__file__).parent
ROOT = DOCS.parent
STARTER = "sentiment"
WIDE, PHONE = (1200, 820), (390, 780)
COLUMNS = 90
COLOURS = 96
"""Of a picture: enough for text and charts, and a third of the size."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


class MissingError(Exception):
    """What a picture is of is not there."""


@dataclass(frozen=True)
class Studio:
    """What pictures are made with and of."""

    browser: Browser
    runs: Path
    out: Path
    work: Path

    def run(self, name: str, place: int = 0) -> Path:
        """A run's folder; by default the first of that name."""
        folders = sorted(path.parent for path in self.runs.glob(f"{name}/[0-9]*/SHA256SUMS"))
        if len(folders) <= place:
            raise MissingError(f"no such run of {name}")
        return folders[place]

    def page(
        self,
        name: str,
        file: Path | str,
        size: tuple[int, int] = WIDE,
        scheme: str = "light",
        part: str = "",
        before: Callable[[Any], None] | None = None,
    ) -> None:
        """Photograph a page's first screen, or the part of it whose heading has the id `part`."""
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page = context.new_page()
        page.goto(file.resolve().as_uri() if isinstance(file, Path) else file)
        if before:
            before(page)
        path = self.out / f"{name}.png"
        shown = page.locator(f'section[aria-labelledby="{part}"]') if part else page
        if part and not shown.count():
            raise MissingError(f"the page has no part {part}")
        shown.screenshot(path=path)
        context.close()
        shrink(path)

    def terminal(self, name: str, title: str, output: str, stop: str = "") -> None:
        """Draw what a command printed, colours included, as it looks in a terminal, up to the line that begins with
        `stop`."""
        from rich.text import Text

        text = Text.from_ansi(output.strip("\n"))
        lines = list(text.split("\n"))
        places = [place for place, line in enumerate(lines) if stop and line.plain.strip().startswith(stop)]
        draw(self.out / f"{name}.svg", title, Text("\n").join(lines[: places[0]] if places else lines))


def sftcore(*arguments: str | Path, columns: int = COLUMNS) -> str:
    """What a command prints on a terminal with colours, results and errors."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(columns), "PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "sftcore", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def draw(path: Path, title: str, *parts: Any) -> None:
    """Write what rich prints as an SVG whose letters are those of the reader's own machine."""
    import io

    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    plain = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, markup=False, emoji=False, highlight=False
    )
    for part in parts:
        console.print(part)
    console.print()
    fonts = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace'
    svg = console.export_svg(title=title, code_format=plain, unique_id=path.stem).replace("Fira Code, monospace", fonts)
    path.write_text(svg, encoding="utf-8")


def shrink(path: Path) -> None:
    """Keep the colours that are needed: a picture of text has few."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


# -- the pictures ----------------------------------------------------------------------------------------------------


def report(name: str, studio: Studio, **options: Any) -> None:
    """The report of the first run of that name, made again as this version makes it."""
    file = studio.work / f"{name}.html"
    said = sftcore("report", studio.run(name), "--out", file)
    if not file.is_file():
        raise MissingError(said)
    target = options.pop("called", f"report-{name}")
    studio.page(target, file, **options)


def report_in_chinese(studio: Studio) -> None:
    """The starter's report, made again in Chinese."""
    file = studio.work / "zh.html"
    sftcore("report", studio.run(STARTER), "--language", "zh", "--out", file)
    studio.page("report-chinese", file)


def comparison(studio: Studio) -> None:
    """Two runs of the starter side by side: as a page, and on the terminal."""
    first, second = studio.run(STARTER, 0), studio.run(STARTER, 1)
    file = studio.work / "compare.html"
    output = sftcore("compare", first, second, "--html", file).replace(f"{studio.runs}/", "runs/")
    studio.page("compare", file)
    printed = output.replace(str(file), "compare.html")
    studio.terminal(
        "compare-terminal", f"sftcore compare {STARTER}/{first.name} {STARTER}/{second.name}", printed, "Only "
    )


def check(studio: Studio) -> None:
    """The check of the starter: as a page, and on the terminal as far as the lengths."""
    recipe, file = f"recipes/{STARTER}.toml", studio.work / "check.html"
    output = sftcore("check", recipe, "--html", file)
    studio.page("check", file)
    studio.terminal("check-terminal", f"sftcore check {recipe}", output, "Twins")


def loss_mask(studio: Studio) -> None:
    """Which tokens of a chat count in the loss."""
    file = studio.work / "chat.html"
    sftcore("check", "recipes/chat.toml", "--html", file)
    if not file.is_file():
        raise MissingError("recipes/chat.toml can't be checked here")
    studio.page("check-chat", file, part="examples")


def results(studio: Studio) -> None:
    """What the run prints at its end."""
    import json

    from sftcore.cli.results import rendered

    metrics = json.loads((studio.run(STARTER) / "metrics.json").read_text(encoding="utf-8"))
    draw(studio.out / "run-terminal.svg", f"sftcore run recipes/{STARTER}.toml", rendered("metrics", metrics))


def mistake(studio: Studio) -> None:
    """A recipe with two slips of the pen."""
    text = (ROOT / f"recipes/{STARTER}.toml").read_text(encoding="utf-8")
    file = studio.work / f"{STARTER}.toml"
    wrong = text.replace('use = "sentiment"', 'use = "sentimnt"').replace("learning_rate", "learnig_rate")
    file.write_text(wrong, encoding="utf-8")
    output = sftcore("check", file, "--shape").replace(f"{studio.work}/", "")
    studio.terminal("error-terminal", f"sftcore check {file.name}", output)


def trial(studio: Studio) -> None:
    """The page on which a model is tried, with a text that was asked."""
    run = studio.run(STARTER)

    def ask(page: Any) -> None:
        page.locator("textarea, input[type=text]").first.fill("great phone, love it, but the battery is bad")
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(12_000)

    with served(run) as address:
        studio.page("try", address, before=ask)


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The address of `sftcore try`, as long as it is needed."""
    command = [sys.executable, "-m", "sftcore", "try", str(run), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline().strip() if process.stdout else ""
        if not line.startswith("http://"):
            raise MissingError("sftcore try gave no address")
        yield line
    finally:
        process.terminate()
        process.wait(timeout=30)


PICTURES: dict[str, Callable[[Studio], None]] = {
    "report": partial(report, STARTER, called="report"),
    "report-dark": partial(report, STARTER, called="report-dark", scheme="dark"),
    "report-phone": partial(report, STARTER, called="report-phone", size=PHONE),
    "report-classes": partial(report, STARTER, called="report-classes", part="classes"),
    "report-calibration": partial(report, STARTER, called="report-calibration", part="calibration"),
    "report-curves": partial(report, STARTER, called="report-curves", part="curves"),
    "report-mistakes": partial(report, "legal-clauses", called="report-mistakes", part="mistakes"),
    "report-flow": partial(report, STARTER, called="report-flow", part="flow"),
    "report-qa": partial(report, "qa"),
    "report-qa-slices": partial(report, "qa", called="report-qa-slices", part="slices"),
    "report-chat": partial(report, "chat"),
    "report-chat-answers": partial(report, "chat", called="report-chat-answers", part="answers"),
    "report-t5-qa": partial(report, "t5-qa"),
    "report-legal-clauses": partial(report, "legal-clauses"),
    "report-contract-qa": partial(report, "contract-qa"),
    "report-legal-qa": partial(report, "legal-qa"),
    "report-chinese": report_in_chinese,
    "compare": comparison,
    "check": check,
    "check-chat": loss_mask,
    "run-terminal": results,
    "error-terminal": mistake,
    "try": trial,
}


def main() -> None:
    """Make the pictures that are asked for, by default all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, metavar="RUNS")
    parser.add_argument("--out", type=Path, default=DOCS / "images")
    parser.add_argument("--only", nargs="+", choices=PICTURES, metavar="NAME", default=list(PICTURES))
    given = parser.parse_args()
    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser_path is None:
        parser.error(f"none of {', '.join(BROWSERS)} is on the PATH")
    from playwright.sync_api import sync_playwright

    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, TemporaryDirectory() as work:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        studio = Studio(browser, given.runs.resolve(), given.out, Path(work))
        for name in given.only:
            try:
                PICTURES[name](studio)
                print(name)
            except MissingError as why:
                print(f"{name}: left out, {why}")
        browser.close()


if __name__ == "__main__":
    main()
