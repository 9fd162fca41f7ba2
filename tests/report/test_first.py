"""The first screen says what was trained on what, whether it is better than the baselines, and how sure that is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from sftcore.report.evidence import Evidence
from sftcore.report.first import data_places, first_screen, lines, place, what
from sftcore.report.verdict import Verdict
from sftcore.report.words import Words

Make = Callable[..., Path]


def _text(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def _screen(path: Path, language: Any = None) -> str:
    evidence = Evidence.read(path, language)
    return _text(first_screen(evidence, Words(evidence.language)))


def _change(path: Path, change: Callable[[dict[str, Any]], None], name: str = "metrics.json") -> None:
    value = json.loads((path / name).read_text(encoding="utf-8"))
    change(value)
    (path / name).write_text(json.dumps(value), encoding="utf-8")


def test_it_says_what_was_trained_on_what(made: Make) -> None:
    screen = _screen(made())

    assert (
        "gives each text one of 3 classes ( text-classification ), fine-tuned from some_model/model on reviews.csv"
        in screen
    )
    assert "rows to train 960 to validate 120 to test 123 120 scored" in screen
    assert "Run 0001 · 2026-01-02" in screen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "label_sets"}, "any number of 3 labels"),
        ({"kind": "scores"}, "gives each text a number"),
        ({"kind": "texts", "adapter": True}, "Only an adapter was trained (LoRA, rank 8)"),
        ({"base": None}, "trained from nothing ( bert , weights drawn at random)"),
    ],
)
def test_it_says_what_kind_of_model_it_is(made: Make, changes: dict[str, Any], said: str) -> None:
    assert said in _screen(made(**changes))


def test_every_figure_of_the_table_is_one_of_metrics_json(made: Make) -> None:
    path = made()
    evidence, words = Evidence.read(path), Words("en")
    test = evidence.test

    shown = lines(evidence, Verdict.of(evidence), words)

    assert [line.name for line in shown] == ["f1", "accuracy"]
    for line in shown:
        ours, theirs = test["metrics"][line.name], test["baselines"]["tfidf"]
        gain = theirs["differences"][line.name]
        assert line.value == f"{ours['value']:.3f}"
        assert line.interval == f"{ours['low']:.3f} to {ours['high']:.3f}"
        assert line.other == f"{theirs['metrics'][line.name]['value']:.3f}"
        assert line.gain == f"{gain['value']:+.3f}"
        assert line.gain_interval == f"{gain['low']:+.3f} to {gain['high']:+.3f}"


@pytest.mark.parametrize(
    ("changes", "kind", "begins"),
    [
        ({}, "better", "The model is better than its baseline: f1 0."),
        ({"right": 0.5, "baseline_right": 0.9}, "worse", "The model is worse than the baseline tfidf: f1 0."),
        (
            {"right": 0.7, "baseline_right": 0.7},
            "unclear",
            "The model is not shown to be better than the baseline tfidf",
        ),
        ({"baselines": False}, "no-baseline", "That can't be said: there is no baseline"),
        ({"test": False}, "no-test", "That can't be said: there is no test split"),
    ],
)
def test_the_verdict_is_that_of_metrics_json(made: Make, changes: dict[str, Any], kind: str, begins: str) -> None:
    evidence = Evidence.read(made(**changes))
    verdict = Verdict.of(evidence)

    sentence = _text(verdict.sentence(Words("en")))

    assert verdict.kind == kind
    assert sentence.startswith(begins)
    assert sentence.count(". ") == 0
    assert (evidence.test["verdict"]["beats_baselines"] is True) == (kind == "better")


def test_the_sentence_has_the_figures_and_the_interval(made: Make) -> None:
    evidence = Evidence.read(made())
    gain = evidence.test["baselines"]["tfidf"]["differences"]["f1"]

    sentence = _text(Verdict.of(evidence).sentence(Words("en")))

    assert f"gain {gain['value']:+.3f}, 95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}" in sentence
    assert "on the same 120 test rows" in sentence


def test_where_lower_is_better_a_gain_is_positive(made: Make) -> None:
    evidence = Evidence.read(made(kind="scores"))

    first = lines(evidence, Verdict.of(evidence), Words("en"))[0]

    assert first.name == "mean-absolute-error" and first.lower_is_better
    assert evidence.test["baselines"]["tfidf"]["differences"]["mean-absolute-error"]["value"] < 0
    assert first.gain.startswith("+") and first.tone == "good"


def test_reservations_are_part_of_the_sentence(made: Make) -> None:
    path = made()

    def doubt(metrics: dict[str, Any]) -> None:
        metrics["test"]["baselines"]["tfidf"]["differences"]["accuracy"].update(value=0.01, low=-0.02, high=0.04)

    _change(path, doubt)
    assert _text(Verdict.of(Evidence.read(path)).sentence(Words("en"))).endswith("; not so by accuracy.")

    def worse(metrics: dict[str, Any]) -> None:
        metrics["test"]["baselines"]["tfidf"]["differences"]["accuracy"].update(value=-0.1, low=-0.2, high=-0.04)

    _change(path, worse)
    assert _text(Verdict.of(Evidence.read(path)).sentence(Words("zh"))).endswith("；按以下指标则更差：accuracy。")


def test_an_interval_without_width_is_said_to_be_none(made: Make) -> None:
    path = made(right=1.0, baseline_right=1.0)

    screen = _screen(path)

    assert "No interval: all resamples agree" in screen
    assert "gain 0, without an interval, since the resamples agree" in screen


def test_groups_are_named_where_they_were_resampled(made: Make) -> None:
    path = made()
    _change(path, lambda metrics: metrics["test"]["bootstrap"].update(unit="groups", units=17))
    _change(path, lambda lock: lock["recipe"]["data"].update(group="document"), "lock.json")

    assert "50 bootstrap resamples of the 17 groups (column document) that the 120 rows belong to" in _screen(path)


def test_without_a_test_split_there_is_no_table_of_dashes(made: Make) -> None:
    assert "Measured on" not in _screen(made(test=False))


def test_what_is_missing_is_said(made: Make) -> None:
    path = made(baselines=False)
    _change(path, lambda metrics: metrics["test"].update(notes=["no tfidf baseline: no words"]))

    assert "没有 tfidf 基线：no words" in _screen(path, "zh")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/home/somebody/models/bert", "bert"),
        ("~/data/reviews.csv", "reviews.csv"),
        ("../reviews.csv", "reviews.csv"),
        ("package:some_model/model", "some_model/model"),
        ("google/bert-base", "google/bert-base"),
    ],
)
def test_folders_of_somebodys_machine_are_left_out(given: str, shown: str) -> None:
    assert place(given) == shown


def test_a_source_for_each_split_is_named_once(made: Make) -> None:
    path = made()
    source = {"train": "a.csv", "validation": None, "test": "b.csv"}
    _change(path, lambda lock: lock["recipe"]["data"].update(source=source), "lock.json")

    assert data_places(Evidence.read(path)) == ["a.csv", "b.csv"]
    assert "a.csv , b.csv" in _text(what(Evidence.read(path), Words("en")))
