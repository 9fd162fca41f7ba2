from __future__ import annotations

import json
from pathlib import Path

import pytest

from sftcore.cli import main
from tests.compare.conftest import _write, answers, classes


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    rows, folder = classes(60), tmp_path / "runs"
    _write(folder, "a", rows, answers(60, 0.95, 1))
    _write(folder, "b", rows, answers(60, 0.5, 2), seed=7)
    return folder


def test_runs_are_compared_on_the_terminal(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "b", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "seed 42 7" in " ".join(out.split())
    assert "b/0001 is worse than a/0001: accuracy" in " ".join(out.split())
    assert "Only a/0001 is right" in out
    assert "right: " in out


def test_json_has_everything_and_nothing_else_is_printed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "b", "--runs", str(runs), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["label"] for run in found["runs"]] == ["a/0001", "b/0001"]
    assert found["differences"]["recipe"] == {"seed": [42, 7]}
    (pair,) = found["comparisons"]
    assert pair["paired"] is True
    assert pair["verdict"]["code"] == "worse"
    ours, theirs = pair["values"]["accuracy"]
    assert pair["differences"]["accuracy"]["value"] == pytest.approx(theirs - ours)
    assert len(pair["agreement"]["first_examples"]) == 20


def test_the_page_is_written_besides(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["compare", "a", "b", "--runs", str(runs), "--html", str(page)]) == 0
    assert str(page) in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "c"], "there is no run c"),
        (["a"], "two runs or more are compared"),
        (["a", "a/0001"], "is named twice"),
        ([], "missing argument"),
    ],
)
def test_mistakes_end_with_2(runs: Path, names: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *names, "--runs", str(runs)]) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_a_page_that_cannot_be_written_is_told(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, told in ((tmp_path / "no" / "page.html", "there is no folder"), (runs / "a/0001/page.html", "in a run")):
        assert main(["compare", "a", "b", "--runs", str(runs), "--html", str(place)]) == 2
        captured = capsys.readouterr()
        assert told in captured.err
        assert "compare:" not in captured.err  # said before anything is computed


def test_runs_that_cannot_be_paired_are_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path / "runs", "a", classes(30), answers(30, 0.9, 1))
    _write(tmp_path / "runs", "b", classes(30), answers(30, 0.9, 1), ids=range(50, 80))
    assert main(["compare", "a", "b", "--runs", str(tmp_path / "runs")]) == 0
    assert "The two can't be paired: they have other test rows" in " ".join(capsys.readouterr().out.split())
