from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console as RichConsole

from sftcore.cli.results import rendered
from sftcore.cli.tables import table

INTERVAL = {"value": 0.9051, "low": 0.891, "high": 0.9184, "undefined": 0}
WORSE = {"value": 0.05, "low": 0.01, "high": 0.09}
SPLIT: dict[str, Any] = {
    "rows": 1783,
    "left_out": {"twins": 12, "without_label": 0},
    "bootstrap": {"level": 0.95},
    "metrics": {"accuracy": INTERVAL, "log-loss": INTERVAL, "f1.消极": INTERVAL},
    "greater_is_better": {"accuracy": True, "log-loss": False},
    "baselines": {
        "tfidf": {
            "metrics": {"accuracy": {"value": 0.8551}, "log-loss": {"value": None}},
            "differences": {"accuracy": WORSE, "log-loss": {**WORSE, "low": None}},
        }
    },
    "verdict": {"beats_baselines": False, "sentence": "The model does NOT beat tfidf.", "advice": ["train longer"]},
    "classes": [{"label": "消极", "rows": 10, "predicted": 9, "precision": 0.5, "recall": None, "f1": 0.25}],
    "confused_pairs": [{"label": "消极", "prediction": "积极", "rows": 1, "share": 0.1}],
}
LEDGER = {
    "stages": [
        {"stage": "load", "rows_in": 38158, "rows_out": 17824, "dropped": {"confidence below 0.99": 20334}},
        {
            "stage": "encode train",
            "rows_in": 17824,
            "rows_out": 17824,
            "details": {"features": 17824, "truncated_rows": 12, "lengths": {"mean": 3.0}, "complete": True},
        },
    ]
}


def shown(value: Any, width: int = 100) -> list[str]:
    console = RichConsole(
        width=width, color_system=None, record=True, file=None, quiet=False, markup=False, highlight=False
    )
    with console.capture() as captured:
        console.print(value)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_ledger_says_what_went_and_why() -> None:
    assert shown(rendered("ledger", LEDGER)) == [
        "",
        "Ledger",
        "  stage             in     out  left out, and other counts",
        "  load          38,158  17,824  20,334 confidence below 0.99",
        "  encode train  17,824  17,824  12 truncated (0.1 %)",
    ]


def test_the_ledger_says_how_many_texts_each_step_changed() -> None:
    changed = {"preprocess.0 mask-ticket-numbers": 300, "preprocess.1 lowercase": 1}
    stage = {"stage": "preprocess", "rows_in": 400, "rows_out": 400, "details": {"changed": changed}}
    assert shown(rendered("ledger", {"stages": [stage]}))[-1].endswith(
        "400  mask-ticket-numbers changed 300, lowercase changed 1"
    )


def test_the_ledger_says_what_became_of_answers_and_documents() -> None:
    spans = {"exact": 90, "lost": 1, "not trained on": 2}
    stages = [
        {"stage": "preprocess", "rows_in": 93, "rows_out": 93, "details": {"spans": spans}},
        {"stage": "split", "rows_in": 93, "rows_out": 93, "details": {"families": 30, "largest_family": 14}},
        {"stage": "augment", "rows_in": 80, "rows_out": 80, "details": {"refused_edits": {"augment.0 swap": 1_200}}},
        {"stage": "encode", "rows_in": 80, "rows_out": 80, "details": {"counts": {"answer cut": 3, "no answer": 0}}},
    ]
    lines = shown(rendered("ledger", {"stages": stages}), 160)[3:]
    assert [line.split(maxsplit=3)[3] for line in lines] == [
        "1 span lost, 2 spans not trained on",
        "30 documents of up to 14 rows",
        "swap would have touched an answer 1,200 times",
        "3 answer cut",
    ]


def test_metrics_stand_beside_their_baselines() -> None:
    lines = shown(rendered("metrics", {"test": SPLIT, "time": {"train": 3}}))
    assert lines[:7] == [
        "",
        "Test split, 1,783 rows",
        "  not scored: 12 twins",
        "            model   95 % interval  tfidf",
        "  accuracy  0.905  0.891 to 0.918  0.855",
        "  log-loss  0.905  0.891 to 0.918      -",
        "",
    ]
    assert "  accuracy  +0.050  (+0.010 to +0.090)" in lines
    assert "  log-loss       -0.050  (-0.090 to -)" in lines
    assert "  log-loss  lower is better" in lines
    assert "  消极    10          9      0.500       -  0.250" in lines
    assert "  消极 → 积极  1 row  10 %" in lines
    assert lines[-2:] == ["The model does NOT beat tfidf.", "  • train longer"]


