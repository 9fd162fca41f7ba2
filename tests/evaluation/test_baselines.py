"""The baselines on small rows of every kind."""

from __future__ import annotations

import csv
import random
from typing import Any

import numpy as np
import pytest

from sftcore import Task, TextClassification
from sftcore.builtin.metrics import F1, Accuracy, MeanAbsoluteError
from sftcore.evaluation.baselines import Baseline, mostly_unspaced, run_baselines

ZH = {"好": "很喜欢质量好非常满意", "坏": "太差了退货质量差失望"}


def read(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    return rows


def baselines(task: TextClassification, rows: list[dict[str, Any]], cut: int, **options: Any) -> dict[str, Baseline]:
    train, test = rows[:cut], rows[cut:]
    state = task.fit(train)
    found = run_baselines(task, state, train, test, np.arange(len(test)) + cut, **options)
    return {baseline.name: baseline for baseline in found}


def test_single_label(sentiment_csv: str) -> None:
    task = TextClassification(labels=("positive", "neutral", "negative", "absent"))
    rows = [*read(sentiment_csv), {"text": "more", "label": "neutral"}]
    random.Random(0).shuffle(rows)
    found = baselines(task, rows, 180)
    majority, words = found["majority"].records, found["tfidf"].records
    assert len(set(majority.predictions.tolist())) == 1
    assert majority.scores is not None
    assert majority.scores[0].sum() == pytest.approx(1)
    assert Accuracy().score(majority)["accuracy"] < 0.5
    assert Accuracy().score(words)["accuracy"] > 0.9
    assert words.scores is not None
    assert words.scores[:, 3].max() == 0
    assert words.scores.sum(1) == pytest.approx(np.ones(len(words)), abs=1e-5)
    assert words.row_ids.tolist() == list(range(180, 241))
    assert found["tfidf"].details["unit"] == "words"
    again = baselines(task, rows, 180)["tfidf"].records
    assert (again.scores == words.scores).all()


def test_word_counts_are_fitted_by_one_thread(sentiment_csv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info()}

    class Looking(LogisticRegression):  # type: ignore[misc]  # of a library without types
        def fit(self, *arguments: Any, **keywords: Any) -> Any:
            seen.append(threads())
            return super().fit(*arguments, **keywords)

    seen: list[set[int]] = []
    monkeypatch.setattr("sklearn.linear_model.LogisticRegression", Looking)
    with threadpool_limits(2):
        baselines(TextClassification(), read(sentiment_csv), 180)
        assert threads() == {2}
    assert seen == [{1}]


def test_it_is_the_model_that_everybody_would_write(sentiment_csv: str) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = read(sentiment_csv)
    train, test = rows[:150], rows[150:]
    plain = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    plain.fit([row["text"] for row in train], [row["label"] for row in train])
    records = baselines(TextClassification(), rows, 150)["tfidf"].records
    expected = plain.predict_proba([row["text"] for row in test])
    assert np.abs(records.scores - expected).max() < 1e-6


def test_label_sets(sentiment_csv: str) -> None:
    rows = read(sentiment_csv)
    for number, row in enumerate(rows):
        row["label"] = [row["label"], "all"] if number % 5 else []
    found = baselines(TextClassification(problem_type="multi_label_classification"), rows, 180)
    assert found["tfidf"].records.kind == "label_sets"
    words, majority = (F1(average="micro").score(found[name].records)["f1"] for name in ("tfidf", "majority"))
    assert words > majority
    assert found["tfidf"].records.scores is not None


def test_a_label_that_all_rows_have_keeps_its_share() -> None:
    rows = [{"text": f"{word} thing", "label": f"{word}|all"} for word in ["red", "blue"] * 10]
    records = baselines(TextClassification(problem_type="multi_label_classification"), rows, 16)["tfidf"].records
    assert records.scores is not None
    assert records.scores[:, records.labels.index("all")].tolist() == [1.0] * 4
    assert (records.predictions == records.references).all()


def test_numbers() -> None:
    worth = {"great": 5.0, "fine": 3.0, "awful": 1.0}
    rows = [{"text": f"{word} number {n % 7}", "label": str(worth[word])} for n in range(30) for word in worth]
    found = baselines(TextClassification(problem_type="regression"), rows, 60)
    assert found["majority"].records.predictions.tolist() == [3.0] * 30
    assert MeanAbsoluteError().score(found["tfidf"].records)["mean-absolute-error"] < 0.4


def test_texts_without_spaces_are_counted_by_character() -> None:
    rows = [
        {"text": "".join(random.Random(number).choices(ZH[label], k=8)), "label": label}
        for number, label in enumerate(["好", "坏"] * 40)
    ]
    tfidf = baselines(TextClassification(), rows, 60)["tfidf"]
    assert tfidf.details["unit"] == "characters"
    assert "characters" in tfidf.description
    assert Accuracy().score(tfidf.records)["accuracy"] == 1


@pytest.mark.parametrize(
    ("texts", "unspaced"),
    [
        (["ok", "great!", "no"], False),
        (["这个手机很好", "物流很快 iPhone"], True),
        (["สินค้าดีมาก", "とても良い"], True),
        (["배송이 빨라요", "Очень хорошо"], False),
        (["这个手机很好", "good", "bad"], False),
        (["", "12"], False),
        ([], False),
    ],
)
def test_scripts_without_spaces_are_known(texts: list[str], unspaced: bool) -> None:
    assert mostly_unspaced(texts) is unspaced


def test_texts_without_words_leave_the_majority_alone() -> None:
    told = []

    class Listener:
        def warning(self, text: str) -> None:
            told.append(text)

    rows = [{"text": "!", "label": "a"}, {"text": "?", "label": "b"}] * 4
    assert set(baselines(TextClassification(), rows, 4, reporter=Listener())) == {"majority"}
    assert "tfidf" in told[0]


def test_other_tasks_have_none() -> None:
    class Spans(TextClassification, name="spans-for-test"):
        """Another kind of prediction."""

        @property
        def predicts(self) -> Any:
            """Spans."""
            return "spans"

    task: Task = Spans()
    assert run_baselines(task, task.state_class(), [], [], np.arange(0)) == []


def test_large_data_is_sampled(monkeypatch: pytest.MonkeyPatch, sentiment_csv: str) -> None:
    monkeypatch.setattr("sftcore.evaluation.baselines.MOST_ROWS", 60)
    found = baselines(TextClassification(), read(sentiment_csv), 180)
    assert found["tfidf"].details["training_rows"] == 60
