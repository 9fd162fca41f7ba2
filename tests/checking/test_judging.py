"""What needs attention and what is fine."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore.checking import CheckResult, Finding, Lengths, Shape, Twins
from sftcore.checking.found import Conflicts, Steps
from sftcore.checking.judging import judged, proposed_limit
from sftcore.evaluation.ceiling import Ceiling
from sftcore.report.said import advised, said
from sftcore.report.words import Words

EVEN = {"train": {"a": 400, "b": 400}, "validation": {"a": 50, "b": 50}, "test": {"a": 50, "b": 50}}


def lengths(**changes: Any) -> Lengths:
    histogram = {"width": 10, "counts": [500, 300], "over": 0}
    plain = Lengths(800, 800, 9.0, 9, 18, 20, 20, 20, 0, 0.0, 0, histogram)
    return replace(plain, **changes)


def result(**changes: Any) -> CheckResult:
    """A check that finds nothing to complain of, but for the changes."""
    plain = CheckResult(
        shape=Shape("a", {}, []),
        findings=(),
        warnings=(),
        notes=(),
        texts=True,
        ledger={"stages": [{"stage": "load", "rows_in": 1000, "rows_out": 1000}]},
        rows={"train": 800, "validation": 100, "test": 100},
        labels=EVEN,
        targets={},
        twins=Twins({"exact": 0, "near": 0}, 0.7, largest_group=1, test_rows_scored=100),
        conflicts=Conflicts(),
        lengths={"train": lengths()},
        unknown_tokens=0.0,
        examples=[],
        steps=Steps(25, 75, 25, 15, 800, 8_000),
    )
    return replace(plain, **changes)


def recipe(**changes: Any) -> Any:
    values = {"predicts": "labels", "class_weights": None, "near_duplicates": None, "max_length": 20, **changes}
    return SimpleNamespace(
        task=SimpleNamespace(predicts=values["predicts"]),
        train=SimpleNamespace(class_weights=values["class_weights"]),
        data=SimpleNamespace(near_duplicates=values["near_duplicates"]),
        model=SimpleNamespace(max_length=values["max_length"]),
    )


def attention(found: CheckResult, **changes: Any) -> list[Finding]:
    return [one for one in judged(found, recipe(**changes)) if one.level == "attention"]


def test_where_all_is_well_nothing_needs_attention() -> None:
    found = judged(result(), recipe())
    assert {one.level for one in found} == {"fine"}
    assert [one.kind for one in found] == ["rows", "splits", "labels", "no-twins", "not-cut", "steps"]
    words = Words("en")
    assert said(found[0], words) == "Rows: 1,000 read, none left out"
    assert not any(advised(one, words) for one in found)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "conflicts": ({"conflicts": Conflicts(1, 2)}, {}, "1 text comes with different labels (2 rows, 0.2 % of all)"),
    "cut": (
        {"lengths": {"train": lengths(truncated_rows=400, truncated_share=0.5)}},
        {},
        "50 % of the training rows are cut at 20 tokens",
    ),
    "no-test": ({"rows": {"train": 800, "validation": 100, "test": 0}}, {}, "There is no test split"),
    "few-test": (
        {"twins": Twins(test_rows_scored=25)},
        {},
        "Only 25 test rows are scored",
    ),
    "no-validation": ({"rows": {"train": 800, "validation": 0, "test": 100}}, {}, "There is no validation split"),
    "absent": (
        {"labels": {**EVEN, "test": {"a": 100, "b": 0}}},
        {},
        "No test row of 1 of 2 classes: b",
    ),
    "rare": (
        {"labels": {**EVEN, "train": {"a": 40, "b": 3}}},
        {},
        "Fewer than 10 training rows of 1 of 2 classes: b (3)",
    ),
    "one-sided": (
        {"labels": {**EVEN, "train": {"a": 900, "b": 30}}},
        {},
        "97 % of the training labels are a, 30 times as many as of the smallest class",
    ),
    "twins": (
        {"twins": Twins({"exact": 300}, 0.7, rows=400, largest_group=7, test_rows_scored=100)},
        {},
        "40 % of the rows (400) are twins: the same words, or nearly; the largest group has 7",
    ),
    "near": (
        {"twins": Twins({"exact": 0}, None, test_rows_scored=100)},
        {},
        "Near twins were not looked for: there is too much text to do it unasked",
    ),
    "leaks": (
        {"twins": Twins(left_out={"train: a twin or its group is in test": 3}, test_rows_scored=100)},
        {},
        "3 rows of the source's own splits are left out: train: a twin or its group is in test (3)",
    ),
    "unknown": ({"unknown_tokens": 0.34}, {}, "The tokenizer does not know 34 % of the tokens"),
    "ceiling": (
        {"ceiling": Ceiling(200, ("test",), {"f1": 0.9, "em": 0.8})},
        {},
        "Even a model without fault would reach f1 0.900 only",
    ),
    "steps": ({"steps": Steps(3, 9, 3, 3, 90, 900)}, {}, "The whole training is 9 steps"),
    "warning": ({"warnings": ["the encoding is a guess"]}, {}, "the encoding is a guess"),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_is_amiss_is_said_with_what_to_do(kind: str) -> None:
    changes, asked, sentence = CASES[kind]
    found = [one for one in attention(result(**changes), **asked) if one.kind == kind]
    assert [said(one, Words("en")) for one in found] == [sentence]
    assert said(found[0], Words("zh")) != sentence or kind == "warning"
    assert bool(advised(found[0], Words("en"))) == (kind != "warning")
    assert not [one for one in judged(result(**changes), recipe(**asked))[: len(found)] if one.level == "fine"]


def test_every_finding_has_its_sentences() -> None:
    """Each key of the findings' words is one that some rule gives: none is left over, none is missing."""
    from sftcore.report.words import sentences

    known = {key.split(".")[2] for key in sentences("en") if key.startswith("check.attention.")}
    assert known == {*CASES, "left-out", "masked"}


