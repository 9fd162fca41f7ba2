from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sftcore import Recipe
from sftcore.runs.card import write_card
from sftcore.runs.folder import Run
from sftcore.runs.snippets import snippet

MakeRun = Callable[..., Run]

TASK = '[task]\nuse = "text-classification"\nproblem_type = "{}"\n'


def code(card: str) -> str:
    found = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert found
    return found[1]


def test_the_metadata_are_what_the_hub_reads(tmp_path: Path, make_run: MakeRun) -> None:
    from huggingface_hub import ModelCard

    run = make_run(tmp_path)
    data = ModelCard.load(run.model_path / "README.md", ignore_metadata_errors=False).data
    facts = data.to_dict()
    assert (facts["library_name"], data.pipeline_tag, data.model_name) == (
        "transformers",
        "text-classification",
        "tiny",
    )
    assert data.tags == ["sftcore", "text-classification"]
    assert data.base_model is None
    assert data.license is None
    values = {result.metric_name: result.metric_value for result in data.eval_results}
    assert values == {
        name: pytest.approx(run.metrics["test"]["metrics"][name]["value"], abs=1e-6) for name in ("accuracy", "f1")
    }
    assert {result.dataset_split for result in data.eval_results} == {"test"}


def test_metrics_go_by_the_hubs_names(tmp_path: Path, make_run: MakeRun) -> None:
    from huggingface_hub import ModelCard

    used = '[[metrics]]\nuse = "{}"\n'
    twice = '[[metrics]]\nuse = "f1"\naverage = "micro"\n' + used.format("f1")
    for place, (table, names) in enumerate(
        (
            (twice + used.format("log-loss"), {"f1-micro": "f1", "f1-macro": "f1", "log-loss": "log-loss"}),
            (TASK.format("regression"), {"mean-absolute-error": "mae", "pearson": "pearsonr"}),
        )
    ):
        run = make_run(tmp_path / str(place), table)
        data = ModelCard.load(run.model_path / "README.md", ignore_metadata_errors=False).data
        assert {result.metric_name: result.metric_type for result in data.eval_results} == names
        assert data.metrics == sorted(set(names.values()))


def test_results_stand_beside_baselines_and_the_verdict(tmp_path: Path, make_run: MakeRun, tiny_bert: str) -> None:
    run = make_run(tmp_path, '[[preprocess]]\nuse = "lowercase"\n')
    card, scores = (run.model_path / "README.md").read_text(encoding="utf-8"), run.metrics["test"]
    found = scores["metrics"]["accuracy"]
    row = f"| accuracy | {found['value']:.3f} | {found['low']:.3f} to {found['high']:.3f} |"
    assert row in card
    assert scores["verdict"]["sentence"] in card
    assert "| majority | tfidf |" in card
    assert "It does not beat the simple baselines" in card
    assert "1. `lowercase`" in card
    assert "2 (too short)" in card
    assert "negative, neutral, positive" in card
    assert str(Path(tiny_bert).parent) not in card
    assert "EXCELLENT" not in card
    assert "excellent" not in card


@pytest.mark.parametrize("kind", ["single_label_classification", "multi_label_classification", "regression"])
def test_the_snippet_runs_with_transformers_alone(
    tmp_path: Path, make_run: MakeRun, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, TASK.format(kind))
    program = code((run.model_path / "README.md").read_text(encoding="utf-8"))
    assert program.count("\n") <= 30
    assert "sftcore" not in program
    monkeypatch.chdir(run.path)
    exec(program, {})
    said = capsys.readouterr().out
    if kind == "single_label_classification":
        assert "'label': '" in said
    elif kind == "regression":
        assert "'score': " in said
    else:
        assert said.startswith("[")


def test_the_pipeline_gives_the_recorded_scores(tmp_path: Path, make_run: MakeRun) -> None:
    from transformers import pipeline

    from sftcore.runs.predictions import read_predictions

    run = make_run(tmp_path)
    table = read_predictions(run.path / "predictions.parquet").to_pylist()
    found = pipeline("text-classification", model=str(run.model_path))(
        [row["model_input"] for row in table], truncation=True
    )
    assert [one["label"] for one in found] == [row["prediction"] for row in table]
    assert [one["score"] for one in found] == pytest.approx([row["score"] for row in table], abs=1e-5)


def test_a_model_from_nothing_says_so(tmp_path: Path) -> None:
    recipe = Recipe.from_toml(
        """
        [model.scratch]
        config = { model_type = "bert" }
        tokenizer = { kind = "characters" }
        [data]
        source = "/home/somebody/a.csv"
        where = { confidence = { min = 0.9 } }
        [task]
        use = "text-classification"
        """
    )
    state = recipe.task.fit([{"text": "a", "label": "x|y"}, {"text": "b", "label": "z"}])
    write_card(tmp_path, recipe, state, {}, rows={"train": 2}, precision="fp32")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "**Not pretrained**" in card
    assert "trained-from-scratch" in card
    assert "nothing is known of how good" in card
    assert "confidence min 0.9" in card
    assert "somebody" not in card
    assert "model-index" not in card


def test_a_pair_is_fed_as_a_pair() -> None:
    table = "model = {base='x'}\ndata = {source='a.csv', columns={text_pair='q'}}\ntask = {use='text-classification'}"
    recipe = Recipe.from_toml(table)
    state = recipe.task.fit([{"text": "a", "label": "x"}, {"text": "b", "label": "z"}])
    assert '"text_pair": ' in snippet(recipe, state)


def test_the_card_names_an_adapter_and_intervals_that_are_none(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(tmp_path)
    table = run.recipe_text.replace("max_length = 32", 'max_length = 32, adapter = { use = "lora", r = 4 }')
    recipe = Recipe.from_toml(table)
    state = recipe.task.fit([{"text": "", "label": name} for name in ("bad", "good")])
    scores = run.metrics["test"]
    scores["metrics"]["accuracy"] |= {"low": 1.0, "high": 1.0, "degenerate": True}
    scores["metrics"]["f1"] |= {"low": 0.5, "high": 0.75, "undefined": 112, "degenerate": False}
    write_card(tmp_path, recipe, state, scores, rows={"train": 24}, precision="fp32")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "- only an adapter was trained, and is merged into the weights: `lora`, r = 4, lora_alpha = 8" in card
    assert "| no interval: the resamples agree |" in card
    assert "| 0.500 to 0.750 (from 888 of 1,000 resamples) |" in card
