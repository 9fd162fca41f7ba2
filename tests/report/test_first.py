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
from sftcore.report.verdict import Gain, Verdict
from sftcore.report.words import Words

Make = Callable[..., Path]


def _text(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def _sentence(path: Path, language: Any = "en") -> str:
    markup = Verdict.of(Evidence.read(path)).sentence(Words(language))
    return unescape(re.sub(r"<[^>]*>", "", markup))


def _screen(path: Path, language: Any = None) -> str:
    evidence = Evidence.read(path, language)
    return _text(first_screen(evidence, Words(evidence.language)))


def _change(path: Path, change: Callable[[dict[str, Any]], None], name: str = "metrics.json") -> None:
    value = json.loads((path / name).read_text(encoding="utf-8"))
    change(value)
    (path / name).write_text(json.dumps(value), encoding="utf-8")


def test_it_says_what_was_trained_on_what(made: Make) -> None:
    screen = _screen(made())

    assert "gives each text one of 3 classes: class 0, class 1, class 2." in screen
    assert "Fine-tuned from the model some_model on reviews.csv" in screen
    assert (
        "rows to train 960 to validate 120 to test 123 120 scored, the other 3 are copies or near copies of these"
        in screen
    )
    assert "Run 0001 · 2026-01-02 · task text-classification" in screen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "label_sets"}, "any number of 3 labels: class 0, class 1, class 2."),
        ({"classes": 40}, "gives each text one of 40 classes. Fine-tuned"),
        ({"kind": "scores"}, "gives each text a number"),
        ({"kind": "texts", "adapter": True}, "Only an adapter was trained (LoRA, rank 8)"),
        ({"base": None}, "Trained from nothing ( bert , weights drawn at random)"),
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
        assert line.gain == f"{gain['value']:.3f} better"
        assert line.gain_interval == f"{gain['low']:.3f} to {gain['high']:.3f} better"


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
    path = made(**changes)
    evidence, sentence = Evidence.read(path), _sentence(path)

    assert Verdict.of(evidence).kind == kind
    assert sentence.startswith(begins)
    assert sentence.count(". ") == 0
    assert (evidence.test["verdict"]["beats_baselines"] is True) == (kind == "better")


def test_the_sentence_has_the_figures_and_the_interval(made: Make) -> None:
    path = made()
    gain = Evidence.read(path).test["baselines"]["tfidf"]["differences"]["f1"]

    sentence = _sentence(path)

    assert f"({gain['value']:.3f} better, 95 % interval {gain['low']:.3f} to {gain['high']:.3f} better)" in sentence
    assert "on the same 120 test rows" in sentence


def test_where_lower_is_better_a_smaller_figure_is_told_as_better(made: Make) -> None:
    path = made(kind="scores")
    evidence = Evidence.read(path)

    first = lines(evidence, Verdict.of(evidence), Words("en"))[0]

    assert first.name == "mean-absolute-error"
    assert first.about == "How far the number is off, on average, in its unit: 0 is perfect; lower is better"
    assert evidence.test["baselines"]["tfidf"]["differences"]["mean-absolute-error"]["value"] < 0
    assert first.gain.endswith(" better") and first.tone == "good"
    assert "mean-absolute-error (lower is better) 0." in _sentence(path)


@pytest.mark.parametrize(
    ("bounds", "amount", "span", "chinese"),
    [
        ((0.054, 0.037, 0.069), "0.054 better", "0.037 to 0.069 better", "好 0.037 至 0.069"),
        ((-0.5, -0.75, -0.25), "0.500 worse", "0.250 to 0.750 worse", "差 0.250 至 0.750"),
        ((0.013, -0.003, 0.029), "0.013 better", "0.003 worse to 0.029 better", "差 0.003 至好 0.029"),
        ((0.062, 0.0, 0.188), "0.062 better", "0 to 0.188 better", "好 0 至 0.188"),
        ((-0.062, -0.188, -0.0001), "0.062 worse", "0 to 0.188 worse", "差 0 至 0.188"),
        ((0.0, -0.1, 0.1), "no difference", "0.100 worse to 0.100 better", "差 0.100 至好 0.100"),
    ],
)
def test_a_gain_is_told_in_words(bounds: tuple[float, float, float], amount: str, span: str, chinese: str) -> None:
    gain = Gain(*bounds, degenerate=False)

    assert (gain.amount(Words("en")), gain.span(Words("en"))) == (amount, span)
    assert gain.span(Words("zh")).replace("\N{NO-BREAK SPACE}", " ") == chinese


