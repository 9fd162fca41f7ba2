"""`[report] texts = false`, for each kind of task: no text of the data in the run folder, and what is left is enough.

The runs are real, from the data to the seal, and have four steps. What every task's model card has is tested with them.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sftcore import DataError, Run, RunError, run
from sftcore.cli import main
from sftcore.rereading import reread
from sftcore.runs.predictions import read_predictions, recorded_facts
from sftcore.runs.verify import verify
from tests.runs.leaks import leaks, texts_in
from tests.runs.small_tasks import WORDS, small_recipe, small_rows

KINDS = ("text-classification", "token-classification", "extractive-qa", "seq2seq", "causal-lm")
CLASSES = {"low", "mid", "high", "PLANT", "BIRD"}
VOCABULARY = ("model/tokenizer.json",)
"""What holds words of the data where the tokenizer was trained on them."""
COLUMNS = {
    *("row", "file", "file_row", "group", "reference", "prediction", "score", "scores", "logits", "scored", "reason"),
}


@dataclass(frozen=True)
class Finished:
    """A run without texts, its recipe's folder, and all that must not be in the run: its data and what was written."""

    run: Run
    folder: Path
    texts: list[str]


def texts_of(kind: str) -> list[str]:
    """Every text of the data but the names of classes, each row as JSON, and each word by itself."""
    rows = list(small_rows(kind))
    return [*(text for text in texts_in(rows) if text not in CLASSES), *map(json.dumps, rows), *WORDS]


def carried_out(kind: str, folder: Path, *, texts: bool = False) -> Finished:
    """The finished run, with what the model answered to the test rows among the texts."""
    said: list[str] = []
    from sftcore import pipeline

    def evaluate_test(*args: Any, **options: Any) -> Any:
        predicted, scores = evaluated(*args, **options)
        said.extend(texts_in([[one.value, one.extra] for one in predicted.predictions]))
        return predicted, scores

    evaluated = vars(pipeline)["evaluate_test"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "evaluate_test", evaluate_test)
        finished = run(small_recipe(kind, folder, texts=texts), runs=folder / "runs")
    return Finished(finished, folder, [*texts_of(kind), *(text for text in said if text not in CLASSES)])


