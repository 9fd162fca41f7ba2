"""The file formats: text stays text, encodings are named, detected or guessed, mistakes name their row."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import warnings
from pathlib import Path
from typing import Any

import pytest

from sftcore import DataError, Source
from sftcore.builtin.sources import COMPONENTS, Csv, Json, JsonLines, Parquet, Text, Tsv
from sftcore.data.columns import values_of

Columns = dict[str, list[Any]]
ROOM = "很干净的房间，服务也很好"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read content under a file name: the columns, and what was said."""

    def reading(
        source: type[Source], content: str | bytes, name: str = "file.x", encoding: str | None = None
    ) -> tuple[Columns, list[str]]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            columns = source().load(str(path), encoding=encoding).to_dict()  # type: ignore[union-attr]
        return columns, [str(warning.message) for warning in caught]

    return reading


CSV: list[tuple[str, str, Columns]] = [
    ("text stays text", "a,b\nNA,007\nnull,nan\n1e5,True\n", {"a": ["NA", "null", "1e5"], "b": ["007", "nan", "True"]}),
    ("an empty cell is missing, quotes hold an empty text", 'a,b\n,""\n', {"a": [None], "b": [""]}),
    ("quotes hold lines, delimiters and quotes", 'a,b\n"x\ny, ""z""",1\n', {"a": ['x\ny, "z"'], "b": ["1"]}),
    ("quotes within a cell", 'a,b\nsay "hi",1\n', {"a": ['say "hi"'], "b": ["1"]}),
    ("a mark at the start", "\ufeffa,b\n1,2\n", {"a": ["1"], "b": ["2"]}),
    ("line ends of Windows", "a,b\r\n1,2\r\n", {"a": ["1"], "b": ["2"]}),
    ("line ends of old", "a,b\r1,2\r", {"a": ["1"], "b": ["2"]}),
    ("no line end at the end", "a,b\n1,2", {"a": ["1"], "b": ["2"]}),
    ("only names", "a,b", {"a": [], "b": []}),
    ("empty lines", "a,b\n\n1,2\n\n", {"a": ["1"], "b": ["2"]}),
    ("nameless columns", "a,,\n1,2,3\n", {"a": ["1"], "column_2": ["2"], "column_3": ["3"]}),
    ("names are trimmed", "a , b\n1,2\n", {"a": ["1"], "b": ["2"]}),
    ("one column", "a\nx\ny z\n", {"a": ["x", "y z"]}),
    ("names between quotes", '"a","b\nc"\n1,2\n', {"a": ["1"], "b\nc": ["2"]}),
]


@pytest.mark.parametrize(("content", "columns"), [case[1:] for case in CSV], ids=[case[0] for case in CSV])
def test_csv(read: Any, content: str, columns: Columns) -> None:
    assert read(Csv, content) == (columns, [])


def test_a_huge_cell(read: Any) -> None:
    columns, _ = read(Csv, 'a,b\n"' + "word\n" * 500_000 + '",x\n')
    assert len(columns["a"][0]) == 2_500_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('a;b\n1;"x, y"\n', "semicolons"),
        ("a\tb\n1\tx, y\n", "tabs"),
        ("a|b\n1|x, y\n", "vertical bars"),
        ("sep=;\r\na;b\r\n1;x, y\r\n", "semicolons"),
    ],
)
def test_another_delimiter_is_found_and_said(read: Any, content: str, said: str) -> None:
    columns, notes = read(Csv, content)
    assert columns == {"a": ["1"], "b": ["x, y"]}
    assert notes == [f"file.x is separated by {said}"]


def test_semicolons_with_commas_in_the_header_of_uneven_rows(read: Any) -> None:
    columns, _ = read(Csv, "a;b, c\n1;x, y, z\n2;w\n")
    assert columns == {"a": ["1", "2"], "b, c": ["x, y, z", "w"]}


