"""Links of the pages, in both languages: relative ones lead somewhere, others have a form that can."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, name_of, prose

LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)")
BARE = re.compile(r"<(https?://[^>\s]+)>")


def links(page: Path) -> list[tuple[str, str]]:
    """Targets of links, and whether each is an image; those within a link's text too."""
    text = re.sub(r"`[^`\n]+`", "code", prose(page))
    found = list(LINK.finditer(text))
    found += [inner for match in found for inner in LINK.finditer(match["text"])]
    return [(match["target"], match["image"]) for match in found] + [(target, "") for target in BARE.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target, image in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.is_relative_to(ROOT), f"{name_of(page)} links to {target}, outside the repository"
        assert place.exists(), f"{name_of(page)} links to {target}"
        assert not image or place.is_file(), f"{name_of(page)} shows {target}, which is no file"
        assert not anchor or anchor in anchors(place), f"{name_of(page)} links to {target}; there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_other_links_are_web_addresses(page: Path) -> None:
    """They are not followed: the tests need no network."""
    for target, _ in links(page):
        if re.match(r"[a-z]+:", target):
            parts = urlsplit(target)
            assert parts.scheme == "https", f"{name_of(page)} links to {target}: not by https"
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), f"{name_of(page)} links to {target}"
            assert "//" not in parts.path, f"{name_of(page)} links to {target}: an empty part in its path"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_link_stands_broken_over_lines(page: Path) -> None:
    text = re.sub(r"`[^`\n]+`", "code", prose(page))
    assert re.findall(r"\]\([^)\n]*\n|\]\n\(", text) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_images_say_what_they_show(page: Path) -> None:
    texts = [match["text"] for match in re.finditer(r"!\[(?P<text>[^\]]*)\]\(", prose(page))]
    assert [text for text in texts if len(text) < 20] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_headings_are_in_order_and_stand_once(page: Path) -> None:
    levels = [len(found) for found in re.findall(r"^(#{1,6}) ", prose(page), re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []
    found = [] if page.name == "CHANGELOG.md" else anchors(page)  # it has an "Added" for each version
    assert [anchor for anchor in set(found) if found.count(anchor) > 1] == []


def test_every_page_is_found_from_the_index() -> None:
    """From docs/README.md, or from the README of the page's own folder."""

    def led_to(index: Path) -> set[Path]:
        return {(index.parent / target.partition("#")[0]).resolve() for target, _ in links(index)}

    pages = [page for page in PAGES if page.is_relative_to(DOCS) and page != DOCS / "README.md"]
    known = led_to(DOCS / "README.md")
    folders = {page: page.parent / "README.md" for page in pages if page.name != "README.md"}
    assert [
        name_of(page)
        for page in pages
        if page not in known and not (page in folders and folders[page] in known and page in led_to(folders[page]))
    ] == []


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target, image in links(page) if image}
    assert set((DOCS / "images").glob("*.*")) <= shown


def test_links_are_found() -> None:
    page = ROOT / "README.md"
    assert ("docs/README.md", "") in links(page)
    assert posixpath.exists(ROOT / links(page)[0][0].partition("#")[0])
