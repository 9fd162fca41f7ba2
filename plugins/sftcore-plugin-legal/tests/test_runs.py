"""The tasks through the whole way, with tiny models from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sftcore import Run, load_model, run

TERMS = {
    "assignment": "assign transfer delegate successor",
    "notice": "notice writing address deliver",
    "term": "expire renew terminate anniversary",
}
MODEL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def carried_out(folder: Path, rows: list[dict[str, Any]], recipe: str) -> Run:
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    (folder / "legal.toml").write_text(recipe, "utf-8")
    return run(folder / "legal.toml", runs=folder / "runs")


def scratch(model_type: str, kind: str) -> str:
    config = ", ".join(f"{key} = {value}" for key, value in MODEL.items())
    return (
        f'[model]\nmax_length = 128\n[model.scratch]\nconfig = {{ model_type = "{model_type}", {config} }}\n'
        f'tokenizer = {{ kind = "{kind}", vocab_size = 500 }}\n[data]\nsource = "rows.jsonl"\nnear_duplicates = false\n'
    )


def test_clauses_with_their_review_queue(tmp_path: Path) -> None:
    rows = []
    for number in range(180):
        label = list(TERMS)[number % 3]
        first, second = (TERMS[label].split()[(number // 3 + step) % 4] for step in (0, 1))
        text = f"SECTION {number}.1 (a). Acme{number} Corp. (the “Company”) shall {first} and {second}, 410 U. S. 113."
        rows.append({"text": text, "label": label})
    steps = ("pdf-mend", "legal-citations", "legal-numbering", "legal-defined-terms", "redact")
    tables = "".join(f'[[preprocess]]\nuse = "{name}"\n' for name in steps)
    done = carried_out(
        tmp_path,
        rows,
        f'{scratch("bert", "wordpiece")}{tables}[[augment]]\nuse = "swap-parties"\n'
        '[task]\nuse = "clause-classification"\nwanted_precision = 0.8\n'
        "[train]\nnum_train_epochs = 10\nlearning_rate = 1e-2\nper_device_train_batch_size = 16\n",
    )
    found = {name: value["value"] for name, value in done.metrics["test"]["metrics"].items()}
    assert found["f1-macro"] > 0.5
    assert 0 < found["coverage-at-precision.automatic"] <= 1
    assert 0.5 < found["coverage-at-precision.reached"] <= 1
    baseline = done.metrics["test"]["baselines"]["tfidf"]["metrics"]
    assert baseline["coverage-at-precision.automatic"]["value"] is None
    predictions = load_model(done).predict([*(row["text"] for row in rows[:20]), "zebra zebra"])
    assert {each.extra["threshold"] for each in predictions} == {found["coverage-at-precision.threshold"]}
    assert all(each.extra["review"] == (each.score < each.extra["threshold"]) for each in predictions)
    ledger = json.dumps(done.path.joinpath("ledger.json").read_text("utf-8"))
    assert "legal-citations" in ledger and "swap-parties" in ledger


@pytest.mark.filterwarnings("ignore")
def test_answers_that_cite(tmp_path: Path) -> None:
    rows = [
        {
            "question": f"Who may fish in lake {number}?",
            "passages": [
                {"id": 1, "text": "Hives stand apart."},
                {"id": 2, "text": f"Lake {number} is for all to fish."},
            ],
            "answer": f"All may. [{2 if number % 10 else 3}]",
        }
        for number in range(40)
    ]
    done = carried_out(
        tmp_path,
        rows,
        f"{scratch('llama', 'bpe')}split = {{ train = 0.8, validation = 0.1, test = 0.1 }}\n"
        '[task]\nuse = "legal-qa"\nchat_template = "plain"\nmax_new_tokens = 8\n'
        '[train]\nmax_steps = 3\nlearning_rate = 1e-3\n[[metrics]]\nuse = "citation-accuracy"\n',
    )
    found = done.metrics["test"]
    assert {"citation-accuracy", "citation-accuracy.existing", "citation-accuracy.cited"} <= found["metrics"].keys()
    assert found["baselines"]["nearest-passage"]["metrics"]["citation-accuracy"]["value"] == 1.0
    ledger = json.loads(done.path.joinpath("ledger.json").read_text("utf-8"))
    assert "answer cites a passage that is not given" in json.dumps(ledger)
    given = {"question": "Who may fish?", "passages": ["Hives stand apart.", "The lake is for all to fish."]}
    (prediction,) = load_model(done).predict([given])
    assert prediction.extra.keys() == {"citations", "unknown_citations"}