def test_ragged_rows_are_named(read: Any) -> None:
    with pytest.raises(DataError) as error:
        read(Csv, "a,b\n1,2\n1,2,3\n4\n5\n6\n")
    first, second, third, rest = error.value.problems
    assert [problem.row for problem in (first, second, third)] == [2, 3, 4]
    assert first.message == "3 cells where the first line has 2"
    assert first.value == "1,2,3"
    assert rest.message == "1 more rows have too many or too few cells"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,b,a\n1,2,3\n", "the column 'a' is there 2 times (columns 1, 3)"),
        ('a,b\n1,2\n3,"x\n4,5\n', "never closed"),
    ],
)
def test_csv_that_can_not_be_read(read: Any, content: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read(Csv, content)
    assert message in str(error.value)
    assert "file.x" in error.value.problems[0].where


def test_an_open_quote_names_its_row(read: Any) -> None:
    with pytest.raises(DataError) as error:
        read(Csv, 'a,b\n1,2\n3,"x\n4,5\n')
    assert error.value.problems[0].row == 2


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        ('a\tb\n"x\ty\nz\t"q"\n', {"a": ['"x', "z"], "b": ["y", '"q"']}, 1),
        ('a\tb\n"x\ny"\tz\n', {"a": ["x\ny"], "b": ["z"]}, 0),
        ('a\tb\n"x"\tz\n', {"a": ["x"], "b": ["z"]}, 0),
        ("a\tb\n5' 3\tz\n", {"a": ["5' 3"], "b": ["z"]}, 0),
    ],
)
def test_quotes_in_tab_separated_files(read: Any, content: str, columns: Columns, said: int) -> None:
    found, notes = read(Tsv, content)
    assert found == columns
    assert len(notes) == said


ENCODED = [
    ("utf-8", ROOM, "utf-8", 0),
    ("utf-8 with mark", ROOM, "utf-8-sig", 0),
    ("utf-16 with mark", ROOM, "utf-16", 0),
    ("utf-32 with mark", ROOM, "utf-32", 0),
    ("utf-16 without mark", "plain words", "utf-16-le", 1),
    ("gbk", ROOM, "gbk", 1),
    ("gb18030", ROOM + "𠀀", "gb18030", 1),
    ("a short gbk file", "好", "gbk", 1),
    ("big5", "房間很乾淨，服務也好，價格不貴。" * 3, "big5", 1),
    ("shift_jis", "部屋はとてもきれいでした。サービスも良い。" * 3, "shift_jis", 1),
    ("euc_kr", "방이 매우 깨끗했고 서비스도 좋았습니다. " * 3, "euc_kr", 1),
    ("cp1251", "Номер был очень чистый, и обслуживание хорошее. " * 3, "cp1251", 1),
    ("latin-1", "L'été où le garçon mangea des pâtes. ", "latin-1", 1),
    ("cp1252", "It’s “fine” – 5 €", "cp1252", 1),
]


@pytest.mark.parametrize(
    ("text", "encoding", "guessed"), [case[1:] for case in ENCODED], ids=[case[0] for case in ENCODED]
)
def test_encodings_are_detected_and_guesses_said(read: Any, text: str, encoding: str, guessed: int) -> None:
    columns, notes = read(Csv, f'a,b\n1,"{text}"\n'.encode(encoding))
    assert columns["b"] == [text]
    assert [note for note in notes if "a guess" in note] == notes
    assert len(notes) == guessed


def test_a_few_odd_letters_do_not_make_another_alphabet(read: Any) -> None:
    content = "a\n" + "plain words of a review\n" * 50 + "caf\xe9 \xab good \xbb\n"
    columns, notes = read(Csv, content.encode("latin-1"))
    assert columns["a"][-1] == "café « good »"
    assert notes == ["read file.x as cp1252 (a guess; say data.encoding to be sure)"]


def test_an_encoding_that_is_given_is_no_guess(read: Any) -> None:
    for name in ("gbk", "GB2312", "gb18030"):
        assert read(Csv, f"a\n{ROOM}\n".encode("gb18030"), encoding=name) == ({"a": [ROOM]}, [])


def test_a_wrong_encoding_names_line_and_bytes(read: Any) -> None:
    with pytest.raises(DataError) as error:
        read(Csv, f"a\nplain\n{ROOM}\n".encode("gbk"), encoding="utf-8")
    problem = error.value.problems[0]
    assert problem.line == 3
    assert "ba dc b8 c9" in problem.message
    assert "gb18030" in problem.advice


