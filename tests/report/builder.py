"""Small run folders as a run leaves them, made without any training: scores by the real code, from made-up rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sftcore.builtin.metrics import F1, Accuracy, MeanAbsoluteError, Pearson
from sftcore.builtin.text_metrics import ExactMatch, TokenF1
from sftcore.evaluation.baselines import Baseline
from sftcore.evaluation.mistakes import confident_mistakes
from sftcore.evaluation.score import score_split
from sftcore.records import Prediction, PredictionKind, Records
from sftcore.runs.files import write_json

WORDS = ("red", "green", "blue", "late", "early", "broken", "lovely", "cheap", "box", "phone")
SHA = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Spec:
    """What the made-up run is like; `right` and `baseline_right` are the shares of rows that each gets right."""

    kind: PredictionKind = "labels"
    name: str = "reviews"
    rows: int = 120
    classes: int = 3
    label: str = "class"  # how the names of the classes begin
    right: float = 0.9
    baseline_right: float = 0.6
    baselines: bool = True
    test: bool = True
    texts: bool = True
    language: str = "en"
    base: str | None = "package:some_model/model"
    adapter: bool = False
    resamples: int = 50
    text: str = ""  # put into every text of the data
    recipe_text: str = 'name = "reviews"\n\n[data]\nsource = "reviews.csv"\n'
    overrides: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return (
            tuple(f"{self.label} {number}" for number in range(self.classes))
            if self.kind in ("labels", "label_sets")
            else ()
        )


def make_run(folder: Path, **changes: Any) -> Path:
    """Write a run folder, without the model and the seal, and give its path. `changes` are fields of `Spec`."""
    spec = replace(Spec(), **changes)
    path = folder / spec.name / "0001"
    path.mkdir(parents=True)
    rng = np.random.default_rng(7)
    records = _records(spec, spec.right, rng)
    predictions = _predictions(spec, records)
    write_json(path / "lock.json", _lock(spec))
    write_json(path / "ledger.json", _ledger(spec))
    write_json(path / "metrics.json", {"test": _scores(spec, records, predictions, rng), **_training()})
    write_json(path / "overrides.json", list(spec.overrides))
    (path / "recipe.toml").write_text(spec.recipe_text, encoding="utf-8")
    _write_lines(path / "log.jsonl", _events())
    _write_predictions(path / "predictions.parquet", spec, records, predictions)
    if spec.kind == "texts" and spec.texts and spec.test:
        _write_lines(path / "generations.jsonl", _generations(spec, records))
    return path


def _records(spec: Spec, right: float, rng: np.random.Generator) -> Records:
    rows = spec.rows if spec.test else 0
    hit = rng.random(rows) < right
    ids = np.arange(rows) * 2
    if spec.kind == "labels":
        truth = np.arange(rows) % spec.classes
        said = np.where(hit, truth, (truth + 1) % spec.classes)
        scores = np.full((rows, spec.classes), 0.3 / max(spec.classes - 1, 1), np.float32)
        scores[np.arange(rows), said] = np.where(hit, 0.7 + 0.29 * rng.random(rows), 0.5 + 0.3 * rng.random(rows))
        return Records("labels", ids, said, truth, spec.labels, scores)
    if spec.kind == "label_sets":
        truth = np.random.default_rng(1).random((rows, spec.classes)) < 0.4
        said = np.where(hit[:, None], truth, ~truth)
        return Records("label_sets", ids, said, truth, spec.labels, np.where(said, 0.8, 0.2).astype(np.float32))
    if spec.kind == "scores":
        truth = np.linspace(0, 5, rows)
        return Records("scores", ids, truth + (1 - right) * rng.normal(size=rows), truth)
    truth = [f"{_text(spec, row)} answer" for row in range(rows)]
    said = [text if good else "something else" for text, good in zip(truth, hit, strict=True)]
    return Records(
        "texts", ids, _objects(said), _objects([(text,) for text in truth]), (), hit[:, None].astype(np.float32)
    )


def _objects(values: list[Any]) -> np.ndarray:
    column = np.empty(len(values), object)
    for place, value in enumerate(values):
        column[place] = value
    return column


def _text(spec: Spec, row: int) -> str:
    words = [WORDS[(row * 3 + place) % len(WORDS)] for place in range(4)]
    return " ".join([f"row {row}", spec.text, *words]).replace("  ", " ")


def _values(spec: Spec, column: np.ndarray) -> list[Any]:
    """As the data has them."""
    if spec.kind == "labels":
        return [spec.labels[number] for number in column.tolist()]
    if spec.kind == "label_sets":
        return [tuple(np.asarray(spec.labels)[mask].tolist()) for mask in column]
    return list(column.tolist())


def _predictions(spec: Spec, records: Records) -> list[Prediction]:
    values = _values(spec, records.predictions)
    if records.scores is None:
        return [Prediction(value) for value in values]
    return [
        Prediction(value, float(scores.max()), tuple(scores.tolist()) if spec.labels else None)
        for value, scores in zip(values, records.scores, strict=True)
    ]


def _metrics(spec: Spec) -> list[Any]:
    if spec.kind == "labels":
        return [F1(average="macro"), Accuracy()]
    if spec.kind == "label_sets":
        return [F1(average="micro"), Accuracy()]
    return [MeanAbsoluteError(), Pearson()] if spec.kind == "scores" else [ExactMatch(), TokenF1()]


def _scores(spec: Spec, records: Records, predictions: list[Prediction], rng: np.random.Generator) -> dict[str, Any]:
    weaker = _records(spec, spec.baseline_right, rng)
    name = "base" if spec.kind == "texts" else "tfidf"
    others = [Baseline(name, "some baseline", weaker, 0.1)] if spec.baselines and spec.test else []
    left = {"twins": 3 if spec.test else 0, "without_label": 0}
    found = score_split(_metrics(spec), records, others, rng=rng, left_out=left, resamples=spec.resamples)
    references = _values(spec, records.references)
    mistakes = confident_mistakes(records, predictions, references) if spec.test else []
    more = {"loss": 0.31 if spec.test else None, "seconds": 1.5, "slices": {}, "mistakes": mistakes, "notes": []}
    return {**found, **more, **({"perplexity": 1.36} if spec.kind == "texts" else {})}


def _training() -> dict[str, Any]:
    stages = ("load", "preprocess", "split", "encode", "model", "train", "evaluate", "save")
    return {
        "training": {
            "global_step": 40,
            "epochs": 2.0,
            "train_loss": 0.4,
            "seconds": 75.0,
            "tokens": 12345,
            "padding": 1.04,
            "best_step": None,
            "loaded_step": 40,
            "resumed_from": None,
            "stopped_early": False,
            "choices": {"device": "cpu", "precision": "fp32", "optimizer": "adamw_torch_fused", "attention": "sdpa"},
        },
        "time": {name: {"wall_seconds": 0.5 + place, "cpu_seconds": 0.25} for place, name in enumerate(stages)},
    }


def _events() -> list[dict[str, Any]]:
    steps = [
        {"step": step, "loss": 1.2 / (1 + step / 10), "learning_rate": 1e-4, "grad_norm": 1.0, "epoch": step / 20}
        for step in range(5, 45, 5)
    ]
    checks = [
        {"step": step, "eval_loss": 0.9 / (1 + step / 20), "eval_accuracy": 0.8, "epoch": step / 20}
        for step in (20, 40)
    ]
    events = [{"event": "started"}, *sorted(steps + checks, key=lambda event: event["step"])]
    return [{"time": f"2026-01-02T03:04:{place:02d}.000+00:00", **event} for place, event in enumerate(events)]


def _lock(spec: Spec) -> dict[str, Any]:
    adapter = {"use": "lora", "r": 8} if spec.adapter else None
    scratch = None if spec.base else {"config": {"model_type": "bert"}, "tokenizer": {"kind": "characters"}}
    recipe = {
        "name": spec.name,
        "seed": 42,
        "requires": [],
        "model": {"base": spec.base, "revision": "main", "max_length": 64, "scratch": scratch, "adapter": adapter},
        "data": {"source": "reviews.csv", "group": None},
        "preprocess": [{"use": "sftcore:lowercase", "on": []}],
        "augment": [],
        "task": {"use": "sftcore:causal-lm" if spec.kind == "texts" else "sftcore:text-classification"},
        "train": {},
        "metrics": [{"use": f"sftcore:{metric.name}", **metric.table()} for metric in _metrics(spec)],
        "report": {"texts": spec.texts, "language": spec.language},
        "plugins": {},
    }
    packages = {
        "sftcore": {"version": "0.1.0", "editable": "yes", "sha256": SHA},
        "torch": {"version": "2.9", "sha256": SHA},
    }
    return {
        "name": spec.name,
        "id": "0001",
        "fingerprint": {
            "recipe": recipe,
            "data": {"sha256": SHA},
            "base": {"sha256": SHA},
            "packages": {},
            "plugins": {"sftcore-plugin-some": {"version": "0.3", "sha256": SHA}},
            "threads": 2,
            "processes": 1,
            "device": "cpu",
            "precision": "fp32",
        },
        "recipe": recipe,
        "environment": {
            "python": "3.11.7",
            "implementation": "CPython",
            "platform": "Linux",
            "processor": "Some processor",
            "cores": 2,
            "memory": 8 << 30,
            "gpus": [],
            "packages": packages,
        },
    }


def _ledger(spec: Spec) -> dict[str, Any]:
    test = spec.rows + 3 if spec.test else 0
    sizes = {"train": 8 * spec.rows, "validation": spec.rows, "test": test}
    kept = sum(sizes.values())
    encoded = [
        {
            "stage": f"encode {name}",
            "rows_in": size,
            "rows_out": size,
            "details": {
                "features": size,
                "max_length": 64,
                "tokens": 12 * size,
                "lengths": {"mean": 12.0, "p50": 11.0, "p95": 20.0, "p99": 24.0, "max": 30.0},
                "histogram": {"width": 8, "counts": [size // 2, size - size // 2], "over": 0, "cut": [0, 1]},
                "truncated_rows": 1,
                "lost_tokens": 9,
                "masked_rows": 0,
                "counts": {"answer cut": 2} if spec.kind == "texts" else {},
            },
        }
        for name, size in sizes.items()
        if size
    ]
    split = {
        "rows": sizes,
        "shares": {name: size / kept for name, size in sizes.items()},
        "twins": {"exact": 4, "normalised": 0, "near": 2},
        "near_duplicates": 0.7,
        "near_duplicates_complete": True,
        "test_scored": test - 3 if test else 0,
        "conflicting_labels": {"groups": 1, "rows": 2, "row_ids": [[1, 2]]},
    }
    return {
        "stages": [
            {"stage": "load", "rows_in": kept + 20, "rows_out": kept + 20, "details": {"files": ["reviews.csv"]}},
            {
                "stage": "check",
                "rows_in": kept + 20,
                "rows_out": kept + 7,
                "dropped": {"text is missing": 12, "label is missing": 1},
            },
            {
                "stage": "preprocess",
                "rows_in": kept + 7,
                "rows_out": kept,
                "dropped": {"nothing left of the text": 7},
                "details": {"changed": {"preprocess.0 lowercase": 33}},
            },
            {"stage": "split", "rows_in": kept, "rows_out": kept, "details": split},
            *encoded,
        ]
    }


def _generations(spec: Spec, records: Records) -> list[dict[str, Any]]:
    return [
        {
            "row": int(records.row_ids[row]),
            "input": [{"role": "user", "content": _text(spec, row)}],
            "reference": list(records.references[row]),
            "base": "what the base wrote",
            "tuned": records.predictions[row],
        }
        for row in range(min(5, len(records)))
    ]


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _write_predictions(path: Path, spec: Spec, records: Records, predictions: list[Prediction]) -> None:
    rows = range(len(records))
    texts = [_text(spec, row) for row in rows]
    hidden = not spec.texts and spec.kind in ("texts", "spans")
    said = {
        "reference": pa.array(_values(spec, records.references)),
        "prediction": pa.array([prediction.value for prediction in predictions]),
    }
    columns = {
        "row": pa.array(records.row_ids, pa.int64()),
        "file": pa.array(["reviews.csv" for _ in rows], pa.string()),
        "file_row": pa.array([row + 1 for row in rows], pa.int64()),
        **({"text": pa.array(texts, pa.string()), "model_input": pa.array(texts, pa.string())} if spec.texts else {}),
        **({"given_text": pa.array([text.upper() for text in texts], pa.string())} if spec.texts else {}),
        **({} if hidden else said),
        "score": pa.array([prediction.score for prediction in predictions], pa.float64()),
        **({"scores": pa.array(list(records.scores), pa.list_(pa.float32()))} if spec.labels and len(records) else {}),
        "scored": pa.array([True for _ in rows], pa.bool_()),
        "reason": pa.array(["" for _ in rows], pa.string()),
    }
    facts = {"precision": "fp32", "texts": spec.texts, "predicts": spec.kind, "labels": list(spec.labels)}
    facts |= {"auto_class": "AutoModel", "logits_from": ["logits"], "generates": spec.kind == "texts"}
    pq.write_table(pa.table(columns).replace_schema_metadata({b"sftcore": json.dumps(facts).encode()}), path)
