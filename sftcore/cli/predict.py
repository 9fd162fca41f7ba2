"""`sftcore predict`: texts, rows or a file in; predictions with scores out, as many as rows came in."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from sftcore.cli.options import column_option, encoding_option, printing, run_argument, runs_option
from sftcore.reporter import SILENT, Reporter

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sftcore.cli.console import Console
    from sftcore.recipe import Recipe
    from sftcore.records import Prediction

InputRow: TypeAlias = str | Mapping[str, Any]

SHOWN = 50
ENDINGS = (".jsonl", ".csv", ".parquet")


@click.command("predict")
@run_argument
@click.argument("file", required=False)
@click.option("--text", "texts", multiple=True, metavar="TEXT", help="A text; give it several times for several rows.")
@click.option("--row", "rows", multiple=True, metavar="JSON", help='A row by role or column: {"text": "...", ...}')
@click.option("--encoding", help="Of FILE or stdin, where it is text; default: detected.")
@column_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE.jsonl, .csv or .parquet.")
@runs_option
@printing
def command(
    run: str,
    file: str | None,
    texts: tuple[str, ...],
    rows: tuple[str, ...],
    encoding: str | None,
    columns: dict[str, str],
    out: Path | None,
    runs: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict with the model of RUN: for every --text or --row, for every row of FILE, or for every line of
    stdin where FILE is -: a text a line, or a row a line where every line is a JSON object. A FILE in another
    shape that the task knows is read as its data were: of nested questions each is a row.

    One prediction comes out for each row that went in, in their order; a row that the recipe's preprocessing
    drops has none, and the reason. On a terminal they are a table, elsewhere JSON lines.

    RUN is a run folder, or a run's name or the folder of that name (its newest run).
    """
    from sftcore.cli.console import Console
    from sftcore.errors import placed

    with Console(as_json=as_json, quiet=quiet) as console:
        _check_out(out, file)
        from sftcore.serving import find_run, load_model, reading

        found_run = find_run(run, runs)
        recipe = reading(found_run.recipe(), columns)
        given = read_rows(file, texts, rows, encoding, console, recipe)
        _check_columns(columns, given)
        console.stage("load", "model")
        model = load_model(found_run)
        model = model.reading(columns) if columns else model
        console.stage("predict", f"{len(given)} rows" if len(given) != 1 else "1 row")
        with placed(file if file not in (None, "-") else "--row" if rows else "--text" if texts else "stdin"):
            found = records(given, model.predict(given, reporter=console), model.labels)
        if out is not None:
            write(out, found, console)
            console.note(f"written to {out}")
        if as_json:
            console.json({"predictions": found})
        elif out is None:
            _show(console, given, found)


def _check_out(out: Path | None, file: str | None) -> None:
    from sftcore.cli.places import check_place
    from sftcore.errors import Problem, UsageError

    if out is not None and out.suffix.lower() not in ENDINGS:
        message = f"a file name that ends in {', '.join(ENDINGS)} was expected"
        raise UsageError(Problem(message, where="--out", value=str(out)))
    if out is not None and file not in (None, "-") and out.resolve() == Path(str(file)).resolve():
        raise UsageError(Problem("this is the file that is read", where="--out", value=str(out)))
    if out is not None:
        check_place("--out", out)


def _check_columns(columns: Mapping[str, str], given: Sequence[InputRow]) -> None:
    """Raise `UsageError` for a column that a row lacks."""
    from sftcore.errors import Problem, UsageError, did_you_mean

    for row in given:
        for role, name in columns.items():
            if isinstance(row, str):
                raise UsageError(Problem("a text alone has no columns; FILE and --row have", where="--column"))
            if name not in row:
                message = f"there is no column {name!r} for the role {role}{did_you_mean(name, map(str, row))}"
                raise UsageError(Problem(message, where="--column", value=f"{role}={name}"))


