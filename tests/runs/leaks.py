"""Whether texts of the data stand in a folder's files: byte by byte, in every form that JSON or Parquet has of them."""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PIECE = 20
"""So many consecutive characters of a text are a piece of it that nobody could have written by accident."""
SHORTEST = 6
"""A text shorter than a piece is looked for whole, if it is at least so long."""
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|[\"\\/bfnrt])")


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a row."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def pieces(text: str) -> set[str]:
    """All pieces of a text; a short one whole."""
    if len(text) < PIECE:
        return {text} if len(text) >= SHORTEST else set()
    return {text[start : start + PIECE] for start in range(len(text) - PIECE + 1)}


def leaks(folder: Path, texts: Iterable[str], allowed: Iterable[str] = ()) -> list[str]:
    """`file: piece` for every file below the folder, but those `allowed`, that holds a piece of a text in any form."""
    wanted = set().union(*map(pieces, texts))
    short, without = {piece for piece in wanted if len(piece) < PIECE}, {folder / name for name in allowed}
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path not in without):
        for form in _forms(path):
            windows = {form[start : start + PIECE] for start in range(len(form) - PIECE + 1)}
            held = (wanted & windows) | {piece for piece in short if piece in form}
            found += [f"{path.relative_to(folder)}: {piece!r}" for piece in sorted(held)[:1]]
    return found


def _forms(path: Path) -> Iterator[str]:
    """What the file's bytes are as text: as they are, without the escapes of HTML and addresses, and without those of
    JSON, once and twice (JSON in JSON); what is in archives, and the cells of a table with its metadata."""
    for content in _contents(path):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            text = content.decode(encoding, "ignore")
            yield text
        text = content.decode("utf-8", "replace")
        yield html.unescape(text)
        yield unquote(text, errors="replace")
        for _ in range(2):
            text = _unescaped(text)
            yield text


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if zipfile.is_zipfile(path):  # what torch saves
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        yield json.dumps([metadata, table.to_pylist()], ensure_ascii=False).encode()


def _unescaped(text: str) -> str:
    """The text with JSON's escapes replaced by what they stand for."""
    return _ESCAPED.sub(lambda found: json.loads(f'"{found[0]}"'), text)
