from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sftcore.builtin.metrics import ExpectedCalibrationError
from sftcore.records import Records
from sftcore.report import Evidence, calibration
from sftcore.report.calibration import Answers, answers_of, coverage, expected_error, reliability
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def some(rows: int = 500) -> Answers:
    rng = np.random.default_rng(3)
    return Answers(rng.random(rows), rng.random(rows) < 0.6)


def test_the_error_is_that_of_the_metric() -> None:
    answers = some()
    scores = np.stack([answers.confidence, 1 - answers.confidence], axis=1)
    right = np.where(answers.right, 0, 1)
    records = Records("labels", np.arange(500), np.zeros(500, np.int64), right, ("a", "b"), scores)
    assert expected_error(answers) == pytest.approx(
        ExpectedCalibrationError().score(records)["expected-calibration-error"]
    )


def test_groups_of_like_confidence_hold_every_row_once() -> None:
    confidence, right, rows = reliability(Answers(np.array([0.95, 1.0, 0.5]), np.array([True, False, True])))
    assert confidence.tolist() == pytest.approx([0.5, 0.975])
    assert right.tolist() == [1.0, 0.5]
    assert rows.tolist() == [1, 2]


def test_coverage_counts_rows_of_one_confidence_together() -> None:
    covered, precision = coverage(Answers(np.array([0.9, 0.5, 0.9, 0.4]), np.array([True, False, False, True])))
    assert covered.tolist() == [0.5, 0.75, 1.0]
    assert precision.tolist() == pytest.approx([1 / 2, 1 / 3, 2 / 4])


def test_all_rows_together_are_as_right_as_the_accuracy(made: Made) -> None:
    evidence = Evidence.read(made())
    answers = answers_of(evidence)
    assert answers
    assert coverage(answers)[1][-1] == pytest.approx(evidence.test["metrics"]["accuracy"]["value"])
    section = calibration.section(evidence, WORDS)
    assert section
    assert section.body.count("<svg class") == 2
    assert f"{evidence.test['metrics']['accuracy']['value']:.3f}" in section.body


def test_the_figure_of_metrics_json_is_the_one_that_is_told(made: Made) -> None:
    evidence = Evidence.read(made())
    test = {**evidence.test, "calibration_error": 0.12345}
    section = calibration.section(replace(evidence, metrics={"test": test}), WORDS)
    assert section
    assert "differ by 0.123 on average" in section.body


@pytest.mark.parametrize("kind", ["label_sets", "scores", "texts"])
def test_others_than_single_labels_have_no_section(made: Made, kind: str) -> None:
    assert calibration.section(Evidence.read(made(kind=kind)), WORDS) is None
