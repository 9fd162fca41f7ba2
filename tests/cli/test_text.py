from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sftcore.cli import text, toml
from sftcore.runs.files import plain


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *(
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min 00 s"),
            (3599, "59 min 59 s"),
        ),
        *((7384, "2 h 03 min"), (float("nan"), "?"), (float("inf"), "?"), (-1, "?")),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(6.6, "0:07"), (185, "3:05"), (8040, "2:14:00"), (float("inf"), "?"), (-1, "?")]
)
def test_remaining_time(seconds: float, expected: str) -> None:
    assert text.remaining(seconds) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 5, "0 %"), (1, 10_000, "<0.1 %"), (1, 40, "2.5 %"), (1, 3, "33 %"), (3, 3, "100 %"), (1, 0, "")],
)
def test_shares(part: float, whole: float, expected: str) -> None:
    assert text.share(part, whole) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((None, "-"), (float("nan"), "-"), (0.12345, "0.123"), (0.0, "0.000"), (1e-5, "1e-05"), (38158, "38,158")),
        *((True, "True"), ("a", "a"), (123456.7, "1.2e+05")),
    ],
)
def test_figures(value: Any, expected: str) -> None:
    assert text.figure(value) == expected


def test_one_line_is_one_line() -> None:
    assert text.one_line("a\n\tb\x1b[0m  c", 80) == "a b\ufffd[0m c"
    assert text.one_line("abcdef", 4) == "abc…"


TABLE = {
    "seed": 42,
    "ratio": 1e-05,
    "whole": 2.0,
    "on": True,
    "text": 'a "quoted"\nline \x7f 消极',
    "none": None,
    "empty": {},
    "list": ["a", 1],
    "small": {"min": 0.99, "not": None},
    "large": {"first key": "x" * 40, "second": {"third": "y" * 60}},
    "steps": [{"use": "a"}, {"use": "b", "rate": 0.5}],
}


def test_toml_reads_back_as_it_was() -> None:
    lines = [line for _, line in toml.lines(TABLE)]
    assert tomllib.loads("\n".join(lines)) == {
        **{name: value for name, value in TABLE.items() if name not in ("none", "empty", "small")},
        "small": {"min": 0.99},
    }


def test_toml_lines_know_their_keys() -> None:
    paths = [path for path, _ in toml.lines(TABLE)]
    assert {"seed", "small", "large", 'large."first key"', "large.second.third", "steps", "steps.1.rate"} <= set(paths)


def test_plain_values_are_what_json_knows() -> None:
    import numpy as np

    value = {1: np.float64("nan"), "array": np.arange(2), "set": frozenset({"a"}), "none": None, "path": Path("a")}
    assert plain(value) == {"1": None, "array": [0, 1], "set": ["a"], "none": None, "path": "a"}