def test_a_difference_that_may_be_chance_is_said_to_be(made: Make) -> None:
    screen = _screen(made(right=0.7, baseline_right=0.7))

    assert "which may be chance: 95 % interval 0." in screen
    assert "may be chance: 0." in screen.partition("Compared with tfidf")[2]


def test_every_baseline_is_named_in_its_own_words_the_hardest_first(made: Make) -> None:
    path = made()

    def second(metrics: dict[str, Any]) -> None:
        baselines = metrics["test"]["baselines"]
        metrics["test"]["baselines"] = {"coin": {**baselines["tfidf"], "description": "a coin is tossed"}, **baselines}

    _change(path, second)
    value = Evidence.read(path).test["baselines"]["tfidf"]["metrics"]["f1"]["value"]
    screen = _screen(path)

    assert f"tfidf some baseline; f1 {value:.3f}; the hardest to beat coin a coin is tossed; f1 {value:.3f}" in screen


def test_a_metric_says_itself_what_it_measures(made: Make) -> None:
    path = made()
    assert "accuracy Share of rows that are predicted rightly " in _screen(path)
    assert "accuracy 判断正确的行所占比例 " in _screen(path, "zh")

    _change(path, lambda metrics: metrics["test"]["meanings"].update(accuracy="Something of a plugin's own"))
    assert "accuracy Something of a plugin's own " in _screen(path, "zh")


def test_runs_that_recorded_no_words_are_shown_without(made: Make) -> None:
    path = made(kind="scores")

    def older(metrics: dict[str, Any]) -> None:
        del metrics["test"]["meanings"], metrics["test"]["left_out"]
        del metrics["test"]["baselines"]["tfidf"]["description"]

    _change(path, older)
    screen = _screen(path)

    assert "mean-absolute-error lower is better " in screen
    assert "123 120 scored Is it better" in screen
    assert "tfidf mean-absolute-error 0." in screen


def test_reservations_are_part_of_the_sentence(made: Make) -> None:
    path = made()

    def doubt(metrics: dict[str, Any]) -> None:
        metrics["test"]["baselines"]["tfidf"]["differences"]["accuracy"].update(value=0.01, low=-0.02, high=0.04)

    _change(path, doubt)
    assert _sentence(path).endswith("; not shown by accuracy.")

    def worse(metrics: dict[str, Any]) -> None:
        metrics["test"]["baselines"]["tfidf"]["differences"]["accuracy"].update(value=-0.1, low=-0.2, high=-0.04)

    _change(path, worse)
    assert _sentence(path, "zh").endswith("；按以下指标则更差：accuracy。")


def test_an_interval_without_width_is_said_to_be_none(made: Make) -> None:
    path = made(right=1.0, baseline_right=1.0)

    screen = _screen(path)

    assert "No interval: all resamples agree" in screen
    assert "(no difference, without an interval, since the resamples agree)" in screen


def test_groups_are_named_where_they_were_resampled(made: Make) -> None:
    path = made()
    _change(path, lambda metrics: metrics["test"]["bootstrap"].update(unit="groups", units=17))
    _change(path, lambda lock: lock["recipe"]["data"].update(group="document"), "lock.json")

    assert "50 bootstrap resamples of the 17 groups, column document, that the 120 rows belong to" in _screen(path)


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
        ("package:some_model/model", "some_model"),
        ("package:some_data/corpora/reviews.csv", "reviews.csv"),
        ("data/2024/reviews.csv", "reviews.csv"),
        ("google/bert-base", "google/bert-base"),
        ("someone/model-2.5-1B", "someone/model-2.5-1B"),
    ],
)
def test_places_are_named_briefly_and_without_folders_of_somebodys_machine(given: str, shown: str) -> None:
    assert place(given) == shown


def test_a_source_for_each_split_is_named_once(made: Make) -> None:
    path = made()
    source = {"train": "a.csv", "validation": None, "test": "b.csv"}
    _change(path, lambda lock: lock["recipe"]["data"].update(source=source), "lock.json")

    assert data_places(Evidence.read(path)) == ["a.csv", "b.csv"]
    assert "a.csv , b.csv" in _text(what(Evidence.read(path), Words("en")))
