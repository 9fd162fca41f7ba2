"""Tables with delimiters: which delimiter and quotes a file uses, and its cells as text."""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore import DataError, Problem

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
LARGEST = (1 << 31) - 2
"""Bytes that pyarrow parses at once."""
ROWS_LISTED = 3


def read_delimited(text: str, path: str, usual: str) -> pa.Table:
    """The table of a text whose first line names the columns, every cell as text.

    An empty cell without quotes is missing (None). `usual` is the delimiter that the file's ending promises;
    where another one fits better it is used, with a warning. Raises `DataError` with the rows that do not fit.
    """
    text, delimiter = _delimiter(text, usual)
    if delimiter != usual:
        warnings.warn(f"{Path(path).name} is separated by {NAMES.get(delimiter, delimiter)}", stacklevel=2)
    names = _header(text, delimiter, path)
    if delimiter != "\t":
        return _parse(text, names, delimiter, '"', path)
    plain = _parse(text, names, delimiter, False, path, strict=False)
    quoted = _parse(text, names, delimiter, '"', path, strict=plain is None) if '"' in text else plain
    if quoted is None or (plain is not None and quoted.num_rows < plain.num_rows):
        warnings.warn(f"quotes in {Path(path).name} are read as ordinary characters", stacklevel=2)
        return plain
    return quoted


def _delimiter(text: str, usual: str) -> tuple[str, str]:
    """The text without a spreadsheet's line `sep=;`, and the delimiter that cuts its first rows evenly."""
    first = text[:6].lower()
    if first.startswith("sep=") and "\n" in text[5:8]:
        return text[text.index("\n") + 1 :], text[4]
    candidates = [usual, *(delimiter for delimiter in NAMES if delimiter != usual)]
    widths = {delimiter: _widths(text, delimiter) for delimiter in candidates}
    several = [delimiter for delimiter in candidates if widths[delimiter] and widths[delimiter][0] > 1]
    even = [delimiter for delimiter in several if len(set(widths[delimiter])) == 1]
    return text, next(iter([*even, *several, usual]))


def _widths(text: str, delimiter: str) -> list[int]:
    """Cells in each of the first 50 rows."""
    sample = io.StringIO(text[: 1 << 20], newline="")
    try:
        rows = [row for row in islice(csv.reader(sample, delimiter=delimiter), 50) if row]
    except csv.Error:
        return []
    return [len(row) for row in (rows if len(rows) < 2 or len(text) <= 1 << 20 else rows[:-1])]


def _header(text: str, delimiter: str, path: str) -> list[str]:
    """The column names; a blank one becomes `column_<number>`. Raises `DataError` for an empty file or a repeat."""
    try:
        row = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row), None)
    except csv.Error as error:
        raise DataError(Problem(f"the first line can't be read: {error}", where=path, line=1)) from error
    if row is None:
        raise DataError(Problem("the file is empty; a first line with column names was expected", where=path))
    names = [name.strip() or f"column_{number}" for number, name in enumerate(row, 1)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        places = ", ".join(str(number) for number, name in enumerate(names, 1) if name == repeated[0])
        message = f"the column {repeated[0]!r} is there {names.count(repeated[0])} times (columns {places})"
        raise DataError(Problem(message, where=path, line=1, advice="rename all but one in the first line"))
    return names


def _parse(text: str, names: Sequence[str], delimiter: str, quote: str | bool, path: str, strict: bool = True) -> Any:
    """The table; None instead of an error where rows do not fit and `strict` is false."""
    content = text.encode()
    if len(content) > LARGEST:
        raise DataError(Problem("larger than 2 GB; cut it into several files", where=path))
    if not content.endswith((b"\n", b"\r")):
        content += b"\n"  # pyarrow calls a lone first line an empty file otherwise
    table, ragged = _cells(content, names, delimiter, quote)
    unclosed = bool(quote) and text.count('"') % 2 and _swallowed(table)
    if not strict and (ragged or unclosed):
        return None
    if ragged:
        raise DataError(*_ragged(ragged, path))
    if unclosed:
        message = "a quote is opened in this row and never closed, so it takes in the rest of the file"
        raise DataError(Problem(message, where=path, row=table.num_rows, advice='close it, or double it ("")'))
    return table


def _cells(content: bytes, names: Sequence[str], delimiter: str, quote: str | bool) -> tuple[pa.Table, list[Any]]:
    """The rows after the first line that have as many cells as it, and pyarrow's account of the others."""
    import pyarrow as pa
    from pyarrow import csv as reader

    ragged: list[Any] = []

    def keep_in_mind(row: Any) -> str:
        ragged.append(row)
        return "skip"

    table = reader.read_csv(
        pa.BufferReader(content),
        reader.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=names),
        reader.ParseOptions(
            delimiter=delimiter, quote_char=quote, newlines_in_values=bool(quote), invalid_row_handler=keep_in_mind
        ),
        reader.ConvertOptions(
            check_utf8=False,
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
            column_types=dict.fromkeys(names, pa.large_string()),
        ),
    )
    return table.slice(1), ragged


def _swallowed(table: pa.Table) -> bool:
    """Whether the last cell holds lines: the trace of a quote that was never closed."""
    last: str | None = table.column(table.num_columns - 1)[-1].as_py() if table.num_rows else None
    return last is not None and "\n" in last


def _ragged(rows: Sequence[Any], path: str) -> list[Problem]:
    problems = []
    for row in rows[:ROWS_LISTED]:
        number = None if row.number is None else row.number - 1
        few = row.actual_columns == 1
        cells = f"{row.actual_columns} cell{'' if few else 's'} where the first line has {row.expected_columns}"
        advice = "put cells with the delimiter, quotes or line breaks between double quotes"
        if "\n" in row.text and row.text.count('"') % 2:
            cells, advice = "a quote is opened in this row and never closed", 'close it, or double it ("")'
        problems.append(Problem(cells, where=path, row=number, value=row.text, advice=advice))
    if len(rows) > ROWS_LISTED:
        problems.append(Problem(f"{len(rows) - ROWS_LISTED:,} more rows have too many or too few cells", where=path))
    return problems
