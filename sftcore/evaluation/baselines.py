"""What anybody would try first: the most frequent answer, word counts with a linear model, and the task's own."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sftcore.records import Prediction
from sftcore.reporter import SILENT

if TYPE_CHECKING:
    from sftcore.components import Row
    from sftcore.records import Records
    from sftcore.reporter import Reporter
    from sftcore.task import Task, TaskState

STRENGTH = 10.0
"""C of the logistic regression: the inverse of its L2 penalty."""
RIDGE_STRENGTH = 1.0
"""Alpha of the ridge regression: its L2 penalty."""
MOST_ROWS = 50_000
TEXTS_LOOKED_AT = 1_000
RESERVED = ("majority", "tfidf", "base")
"""Names that no baseline of a task can have."""
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
"""Letters of scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""
WORD = re.compile(r"[^\W\d_]+")


AsRecords = Callable[[Sequence[Prediction]], "Records"]
"""Makes records of predictions for the rows that are scored."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's records on the test rows, and how it was made; `seconds` of the clock for fit and prediction."""

    name: str
    description: str
    records: Records
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)


def run_baselines(
    task: Task,
    state: TaskState,
    train: Sequence[Row],
    test: Sequence[Row],
    row_ids: np.ndarray,
    groups: np.ndarray | None = None,
    reporter: Reporter = SILENT,
    *,
    texts: bool = True,
) -> list[Baseline]:
    """The baselines for this task, fitted on `train` (preprocessed, not augmented) and tested on `test`.

    `row_ids` and `groups` (rows of test,) are those of the model's records, so that differences can be paired.
    Majority and word counts for classification and regression, then those that the task brings along; one that fails
    is left out with a warning, which without `texts` does not say what the error said: it may quote a row. The same
    rows give the same result.
    """
    references = [task.reference(row, state) for row in test]

    def as_records(predictions: Sequence[Prediction]) -> Records:
        return task.records(row_ids, predictions, references, state, groups)

    result: list[Baseline] = []
    if task.predicts in ("labels", "label_sets", "scores"):
        targets = [task.reference(row, state) for row in train]
        names = task.label_names(state)
        result.append(_majority(task, targets, names, len(test), as_records))
        read = [task.features_text(row) for row in train], [task.features_text(row) for row in test]
        if all(text is not None for column in read for text in column):
            try:
                result.append(_word_counts(task, read, targets, names, as_records))
            except ValueError as error:  # no words at all
                reporter.warning(f"no tfidf baseline: {error if texts else type(error).__name__}")
    try:
        _add_own(result, task, state, train, test, as_records)
    except Exception as error:  # a guest's code may raise anything, and the model is trained already
        why = f"{type(error).__name__}: {error}" if texts else type(error).__name__
        reporter.warning(f"a baseline of {task.name} failed: {why}")
    return result


def _add_own(
    result: list[Baseline],
    task: Task,
    state: TaskState,
    train: Sequence[Row],
    test: Sequence[Row],
    as_records: AsRecords,
) -> None:
    """Append the task's own, each timed from the one before: a task that yields them is timed one by one."""
    began = time.perf_counter()
    for own in task.baselines(train, test, state):
        if own.name in RESERVED or any(own.name == other.name for other in result):
            raise ValueError(f"the name {own.name!r} is taken")
        if len(own.predictions) != len(test):
            raise ValueError(f"{own.name} has {len(own.predictions)} predictions for {len(test)} rows")
        seconds = time.perf_counter() - began
        result.append(Baseline(own.name, own.description, as_records(own.predictions), seconds))
        began = time.perf_counter()


def _majority(task: Task, targets: Sequence[Any], names: Sequence[str], size: int, as_records: AsRecords) -> Baseline:
    """The same prediction for all rows."""
    began = time.perf_counter()
    if task.predicts == "scores":
        constant = Prediction(float(np.mean(targets)))
        description = "always the mean of the training rows"
    else:
        counts = Counter(targets)
        best = max(counts, key=lambda target: (counts[target], str(target)))
        shares = _shares(task, targets, names)
        constant = Prediction(best, counts[best] / len(targets), tuple(shares.tolist()))
        description = f"always the most frequent label{' set' if task.predicts == 'label_sets' else ''}"
    details = {"answer": list(constant.value) if isinstance(constant.value, tuple) else constant.value}
    records = as_records([constant] * size)
    return Baseline("majority", description, records, time.perf_counter() - began, details)


