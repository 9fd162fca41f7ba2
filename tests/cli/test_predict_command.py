from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore import serving
from sftcore.cli import main
from sftcore.cli.predict import ENDINGS, SHOWN, read_rows, records, write
from sftcore.errors import DataError, UsageError
from sftcore.recipe import Recipe
from sftcore.records import Prediction
from tests.data.questions import articles, recipe_of


class Parrot:
    """A model that says what it read; it drops empty texts."""

    labels = ("no", "yes")

    def predict(self, rows: Sequence[Any], reporter: Any = None) -> list[Prediction]:
        texts = [row if isinstance(row, str) else row["text"] for row in rows]
        return [
            Prediction(text, 0.75, (0.25, 0.75)) if text else Prediction(None, reason="text is missing")
            for text in texts
        ]


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.from_dict(
        {"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": "text-classification"}}
    )
    monkeypatch.setattr(serving, "find_run", lambda run, runs: SimpleNamespace(recipe=lambda: recipe))
    monkeypatch.setattr(serving, "load_model", lambda run: Parrot())


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_texts_come_out_as_json_lines_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", "--text", "消极", "--text", ""]) == 0
    assert json_lines(capsys.readouterr().out) == [
        {"text": "消极", "prediction": "消极", "score": 0.75, "scores": {"no": 0.25, "yes": 0.75}},
        {"text": "", "prediction": None, "score": None, "reason": "text is missing"},
    ]


def test_rows_are_json_objects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", "--row", '{"text": "a", "id": 7}', "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (found["id"], found["prediction"]) == (7, "a")


def test_lines_of_stdin_are_rows_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("\ufeffone\r\n\ntwo\u2028still two\nlast".encode()), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["predict", "run", "-"]) == 0
    assert [row["text"] for row in json_lines(capsys.readouterr().out)] == ["one", "", "two\u2028still two", "last"]


