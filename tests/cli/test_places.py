"""Places that commands don't write to: said before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sftcore.cli.places import check_place
from sftcore.errors import UsageError
from tests.report.builder import make_run


def _refused(path: Path | str) -> str:
    with pytest.raises(UsageError) as caught:
        check_place("--out", Path(path))
    assert caught.value.problems[0].where == "--out"
    return caught.value.problems[0].message


def test_nothing_is_written_into_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "runs")
    (run / "model").mkdir()
    monkeypatch.chdir(run)
    for path in (run / "predictions.parquet", run / "model" / "new.csv", "report.html", "../0001/x.csv"):
        assert "lies in a run" in _refused(path)


def test_a_link_into_a_run_is_no_way_round(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs")
    (tmp_path / "link").symlink_to(run, target_is_directory=True)
    assert "lies in a run" in _refused(tmp_path / "link" / "metrics.json")


def test_other_places_that_can_hold_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refused(tmp_path) == "this is a folder"
    assert "there is no folder" in _refused(tmp_path / "no" / "x.csv")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "nothing can be written to the folder" in _refused(tmp_path / "x.csv")


def test_beside_a_run_and_over_a_file_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "runs")
    (tmp_path / "old.csv").write_text("old", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for path in ("new.csv", "old.csv", run.parent / "x.csv"):
        check_place("--out", Path(path))
