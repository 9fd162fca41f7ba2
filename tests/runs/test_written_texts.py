"""A whole run of a task that generates: what is in its folder, and whether it can be written again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sftcore import Recipe, RunError, run
from sftcore.runs.folder import Run
from sftcore.runs.predictions import read_predictions, recorded_facts, recorded_inputs
from sftcore.runs.seal import seal
from sftcore.runs.snippets import snippet
from sftcore.runs.verify import verify

WORDS = ["red", "blue", "green", "cat", "dog", "sun", "moon", "tree"]
RECIPE = """
name = "backwards"
[model]
max_length = 16
[model.scratch]
config = { model_type = "t5", d_model = 32, d_kv = 8, d_ff = 64, num_layers = 1, num_heads = 4 }
tokenizer = { kind = "unigram", vocab_size = 300 }
[data]
source = "rows.jsonl"
near_duplicates = false
split = { train = 0.4, validation = 0.2, test = 0.4 }
[task]
use = "seq2seq"
prefix = "turn: "
max_new_tokens = 6
[[metrics]]
use = "token-f1"
[train]
max_steps = 24
per_device_train_batch_size = 16
learning_rate = 5e-3
precision = "fp32"
"""

MakeWriter = Callable[..., Run]


@pytest.fixture(scope="module")
def make_writer(tmp_path_factory: pytest.TempPathFactory) -> MakeWriter:
    """Makes a run of a tiny T5 from nothing on 150 rows; `table` is added to the recipe."""

    def make(table: str = "", **overrides: Any) -> Run:
        folder = tmp_path_factory.mktemp("writer")
        pairs = [(f"{a} {b} {c}", f"{c} {b} {a}") for a in WORDS for b in WORDS[:5] for c in WORDS[:4]][:150]
        lines = (json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in pairs)
        (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (folder / "recipe.toml").write_text(RECIPE + table, encoding="utf-8")
        given = [f"{key}={value}" for key, value in overrides.items()]
        return run(Recipe.read(folder / "recipe.toml", overrides=given), runs=folder / "runs")

    return make


@pytest.fixture(scope="module")
def written(make_writer: MakeWriter) -> Run:
    """A finished run. It is not to be changed."""
    return make_writer()


def lines_of(done: Run) -> list[dict[str, Any]]:
    text = (done.path / "generations.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_base_model_is_told_beside_the_tuned_one(written: Run) -> None:
    test = written.metrics["test"]
    base = test["baselines"]["base"]
    assert base["description"] == "the model before training: random weights"
    assert 1 < test["perplexity"] < base["details"]["perplexity"]
    assert set(base["metrics"]) == set(test["metrics"]) == {"token-f1"}
    assert test["notes"] == []
    assert written.metrics["time"]["base"]["wall_seconds"] > 0
    assert "baseline base" in test["verdict"]["sentence"]


def test_validation_knows_the_loss_alone(written: Run) -> None:
    events = [json.loads(line) for line in (written.path / "log.jsonl").read_text().splitlines()]
    found = [{name for name in event if name.startswith("eval_")} for event in events if "eval_loss" in event]
    assert found == [{"eval_loss", "eval_perplexity"}] * 6


def test_fifty_rows_are_shown_side_by_side(written: Run) -> None:
    table = {row["row"]: row for row in read_predictions(written.path / "predictions.parquet").to_pylist()}
    shown = lines_of(written)
    assert len(shown) == 50 < len(table) == 60
    assert [one["row"] for one in shown] == sorted({one["row"] for one in shown})
    for one in shown:
        row = table[one["row"]]
        assert (one["input"], one["reference"], one["tuned"]) == (
            row["model_input"],
            row["reference"],
            row["prediction"],
        )
        assert one["input"] == f"turn: {' '.join(reversed(one['reference'].split()))}"
    assert any(one["base"] != one["tuned"] for one in shown)
    assert "generations.jsonl" in (written.path / "SHA256SUMS").read_text()


def test_the_ids_that_were_read_and_written_are_recorded(written: Run) -> None:
    from transformers import AutoTokenizer

    table = read_predictions(written.path / "predictions.parquet")
    tokenizer = AutoTokenizer.from_pretrained(written.model_path)
    facts = recorded_facts(table)
    assert (facts["generates"], facts["logits_from"], facts["auto_class"]) == (True, [], "AutoModelForSeq2SeqLM")
    settings = json.loads((written.model_path / "generation_config.json").read_text())
    assert facts["generation"] == {name: settings[name] for name in facts["generation"]}
    assert facts["generation"]["max_new_tokens"] == 6
    texts = table["model_input"].to_pylist()
    assert recorded_inputs(table) == [{"input_ids": tokenizer(text, truncation=True)["input_ids"]} for text in texts]
    assert str(table.schema.field("generated").type) == "list<element: int32>"
    said = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in table["generated"].to_pylist()]
    assert said == table["prediction"].to_pylist()


def test_the_reloaded_model_writes_the_same_again(written: Run) -> None:
    found = verify(written)
    assert found.outputs is None
    assert found.generated is not None
    assert (found.generated.rows, found.generated.near_ties, found.generated.different) == (50, 0, ())
    assert found.generated.tokens > 100
    assert found.as_json()["generated"]["rows"] == 50


def test_other_tokens_are_found_and_their_rows_named(written: Run, tmp_path: Path) -> None:
    copy = Run(tmp_path / "0001")
    shutil.copytree(written.path, copy.path)
    path = copy.path / "predictions.parquet"
    table = pq.read_table(path)
    ids = table["generated"].to_pylist()
    ids[0] = [*ids[0][:-1], (ids[0][-1] + 1) % 200]
    place = table.column_names.index("generated")
    changed = table.set_column(place, table.schema.field(place), pa.array(ids, table.schema.field(place).type))
    pq.write_table(changed, path)
    (copy.path / "SHA256SUMS").unlink()
    seal(copy)
    with pytest.raises(RunError, match=rf"writes other texts for 1 of 50 rows: {table['row'][0].as_py()}\n"):
        verify(copy)


def test_without_texts_nothing_of_them_is_written(make_writer: MakeWriter) -> None:
    done = make_writer("[report]\ntexts = false\n")
    assert not (done.path / "generations.jsonl").exists()
    table = read_predictions(done.path / "predictions.parquet")
    assert table.column_names == ["row", "file", "file_row", "scored", "reason"]
    assert verify(done).generated is None
    everything = b"".join(path.read_bytes() for path in done.path.glob("*.*") if path.name != "recipe.toml")
    assert b"moon" not in everything


def test_with_many_rows_the_base_model_answers_a_sample(
    make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sftcore.evaluation.before.MOST_ROWS", 55)
    done = make_writer()
    base = done.metrics["test"]["baselines"]["base"]
    assert base["metrics"] == base["differences"] == {}
    assert base["details"]["perplexity"] > 1
    (note,) = done.metrics["test"]["notes"]
    assert "50 of 60 rows" in note
    assert all(one["base"] is not None for one in lines_of(done))
    assert done.metrics["test"]["verdict"]["beats_baselines"] is None


def test_a_base_model_that_fails_does_not_cost_the_run(
    make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise MemoryError("no room for two")

    monkeypatch.setattr("sftcore.stages.load_model", broken)
    done = make_writer()
    assert done.sealed
    assert done.metrics["test"]["notes"] == ["the base model could not be evaluated: no room for two"]
    assert done.metrics["test"]["baselines"]["base"]["details"] == {"loss": None, "perplexity": None}
    assert {one["base"] for one in lines_of(done)} == {None}


def test_a_metric_of_texts_chooses_no_checkpoint(make_writer: MakeWriter) -> None:
    from sftcore import RecipeError

    with pytest.raises(RecipeError, match=r"token-f1 is not known in validation: .* by its loss alone") as caught:
        make_writer('metric_for_best_model = "token-f1"\n')
    assert caught.value.problems[0].key == "train.metric_for_best_model"
    done = make_writer(**{"train.load_best_model_at_end": "true", "train.eval_strategy": '"steps"'})
    assert done.metrics["training"]["best_step"] is not None


def test_the_card_tells_perplexity_and_how_to_write(written: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    card = (written.model_path / "README.md").read_text(encoding="utf-8")
    test = written.metrics["test"]
    before = test["baselines"]["base"]["details"]["perplexity"]
    assert f"The perplexity of the references is {test['perplexity']:.3f} (a token)." in card
    assert f"Before training it was {before:.3f}." in card
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert program.count("\n") <= 30
    assert "turn: The prompt" in program
    row = read_predictions(written.path / "predictions.parquet").slice(3, 1).to_pylist()[0]
    program = program.replace("turn: The prompt, after the preprocessing below.", row["model_input"])
    monkeypatch.chdir(written.path)
    exec(program, {})
    assert capsys.readouterr().out.strip() == row["prediction"]


def test_a_chat_is_written_in_turns(tmp_path: Path) -> None:
    recipe = Recipe.from_toml('model = {base = "x"}\ndata = {source = "y"}\ntask = {use = "causal-lm", system = "Hi."}')
    program = snippet(recipe, recipe.task.state_class())
    turns: Mapping[str, Any] = {}
    line = next(line for line in program.splitlines() if line.startswith("turns = "))
    exec(line, {}, turns)  # type: ignore[arg-type]
    assert turns["turns"] == [
        {"role": "system", "content": "Hi."},
        {"role": "user", "content": "The prompt, after the preprocessing below."},
    ]
    assert "apply_chat_template(turns, add_generation_prompt=True" in program
