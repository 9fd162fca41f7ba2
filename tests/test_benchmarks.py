"""benchmarks/tasks.py: what it makes of the data sets, and what it says of runs."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "benchmarks/tasks.py"


@pytest.fixture(scope="module")
def tasks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_tasks", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def asked(question: str, context: str, *answers: str) -> dict[str, Any]:
    return {"question": question, "answers": [{"text": text, "answer_start": context.index(text)} for text in answers]}


FIRST, SECOND = "We keep your name and your address.", "Your address is deleted after a year."
POLICY = {
    "title": "a.example",
    "paragraphs": [
        {"context": FIRST, "qas": [asked("What is kept?", FIRST, "your name"), asked("Who?", FIRST, "We")]},
        {"context": SECOND, "qas": [asked("What is kept?", SECOND, "Your address"), asked("When?", SECOND, "a year")]},
    ],
}


def test_segments_become_a_document_with_answers_in_their_places(tasks: ModuleType) -> None:
    (document,) = tasks.joined(POLICY, most=40)["paragraphs"]
    assert document["context"] == f"{FIRST}\n\n{SECOND}"
    assert [question["question"] for question in document["qas"]] == ["What is kept?", "Who?", "When?"]
    found = [
        [document["context"][a["answer_start"] :][: len(a["text"])] == a["text"] for a in question["answers"]]
        for question in document["qas"]
    ]
    assert found == [[True, True], [True], [True]]
    assert POLICY["paragraphs"][1]["qas"][0]["answers"][0]["answer_start"] == 0


def test_of_many_questions_some_are_kept_from_everywhere(tasks: ModuleType) -> None:
    kept = tasks.joined(POLICY, most=2)["paragraphs"][0]["qas"]
    assert [question["question"] for question in kept] == ["What is kept?", "Who?"]
    many = {**POLICY, "paragraphs": [{"context": "x", "qas": [asked(str(n), "x", "x") for n in range(9)]}]}
    assert [question["question"] for question in tasks.joined(many, most=3)["paragraphs"][0]["qas"]] == ["0", "3", "6"]


def test_fifty_questions_are_fifty(tasks: ModuleType, tmp_path: Path) -> None:
    def article(title: str) -> dict[str, Any]:
        part = {"context": "x", "qas": [asked(f"{title}{n}", "x", "x") for n in range(10)]}
        return {"title": title, "paragraphs": [part] * 3}

    (tmp_path / "xquad").mkdir()
    (tmp_path / "xquad/xquad.en.json").write_text(json.dumps({"data": [article(t) for t in "abcd"]}))
    tasks.fifty_questions(tmp_path, tmp_path)
    articles = json.loads((tmp_path / "fifty.json").read_text())["data"]
    assert [len(article["paragraphs"]) for article in articles] == [3, 2]
    assert sum(len(part["qas"]) for article in articles for part in article["paragraphs"]) == 50


def test_rules_become_prompts_and_completions(tasks: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "rule_qa").mkdir()
    table = 'text\tlabel\tslice\nWhat is it?\t"A rule of\ntwo lines"\tIP\n'
    (tmp_path / "rule_qa/rule_qa.tsv").write_text(table)
    tasks.rule_questions(tmp_path, tmp_path)
    (line,) = (tmp_path / "rule_qa.jsonl").read_text().splitlines()
    assert json.loads(line) == {"prompt": "What is it?", "completion": "A rule of\ntwo lines"}


def interval(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def run_of(value: float | None, *, window: float, loss: float = 1.0) -> dict[str, Any]:
    """What `sftcore run --json` says of a run with this exact match; that of the sliding window is given, too."""
    gain = None if value is None else value - window
    test = {
        "rows": 20,
        "metrics": {"exact-match": interval(value, 0.3, 0.7)},
        "greater_is_better": {"exact-match": True},
        "loss": loss,
        "perplexity": 2.7,
        "baselines": {
            "sliding-window": {
                "metrics": {"exact-match": interval(window, 0.1, 0.2)},
                "differences": {"exact-match": interval(gain, gain and gain - 0.1, gain and gain + 0.1)},
            },
            "base": {"metrics": {}, "differences": {}, "details": {"loss": 3.0}},
        },
    }
    metrics = {
        "test": test,
        "time": {"train": {"wall_seconds": 8.0, "cpu_seconds": 6.0}},
        "training": {"choices": {"threads": 2}},
    }
    stages = [{"stage": "load", "rows_out": 99}, {"stage": "encode train", "rows_out": 80}]
    return {"run": "x", "metrics": metrics, "ledger": {"stages": stages}}


def test_a_line_has_the_median_and_counts_what_is_surely_better(tasks: ModuleType) -> None:
    runs = [run_of(0.5, window=0.2), run_of(0.6, window=0.2, loss=1.5), run_of(0.25, window=0.2, loss=0.5)]
    score, loss = tasks.lines_of(runs)
    assert tasks.shown(score) == [
        "exact-match",
        "0.500 (0.250 to 0.600)",
        "0.300 to 0.700",
        "sliding-window 0.200",
        "+0.300 (+0.200 to +0.400)",
        "2 of 3",
    ]
    assert tasks.shown(loss) == ["loss", "1.000 (0.500 to 1.500)", "", "base 3.000", "-2.000", "3 of 3"]


def test_the_report_says_how_it_was_made(tasks: ModuleType) -> None:
    arguments = argparse.Namespace(seeds=1, only=["qa"])
    text = tasks.report({"qa": [run_of(0.5, window=0.2)]}, arguments)
    assert "$ python benchmarks/tasks.py --data DIR --seeds 1 --only qa\n" in text
    assert "| qa | MiniLM, 22 million | 80, 20 | 8 (6) | exact-match | 0.500 |" in text
    assert "2 threads" in text


def test_what_has_no_value_is_said_to_have_none(tasks: ModuleType) -> None:
    (line, _) = tasks.lines_of([run_of(None, window=0.2)])
    assert tasks.shown(line)[:2] == ["exact-match", "not defined"]


def test_every_case_has_its_recipe(tasks: ModuleType) -> None:
    assert [case.name for case in tasks.CASES if not case.recipe.is_file()] == []
    assert len({case.name for case in tasks.CASES}) == len(tasks.CASES)
