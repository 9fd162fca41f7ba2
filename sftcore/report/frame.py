"""The frame of every page: a section, the templates, and one self-contained HTML file around a body."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from sftcore import figures

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from sftcore.report.words import Words


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: its anchor, its heading (h2) and what stands below (headings from h3)."""

    id: str
    title: str
    body: Markup


def templates(words: Words) -> Environment:
    """The templates of this package, which escape every value; `words` is known in all of them.

    Filters: `number`, `signed`, `count`, `percent`, `duration`, as the methods of `Words`; `name`, of a class. A name
    that a template is not given is an error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sftcore.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals["words"] = words
    for name in ("number", "signed", "count", "percent", "duration"):
        environment.filters[name] = getattr(words, name)
    environment.filters["name"] = figures.name
    return environment


def filled(template: str, words: Words, **values: object) -> Markup:
    """A template of this package, filled."""
    from markupsafe import Markup

    return Markup(templates(words).get_template(template).render(**values))  # noqa: S704  # autoescape is on


def page(
    title: str, body: Markup, words: Words, *, scripts: bool = True, script: str = "", connect: bool = False
) -> str:
    """A whole HTML page around a body: styles and scripts inside it, nothing is fetched from anywhere.

    `scripts` adds sorting and filtering of tables, `script` code of the page's own; no other script runs, not even
    one that a text of the data would bring in. `connect`: the page may ask the server that it came from.
    """
    code = [part for part in (resource("tables.js") if scripts else "", script) if part]
    return (
        templates(words)
        .get_template("base.html")
        .render(
            title=title,
            body=body,
            style=resource("style.css"),
            scripts=code,
            policy=_policy(code, connect),
            connect=connect,
            version=version("sftcore"),
        )
    )


@cache
def resource(name: str) -> str:
    """A text file of this package."""
    return files("sftcore.report").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: list[str], connect: bool) -> str:
    """The content security policy: scripts by their hashes."""
    hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    parts = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "script-src": allowed,
        "img-src": "data:",
        **({"connect-src": "'self'"} if connect else {}),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())
