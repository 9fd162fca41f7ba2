from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore.compare import Comparison, Pair, compare
from sftcore.compare.comparison import verdict
from sftcore.errors import RunError, UsageError
from sftcore.records import Prediction
from sftcore.report.words import Words
from sftcore.runs.folder import Run
from tests.compare.conftest import NUMBERS, TEXTS, MakeRun, answers, classes, rewrite_lock, without_column


def pair_of(*runs: Run) -> Pair:
    return compare(runs).pairs[0]


def why(*runs: Run) -> str:
    found = pair_of(*runs)
    assert found.why is not None
    assert not found.differences
    return found.why.said(Words("en"))


def test_the_paired_difference_and_its_interval_are_those_of_a_plain_bootstrap(write_run: MakeRun) -> None:
    rows = classes(90)
    said = answers(90, 0.9, 1), answers(90, 0.7, 2)
    found = pair_of(write_run("a", rows, said[0], resamples=1000), write_run("b", rows, said[1]))
    right = np.array([[one.value == row["label"] for one, row in zip(each, rows, strict=True)] for each in said], float)
    gain = right[1] - right[0]
    difference = found.differences["accuracy"]
    assert found.values["accuracy"] == (pytest.approx(right[0].mean()), pytest.approx(right[1].mean()))
    assert difference.value == pytest.approx(gain.mean())
    drawn = np.random.default_rng(5).integers(0, 90, (20_000, 90))
    low, high = np.quantile(gain[drawn].mean(1), [0.025, 0.975])
    assert difference.low == pytest.approx(low, abs=0.015)
    assert difference.high == pytest.approx(high, abs=0.015)
    assert (found.rows, found.unit, found.units, found.resamples) == (90, "rows", 90, 1000)


