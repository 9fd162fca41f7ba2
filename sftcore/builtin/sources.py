"""The file formats that sftcore reads: tables as text, JSON, Parquet and plain lines."""

from __future__ import annotations

import hashlib
import json
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

from sftcore import DataError, Excerpt, Problem, Source
from sftcore.builtin.delimited import read_delimited
from sftcore.builtin.text_encoding import read_text, without_lone_surrogates

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa


def _with_compressed(*endings: str) -> tuple[str, ...]:
    return tuple(ending + packed for ending in endings for packed in ("", ".gz", ".bz2", ".xz"))


class _FileSource(Source):
    @abstractmethod
    def read(self, path: str, encoding: str | None) -> pa.Table:
        """The file's table."""

    def load(self, location: str, *, encoding: str | None = None) -> datasets.Dataset:
        from datasets import Dataset

        return Dataset(self.read(location, encoding), fingerprint=_fingerprint(location))


class Csv(_FileSource, name="csv"):
    """Tables separated by commas (or semicolons, tabs, bars: detected), the first line naming the columns."""

    endings: ClassVar[tuple[str, ...]] = _with_compressed(".csv")

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """Every cell as text; an empty cell without quotes is missing."""
        return read_delimited(read_text(path, encoding), path, ",")


class Tsv(_FileSource, name="tsv"):
    """Tables separated by tabs, the first line naming the columns."""

    endings: ClassVar[tuple[str, ...]] = _with_compressed(".tsv", ".tab")

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """Every cell as text; an empty cell without quotes is missing."""
        return read_delimited(read_text(path, encoding), path, "\t")


class Json(_FileSource, name="json"):
    """A JSON array of objects, or one object of columns, each an array."""

    endings: ClassVar[tuple[str, ...]] = _with_compressed(".json")

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """Nested values stay nested."""
        text = read_text(path, encoding)
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data" and error.lineno > 1:
                return _table(_lines(text, path), path)
            raise DataError(_invalid(path, error, error.lineno)) from error
        return _table(_objects(content, path), path)


class JsonLines(_FileSource, name="jsonl"):
    """One JSON object a line."""

    endings: ClassVar[tuple[str, ...]] = _with_compressed(".jsonl", ".ndjson")

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """Nested values stay nested; empty lines are left out."""
        return _table(_lines(read_text(path, encoding), path), path)


