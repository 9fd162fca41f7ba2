"""Our metrics as `evaluate.Metric`: offline, from any folder, with what evaluate offers around them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import evaluate
import numpy as np
import pytest

from sftcore import Metric, Records
from sftcore.builtin.metrics import F1, Accuracy, LogLoss, MeanAbsoluteError

NAMES = ("no", "yes")


def records(rows: int = 25) -> Records:
    rng = np.random.default_rng(1)
    scores = rng.dirichlet([1, 1], rows).astype(np.float32)
    return Records("labels", np.arange(rows), scores.argmax(1), rng.integers(0, 2, rows), NAMES, scores)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("component", [Accuracy(), F1(), LogLoss()], ids=lambda component: component.name)
def test_batches_give_what_score_gives(component: Metric, in_memory: bool, tmp_path: Path) -> None:
    from sftcore.local_metric import LocalMetric

    whole = records()
    metric = LocalMetric(component, NAMES, keep_in_memory=in_memory, cache_dir=str(tmp_path))
    for _ in range(2):  # a metric starts afresh after compute
        for part in np.array_split(np.arange(25), 4):
            some = whole.take(part)
            metric.add_batch(
                predictions=some.predictions, references=some.references, scores=some.scores, row_ids=some.row_ids
            )
        assert metric.compute() == component.score(whole)


def test_a_folder_of_the_same_name_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accuracy").mkdir()
    (tmp_path / "accuracy" / "accuracy.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    metric = Accuracy().build(NAMES)
    metric.add(prediction=1, reference=1)
    metric.add(prediction=1, reference=0)
    assert metric.compute() == {"accuracy": 0.5}


def test_two_of_a_kind_do_not_share_rows() -> None:
    left, right = Accuracy().build(), Accuracy().build()
    left.add_batch(predictions=[1, 1], references=[1, 1])
    right.add_batch(predictions=[1, 1], references=[0, 0])
    assert left.compute() == {"accuracy": 1.0}
    assert right.compute() == {"accuracy": 0.0}


def test_combine_and_save(tmp_path: Path) -> None:
    whole = records()
    together = evaluate.combine([Accuracy().build(NAMES), F1().build(NAMES), LogLoss().build(NAMES)])
    together.add_batch(predictions=whole.predictions, references=whole.references, scores=whole.scores)
    result = together.compute()
    assert result == Accuracy().score(whole) | F1().score(whole) | LogLoss().score(whole)
    evaluate.save(tmp_path / "result.json", **result)
    assert json.loads((tmp_path / "result.json").read_text())["accuracy"] == result["accuracy"]


def test_other_kinds() -> None:
    from sftcore.local_metric import LocalMetric

    sets = LocalMetric(F1(average="micro"), NAMES, "label_sets")
    assert sets.compute(predictions=[[True, False]], references=[[True, True]])["f1"] == pytest.approx(2 / 3)
    assert MeanAbsoluteError().build().compute(predictions=[1.5], references=[1]) == {"mean-absolute-error": 0.5}


class SameGroup(Metric, name="same-group"):
    """Share of texts that are right, of the rows of group 1."""

    understands = ("texts",)

    def score(self, records: Records) -> dict[str, float]:
        """One value."""
        assert records.groups is not None
        chosen = records.take(records.groups == 1)
        return {self.name: float((chosen.predictions == chosen.references).mean()) if len(chosen) else math.nan}


def test_texts_and_groups_reach_the_component() -> None:
    metric = SameGroup().build()
    metric.add_batch(predictions=["a", {"b": 1}, "c"], references=["a", {"b": 1}, "x"], groups=[1, 1, 2])
    assert metric.compute() == {"same-group": 1.0}


class AnyOf(Metric, name="any-of"):
    """Share of rows whose prediction is one of the references, however these are shaped."""

    understands = ("texts", "spans")

    def score(self, records: Records) -> dict[str, float]:
        """One value."""
        pairs = zip(records.predictions, records.references, strict=True)
        return {self.name: float(np.mean([hash(one) is not None and one in all_of for one, all_of in pairs]))}


def test_texts_with_several_references_and_spans_come_in_the_form_of_records() -> None:
    metric = AnyOf().build()
    metric.add_batch(predictions=["a", "", "c"], references=[("a", "b"), (), ("x", "c")])
    assert metric.compute() == {"any-of": pytest.approx(2 / 3)}
    metric.add_batch(predictions=["a", "b"], references=[("a",), ("x",)])  # references of one length
    assert metric.compute() == {"any-of": 0.5}
    metric.add_batch(predictions=[(1, 2, "x"), (3, 4, "y")], references=[((1, 2, "x"),), ((0, 1, "y"),)])
    assert metric.compute() == {"any-of": 0.5}


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="nothing to compute"):
        Accuracy().build().compute()
    with pytest.raises(ValueError, match="scores where the metric needs them"):
        LogLoss().build(NAMES).add_batch(predictions=[1], references=[1])
    with pytest.raises(ValueError, match="Mismatch"):
        Accuracy().build().add_batch(predictions=[1], references=[1, 0])