def test_an_unknown_encoding_names_the_nearest(read: Any) -> None:
    with pytest.raises(DataError, match="did you mean latin"):
        read(Csv, "a\nb\n", encoding="latn-1")


def test_bytes_after_a_mark_that_do_not_fit_it(read: Any) -> None:
    with pytest.raises(DataError, match="are not utf-8"):
        read(Csv, b"\xef\xbb\xbfa\n\xff\xfe\n")


def test_lone_surrogates_are_replaced_and_pairs_joined(read: Any) -> None:
    lone = read(Csv, b"a\nx\xed\xa0\x80y\n")
    assert lone == ({"a": ["x\ufffdy"]}, ["replaced 1 lone surrogates in file.x"])
    assert read(Csv, b"a\n\xed\xa0\xbd\xed\xb8\x80\n") == ({"a": ["😀"]}, [])


def test_nuls_are_removed(read: Any) -> None:
    assert read(Csv, "a\nx\0y\n") == ({"a": ["xy"]}, ["removed 1 NUL characters from file.x"])


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_files(read: Any, ending: str, pack: Any) -> None:
    name = f"file.csv.{ending}"
    assert f".csv.{ending}" in Csv.endings
    assert read(Csv, pack(b"a\nx\n"), name) == ({"a": ["x"]}, [])
    with pytest.raises(DataError, match="can't be read"):
        read(Csv, b"not packed", name)


def test_an_absent_file() -> None:
    with pytest.raises(DataError, match="No such file"):
        Csv().load("/nowhere/reviews.csv")


JSON: list[tuple[str, str, Columns]] = [
    ("an array of objects", '[{"a": "NA", "b": 1}, {"a": "007"}]', {"a": ["NA", "007"], "b": [1, None]}),
    ("columns", '{"a": ["x", "y"], "b": [1, 2.5]}', {"a": ["x", "y"], "b": [1.0, 2.5]}),
    ("nested values", '[{"a": {"x": [1]}, "b": ["p", "q"]}]', {"a": [{"x": [1]}], "b": [["p", "q"]]}),
    ("no dates out of texts", '[{"a": "2020-01-01T00:00:00Z"}]', {"a": ["2020-01-01T00:00:00Z"]}),
    ("lines under a wrong ending", '{"a": 1}\n{"a": 2}\n', {"a": [1, 2]}),
    ("no rows", "[]", {}),
]


@pytest.mark.parametrize(("content", "columns"), [case[1:] for case in JSON], ids=[case[0] for case in JSON])
def test_json(read: Any, content: str, columns: Columns) -> None:
    assert read(Json, content) == (columns, [])


def test_rows_within_an_object_are_found_and_said(read: Any) -> None:
    columns, notes = read(Json, '{"version": "1.1", "data": [{"a": 1}]}')
    assert columns == {"a": [1]}
    assert notes == ["read the rows under 'data' in file.x"]


def test_mixed_kinds_become_text(read: Any) -> None:
    columns, notes = read(JsonLines, '{"a": 1}\n{"a": "x"}\n{"a": [true]}\n{"a": null}\n')
    assert columns == {"a": ["1", "x", "[true]", None]}
    assert notes == ["the column a of file.x mixes kinds; it is read as text"]


CHAT = [
    {
        "messages": [
            {"role": "user", "content": "多少度？"},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"n": 1}}}]},
            {"role": "tool", "tool_call_id": "a", "content": "3"},
        ]
    },
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "n": 12345678.123456789},
    {"messages": None, "n": 1},
]


def test_objects_in_lists_keep_their_own_keys(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in CHAT), encoding="utf-8")
    table = JsonLines().load(str(path))
    expected = [row["messages"] for row in CHAT]
    assert values_of(table, "messages") == list(table["messages"]) == expected
    assert values_of(table.select([2, 0]), "messages") == [None, expected[0]]
    assert [row["messages"] for row in table.to_list()] == expected


NESTED = {
    "version": "v2.0",
    "data": [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "Anna sat",
                    "qas": [
                        {
                            "id": 7,
                            "question": "who",
                            "answers": [{"text": "Anna", "answer_start": 0}],
                            "type": "person",
                        },
                        {
                            "id": "b",
                            "question": "why",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "sat", "answer_start": 5}],
                        },
                    ],
                }
            ],
        },
        {"title": "u", "paragraphs": []},
    ],
}


