"""Metrics of texts against published rules and the libraries themselves, and the speed that the bootstrap needs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

from sftcore import Chrf, ExactMatch, Records, Rouge, TextMetric, TokenF1
from sftcore.builtin.answers import normalized
from sftcore.evaluation.intervals import bootstrap

WORDS = ["the", "court", "of", "appeal", "held", "that", "notice", "was", "not", "given", "in", "time", "set", "award"]


def records(predictions: Sequence[str | None], references: Sequence[Sequence[str]]) -> Records:
    columns = [np.empty(len(predictions), object) for _ in range(2)]
    for place, pair in enumerate(zip(predictions, references, strict=True)):
        columns[0][place], columns[1][place] = pair[0], tuple(pair[1])
    return Records("texts", np.arange(len(predictions)), *columns)


def made_up(rows: int = 200, seed: int = 0) -> tuple[list[str], list[tuple[str, ...]]]:
    """Predictions, and one or two references each."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(3, 15)).tolist()) for _ in range(3 * rows)]
    references = [(texts[rows + n],) if n % 2 else (texts[rows + n], texts[2 * rows + n]) for n in range(rows)]
    return texts[:rows], references


# What SQuAD's own script gives for these, worked out by hand.
ANSWERS: list[tuple[str, tuple[str, ...], float, float]] = [
    ("The Norman conquest!", ("norman Conquest",), 1, 1),
    ("an  apple\tpie", ("apple pie", "pie"), 1, 1),
    ("Denver Broncos", ("The Broncos", "Denver Broncos won"), 0, 0.8),
    ("cat cat sat", ("cat sat sat",), 0, 2 / 3),
    ("in 1066", ("the year 1066",), 0, 0.5),
    ("nothing alike", ("something else",), 0, 0),
    ("", ("an answer",), 0, 0),
    ("", (), 1, 1),
    ("The", ("",), 1, 1),
    ("an answer", (), 0, 0),
    ("an answer", ("",), 0, 0),
    ("U.S.", ("US",), 1, 1),
    ("一九九七年", ("一九九七年",), 1, 1),
]


@pytest.mark.parametrize(("prediction", "references", "exact", "f1"), ANSWERS)
def test_answers_are_compared_as_in_squad(
    prediction: str, references: tuple[str, ...], exact: float, f1: float
) -> None:
    row = records([prediction], [references])
    assert ExactMatch().score(row) == {"exact-match": exact}
    assert TokenF1().score(row)["token-f1"] == pytest.approx(f1)


def test_values_are_means_over_rows() -> None:
    rows = records([row[0] for row in ANSWERS], [row[1] for row in ANSWERS])
    assert ExactMatch().score(rows)["exact-match"] == pytest.approx(np.mean([row[2] for row in ANSWERS]))
    assert TokenF1().score(rows)["token-f1"] == pytest.approx(np.mean([row[3] for row in ANSWERS]))


def test_exact_match_may_compare_texts_as_they_are() -> None:
    metric = ExactMatch(normalize=False)
    rows = records(["A", "the A ", "a.", ""], [("A",), ("the A",), ("a",), ()])
    assert metric.score(rows) == {"exact-match": 0.75}


def test_normalized_takes_articles_only_as_words() -> None:
    assert normalized("  A theatre, an area;\nthe END. ") == "theatre area end"


def test_rouge_of_ascii_is_that_of_the_library() -> None:
    predictions, references = made_up()
    library = RougeScorer(["rougeL", "rouge1", "rouge2"])
    expected = [library.score_multi(list(row), text) for row, text in zip(references, predictions, strict=True)]
    found = Rouge().score(records(predictions, references))
    assert list(found) == ["rouge", "rouge.1", "rouge.2"]
    for name, kind in zip(found, ("rougeL", "rouge1", "rouge2"), strict=True):
        assert found[name] == pytest.approx(np.mean([one[kind].fmeasure for one in expected]), abs=1e-12)


def test_rouge_with_stems_is_that_of_the_library() -> None:
    pair = "The tenants were paying rents", "a tenant paid the rent"
    expected = RougeScorer(["rouge1"], use_stemmer=True).score(pair[1], pair[0])["rouge1"].fmeasure
    row = records([pair[0]], [(pair[1],)])
    assert Rouge(use_stemmer=True).score(row)["rouge.1"] == pytest.approx(expected) != 0
    assert Rouge().score(row)["rouge.1"] < expected


def test_rouge_takes_chinese_characters_one_by_one() -> None:
    # 合 同 解 除 against 合 同 的 解 除: 4 shared of 4 and 5; of pairs 2 (合同, 解除) of 3 and 4
    found = Rouge().score(records(["合同解除"], [("合同的解除",)]))
    assert found == pytest.approx({"rouge": 8 / 9, "rouge.1": 8 / 9, "rouge.2": 4 / 7})
    mixed = Rouge().score(records(["第577条 GDPR"], [("第577条gdpr",)]))
    assert mixed["rouge.1"] == 1