def _shares(task: Task, targets: Sequence[Any], names: Sequence[str]) -> NDArray[np.float64]:
    """The share of the training rows that has each label (k,)."""
    return np.asarray(_indicators(targets, names, single=task.predicts == "labels").mean(0))


def _indicators(targets: Sequence[Any], names: Sequence[str], single: bool) -> NDArray[np.float64]:
    """Which labels each row has, as 0 and 1: (n, k)."""
    numbers = {name: number for number, name in enumerate(names)}
    result = np.zeros((len(targets), len(names)))
    for row, target in enumerate(targets):
        result[row, [numbers[name] for name in ((target,) if single else target)]] = 1
    return result


def _word_counts(
    task: Task, texts: tuple[list[Any], list[Any]], targets: Sequence[Any], names: Sequence[str], as_records: AsRecords
) -> Baseline:
    """TF-IDF of 1-2 grams with a linear model, fitted by one thread: more of them wait for one another at its small
    vectors (14,506 tweets on 16 cores: 300 CPU-seconds; with one thread on 2 cores 0.4)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from threadpoolctl import threadpool_limits

    began = time.perf_counter()
    chosen = _sample(len(targets))
    characters = mostly_unspaced(texts[0])
    analyzer = "char" if characters else "word"
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, analyzer=analyzer)
    features = vectorizer.fit_transform([texts[0][row] for row in chosen])
    fit = {"labels": _fit_labels, "label_sets": _fit_sets, "scores": _fit_numbers}[task.predicts]
    with threadpool_limits(1):
        predictions = fit(features, [targets[row] for row in chosen], vectorizer.transform(texts[1]), names)
    ridge, unit = task.predicts == "scores", "character" if characters else "word"
    details = {
        "unit": f"{unit}s",
        "ngrams": [1, 2],
        "sublinear": True,
        "features": features.shape[1],
        "training_rows": len(chosen),
        **({"alpha": RIDGE_STRENGTH} if ridge else {"C": STRENGTH}),
    }
    description = f"counts of {unit}s and {unit} pairs (TF-IDF) with {'ridge' if ridge else 'logistic'} regression"
    return Baseline("tfidf", description, as_records(predictions), time.perf_counter() - began, details)


def _sample(size: int) -> NDArray[np.int64]:
    """Which training rows the linear model is fitted on: all, or 50,000 spread evenly over more."""
    return np.linspace(0, size - 1, min(size, MOST_ROWS)).astype(np.int64)


def mostly_unspaced(texts: Sequence[str]) -> bool:
    """Whether most texts (of 1,000 spread over all) are in a script that puts no spaces between words."""
    looked_at = [texts[row] for row in np.linspace(0, len(texts) - 1, min(len(texts), TEXTS_LOOKED_AT)).astype(int)]
    return 2 * sum(map(_is_unspaced, looked_at)) > len(looked_at)


def _is_unspaced(text: str) -> bool:
    """Whether a text has more letters of such scripts than words of others."""
    return len(UNSPACED.findall(text)) > len(WORD.findall(UNSPACED.sub(" ", text)))


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=1000)


def _fit_labels(features: Any, targets: Sequence[str], test: Any, names: Sequence[str]) -> list[Prediction]:
    model = _logistic().fit(features, targets)
    places = [list(names).index(name) for name in model.classes_]
    scores = np.zeros((test.shape[0], len(names)))
    scores[:, places] = model.predict_proba(test)
    return [Prediction(names[int(row.argmax())], float(row.max()), tuple(row.tolist())) for row in scores]


def _fit_sets(features: Any, targets: Sequence[Any], test: Any, names: Sequence[str]) -> list[Prediction]:
    """One model a label against the rest; a label that all rows or no rows have keeps its share."""
    truth = _indicators(targets, names, single=False)
    scores = np.tile(truth.mean(0), (test.shape[0], 1))
    for label in range(len(names)):
        if 0 < truth[:, label].sum() < len(truth):
            scores[:, label] = _logistic().fit(features, truth[:, label]).predict_proba(test)[:, 1]
    sets = [tuple(name for name, score in zip(names, row, strict=True) if score >= 0.5) for row in scores]
    return [Prediction(chosen, scores=tuple(row.tolist())) for chosen, row in zip(sets, scores, strict=True)]


def _fit_numbers(features: Any, targets: Sequence[float], test: Any, names: Sequence[str]) -> list[Prediction]:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=RIDGE_STRENGTH, solver="sparse_cg", tol=1e-4).fit(features, np.asarray(targets, np.float64))
    return [Prediction(float(value)) for value in model.predict(test)]
