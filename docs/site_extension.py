"""Beyond Sphinx: links out of docs/ lead to the code host, search knows Chinese, Chinese pages say that they are."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
CHINESE_PAGES = "zh/"
LINKS = (addnodes.download_reference, addnodes.pending_xref)

SPLIT_QUERY = """
var splitQuery = (query) =>
  query
    .split(/[^\\p{Letter}\\p{Number}_]+/u)
    .flatMap((word) => word.match(/[HAN]+|[^HAN]+/g) || [])
    .flatMap((word) =>
      /[HAN]/.test(word) && word.length > 2
        ? Array.from({ length: word.length - 1 }, (_, i) => word.slice(i, i + 2))
        : [word]
    );
""".replace("HAN", HAN)
"""`words_of` in the reader's browser."""


def words_of(text: str) -> list[str]:
    """The words that search finds: letters and digits as they stand, runs of Chinese as all pairs of neighbours.

    Chinese has no blanks between words. Pairs need no dictionary, and whatever is asked for in two characters or more
    is found wherever it stands.
    """
    words: list[str] = []
    for part in re.findall(rf"[{HAN}]+|[^\W{HAN}]+", text):
        chinese = re.match(rf"[{HAN}]", part) and len(part) > 2
        words += [part[at : at + 2] for at in range(len(part) - 1)] if chinese else [part]
    return words


class BilingualSearch(SearchEnglish):
    """Sphinx's English search, and Chinese by pairs of characters."""

    lang = "en-zh"
    js_splitter_code = SPLIT_QUERY

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx calls it so
        """The words of a page's text."""
        return words_of(input)


class LinksOutOfDocs(SphinxTransform):
    """Links to files beside docs/ (recipes, README, benchmarks) lead to the code host, for they are no pages."""

    default_priority = 400

    def apply(self, **arguments: Any) -> None:
        """Replace each such link of the page."""
        docs = Path(self.env.srcdir)
        page = docs / self.env.docname
        for link in list(self.document.findall(lambda node: isinstance(node, LINKS))):
            ending = ".md" if link.get("refdomain") == "doc" else ""  # of pages Sphinx keeps the name without it
            path = Path(os.path.normpath(page.parent / (link["reftarget"] + ending)))
            if not path.is_relative_to(docs) and path.exists():
                place = path.relative_to(docs.parent).as_posix()
                anchor = f"#{link['reftargetid']}" if link.get("reftargetid") else ""
                link.replace_self(
                    nodes.reference("", "", *link.children, refuri=f"{self.config.code_host}/blob/main/{place}{anchor}")
                )


def list_the_folder(app: Sphinx, page: str, source: list[str]) -> None:
    """Below the README of a folder of pages, add the folder's other pages to the site's navigation."""
    folder = PurePosixPath(page).parent
    if PurePosixPath(page).name == "README" and str(folder) != ".":
        others = sorted(name for name in app.env.found_docs if PurePosixPath(name).parent == folder and name != page)
        names = "\n".join(PurePosixPath(name).name for name in others)
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def say_the_language(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Mark the Chinese pages as such, for screen readers, fonts and line breaks."""
    if page.startswith(CHINESE_PAGES):
        context["language"] = "zh-Hans"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.add_config_value("code_host", "", "env", str)
    app.add_search_language(BilingualSearch)
    app.add_transform(LinksOutOfDocs)
    app.connect("source-read", list_the_folder)
    app.connect("html-page-context", say_the_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
