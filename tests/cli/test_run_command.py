from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sftcore import serving
from sftcore.cli import main
from sftcore.errors import TrainingError

RECIPE = '[model]\nbase = "m"\n[data]\nsource = "d.csv"\n[task]\nuse = "text-classification"\n'
SCORES = {"rows": 10, "metrics": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}}
METRICS = {
    "test": SCORES,
    "training": {},
    "time": {"train": {"wall_seconds": 2.0}},
}
LEDGER = {"stages": [{"stage": "load", "rows_in": 12, "rows_out": 10, "dropped": {"text is missing": 2}}]}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """A pipeline that only tells what it was called with."""
    made: list[dict[str, Any]] = []
    report = tmp_path / "report.html"
    report.touch()

    def run(recipe: Any, *, runs: Path, fresh: bool, reporter: Any) -> Any:
        made.append({"recipe": recipe, "runs": runs, "fresh": fresh})
        reporter.stage("load", "d.csv")
        print("a library prints")
        reporter.result("ledger", LEDGER)
        if recipe.seed == 13:
            raise TrainingError("the loss is not finite")
        place = {"path": Path(runs) / "my run", "report_path": report}
        return SimpleNamespace(**place, name="r", id="0001", metrics=METRICS, ledger=LEDGER)

    def evaluate(run: Any, source: str, *, reporter: Any, **options: Any) -> dict[str, Any]:
        made.append({"run": run.path, "source": source, **options})
        return {"ledger": LEDGER, "scores": SCORES}

    pipeline = ModuleType("sftcore.pipeline")
    pipeline.run = run  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "sftcore.pipeline", pipeline)
    monkeypatch.setattr(serving, "evaluate", evaluate)
    monkeypatch.delenv("SFTCORE_RUNS", raising=False)
    return made


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "r.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return str(path)


def test_a_run_ends_with_its_results_and_what_to_do_next(
    calls: list[dict[str, Any]], recipe: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert (
        main(["run", recipe, "--set", "train.num_train_epochs=1", "--set", "seed=7", "--fresh", "--runs", "elsewhere"])
        == 0
    )
    (call,) = calls
    assert (call["recipe"].seed, call["recipe"].train.num_train_epochs) == (7, 1.0)
    assert (call["runs"], call["fresh"]) == (Path("elsewhere"), True)
    shown = capsys.readouterr()
    assert shown.out.count("Ledger") == 1
    assert "accuracy  0.900  0.800 to 0.950" in shown.out
    assert "Test split, 10 rows" in shown.out
    assert "Where the time went" in shown.out
    path, report = Path("elsewhere/my run"), tmp_path / "report.html"
    assert shown.out.endswith(f"\nrun      {path}\npredict  sftcore predict '{path}' --text TEXT\nreport   {report}\n")
    assert "load: d.csv\n" in shown.err
    assert "a library prints" in shown.err


def test_a_run_as_json(
    calls: list[dict[str, Any]], recipe: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["run", recipe, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    path = str(Path("runs/my run"))
    report = str(tmp_path / "report.html")
    assert shown == {"run": path, "name": "r", "id": "0001", "report": report, "metrics": METRICS, "ledger": LEDGER}


def test_a_quiet_run_shows_its_scores_and_its_place(
    calls: list[dict[str, Any]], recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", recipe, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert "accuracy" in shown.out and "Ledger" not in shown.out and "predict" not in shown.out
    assert "load" not in shown.err


def test_the_runs_folder_comes_from_the_environment(
    calls: list[dict[str, Any]], recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTCORE_RUNS", "from-environment")
    assert main(["run", recipe]) == 0
    assert calls[0]["runs"] == Path("from-environment")


def test_training_that_goes_wrong_is_told_after_the_stage_that_failed(
    calls: list[dict[str, Any]], recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", recipe, "--set", "seed=13"]) == 3
    assert capsys.readouterr().err.endswith("  the loss is not finite\n")


def test_a_mistake_in_the_recipe_comes_before_everything(
    calls: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.toml"
    path.write_text(RECIPE + "[train]\nlearnig_rate = 5e-5\n", encoding="utf-8")
    assert main(["run", str(path), "--json"]) == 2
    shown = capsys.readouterr()
    (problem,) = json.loads(shown.out)["error"]["problems"]
    assert (problem["line"], problem["key"]) == (8, "train.learnig_rate")
    assert "did you mean learning_rate?" in shown.err
    assert calls == []


def test_evaluate_scores_other_data(
    calls: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "r" / "0001"
    run.mkdir(parents=True)
    (run / "lock.json").write_text("{}", encoding="utf-8")
    named = ["--column", "text=review", "--column", "label=a=b"]
    assert main(["evaluate", "r", "--runs", str(tmp_path), "--data", "other.csv", *named]) == 0
    columns = {"text": "review", "label": "a=b"}
    assert calls == [{"run": run, "source": "other.csv", "encoding": None, "columns": columns}]
    assert "Scores, 10 rows" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--data", "other.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ledger": LEDGER, "scores": SCORES}


@pytest.mark.parametrize("verb", ["evaluate", "predict", "verify"])
def test_a_run_that_is_not_there(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sentiment" / "0001").mkdir(parents=True)
    (tmp_path / "sentiment" / "0001" / "lock.json").write_text("{}")
    more = {"evaluate": ["--data", "d.csv"], "predict": ["--text", "a"]}.get(verb, [])
    assert main([verb, "sentimant", "--runs", str(tmp_path), *more]) == 2
    shown = capsys.readouterr().err
    assert "did you mean sentiment?" in shown
    assert "load" not in shown


def test_verify_tells_what_it_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sftcore.runs import verify
    from sftcore.runs.verify import Outputs, VerifyResult

    run = tmp_path / "r" / "0001"
    run.mkdir(parents=True)
    (run / "lock.json").write_text("{}", encoding="utf-8")
    found = VerifyResult(str(run), 12, (), Outputs(10, "bf16", 0.0123, 0.08, 2, "cpu"))
    monkeypatch.setattr(verify, "verify", lambda run, reporter: found)
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "12 files as sealed, by SHA-256",
        "the reloaded model gives the recorded outputs of 10 rows: largest difference 0.01, allowed 0.08 (bf16, cpu)",
        "2 near-ties in which the label tips over",
    ]
    assert main(["verify", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"]["near_ties"] == 2
    monkeypatch.setattr(verify, "verify", lambda run, reporter: VerifyResult(str(run), 1, (), None, "no texts"))
    assert main(["verify", str(run)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["1 file as sealed, by SHA-256", "the model was not run: no texts"]
    assert "--folder DIR" in told[2] and len(told) == 3
