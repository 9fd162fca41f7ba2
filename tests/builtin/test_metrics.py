"""Every metric against scikit-learn or SciPy, what is undefined, and the speed that the bootstrap needs."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from sklearn import metrics as sk

from sftcore import Records
from sftcore.builtin import metrics as ours
from sftcore.evaluation.intervals import bootstrap
from sftcore.evaluation.score import score_all

NAMES = ("bad", "fair", "good")


def label_records(rows: int = 300, classes: int = 3, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    references = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)).round(1) + 1.5 * np.eye(classes)[references]
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Records("labels", np.arange(rows), scores.argmax(1), references, NAMES[:classes], scores.astype(np.float32))


def set_records(rows: int = 200, classes: int = 3, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    references = rng.random((rows, classes)) < [0.1, 0.4, 0.7]
    scores = np.clip(0.5 * references + 0.5 * rng.random((rows, classes)).round(2), 0.001, 0.999)
    return Records("label_sets", np.arange(rows), scores > 0.5, references, NAMES, scores.astype(np.float32))


def number_records(rows: int = 200, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    references = rng.integers(0, 8, rows).astype(float)
    return Records("scores", np.arange(rows), (references + rng.normal(size=rows)).round(1), references)


def value(metric: ours.Metric, records: Records) -> float:
    scored = metric.score(records)
    assert next(iter(scored)) == metric.name
    return scored[metric.name]


SK_AVERAGED = {ours.Precision: sk.precision_score, ours.Recall: sk.recall_score, ours.F1: sk.f1_score}


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("records", [label_records(), set_records()], ids=["labels", "sets"])
@pytest.mark.parametrize("component", list(SK_AVERAGED))
def test_averages_agree_with_scikit_learn(component: type[ours.Metric], records: Records, average: str) -> None:
    expected = SK_AVERAGED[component](records.references, records.predictions, average=average)
    assert value(component(average=average), records) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("component", list(SK_AVERAGED))
def test_binary_and_class_values_agree_with_scikit_learn(component: type[ours.Metric]) -> None:
    records = label_records(classes=2)
    reference = SK_AVERAGED[component]
    assert value(component(average="binary"), records) == pytest.approx(
        reference(records.references, records.predictions)
    )
    assert value(component(average="binary", positive="bad"), records) == pytest.approx(
        reference(records.references, records.predictions, pos_label=0)
    )
    each = reference(records.references, records.predictions, average=None)
    scored = component().score(records)
    assert [scored[f"{component.name}.{name}"] for name in NAMES[:2]] == pytest.approx(each)


def test_class_never_predicted_is_nan_alone_and_zero_in_the_macro_average() -> None:
    records = Records("labels", np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), NAMES)
    precision = ours.Precision().score(records)
    assert math.isnan(precision["precision.good"])
    assert precision["precision"] == pytest.approx(
        sk.precision_score(records.references, records.predictions, average="macro", zero_division=0)
    )
    assert ours.F1().score(records)["f1.good"] == 0
    assert ours.Recall().score(records)["recall.good"] == 0


def test_class_absent_from_both_sides_is_left_out() -> None:
    records = Records("labels", np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), NAMES)
    scored = ours.F1().score(records)
    assert math.isnan(scored["f1.good"])
    assert scored["f1"] == pytest.approx(sk.f1_score(records.references, records.predictions, average="macro"))


def test_binary_needs_a_class_that_exists() -> None:
    with pytest.raises(ValueError, match="bad, fair, good"):
        ours.F1(average="binary", positive="best").score(label_records())
    with pytest.raises(ValueError, match="needs positive"):
        ours.F1(average="binary").score(label_records())
    with pytest.raises(ValueError, match="only for average"):
        ours.F1(positive="good")


def test_accuracy() -> None:
    for records in (label_records(), set_records()):
        expected = sk.accuracy_score(records.references, records.predictions)
        assert value(ours.Accuracy(), records) == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_matthews_and_kappa(classes: int) -> None:
    records = label_records(classes=classes)
    sides = records.references, records.predictions
    assert value(ours.Matthews(), records) == pytest.approx(sk.matthews_corrcoef(*sides))
    kappa = sk.cohen_kappa_score(*sides, weights="quadratic")
    assert value(ours.QuadraticKappa(), records) == pytest.approx(kappa)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_ranking_metrics(average: str) -> None:
    for records in (label_records(), set_records()):
        scores = records.scores.astype(float)
        truth = records.references if records.kind == "label_sets" else np.eye(3)[records.references]
        auc = sk.roc_auc_score(truth, scores, average=average)
        precision = sk.average_precision_score(truth, scores, average=average)
        assert value(ours.RocAuc(average=average), records) == pytest.approx(auc)
        assert value(ours.AveragePrecision(average=average), records) == pytest.approx(precision)


def test_ranking_metrics_of_two_classes_speak_of_the_second() -> None:
    records = label_records(classes=2)
    expected = sk.roc_auc_score(records.references, records.scores[:, 1])
    assert value(ours.RocAuc(), records) == pytest.approx(expected)
    expected = sk.average_precision_score(records.references, records.scores[:, 1])
    assert value(ours.AveragePrecision(), records) == pytest.approx(expected)


def test_log_loss() -> None:
    records = label_records()
    scores = records.scores.astype(float)
    expected = sk.log_loss(records.references, scores / scores.sum(1, keepdims=True))
    assert value(ours.LogLoss(), records) == pytest.approx(expected, rel=1e-5)
    sets = set_records()
    expected = np.mean([sk.log_loss(sets.references[:, k], sets.scores[:, k].astype(float)) for k in range(3)])
    assert value(ours.LogLoss(), sets) == pytest.approx(expected, rel=1e-5)
    certain = Records("labels", np.arange(1), np.array([0]), np.array([1]), NAMES[:2], np.array([[1.0, 0.0]]))
    assert 15 < value(ours.LogLoss(), certain) < 17


def test_expected_calibration_error_by_hand() -> None:
    scores = np.array([[0.95, 0.05], [0.85, 0.15], [0.25, 0.75], [1.0, 0.0]], np.float32)
    records = Records("labels", np.arange(4), scores.argmax(1), np.array([0, 1, 1, 0]), NAMES[:2], scores)
    # bins of a half: all confidences lie in the second, mean 0.8875, accuracy 0.75
    assert value(ours.ExpectedCalibrationError(bins=2), records) == pytest.approx(0.1375, abs=1e-6)
    # bins of a tenth: 0.95 and 1.0 in one, rightly; 0.85 alone, wrongly; 0.75 alone, rightly
    assert value(ours.ExpectedCalibrationError(bins=10), records) == pytest.approx((0.05 + 0.85 + 0.25) / 4, abs=1e-6)


def test_calibration_is_of_the_rows_that_have_a_prediction_with_a_score() -> None:
    scores = np.array([[0.95, 0.05], [np.nan, np.nan], [0.25, 0.75], [np.nan, np.nan]], np.float32)
    records = Records("labels", np.arange(4), np.array([0, -1, 1, 1]), np.array([0, 1, 0, 1]), NAMES[:2], scores)
    assert value(ours.ExpectedCalibrationError(bins=10), records) == pytest.approx((0.05 + 0.75) / 2, abs=1e-6)
    assert math.isnan(value(ours.ExpectedCalibrationError(), records.take(np.array([1, 3]))))


def test_metrics_of_numbers() -> None:
    from scipy import stats

    records = number_records()
    sides = records.predictions, records.references
    assert value(ours.MeanAbsoluteError(), records) == pytest.approx(sk.mean_absolute_error(*sides))
    assert value(ours.MeanSquaredError(), records) == pytest.approx(sk.mean_squared_error(*sides))
    assert value(ours.Pearson(), records) == pytest.approx(stats.pearsonr(*sides).statistic)
    assert value(ours.Spearman(), records) == pytest.approx(stats.spearmanr(*sides).statistic)
    labels = label_records()
    distance = np.abs(labels.predictions - labels.references).mean()
    assert value(ours.MeanAbsoluteError(), labels) == pytest.approx(distance)


@pytest.mark.parametrize("component", ours.COMPONENTS)
def test_nothing_to_score_is_nan(component: type[ours.Metric]) -> None:
    full = number_records() if component.understands == ("scores",) else label_records()
    scored = component().score(full.take(np.array([], int)))
    assert all(math.isnan(number) for number in scored.values()), scored


def test_one_class_alone_is_undefined_where_it_must_be() -> None:
    records = label_records()
    one = records.take((records.references == 0) & (records.predictions == 0))
    for metric in (ours.Matthews(), ours.QuadraticKappa(), ours.RocAuc()):
        assert math.isnan(value(metric, one)), metric.name
    constant = Records("scores", np.arange(3), np.ones(3), np.arange(3.0))
    assert math.isnan(value(ours.Pearson(), constant))
    assert math.isnan(value(ours.Spearman(), constant))


def test_a_row_that_could_not_be_predicted_is_wrong_and_of_no_class() -> None:
    records = Records("labels", np.arange(4), np.array([0, 1, -1, -1]), np.array([0, 1, 0, 1]), NAMES[:2])
    assert value(ours.Accuracy(), records) == 0.5
    assert value(ours.Recall(), records) == 0.5
    assert value(ours.Precision(), records) == 1
    assert value(ours.QuadraticKappa(), records) == 1


def test_metrics_of_scores_say_that_they_need_them() -> None:
    records = label_records()
    bare = Records("labels", records.row_ids, records.predictions, records.references, NAMES)
    for component in ours.COMPONENTS:
        if component.needs_scores:
            with pytest.raises(ValueError, match="needs the scores"):
                component().score(bare)


def test_classes_without_names_go_by_number() -> None:
    records = Records("labels", np.arange(3), np.array([0, 2, 2]), np.array([0, 1, 2]))
    assert set(ours.F1().score(records)) == {"f1", "f1.0", "f1.1", "f1.2"}
    sets = Records("label_sets", np.arange(1), np.ones((1, 2), bool), np.ones((1, 2), bool))
    assert ours.F1().score(sets) == {"f1": 1, "f1.0": 1, "f1.1": 1}


def test_every_metric_is_documented_and_named_once() -> None:
    names = [component.name for component in ours.COMPONENTS]
    assert len(set(names)) == len(names)
    assert all(component.__doc__ and component.name for component in ours.COMPONENTS)


def test_a_thousand_resamples_of_five_metrics_take_seconds() -> None:
    records = label_records(1800)
    metrics = (ours.Accuracy(), ours.F1(), ours.Matthews(), ours.QuadraticKappa(), ours.RocAuc())
    began = time.process_time()
    bootstrap(lambda some: score_all(metrics, some), [records], np.random.default_rng(0), 1000)
    assert time.process_time() - began < 5
