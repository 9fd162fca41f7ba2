"""Pages opened in a headless browser: what they print to the console, ask for, and what axe finds in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
HEIGHTS = {1440: 900, 390: 844}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Opened:
    """A page, and what happened since it was opened: `errors` of console and scripts, `requests` but for the page's."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate(OVERFLOW))

    def axe(self) -> list[str]:
        """What axe complains of: rule, and the first element; [] where it finds nothing."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})" for one in found]

    def turn(self, width: int, scheme: str) -> None:
        """Go on in a window of another width, light or dark."""
        self.page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 900)})
        media: Any = {"color_scheme": scheme}
        self.page.emulate_media(**media)

    def load_seconds(self) -> float:
        """From the start of the navigation to the end of the load event."""
        entry = "() => performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
        return float(self.page.evaluate(entry))


class Browser:
    """A running browser; each page gets a context of its own."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    @contextmanager
    def open(self, place: Path | str, width: int = 1440, scheme: str = "light", **options: Any) -> Iterator[Opened]:
        """A file or a URL in a window of that width (pixels), light or dark. `options` go to the context."""
        url = Path(place).resolve().as_uri() if isinstance(place, Path) or "://" not in place else place
        size: Any = {"width": width, "height": HEIGHTS.get(width, 900)}
        context = self._chromium.new_context(viewport=size, color_scheme=scheme, bypass_csp=False, **options)
        try:
            opened = Opened(context.new_page())
            _listen(opened, url)
            opened.page.goto(url, wait_until="load")
            yield opened
        finally:
            context.close()


def _listen(opened: Opened, url: str) -> None:
    def console(message: Any) -> None:
        if message.type in ("error", "warning"):
            opened.errors.append(message.text)

    opened.page.on("console", console)
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    asked = opened.requests.append
    opened.page.on("request", lambda request: None if request.url == url else asked(request.url))


def skip_without_browser() -> str:
    """The path of a Chromium; skips the test, with the reason, where there is none."""
    for module in ("playwright", "axe_playwright_python"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed (pip install 'sftcore[browser]')")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser on PATH: {', '.join(NAMES)}")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """One browser for several pages. Skips the test where there is none."""
    executable = skip_without_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


@contextmanager
def open_page(place: Path | str, width: int = 1440, scheme: str = "light", **options: Any) -> Iterator[Opened]:
    """One page in a browser of its own; see `Browser.open`."""
    with browser() as opener, opener.open(place, width, scheme, **options) as opened:
        yield opened