@pytest.mark.parametrize(
    ("given", "texts", "told"),
    [
        ('{"text": "a", "id": 7}\n\n{"text": "b"}\n', ["a", "b"], "each is read as a row"),
        ('{"text": "a"}\nb\n', ['{"text": "a"}', "b"], "a text a line"),
        ('{"text": \n', ['{"text": '], "a text a line"),
        ("7\n[1]\n", ["7", "[1]"], "a text a line"),
    ],
)
def test_rows_on_stdin_are_known_by_their_form(
    given: str, texts: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8"))
    assert main(["predict", "run", "-"]) == 0
    shown = capsys.readouterr()
    assert [row["prediction"] for row in json_lines(shown.out)] == texts
    assert told in shown.err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ([], 0, "read stdin as gb18030 (a guess"),
        (["--encoding", "gbk"], 0, "a text a line"),
        (["--encoding", "utf-8"], 2, "stdin is not utf-8: invalid start byte at byte 0"),
        (["--encoding", "gbkk"], 2, "--encoding\n  unknown encoding 'gbkk'; did you mean gbk?"),
    ],
)
def test_stdin_in_another_encoding_is_read_or_refused_but_not_mangled(
    options: list[str], code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "红色的房子很好看而且便宜"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{text}\r\n".encode("gbk")), encoding="utf-8"))
    assert main(["predict", "run", "-", *options]) == code
    shown = capsys.readouterr()
    assert told in shown.err
    assert [row["text"] for row in json_lines(shown.out)] == ([text] if code == 0 else [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_no_character_is_replaced_and_told(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"found{ending}"
    row = '{"text": "a", "deep": [{"\\ud800": "\\udc00"}]}'
    assert main(["predict", "run", "--text", "caf\udce9", "--out", str(out)]) == 0
    assert "replaced 1 lone surrogates" in capsys.readouterr().err
    assert main(["predict", "run", "--row", row, "--out", str(out)]) == 0
    assert "replaced 2 lone surrogates" in capsys.readouterr().err
    assert b"\xef\xbf\xbd" in out.read_bytes()


def test_columns_of_mixed_kinds_are_text_in_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow.parquet as pq

    rows = [{"text": "a", "n": 1, "same": [1], "empty": {}}, {"text": "b", "n": "x", "same": [2], "empty": {}}]
    given = [part for row in rows for part in ("--row", json.dumps(row))]
    assert main(["predict", "run", *given, "--out", str(tmp_path / "found.parquet")]) == 0
    table = pq.read_table(tmp_path / "found.parquet").to_pydict()
    assert (table["n"], table["same"], table["empty"]) == (["1", "x"], [[1], [2]], ["{}", "{}"])
    told = capsys.readouterr().err
    assert "the column n mixes kinds" in told
    assert "the column same" not in told


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_file_is_read_by_its_source_and_keeps_its_columns(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    lines = {
        "rows.csv": 'text,score\nNA,007\n"a, b",8\n',
        "rows.jsonl": '{"text": "NA", "score": "007"}\n{"text": "a, b"}\n',
    }
    path.write_text(lines[name], encoding="utf-8")
    assert main(["predict", "run", str(path)]) == 0
    found = json_lines(capsys.readouterr().out)
    assert [row["prediction"] for row in found] == ["NA", "a, b"]
    assert (found[0]["score"], found[0]["sftcore_score"]) == ("007", 0.75)


def test_a_file_of_another_shape_that_the_task_knows_gives_a_row_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Answers:
        labels = ()

        def predict(self, rows: Sequence[Any], reporter: Any = None) -> list[Prediction]:
            return [Prediction(row["context"].split()[4]) for row in rows]

    asked = recipe_of(tmp_path, "some/base", 'source = "absent.json"')
    monkeypatch.setattr(serving, "find_run", lambda run, runs: SimpleNamespace(recipe=lambda: asked))
    monkeypatch.setattr(serving, "load_model", lambda run: Answers())
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(articles(2, answered=False)), encoding="utf-8")
    assert main(["predict", "run", str(path)]) == 0
    shown = capsys.readouterr()
    found = json_lines(shown.out)
    assert [row["prediction"] for row in found] == ["Anna", "Anna", "Boris", "Boris"]
    assert [row["question"] for row in found][:2] == ["who sold house 0", "what price had house 0"]
    assert "squad.json: 2 articles with 4 questions" in shown.err


@pytest.mark.parametrize("ending", ENDINGS)
def test_predictions_are_written_in_each_form(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / f"found{ending}"
    assert main(["predict", "run", "--text", 'a "b"\nc', "--text", "", "--text", "é", "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    if ending == ".jsonl":
        found = json_lines(out.read_text(encoding="utf-8"))
    elif ending == ".csv":
        with out.open(encoding="utf-8", newline="") as stream:
            found = list(csv.DictReader(stream))
        assert json.loads(found[0]["scores"]) == {"no": 0.25, "yes": 0.75}
    else:
        import pyarrow.parquet as pq

        found = pq.read_table(out).to_pylist()
    assert [row["text"] for row in found] == ['a "b"\nc', "", "é"]
    assert found[0]["prediction"] == 'a "b"\nc'
    assert found[1]["prediction"] in (None, "")
    assert found[1]["reason"] == "text is missing"


def test_no_rows_give_no_predictions(tmp_path: Path) -> None:
    for ending in ENDINGS:
        write(tmp_path / f"found{ending}", [])
        assert (tmp_path / f"found{ending}").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "one of FILE, --text and --row was expected\n"),
        (["data.csv", "--text", "a"], "one of FILE, --text and --row was expected, not several\n"),
        (["--row", "{"], "no valid JSON"),
        (["--row", "[1]"], "an object was expected"),
        (["--text", "a", "--out", "found.xlsx"], "a file name that ends in .jsonl, .csv, .parquet was expected"),
        (["data.csv", "--out", "./data.csv"], "this is the file that is read"),
        (["absent.csv"], "absent.csv does not exist"),
        (["--text", "a", "--column", "text=b"], "a text alone has no columns"),
        (["--row", '{"review": "a"}', "--column", "text=reviw"], "no column 'reviw' for the role text; did you mean"),
        (["--row", '{"review": "a"}', "--column", "review"], "'review' is not of the form ROLE=NAME"),
    ],
)
def test_wrong_calls(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", *arguments]) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""


def test_mistakes_have_their_own_kinds() -> None:
    with pytest.raises(UsageError):
        read_rows(None, [], [])
    with pytest.raises(DataError):
        read_rows("absent.csv", [], [])


def test_on_a_terminal_predictions_are_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    texts = [
        argument for number in range(SHOWN + 2) for argument in ("--text", f"text {number}\x1b[2J" if number else "")
    ]
    assert main(["predict", "run", *texts]) == 0
    lines = [line.rstrip() for line in terminal.getvalue().splitlines()]
    assert lines[0].split() == ["prediction", "score", "text"]
    assert lines[1] == "- (text is missing)"
    assert lines[2].split() == ["text", "1\ufffd[2J", "0.750", "text", "1\ufffd[2J"]
    assert lines[-1] == "… and 2 more; --out FILE writes them all"


def test_a_set_of_labels_and_extras_are_kept() -> None:
    prediction = Prediction(("a", "b"), scores=(0.5,), extra={"start": 3})
    (found,) = records([{"text": "x"}], [prediction], ("a", "b"))
    assert found == {"text": "x", "prediction": ["a", "b"], "score": None, "scores": [0.5], "extra": {"start": 3}}