def test_scores_without_baselines_have_no_verdict() -> None:
    split = {key: value for key, value in SPLIT.items() if key != "baselines"}
    text = "\n".join(shown(rendered("metrics", split)))
    assert "Scores, 1,783 rows" in text
    assert "NOT" not in text and "gain" not in text.lower()


def test_parts_of_the_data_and_perplexity_are_shown() -> None:
    parts = {
        "who": {"rows": 1200, "metrics": {"accuracy": 0.5, "log-loss": None}},
        "where": {"rows": 7, "metrics": {"accuracy": 1.0}},
    }
    base = {"base": {"details": {"perplexity": 41.25}, "metrics": {}, "differences": {}}}
    split = SPLIT | {"slices": {"question type": parts}, "perplexity": 3.5, "baselines": base}
    lines = shown(rendered("metrics", {"test": split}))
    assert "  perplexity of the references 3.500, before training 41.250" in lines
    place = lines.index("By question type")
    assert lines[place + 1 : place + 4] == [
        "          rows  accuracy  log-loss",
        "  who    1,200     0.500         -",
        "  where      7     1.000         -",
    ]


@pytest.mark.parametrize(("bounds", "greater", "style"), [((0.1, 0.2), True, "green"), ((0.1, 0.2), False, "red")])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_colour_of_a_gain_is_that_of_the_better_side(
    bounds: tuple[float, float], greater: bool, style: str, sign: int
) -> None:
    from sftcore.cli.scores import _gain

    low, high = sorted(sign * bound for bound in bounds)
    text = _gain({"value": sign * 0.15, "low": low, "high": high}, greater if sign > 0 else not greater)
    assert text.style == style


def test_a_gain_that_may_be_none_is_yellow() -> None:
    from sftcore.cli.scores import _gain

    assert _gain({"value": 0.1, "low": -0.1, "high": 0.3}, True).style == "yellow"


@pytest.mark.parametrize("width", [30, 40, 60, 100])
@pytest.mark.parametrize("title", ["ledger", "metrics", "labels"])
def test_nothing_is_wider_than_the_terminal(title: str, width: int) -> None:
    value = {"ledger": LEDGER, "metrics": {"test": SPLIT}, "labels": {"train": {"消极的评论" * 9: 3}}}[title]
    assert max(map(cell_len, shown(rendered(title, value), width))) <= width


def test_a_narrow_terminal_stacks_what_does_not_fit() -> None:
    rows = [("accuracy", "0.905", "0.891 to 0.918"), ("f1", "0.9", "")]
    assert shown(table(["", "model", "interval"], rows, numbers=(1, 2)), 20) == [
        *("accuracy", "  model: 0.905", "  interval: 0.891 to", "0.918"),
        *("f1", "  model: 0.9"),
    ]


def test_time_is_shared_out() -> None:
    value = {"load": {"wall_seconds": 3.2, "cpu_seconds": 3.0}, "train": 96.8, "seal": 0.01, "note": "x"}
    assert shown(rendered("time", value)) == [
        "",
        "Where the time went",
        "  load         3.2 s  3.2 %",
        "  train   1 min 37 s   97 %",
        "  in all  1 min 40 s",
    ]


def test_an_unknown_result_is_told_plainly() -> None:
    assert shown(rendered("device", {"name": "cpu", "threads": 2, "cores": [0, 1], "none": None})) == [
        *("", "Device", "  name     cpu", "  threads  2", "  cores    0, 1"),
    ]
    assert shown(rendered("device", "cpu")) == ["", "Device", "  cpu"]


def test_an_interval_that_is_none_says_so() -> None:
    same = {"value": 1.0, "low": 1.0, "high": 1.0, "undefined": 0, "degenerate": True}
    few = {"value": 0.9, "low": 0.85, "high": 0.95, "undefined": 112, "degenerate": False}
    gains = {"accuracy": {**same, "value": 0.0, "low": 0.0, "high": 0.0}, "f1": {**few, "value": 1e-5, "low": -1e-5}}
    split = {
        "rows": 2,
        "bootstrap": {"level": 0.95, "resamples": 1000},
        "metrics": {"accuracy": same, "f1": few},
        "baselines": {"tfidf": {"metrics": {}, "differences": gains}},
    }
    text = "\n".join(shown(rendered("metrics", split)))
    assert "no interval: the resamples agree" in text
    assert "0.850 to 0.950 (from 888 of 1,000 resamples)" in text
    assert "0  (no interval)" in text and "0  (0 to +0.950)" in text