def test_the_resamples_are_those_of_the_references_own_evaluation(write_run: MakeRun) -> None:
    """So a run that is compared with one that is never right has the interval that its metrics.json has."""
    rows = classes(60)
    run = write_run("a", rows, answers(60, 0.8, 1), seed=7, resamples=300)
    other = write_run("b", rows, answers(60, 0.0, 2), seed=7)
    gain = pair_of(run, other).differences["accuracy"].negative()
    own = run.metrics["test"]["metrics"]["accuracy"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((own["value"], own["low"], own["high"]))


def test_rows_are_matched_whatever_their_order(write_run: MakeRun) -> None:
    rows, said = classes(40), answers(40, 0.7, 1)
    order = np.random.default_rng(0).permutation(40).tolist()
    other = write_run("b", [rows[place] for place in order], [said[place] for place in order], ids=order)
    found = pair_of(write_run("a", rows, said), other)
    assert found.differences["accuracy"].value == pytest.approx(0, abs=1e-12)
    assert found.agreement is not None
    assert (found.agreement.first, found.agreement.second) == (0, 0)


def test_groups_are_resampled_whole_and_do_not_show_in_the_file(write_run: MakeRun) -> None:
    rows, groups = classes(60), [f"Smith v Jones {row // 10}" for row in range(60)]
    runs = [
        write_run(name, rows, answers(60, 0.7, seed), groups=groups, resamples=1000) for seed, name in enumerate("ab")
    ]
    found = pair_of(*runs)
    assert (found.unit, found.units) == ("groups", 6)
    assert b"Smith" not in (runs[0].path / "predictions.parquet").read_bytes()
    right = [
        [one.value == row["label"] for one, row in zip(answers(60, 0.7, seed), rows, strict=True)] for seed in (0, 1)
    ]
    gains = np.subtract(right[1], right[0], dtype=float).reshape(6, 10).mean(1)
    drawn = gains[np.random.default_rng(3).integers(0, 6, (20_000, 6))].mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    gain = found.differences["accuracy"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((gains.mean(), low, high), abs=0.03)
    assert found.agreement is not None
    assert found.agreement.p is None


def test_one_run_that_knows_the_groups_is_enough_and_none_is_not(write_run: MakeRun) -> None:
    rows, groups = classes(40), [str(row // 4) for row in range(40)]
    runs = [write_run(name, rows, answers(40, 0.7, seed), groups=groups) for seed, name in enumerate("ab")]
    without_column(runs[0], "group")
    found = pair_of(*runs)
    assert (found.unit, [note.code for note in found.notes]) == ("groups", ["groups-of-one"])
    without_column(runs[1], "group")
    assert "was made before runs recorded which row is in which group" in why(*runs)


def test_the_rows_that_both_scored_are_enough_where_one_scored_more(write_run: MakeRun) -> None:
    rows, said = classes(60), answers(60, 0.7, 1)
    ids = list(range(0, 60, 2))
    fewer = write_run("b", [rows[place] for place in ids], [said[place] for place in ids], ids=ids)
    found = pair_of(write_run("a", rows, said), fewer)
    assert found.rows == 30
    assert found.differences["accuracy"].degenerate
    assert [note.said(Words("en")) for note in found.notes] == [
        "60 and 30 rows are scored, and only the 30 that both scored are compared here."
    ]


def test_other_test_rows_are_told_with_the_keys_that_decide_them(write_run: MakeRun) -> None:
    first = write_run("a", classes(40), answers(40, 0.7, 1))
    moved = write_run("b", classes(40), answers(40, 0.7, 1), ids=range(30, 70), seed=7)
    assert "40 and 40 are scored, 10 of them by both. What differs and decides it: seed." in why(first, moved)
    same = write_run("c", classes(40), answers(40, 0.7, 1), ids=range(30, 70))
    assert why(first, same) == "they have other test rows: 40 and 40 are scored, 10 of them by both."


def test_other_data_can_be_paired_by_the_same_rows_of_a_file(write_run: MakeRun) -> None:
    """A test file of its own, and another file to train on."""
    rows = classes(30)
    first = write_run("a", rows, answers(30, 0.9, 1))
    assert pair_of(first, write_run("b", rows, answers(30, 0.5, 2), data="e" * 64)).rows == 30
    loud = [row | {"text": row["text"].upper()} for row in rows]
    lowered = write_run("c", rows, answers(30, 0.5, 2), data="e" * 64, given=loud)
    assert why(first, lowered) == "they were made from other data."
    louder = write_run("d", loud, answers(30, 0.5, 2), data="f" * 64)
    assert why(first, louder) == "they were made from other data."
    assert pair_of(lowered, louder).rows == 30


def test_other_answers_other_classes_and_other_kinds_are_no_pair(write_run: MakeRun) -> None:
    rows = classes(30)
    first = write_run("a", rows, answers(30, 0.9, 1))
    turned = [row | {"label": "good"} if row["label"] == "bad" and place < 9 else row for place, row in enumerate(rows)]
    assert why(first, write_run("b", turned, answers(30, 0.9, 1))) == (
        "on 3 of 30 rows another answer is taken for right."
    )
    named = ("bad", "good", "fair")
    other = write_run("c", classes(30, named), answers(30, 0.9, 1, named))
    assert why(first, other) == "they have other classes; only one of the two knows fair, so-so."
    numbers = [{"text": row["text"], "label": float(place)} for place, row in enumerate(rows)]
    regression = write_run("d", numbers, [Prediction(1.0)] * 30, top=NUMBERS)
    assert "text-classification (labels) and text-classification (scores)" in why(first, regression)


def test_runs_without_what_was_said_are_no_pair(write_run: MakeRun) -> None:
    rows = [{"prompt": f"q{row}", "completion": f"a{row}"} for row in range(12)]
    said = [Prediction(f"a{row % 9}") for row in range(12)]
    first = write_run("a", rows, said, top=TEXTS)
    quiet = write_run("b", rows, said, top=TEXTS, more="report = { texts = false }")
    assert why(first, quiet) == "b/0001 was made with report.texts = false, so what it answered is not recorded."
    (first.path / "predictions.parquet").unlink()
    assert why(first, quiet) == "a/0001 has no predictions.parquet."


def test_a_run_without_test_rows_is_a_reason_and_no_failure(write_run: MakeRun) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    runs = [write_run(name, classes(12), answers(12, 0.9, 1)) for name in "ab"]
    path = runs[1].path / "predictions.parquet"
    table = pq.read_table(path)
    empty = pa.table({name: pa.array([]) for name in table.column_names})  # its columns have no kind
    pq.write_table(empty.replace_schema_metadata(table.schema.metadata), path)
    for pair in (runs, runs[::-1]):
        why = compare([Run(run.path) for run in pair]).pairs[0].why
        assert why is not None
        assert why.said(Words("en")) == "b/0001 scored no row."


def test_a_plugin_that_is_missing_is_a_reason_and_no_failure(write_run: MakeRun) -> None:
    rows = classes(12)
    runs = [write_run(name, rows, answers(12, 0.9, 1)) for name in "ab"]
    rewrite_lock(runs[1], lambda lock: lock["recipe"]["task"].update(use="nobody-has:this"))
    found = compare([Run(run.path) for run in runs])
    assert found.pairs[0].why is not None
    assert found.pairs[0].why.code == "not-readable"
    assert "nobody-has" in found.pairs[0].why.said(Words("en"))


def test_a_metric_is_paired_only_where_it_is_the_same_and_comes_out_again(write_run: MakeRun) -> None:
    rows = classes(30)
    macro = 'metrics = [{ use = "accuracy" }, { use = "f1" }, { use = "log-loss" }]'
    micro = 'metrics = [{ use = "accuracy" }, { use = "f1", average = "micro" }]'
    first = write_run("a", rows, answers(30, 0.9, 1), more=macro)
    second = write_run("b", rows, answers(30, 0.6, 2), more=micro)
    found = pair_of(first, second)
    assert {name for name in found.differences if "." not in name} == {"accuracy"}
    assert {name: reason.code for name, reason in found.unpaired.items()} == {
        "f1": "metric-settings",
        "log-loss": "metric-absent",
    }
    metrics = second.metrics
    metrics["test"]["metrics"]["accuracy"]["value"] += 0.1
    (second.path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    found = pair_of(first, second)
    assert found.unpaired["accuracy"].code == "metric-differs"
    assert not found.differences


def test_what_a_task_says_besides_is_recorded_for_the_metrics_that_need_it(write_run: MakeRun) -> None:
    """coverage-at-precision asks which rows go unread: Prediction.extra."""
    pytest.importorskip("sftcore_plugin_legal")
    rows = classes(30)
    said = [
        Prediction(one.value, one.score, scores=one.scores, extra={"review": place % 3 == 0, "threshold": 0.5})
        for place, one in enumerate(answers(30, 0.9, 1))
    ]
    runs = [write_run(name, rows, said, top='task = { use = "clause-classification" }') for name in "ab"]
    table = (runs[0].path / "predictions.parquet").read_bytes()
    assert b"extra" in table
    assert not pair_of(*runs).unpaired


def test_texts_are_paired_by_their_metrics(write_run: MakeRun) -> None:
    rows = [{"prompt": f"q{row}", "completion": f"answer {row}"} for row in range(20)]
    said = [[Prediction(f"answer {row if row % step else 'x'}") for row in range(20)] for step in (2, 5)]
    found = pair_of(*(write_run(name, rows, each, top=TEXTS) for name, each in zip("ab", said, strict=True)))
    assert found.values["exact-match"] == (0.5, 0.8)
    assert found.differences["exact-match"].value == pytest.approx(0.3)
    assert found.differences["token-f1"].value == pytest.approx(0.15)


def test_verdicts(write_run: MakeRun) -> None:
    rows = classes(90)
    runs = {name: write_run(name, rows, answers(90, right, seed)) for seed, (name, right) in enumerate(
        {"good": 0.95, "fair": 0.9, "poor": 0.4, "perfect": 1.1}.items()
    )}  # fmt: skip
    found = compare([runs["good"], runs["fair"], runs["poor"], runs["good"].path.parent / "0001"][:3])
    assert [verdict(pair, "accuracy", True) for pair in found.pairs] == ["open", "worse"]
    assert verdict(found.pairs[1], "accuracy", False) == "better"
    assert verdict(found.pairs[1], "bleu", True) == "unpaired"
    again = write_run("good", rows, answers(90, 0.95, 0))
    assert verdict(pair_of(runs["good"], again), "accuracy", True) == "same"


def codes(found: Comparison) -> list[str]:
    return [side.label for side in found.sides]


def test_runs_are_found_by_name_number_and_folder(write_run: MakeRun, tmp_path: Path) -> None:
    rows = classes(12)
    for seed in (1, 2):
        write_run("a", rows, answers(12, 0.9, seed))
    third = write_run("b", rows, answers(12, 0.9, 3))
    found = compare(["a/0001", "a", third.path], tmp_path / "runs")
    assert codes(found) == ["a/0001", "a/0002", "b/0001"]
    assert len(found.pairs) == 2


def problems(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value)


def test_mistakes_in_naming_runs(write_run: MakeRun, tmp_path: Path) -> None:
    rows, runs = classes(12), tmp_path / "runs"
    write_run("clauses", rows, answers(12, 0.9, 1))
    write_run("clauses", rows, answers(12, 0.9, 2))
    with pytest.raises(RunError) as unknown:
        compare(["clause", "claws"], runs)
    assert problems(unknown).count("did you mean clauses?") == 2
    with pytest.raises(UsageError, match="two runs or more") as one:
        compare(["clauses"], runs)
    assert "sftcore compare clauses/0002 clauses/0001" in problems(one)
    with pytest.raises(UsageError, match="is named twice"):
        compare(["clauses", "clauses/0001", "clauses/0002"], runs)


def test_an_unfinished_run_needs_results(write_run: MakeRun) -> None:
    rows = classes(12)
    runs = [write_run(name, rows, answers(12, 0.9, 1)) for name in "ab"]
    (runs[1].path / "SHA256SUMS").unlink()
    found = compare(runs)
    assert [side.run.sealed for side in found.sides] == [True, False]
    (runs[1].path / "metrics.json").unlink()
    with pytest.raises(RunError, match="has no results yet"):
        compare(runs)