def read_rows(
    file: str | None,
    texts: Sequence[str],
    rows: Sequence[str],
    encoding: str | None = None,
    reporter: Reporter = SILENT,
    recipe: Recipe | None = None,
) -> list[InputRow]:
    """The rows from the one place that was named; those of a file as the recipe's task reshapes them.

    Raises `UsageError`, `DataError`.
    """
    from sftcore.errors import Problem, UsageError

    if sum((file is not None, bool(texts), bool(rows))) != 1:
        message = "one of FILE, --text and --row was expected" + (", not several" if file or texts or rows else "")
        advice = "FILE is a data file, or - for stdin: a text, or a row as JSON, a line"
        raise UsageError(Problem(message, where="sftcore predict", advice=advice))
    if file not in (None, "-"):
        with encoding_option():
            return _file(str(file), encoding, reporter, recipe)
    given: list[InputRow] = _lines(encoding, reporter) if file else [*texts, *map(_row, rows)]
    return _without_surrogates(given, reporter)


def _lines(encoding: str | None, reporter: Reporter) -> list[InputRow]:
    """Stdin: rows where every line that is not empty is a JSON object, else a text a line; which of them is told."""
    text = _stdin(encoding, reporter)
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    lines = lines if lines[-1] else lines[:-1]
    rows = _json_rows([line for line in lines if line.strip()])
    if rows:
        reporter.note("every line of stdin is a JSON object: each is read as a row")
        return list(rows)
    if lines:
        reporter.note("stdin is read as a text a line")
    return list(lines)


def _stdin(encoding: str | None, reporter: Reporter) -> str:
    """The text of stdin. An encoding that is not given is detected, as a file's is; a guess is told.

    Raises `UsageError` where the given encoding does not fit, `DataError` for one that does not exist.
    """
    from sftcore.builtin.text_encoding import codec, detect
    from sftcore.errors import Problem, UsageError

    if sys.stdin is None:
        raise UsageError(Problem("there is no stdin to read: it is closed", where="sftcore predict -"))
    content = sys.stdin.buffer.read()
    with encoding_option():
        chosen = codec(encoding, "stdin") if encoding else detect(content)
    if not encoding and not chosen.startswith("utf"):
        reporter.note(f"read stdin as {chosen} (a guess; say --encoding to be sure)")
    try:
        return content.decode(chosen, "strict" if encoding else "surrogatepass")
    except UnicodeDecodeError as error:
        message = f"stdin is not {encoding}: {error.reason} at byte {error.start:,}"
        raise UsageError(Problem(message, where="--encoding", value=encoding)) from error


def _without_surrogates(rows: list[InputRow], reporter: Reporter) -> list[InputRow]:
    """The rows with U+FFFD for what is no character (a lone half of a pair, an argument's byte outside the encoding of
    the terminal), which no file could hold; how many there were is told."""
    from sftcore.builtin.text_encoding import without_lone_surrogates

    replaced = 0

    def clean(value: Any) -> Any:
        nonlocal replaced
        if isinstance(value, str):
            value, found = without_lone_surrogates(value)
            replaced += found
            return value
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list) else value

    cleaned = [clean(row) for row in rows]
    if replaced:
        reporter.warning(f"replaced {replaced} lone surrogates, which are no characters")
    return cleaned


def _json_rows(lines: Sequence[str]) -> list[dict[str, Any]] | None:
    """The lines as rows, None where one of them is no JSON object."""
    rows = []
    for line in lines:
        try:
            row = json.loads(line) if line.lstrip().startswith("{") else None
        except ValueError:
            return None
        if not isinstance(row, dict):
            return None
        rows.append(row)
    return rows


def _row(text: str) -> dict[str, Any]:
    from sftcore.errors import Problem, UsageError

    try:
        row = json.loads(text)
    except ValueError as error:
        raise UsageError(Problem(f"no valid JSON: {error}", where="--row", value=text)) from error
    if not isinstance(row, dict):
        raise UsageError(Problem('an object was expected: {"text": "..."}', where="--row", value=text))
    return row


def _file(name: str, encoding: str | None, reporter: Reporter, recipe: Recipe | None) -> list[InputRow]:
    from sftcore.data.load import read_table
    from sftcore.registry import discover

    return list(read_table(name, Path.cwd(), encoding, discover(), reporter, recipe=recipe).to_list())