@pytest.fixture(scope="module", params=KINDS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of each kind. It is not to be changed."""
    return carried_out(request.param, tmp_path_factory.mktemp(request.param))


def test_no_file_holds_a_text_of_the_data_nor_of_the_model(finished: Finished) -> None:
    assert leaks(finished.run.path, finished.texts, VOCABULARY) == []
    assert {path.name for path in finished.run.path.iterdir()} >= {"ledger.json", "log.jsonl", "report.html"}
    assert not (finished.run.path / "generations.jsonl").exists()


def test_predictions_hold_nothing_that_can_be_decoded(finished: Finished) -> None:
    import pyarrow.types as types

    table = read_predictions(finished.run.path / "predictions.parquet")
    assert set(table.column_names) <= COLUMNS
    assert recorded_facts(table)["texts"] is False
    lists = [field for field in table.schema if types.is_list(field.type)]
    assert not [field.name for field in lists if types.is_integer(field.type.value_type)]
    told = {str(each) for name in ("reference", "prediction") if name in table.column_names for each in table[name]}
    assert told <= CLASSES
    assert set(table["file"].to_pylist()) == {"rows.jsonl"}
    assert set(table["reason"].to_pylist()) == {""}


def test_the_data_at_hand_make_the_inputs_again(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    found = reread(finished.run, finished.folder)
    assert found.rows == 12
    assert found.loss == pytest.approx(found.recorded_loss, abs=1e-5)
    assert (found.outputs is None) == finished.run.recipe(finished.folder).task.generates
    assert found.outputs is None or found.outputs.max_difference <= found.outputs.tolerance
    skipped = verify(finished.run).skipped
    assert "report.texts = false" in skipped
    if found.outputs is None:
        assert main(["verify", str(finished.run.path), "--folder", str(finished.folder)]) == 0
        assert "loss on 12 test rows, read and encoded again" in capsys.readouterr().out


def test_every_cards_program_runs_with_transformers_alone(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (finished.run.model_path / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert program.count("\n") <= 30
    assert "sftcore" not in program
    monkeypatch.chdir(finished.run.path)
    exec(program, {})
    assert capsys.readouterr().out


def test_every_card_is_one_that_the_hub_takes(finished: Finished) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(finished.run.model_path / "README.md", ignore_metadata_errors=False)
    facts = card.data.to_dict()
    assert {"base_model", "license", "language"}.isdisjoint(facts)
    assert {"sftcore", "trained-from-scratch"} < set(facts["tags"])
    metrics = finished.run.metrics["test"]["metrics"]
    assert {each.metric_name: each.metric_value for each in card.data.eval_results} == {
        name: pytest.approx(metrics[name]["value"], abs=1e-6)
        for name in finished.run.metrics["test"]["greater_is_better"]
    }
    headings = re.findall(r"^## (.*)$", card.text, re.MULTILINE)
    names = ["Intended use", "Results", "Limits", "Use", "Preprocessing", "Data", "Training", "Licence"]
    assert headings == names


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return carried_out("text-classification", tmp_path_factory.mktemp("shown"), texts=True)


def test_the_search_finds_texts_where_they_are_shown(classified: Finished) -> None:
    shown = {found.partition(":")[0] for found in leaks(classified.run.path, classified.texts, VOCABULARY)}
    assert "predictions.parquet" in shown
    assert not [name for name in shown if name.startswith("model/")]
    (classified.folder / "log").write_bytes(json.dumps(json.dumps(classified.texts[1][:30])).encode())
    assert leaks(classified.folder, classified.texts, ["rows.jsonl"])[0].startswith("log: ")


def test_other_data_are_refused_and_other_figures_found(classified: Finished, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(classified.run.path, tmp_path / "0001"))
    metrics = copy.metrics
    metrics["test"]["loss"] += 0.01
    (copy.path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(RunError, match="loss on the test rows is"):
        reread(copy, classified.folder)
    rows = (classified.folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "rows.jsonl").write_text("\n".join(rows[1:]), encoding="utf-8")
    with pytest.raises(DataError, match="is not the data of the run"):
        reread(copy, tmp_path)


@pytest.mark.parametrize("kind", ["text-classification", "seq2seq"])
def test_an_unfinished_run_holds_none_either(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("sftcore.pipeline.evaluate_test", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(small_recipe(kind, tmp_path), runs=tmp_path / "runs")
    folder = tmp_path / "runs" / kind / "0001"
    assert any((folder / "checkpoints").glob("checkpoint-*/model.safetensors"))
    assert leaks(folder, texts_of(kind)) == []


def test_errors_that_quote_a_row_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quoting(*_: Any, **__: Any) -> Any:
        raise ValueError(f"no sense in {texts_of('seq2seq')[0]}")

    monkeypatch.setattr("sftcore.stages.load_model", quoting)
    monkeypatch.setattr("sftcore.evaluation.baselines._add_own", quoting)
    finished = run(small_recipe("seq2seq", tmp_path), runs=tmp_path / "runs")
    notes = finished.metrics["test"]["notes"]
    assert notes == ["a baseline of seq2seq failed: ValueError", "the base model could not be evaluated: ValueError"]
    assert leaks(finished.path, texts_of("seq2seq"), VOCABULARY) == []
    monkeypatch.setattr("sftcore.evaluation.baselines._word_counts", quoting)
    classified = run(small_recipe("text-classification", tmp_path), runs=tmp_path / "runs")
    notes = classified.metrics["test"]["notes"]
    assert notes == ["no tfidf baseline: ValueError", "a baseline of text-classification failed: ValueError"]