def test_nested_questions_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(NESTED), encoding="utf-8")
    with pytest.warns(UserWarning, match="read the rows under 'data'"):
        table = Json().load(str(path))
    assert table.to_list() == NESTED["data"]
    assert values_of(table, "paragraphs") == [article["paragraphs"] for article in NESTED["data"]]


def test_alike_objects_stay_typed(tmp_path: Path) -> None:
    path = tmp_path / "alike.jsonl"
    path.write_text('{"m": [{"a": 1}, {"a": 2}]}\n{"m": []}\n', encoding="utf-8")
    table = JsonLines().load(str(path))
    assert str(table.features["m"]) == "List({'a': Value('int64')})"
    assert values_of(table, "m") == [[{"a": 1}, {"a": 2}], []]


def test_numbers_in_objects_that_nothing_holds_become_text(read: Any) -> None:
    columns, notes = read(JsonLines, '{"m": [{"a": 123456789012345678901234}]}\n')
    assert columns == {"m": ['[{"a": 123456789012345678901234}]']}
    assert notes == ["the column m of file.x mixes kinds; it is read as text"]


def test_surrogates_in_objects_of_different_keys(read: Any) -> None:
    columns, notes = read(JsonLines, '{"m": [{"a": 1}]}\n{"m": [{"b": "\\ud800x"}]}\n')
    assert columns["m"][1] == [{"b": "\ufffdx"}]
    assert notes == ["replaced 1 lone surrogates in file.x"]


def test_surrogates_in_json(read: Any) -> None:
    columns, notes = read(JsonLines, '{"a": "\\ud83d\\ude00 \\ud800x", "b": ["\\udc00"]}\n')
    assert columns == {"a": ["😀 \ufffdx"], "b": [["\ufffd"]]}
    assert notes == ["replaced 2 lone surrogates in file.x"]


@pytest.mark.parametrize(
    ("source", "content", "line"),
    [
        (Json, '[{"a": 1},\n{"a": }]', 2),
        (JsonLines, '{"a": 1}\n\n{"a": 2\n', 3),
        (JsonLines, '{"a": 1}\n[1]\n', 2),
    ],
)
def test_json_mistakes_name_their_line(read: Any, source: type[Source], content: str, line: int) -> None:
    with pytest.raises(DataError) as error:
        read(source, content)
    assert error.value.problems[0].line == line


@pytest.mark.parametrize("content", ["[1, 2]", '"x"', '{"a": [1], "b": [1, 2]}', "{}"])
def test_json_that_holds_no_rows(read: Any, content: str) -> None:
    with pytest.raises(DataError, match="was expected"):
        read(Json, content)


def test_empty_lines_of_jsonl_are_left_out(read: Any) -> None:
    assert read(JsonLines, '\n{"a": "x"}\n \n{"a": "y"}') == ({"a": ["x", "y"]}, [])


def test_parquet_keeps_its_types(tmp_path: Path, read: Any) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    path = tmp_path / "made.parquet"
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    Dataset.from_dict({"text": ["007", None], "label": [1, 0]}, features=features).to_parquet(str(path))
    loaded = Parquet().load(str(path))
    assert loaded.to_dict() == {"text": ["007", None], "label": [1, 0]}  # type: ignore[union-attr]
    assert loaded.features["label"].names == ["no", "yes"]
    with pytest.raises(DataError, match="no valid Parquet"):
        read(Parquet, b"not parquet")


def test_lines_of_text(read: Any, tmp_path: Path) -> None:
    columns, _ = read(Text, "one\r\n\r\ntwo\u2028still two\n", "pos.txt")
    assert columns == {
        "text": ["one", None, "two\u2028still two"],
        "file": ["pos"] * 3,
        "folder": [tmp_path.name] * 3,
    }


def test_every_source_is_described_and_claims_endings_of_its_own() -> None:
    endings = [ending for source in COMPONENTS for ending in source.endings]
    assert len(endings) == len(set(endings))
    assert all(source.__doc__ and source.name for source in COMPONENTS)
