"""`sftcore report`: a run's page made again, beside the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sftcore.cli import main
from tests.report.builder import make_run


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = make_run(tmp_path / "runs")
    (path / "SHA256SUMS").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


def _files(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(path.iterdir())}


def test_the_page_goes_beside_the_run_which_stays_as_it_is(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(finished)

    assert main(["report", "reviews"]) == 0

    assert capsys.readouterr().out.splitlines() == ["report  reviews-0001-report.html"]
    assert '<html lang="en">' in Path("reviews-0001-report.html").read_text(encoding="utf-8")
    assert _files(finished) == before


def test_another_language_another_place(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(finished), "--language", "zh", "--out", "page.html", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["report"], told["missing"]) == ("page.html", [])
    assert "它比基线更好吗？" in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("out", "said"),
    [("runs/reviews/0001/report.html", "lies in a run"), ("nowhere/page.html", "there is no folder nowhere")],
)
def test_places_that_it_refuses(finished: Path, capsys: pytest.CaptureFixture[str], out: str, said: str) -> None:
    assert main(["report", "reviews", "--out", out]) == 2
    assert said in capsys.readouterr().err


def test_a_run_without_results_has_no_report(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "metrics.json").unlink()

    assert main(["report", "reviews"]) == 2
    assert "has no results yet" in capsys.readouterr().err
    assert not Path("reviews-0001-report.html").exists()