def test_rows_that_lack_something_are_told_with_their_reasons() -> None:
    stages: list[dict[str, Any]] = [
        {"stage": "load", "rows_in": 1000, "rows_out": 1000},
        {"stage": "where", "rows_in": 1000, "rows_out": 500, "dropped": {"year": 500}},
        {"stage": "check", "rows_in": 500, "rows_out": 400, "dropped": {"text is missing": 100}},
        {"stage": "encode train", "rows_in": 400, "rows_out": 400, "details": {"masked_rows": 40}},
    ]
    left, masked = attention(result(ledger={"stages": stages}))
    assert said(left, Words("en")) == "100 of 1,000 rows (10 %) are left out: text is missing (100)"
    assert said(masked, Words("en")) == "Nothing counts in the loss of 40 training rows (5.0 %)"
    stages[2]["dropped"] = {"text is missing": 2}
    fine = judged(result(ledger={"stages": stages[:3]}), recipe())[0]
    assert said(fine, Words("en")) == "Rows: 1,000 read, 502 left out (text is missing (2), year (500))"


def test_a_warning_that_a_finding_repeats_is_told_once() -> None:
    warned = ["1 text comes with different labels (2 rows; see the ledger)", "test has no row of 1 of 2 classes: b"]
    found = attention(result(conflicts=Conflicts(1, 2), warnings=warned))
    assert [one.kind for one in found] == ["conflicts", "warning"]


def test_the_warnings_of_a_run_are_those_that_the_findings_know() -> None:
    """`SAID` quotes warnings of other modules: where one of them is reworded, it would be told twice."""
    import inspect

    from sftcore import preparing, stages
    from sftcore.checking.judging import SAID
    from sftcore.data import split

    source = " ".join(inspect.getsource(module) for module in (preparing, split, stages))
    assert [words for words in SAID.values() if words not in source] == []


def test_weighted_classes_may_be_uneven() -> None:
    uneven = {**EVEN, "train": {"a": 900, "b": 30}}
    assert not attention(result(labels=uneven), class_weights="balanced")
    (found,) = attention(result(labels=uneven), predicts="label_sets")
    assert "class_weights" not in advised(found, Words("en"))
    assert not attention(result(labels=uneven), predicts="tags")


@pytest.mark.parametrize(("limit", "wanted"), [(10, 64), (64, 96), (96, None)])
def test_the_proposed_limit_leaves_nearly_all_rows_whole(limit: int, wanted: int | None) -> None:
    histogram: dict[str, Any] = {"width": 10, "counts": [10, 20, 500, 300, 150, 12, 0, 0, 8], "over": 0, "cut": []}
    if limit == 96:
        histogram["over"] = 30
    assert proposed_limit(lengths(limit=limit, histogram=histogram)) == wanted


def test_of_a_base_that_reads_no_more_another_one_is_advised() -> None:
    cut = {"train": lengths(truncated_rows=400, truncated_share=0.5)}
    (found,) = attention(result(lengths=cut), max_length=None)
    assert "The base reads no more" in advised(found, Words("en"))
    (found,) = attention(result(lengths=cut))
    assert "model.max_length = 32 would leave 99 of 100 rows whole" in advised(found, Words("en"))


def test_of_numbers_no_share_of_right_answers_is_told() -> None:
    (found,) = attention(result(labels={}, twins=Twins(test_rows_scored=25)), predicts="scores")
    assert found.kind == "few-test" and "right answers" not in advised(found, Words("en"))
