from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sftcore.compare import compare
from sftcore.compare.agreement import MOST, MOST_LETTERS, Agreement, sign_test
from sftcore.compare.sentences import conclusion, told_by_signs
from sftcore.records import Prediction
from sftcore.report.words import Words
from sftcore.runs.folder import Run
from tests.compare.conftest import NUMBERS, TEXTS, MakeRun, answers, classes


def agreement_of(*runs: Run) -> Agreement:
    found = compare(runs).pairs[0].agreement
    assert found is not None
    return found


def test_the_counts_are_those_of_the_rows(write_run: MakeRun) -> None:
    rows, said = classes(90), (answers(90, 0.8, 1), answers(90, 0.5, 2))
    found = agreement_of(*(write_run(name, rows, each) for name, each in zip("ab", said, strict=True)))
    right = np.array([[one.value == row["label"] for one, row in zip(each, rows, strict=True)] for each in said])
    assert found.measure == "right"
    assert (found.both, found.neither) == (int(right.all(0).sum()), int((~right).all(0).sum()))
    assert (found.first, found.second) == (int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum()))
    assert found.equal == 90 - found.first - found.second


def test_the_sign_test_is_exact() -> None:
    """Of 10 fair coins 1 head or fewer, or 9 or more: 22 of 1,024 ways."""
    assert sign_test(1, 9) == pytest.approx(22 / 1024)
    assert sign_test(5, 5) == pytest.approx(1)
    assert sign_test(0, 0) is None


def test_examples_begin_with_the_mistakes_that_the_other_run_was_surest_of(write_run: MakeRun) -> None:
    rows = classes(90)
    first = write_run("a", rows, answers(90, 1.1, 1))
    second = write_run("b", rows, answers(90, 0.4, 2))
    found = agreement_of(first, second)
    shown = found.first_examples
    assert len(shown) == MOST < found.first
    sure = [one.scores[1] for one in shown]
    assert sure == sorted(sure, key=lambda score: -(score or 0))
    assert shown[0].texts == {"text": f"row number {shown[0].row}"}
    assert shown[0].predictions[0] == shown[0].reference != shown[0].predictions[1]
    assert (shown[0].file, shown[0].file_row) == ("rows.csv", shown[0].row + 1)
    assert found.second_examples == ()


def test_without_texts_of_one_run_no_text_is_shown(write_run: MakeRun) -> None:
    rows = classes(30)
    first = write_run("a", rows, answers(30, 1.1, 1))
    second = write_run("b", rows, answers(30, 0.4, 2), more="report = { texts = false }")
    for pair in ((first, second), (second, first)):
        found = agreement_of(*pair)
        assert found.first_examples + found.second_examples
        assert "row number" not in str(found)


def test_long_texts_are_cut(write_run: MakeRun) -> None:
    rows = [row | {"text": "long " * 1000} for row in classes(9)]
    found = agreement_of(write_run("a", rows, answers(9, 1.1, 1)), write_run("b", rows, answers(9, 0, 1)))
    assert len(found.first_examples[0].texts["text"]) == MOST_LETTERS


def test_numbers_are_better_where_they_are_nearer(write_run: MakeRun) -> None:
    rows = [{"text": f"t{row}", "label": float(row)} for row in range(10)]
    said = [[Prediction(row + error) for row in range(10)] for error in (0.5, -0.25)]
    said[1][3] = Prediction(10.0)
    said[1][4] = Prediction(4.5)
    found = agreement_of(*(write_run(name, rows, each, top=NUMBERS) for name, each in zip("ab", said, strict=True)))
    assert (found.measure, found.both, found.first, found.second, found.equal) == ("error", None, 1, 8, 1)
    assert found.first_examples[0].row == 3
    assert found.first_examples[0].predictions == (3.5, 10.0)


def test_texts_are_right_by_exact_match_else_better_by_the_first_metric(write_run: MakeRun) -> None:
    rows = [{"prompt": f"q{row}", "completion": f"the answer {row}"} for row in range(8)]
    said = [
        [Prediction(f"answer {row}") for row in range(8)],
        [Prediction("answer nothing" if row < 5 else f"The answer {row}.") for row in range(8)],
    ]
    runs = [write_run(name, rows, each, top=TEXTS) for name, each in zip("ab", said, strict=True)]
    found = agreement_of(*runs)
    assert (found.measure, found.both, found.first, found.second, found.neither) == ("right", 3, 5, 0, 0)
    graded = TEXTS.replace('{ use = "exact-match" }, ', "")
    found = agreement_of(*(write_run(name, rows, each, top=graded) for name, each in zip("cd", said, strict=True)))
    assert (found.measure, found.both, found.first, found.equal) == ("token-f1", None, 5, 3)


def test_what_is_said_of_the_test(write_run: MakeRun) -> None:
    words = Words("en")
    found = Agreement("right", 1, 9, 5, 3, 2, 22 / 1024, (), ())
    assert told_by_signs(found, "b/0001", words, grouped=False) == (
        "Of 10 rows on which they differ, b/0001 is the better one on 9. Were both equally good, a split at least so "
        "uneven would come up with probability 0.021 (exact sign test)."
    )
    assert "Rows come in groups" in told_by_signs(found, "b/0001", words, grouped=True)
    none = Agreement("right", 0, 0, 5, 3, 2, None, (), ())
    assert told_by_signs(none, "b/0001", words, grouped=False) == "There is no row on which they differ."


def test_few_rows_that_differ_leave_a_verdict_in_doubt(write_run: MakeRun) -> None:
    """Four rows, all won by one run: the bootstrap's interval leaves out zero, and 2 in 16 tosses are as uneven."""
    rows = classes(60)
    good = [Prediction(row["label"], 0.5, scores=(0.2, 0.3, 0.5)) for row in rows]
    for lost, code in ((4, "doubtful"), (12, "worse")):
        worse = [replace(one, value="bad" if one.value == "good" else one.value) for one in good]
        said = [bad if place < 3 * lost else one for place, (one, bad) in enumerate(zip(good, worse, strict=True))]
        runs = [write_run("a", rows, good, resamples=1000), write_run("b", rows, said)]
        found, sentence = conclusion(compare(runs), 0, Words("en"))
        assert found == code
        assert sentence.startswith("b/000")
        assert ("only 4 rows tell the two apart" in sentence) == (code == "doubtful")