class Parquet(_FileSource, name="parquet"):
    """Apache Parquet files."""

    endings: ClassVar[tuple[str, ...]] = (".parquet",)

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """The columns with their types."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(path).read()
        except (OSError, pa.ArrowException) as error:
            raise DataError(Problem(f"no valid Parquet: {str(error).splitlines()[0]}", where=path)) from error


class Text(_FileSource, name="text"):
    """Plain text, a row a line: columns `text`, `file` (its name without ending) and `folder`."""

    endings: ClassVar[tuple[str, ...]] = _with_compressed(".txt")

    def read(self, path: str, encoding: str | None) -> pa.Table:
        """An empty line is a row whose text is missing."""
        import pyarrow as pa

        lines = read_text(path, encoding).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
        place = Path(path).absolute()
        columns = {"text": [line or None for line in lines]}
        columns |= {"file": [place.name.partition(".")[0]] * len(lines), "folder": [place.parent.name] * len(lines)}
        return pa.table({name: pa.array(column, pa.large_string()) for name, column in columns.items()})


COMPONENTS: list[type[Source]] = [Csv, Tsv, Json, JsonLines, Parquet, Text]


def _fingerprint(path: str) -> str:
    """What datasets calls this state of the file; it would pickle the whole table to make one up."""
    state = Path(path).stat()
    key = f"{Path(path).absolute()}\0{state.st_size}\0{state.st_mtime_ns}"
    return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _lines(text: str, path: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(_invalid(path, error, number)) from error
        if not isinstance(row, dict):
            raise DataError(Problem("a JSON object was expected", where=path, line=number, value=line))
        rows.append(row)
    return rows


def _invalid(path: str, error: json.JSONDecodeError, line: int) -> Problem:
    """What json says, with its place marked; `line` is that of the file."""
    text = error.doc.split("\n")[error.lineno - 1]
    return Problem(
        f"no valid JSON: {error.msg[:1].lower()}{error.msg[1:]}",
        where=path,
        line=line,
        excerpt=Excerpt(line, text, error.colno - 1, 1),
    )


def _objects(content: Any, path: str) -> list[dict[str, Any]]:
    """The rows of a JSON document: an array of objects, an object of columns, or an object that holds such an array."""
    if _is_rows(content):
        return content
    if isinstance(content, dict):
        arrays = {name: value for name, value in content.items() if isinstance(value, list)}
        if _is_columns(arrays) and len(arrays) == len(content):
            return [dict(zip(arrays, cells, strict=True)) for cells in zip(*arrays.values(), strict=True)]
        tables = [name for name, value in arrays.items() if _is_rows(value) and value]
        if len(tables) == 1:
            warnings.warn(f"read the rows under {tables[0]!r} in {Path(path).name}", stacklevel=2)
            return arrays[tables[0]]
    wrong = content[0] if isinstance(content, list) and content else content
    message = "an array of objects, or an object of columns of equal length, was expected"
    advice = 'like [{"text": "...", "label": "..."}, ...]; pandas writes it by to_json(file, orient="records")'
    raise DataError(Problem(message, where=path, value=json.dumps(wrong, ensure_ascii=False)[:200], advice=advice))


def _is_rows(content: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(content, list) and all(isinstance(row, dict) for row in content)


def _is_columns(arrays: Mapping[str, list[Any]]) -> bool:
    """Whether the arrays are columns of one length; a lone array of objects is rows instead."""
    several = len(arrays) > 1 or not any(_is_rows(column) for column in arrays.values())
    return several and len({len(column) for column in arrays.values()}) == 1


def _table(rows: Sequence[Mapping[str, Any]], path: str) -> pa.Table:
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row))
    replaced = [0]
    columns = {name: _column([row.get(name) for row in rows], name, path, replaced) for name in names}
    if replaced[0]:
        warnings.warn(f"replaced {replaced[0]} lone surrogates in {Path(path).name}", stacklevel=2)
    return pa.table(columns)


def _column(cells: list[Any], name: str, path: str, replaced: list[int]) -> pa.Array:
    """The cells as an array; text stays text, and a column of mixed kinds becomes text (all but words as JSON)."""
    import pyarrow as pa

    if all(cell is None or isinstance(cell, str) for cell in cells):
        try:
            return pa.array(cells, pa.large_string())
        except UnicodeEncodeError:
            return pa.array([_clean(cell, replaced) for cell in cells], pa.large_string())
    try:
        return _nested(cells) if all(isinstance(cell, list | dict | None) for cell in cells) else pa.array(cells)
    except UnicodeEncodeError:
        return _column([_clean(cell, replaced) for cell in cells], name, path, replaced)
    except (ValueError, pa.ArrowTypeError, OverflowError):
        warnings.warn(f"the column {name} of {Path(path).name} mixes kinds; it is read as text", stacklevel=2)
        return _column([_as_text(cell) for cell in cells], name, path, replaced)


def _nested(cells: list[Any]) -> pa.Array:
    """Lists and objects in Arrow's own types where these give them back as they were, else as JSON.

    Arrow gives every object all keys that any has, and one kind of value to each. Raises ValueError for what
    neither can hold.
    """
    import pyarrow as pa

    try:
        array = pa.array(cells)
        if json.dumps(array.to_pylist()) == json.dumps(cells):
            return array
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        pass
    from datasets import Json

    texts = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells]
    array = pa.array(texts, pa.large_string()).cast(pa.json_())
    for text in texts:
        Json().decode_example(text)  # datasets reads no number beyond 64 bits
    return array


def _as_text(cell: Any) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _clean(value: Any, replaced: list[int]) -> Any:
    """The value without lone surrogates, however deep they lie."""
    if isinstance(value, str):
        text, count = without_lone_surrogates(value)
        replaced[0] += count
        return text
    if isinstance(value, dict):
        return {_clean(key, replaced): _clean(item, replaced) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, replaced) for item in value]
    return value