def records(
    given: Sequence[InputRow], predictions: Sequence[Prediction], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """A JSON object a row: what came in, and beside it the prediction; where names clash, ours begins `sftcore_`."""
    from sftcore.runs.files import plain

    found = []
    for row, prediction in zip(given, predictions, strict=True):
        before: dict[str, Any] = {"text": row} if isinstance(row, str) else dict(row)
        said = _said(prediction, labels)
        found.append(plain(before | {f"sftcore_{name}" if name in before else name: said[name] for name in said}))
    return found


def _said(prediction: Prediction, labels: Sequence[str]) -> dict[str, Any]:
    scores: Any = prediction.scores
    if scores is not None and len(scores) == len(labels):
        scores = dict(zip(labels, scores, strict=True))
    said = {"prediction": prediction.value, "score": prediction.score}
    if scores is not None:
        said["scores"] = scores
    if prediction.extra is not None:
        said["extra"] = prediction.extra
    return said | ({"reason": prediction.reason} if prediction.reason else {})


def write(out: Path, found: Sequence[Mapping[str, Any]], reporter: Reporter = SILENT) -> None:
    """Write the records in the form of the file's ending, whole or not at all."""
    from sftcore.runs import files

    if out.suffix.lower() == ".jsonl":
        files.write_text(out, "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in found))
    elif out.suffix.lower() == ".csv":
        files.write_text(out, _csv(found))
    else:
        with files.replacing(out) as stream:
            mixed = _write_parquet(stream, found)
        for name in mixed:
            reporter.warning(f"the column {name} mixes kinds, which Parquet can't hold: it is written as text")


def _columns(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for record in found for name in record))


def _csv(found: Sequence[Mapping[str, Any]]) -> str:
    import csv

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = _columns(found)
    writer.writerow(columns)
    writer.writerows([_cell(record.get(name)) for name in columns] for record in found)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _write_parquet(stream: Any, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the records, and give the names of columns of mixed kinds, which Parquet can't hold: they are text there,
    all but texts as JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    mixed = []
    for name in _columns(found):
        cells = [record.get(name) for record in found]
        columns[name] = _array(cells)
        if columns[name] is None:
            mixed.append(name)
            columns[name] = pa.array([cell if cell is None else _as_text(cell) for cell in cells], pa.string())
    pq.write_table(pa.table(columns), stream, compression="zstd")
    return mixed


def _array(cells: list[Any]) -> Any:
    """The cells in Arrow's own kind; None where there is none that Parquet has."""
    import pyarrow as pa

    try:
        array = pa.array(cells)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return array if _is_storable(array.type) else None


def _is_storable(kind: Any) -> bool:
    """Parquet has no objects without keys."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_is_storable(kind.field(at).type) for at in range(kind.num_fields))
    return _is_storable(kind.value_type) if pa.types.is_list(kind) else True


def _as_text(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _show(console: Console, given: Sequence[InputRow], found: Sequence[Mapping[str, Any]]) -> None:
    if not console.is_terminal:
        console.write("".join(f"{json.dumps(record, ensure_ascii=not console.is_unicode)}\n" for record in found))
        return
    console.print(_table(given[:SHOWN], found[:SHOWN]))
    if len(found) > SHOWN:
        console.line(f"… and {len(found) - SHOWN} more; --out FILE writes them all")


def _table(given: Sequence[InputRow], found: Sequence[Mapping[str, Any]]) -> RenderableType:
    from sftcore.cli import tables
    from sftcore.cli.text import figure, one_line

    rows = []
    for row, record in zip(given, found, strict=True):
        texts = [row] if isinstance(row, str) else [value for value in row.values() if isinstance(value, str)]
        value = record.get("sftcore_prediction", record.get("prediction"))
        shown = ", ".join(map(str, value)) if isinstance(value, list) else figure(value)
        score = record.get("sftcore_score", record.get("score"))
        text = one_line(" │ ".join(texts), 100)
        told = shown if value is not None else f"- ({record.get('reason', '')})"
        rows.append((told, figure(score) if score is not None else "", text))
    return tables.table(["prediction", "score", "text"], rows, numbers=(1,))