def test_rouge_where_there_is_no_answer() -> None:
    rows = records(["", " … ", "an answer", ""], [(), ("",), ("",), ("an answer",)])
    assert Rouge().score(rows) == {"rouge": 0.5, "rouge.1": 0.5, "rouge.2": 0.5}


@pytest.mark.parametrize("options", [{}, {"word_order": 2}, {"char_order": 4, "beta": 1}])
def test_chrf_is_sacrebleus_of_the_corpus(options: dict[str, Any]) -> None:
    predictions, references = made_up()
    columns: list[list[Any]] = [
        [row[0] for row in references],
        [row[1] if len(row) > 1 else None for row in references],
    ]
    expected = CHRF(**options).corpus_score(predictions, columns).score / 100
    assert 0.1 < expected < 0.9
    assert Chrf(**options).score(records(predictions, references)) == pytest.approx({"chrf": expected}, abs=1e-12)


def test_chrf_of_resampled_rows_is_sacrebleus_of_them() -> None:
    predictions, references = made_up(50)
    metric, rows = Chrf(), records(predictions, references)
    metric.score(rows)
    index = np.random.default_rng(1).integers(0, 50, 50)
    chosen = [references[place] for place in index]
    columns: list[list[Any]] = [[row[0] for row in chosen], [row[1] if len(row) > 1 else None for row in chosen]]
    expected = CHRF().corpus_score([predictions[place] for place in index], columns).score / 100
    assert metric.score(rows.take(index))["chrf"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", [ExactMatch(), TokenF1(), Rouge(), Chrf()], ids=lambda metric: metric.name)
def test_without_rows_nothing_is_defined(metric: TextMetric) -> None:
    assert all(math.isnan(value) for value in metric.score(records([], [])).values())


def test_chrf_without_any_answer_is_not_defined() -> None:
    assert math.isnan(Chrf().score(records(["", "x"], [(), ("",)]))["chrf"])


@pytest.mark.parametrize("metric", [ExactMatch(), TokenF1(), Rouge(), Chrf()], ids=lambda metric: metric.name)
def test_a_row_without_a_prediction_is_wrong(metric: TextMetric) -> None:
    assert metric.score(records([None], [("answer",)]))[metric.name] == 0


def test_rows_are_worked_out_once_however_often_they_are_drawn() -> None:
    calls = []

    class Length(TextMetric, name="length"):
        """Counts characters."""

        suffixes = ("", ".references")

        def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
            calls.append(prediction)
            return len(prediction), len(references)

    predictions, references = made_up(100)
    metric = Length()
    result = bootstrap(metric.score, [records(predictions, references)], np.random.default_rng(0), times=50)
    assert len(calls) == len(set(zip(predictions, references, strict=True)))
    assert result.values["length"][0] == pytest.approx(np.mean(list(map(len, predictions))))
    assert result.values["length.references"][0] == 1.5


@pytest.mark.parametrize("metric", [ExactMatch(), TokenF1(), Rouge(), Chrf()], ids=lambda metric: metric.name)
def test_a_thousand_resamples_of_a_thousand_rows_take_little(metric: TextMetric) -> None:
    predictions, references = made_up(1_000)
    rows = records(predictions, references)
    metric.score(rows)
    began = time.process_time()
    bootstrap(metric.score, [rows], np.random.default_rng(0), times=1_000)
    assert time.process_time() - began < 5


def test_they_are_fed_batch_by_batch_through_evaluate() -> None:
    metric = ExactMatch().build()
    metric.add_batch(predictions=["The cat", "dog"], references=[["cat"], ["cat", "a dog"]])
    metric.add_batch(predictions=["x"], references=[[]])
    assert metric.compute() == {"exact-match": pytest.approx(2 / 3)}


RECIPE = """
model = { base = "some/model" }
data = { source = "pairs.jsonl" }
task = { use = "seq2seq" }
"""


def test_a_library_that_is_missing_is_named_before_any_data_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from sftcore import Recipe, RecipeError
    from sftcore.recipe import misfits

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "rouge_score" else find_spec(name, package)

    assert Recipe.from_toml(RECIPE).task.name == "seq2seq"
    monkeypatch.setattr(misfits, "find_spec", without)
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(RECIPE + '[[metrics]]\nuse = "exact-match"\n[[metrics]]\nuse = "rouge"\n')
    (problem,) = caught.value.problems
    assert problem.key == "metrics.1.use"
    assert "rouge_score" in problem.message
    assert problem.advice == 'pip install "sftcore[generation]"'
    with pytest.raises(RecipeError) as caught:
        Recipe.from_toml(RECIPE)
    (problem,) = caught.value.problems
    assert problem.key == "task.use"
    assert "a default metric of seq2seq" in problem.message
    assert problem.advice == 'pip install "sftcore[generation]", or name other [[metrics]]'
    assert Recipe.from_toml(RECIPE + '[[metrics]]\nuse = "exact-match"\n').metrics
