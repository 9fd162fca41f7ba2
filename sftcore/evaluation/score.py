"""Scores of a split: values with intervals, the baselines beside them, and what that says of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import PluginError, Problem, RecipeError
from sftcore.evaluation.baselines import Baseline, run_baselines
from sftcore.evaluation.before import NAME, Before, perplexity
from sftcore.evaluation.intervals import LEVEL, RESAMPLES, Bootstrap, bootstrap, group_numbers, number_or_none
from sftcore.evaluation.mistakes import confident_mistakes, confused_pairs, confusion
from sftcore.evaluation.verdict import verdict
from sftcore.records import Prediction, Records, object_column
from sftcore.reporter import SILENT, SilentReporter

if TYPE_CHECKING:
    from sftcore.components import Metric, Row
    from sftcore.data.rows import Rows
    from sftcore.evaluation.predict import Predicted
    from sftcore.reporter import Reporter
    from sftcore.task import Task, TaskState

MOST_CLASSES = 100
"""With more classes the confusion matrix is left out; the confused pairs say the same."""
MOST_PARTS = 50
"""Parts of the data that are scored by themselves, for each way to divide it: the most frequent."""


def metric_names(metrics: Sequence[Metric]) -> list[str]:
    """A name for each metric that no other has: its own, with the differing settings where it is used twice.

    `f1` with average micro and `f1` with average macro are `f1-micro` and `f1-macro`.
    """
    times = Counter(metric.name for metric in metrics)
    names = [metric.name if times[metric.name] == 1 else _distinct_name(metric, metrics) for metric in metrics]
    repeated = Counter(names)
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        if repeated[name] > 1 and seen[name] > 1:
            names[place] = f"{name}-{seen[name]}"
    return names


def _distinct_name(metric: Metric, metrics: Sequence[Metric]) -> str:
    alike = [other.table() for other in metrics if other.name == metric.name]
    differing = [str(value) for key, value in metric.table().items() if any(other.get(key) != value for other in alike)]
    return "-".join([metric.name, *(value for value in differing if value)])


def score_all(metrics: Sequence[Metric], records: Records, names: Sequence[str] | None = None) -> dict[str, float]:
    """All values of all metrics; the main value of each stands under its name in `names` (default: `metric_names`).

    Of no rows no metric is asked, and of rows without scores none that needs them: the main value is NaN. Raises
    `sftcore.PluginError` for a metric that gives no value of its own name.
    """
    names = metric_names(metrics) if names is None else names
    if not len(records):
        return dict.fromkeys(names, float("nan"))
    result: dict[str, float] = {}
    for name, metric in zip(names, metrics, strict=True):
        if metric.needs_scores and records.scores is None:
            result[name] = float("nan")
            continue
        values = metric.score(records)
        if metric.name not in values:
            raise PluginError(Problem(f"the metric {metric.name}: score {_flaw_of(metric, values)}"))
        for key, value in values.items():
            result[name + key.removeprefix(metric.name) if key.startswith(metric.name) else f"{name}.{key}"] = value
    return result


def check_metrics(
    metrics: Sequence[Metric],
    task: Task,
    state: TaskState,
    problem: Callable[[str, str], Problem] = lambda key, message: Problem(message, key=key),
) -> None:
    """Score a made-up perfect result, so that settings which do not fit the labels show before the training.

    `problem(key, message)` makes the problem (`recipe.problem`). Raises `sftcore.RecipeError`, or `PluginError`
    where a metric returns something else than numbers by name, one of them its own, or no text for its meaning.
    """
    flaws = [
        problem(f"metrics.{number}", f"the metric {metric.name}: meaning returned {type(said).__name__}, not a text")
        for number, metric in enumerate(metrics)
        if not isinstance(said := metric.meaning(), str)
    ]
    if flaws:
        raise PluginError(*flaws)
    if task.predicts == "spans":
        return
    records = _perfect(task, state)
    misfits = []
    for number, metric in enumerate(metrics):
        key = f"metrics.{number}"
        if task.predicts not in metric.understands:
            continue
        try:
            flaw = _flaw_of(metric, metric.score(records))
        except ValueError as error:
            misfits.append(problem(key, f"{metric.name} does not fit the labels: {error}"))
        else:
            flaws += [problem(key, f"the metric {metric.name}: score {flaw}")] if flaw else []
    if flaws or misfits:
        raise (PluginError if flaws else RecipeError)(*flaws, *misfits)


def _perfect(task: Task, state: TaskState) -> Records:
    """Records without a mistake, one row a class, or two rows where there are no classes."""
    names = task.label_names(state)
    size = len(names) or 2
    if task.predicts == "texts":
        texts = [f"text {row}" for row in range(size)]
        answers = object_column([(text,) for text in texts])
        return Records("texts", np.arange(size), object_column(texts), answers, names, np.ones((size, 1), np.float32))
    values = {"labels": np.arange(size), "label_sets": np.eye(size, dtype=bool), "scores": np.arange(float(size))}
    column = values[task.predicts]
    scores = None if task.predicts == "scores" else np.eye(size, dtype=np.float32)
    return Records(task.predicts, np.arange(size), column, column, names, scores)


def _flaw_of(metric: Metric, values: object) -> str:
    """What is wrong with the result of the metric's `score`, or ""."""
    expected = f"; a dict of numbers by name was expected, one of them {metric.name!r}"
    if not isinstance(values, Mapping) or not values:
        return f"returned {'nothing' if values == {} else type(values).__name__}{expected}"
    wrong = [name for name, value in values.items() if not isinstance(value, int | float | np.number)]
    if wrong:
        return f"returned {type(values[wrong[0]]).__name__} for {wrong[0]!r}{expected}"
    return "" if metric.name in values else f"returned {', '.join(map(repr, values))}{expected}"


def scored_rows(predicted: Predicted, keep: np.ndarray | None = None) -> np.ndarray:
    """Positions of the rows that are scored: those with a reference, and of each twin group one (mask `keep`)."""
    have = np.array([reference is not None for reference in predicted.references], bool)
    return np.flatnonzero(have if keep is None else have & keep)


def records_of(task: Task, state: TaskState, rows: Rows, predicted: Predicted, index: np.ndarray) -> Records:
    """The records of the rows at the positions `index`."""
    groups = group_numbers(rows.groups)
    return task.records(
        rows.ids[index],
        [predicted.predictions[place] for place in index],
        [predicted.references[place] for place in index],
        state,
        None if groups is None else groups[index],
    )


def evaluate_split(
    task: Task,
    state: TaskState,
    metrics: Sequence[Metric],
    rows: Rows,
    predicted: Predicted,
    rng: np.random.Generator,
    *,
    train: Sequence[Row] = (),
    keep: np.ndarray | None = None,
    before: Before | None = None,
    texts: bool = True,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Everything that is said of a split: `score_split`, with baselines fitted on `train` (none without it).

    `keep` (rows,) bool is false for rows left out of the scores because a twin of theirs is scored. `rng` draws
    the resamples; `before` is the base model before training, which becomes the baseline "base". Without `texts`
    notes do not say what an error said, which may quote a row. Adds to `score_split`::

        loss, seconds         of the prediction; the loss in nats a label that counts, over all rows
        perplexity            e to the loss; of tasks that generate, whose labels are tokens
        slices.<what>.<part>  {"rows", "metrics": the main values}, of the parts that `task.slices_told` names
        mistakes              the most confident, see `sftcore.evaluation.mistakes.confident_mistakes`
        notes                 what is missing in all this, and why: a list of sentences
    """
    index, told = scored_rows(predicted, keep), _Noting(reporter)
    records = records_of(task, state, rows, predicted, index)
    chosen, references = [rows.values[place] for place in index], [predicted.references[place] for place in index]
    said = [predicted.predictions[place] for place in index]
    fitted: list[Baseline] = []
    if len(train) and len(index):
        fitted = run_baselines(task, state, train, chosen, records.row_ids, records.groups, told, texts=texts)
    untrained = before and before.baseline(
        index, lambda said: task.records(records.row_ids, said, references, state, records.groups)
    )
    baselines = [*fitted, *([untrained] if untrained else [])]
    result = score_split(metrics, records, baselines, rng=rng, left_out=_left_out(predicted, index))
    if before and not untrained:
        result["baselines"][NAME] = before.as_json()
    for note in [*([before.note] if before and before.note else []), *_missing_scores(metrics, records)]:
        told.warning(note)
    return {
        **result,
        **_losses(predicted, task),
        "slices": slice_scores(task, metrics, records, chosen, said),
        "mistakes": confident_mistakes(records, said, references),
        "notes": told.notes,
    }


def _left_out(predicted: Predicted, index: np.ndarray) -> dict[str, int]:
    """How many rows are not at the scored positions, and why not."""
    without = sum(reference is None for reference in predicted.references)
    return {"twins": len(predicted.references) - len(index) - without, "without_label": without}


def _losses(predicted: Predicted, task: Task) -> dict[str, float | None]:
    """Loss, perplexity and seconds, as `evaluate_split` has them."""
    loss = {"loss": None if predicted.loss is None else number_or_none(predicted.loss)}
    written = {"perplexity": perplexity(predicted.loss)} if task.generates else {}
    return {**loss, **written, "seconds": predicted.seconds}


def _missing_scores(metrics: Sequence[Metric], records: Records) -> Iterator[str]:
    """What is not said of rows that have no scores of the classes, in sentences."""
    needing = [name for name, metric in zip(metric_names(metrics), metrics, strict=True) if metric.needs_scores]
    if records.scores is None and needing and len(records):
        yield f"{', '.join(needing)}: not defined, since the predictions come without scores of the classes"
    if records.scores is not None and records.kind == "labels":
        without = len(records) - calibration(records)["calibration_rows"]
        if without:
            yield f"the calibration leaves out {without:,} of {len(records):,} rows, which have no score"


class _Noting(SilentReporter):
    """Hands on warnings, and keeps them."""

    def __init__(self, reporter: Reporter) -> None:
        self.notes: list[str] = []
        self._reporter = reporter

    def warning(self, text: str) -> None:
        self.notes.append(text)
        self._reporter.warning(text)


def slice_scores(
    task: Task, metrics: Sequence[Metric], records: Records, rows: Sequence[Row], predictions: Sequence[Prediction]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The metrics' main values (None: not defined) of each part that `task.slices_told` puts some of the rows in:
    `{what: {part: {"rows", "metrics"}}}`, the 50 largest parts, the largest first.

    `records`, `rows` and `predictions` have one order.
    """
    members: dict[str, dict[str, list[int]]] = {}
    for place, pair in enumerate(zip(rows, predictions, strict=True)):
        for what, part in task.slices_told(*pair).items():
            members.setdefault(what, {}).setdefault(part, []).append(place)
    names = metric_names(metrics)

    def scored(places: list[int]) -> dict[str, Any]:
        values = score_all(metrics, records.take(np.array(places)))
        return {"rows": len(places), "metrics": {name: number_or_none(values[name]) for name in names}}

    return {
        what: {part: scored(places) for part, places in sorted(parts.items(), key=_by_size)[:MOST_PARTS]}
        for what, parts in members.items()
    }


def _by_size(part: tuple[str, list[int]]) -> tuple[int, str]:
    """The largest first, then by name."""
    return -len(part[1]), part[0]


def score_split(
    metrics: Sequence[Metric],
    records: Records,
    baselines: Sequence[Baseline] = (),
    *,
    rng: np.random.Generator,
    left_out: Mapping[str, int] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Score records and baselines on the same rows; the result is JSON-serialisable (null: not defined).

    Schema::

        rows                  rows scored
        left_out              {"twins": rows with a twin that is scored, "without_label": rows without a target}
        bootstrap             {"resamples": 1000, "level": 0.95, "unit": "rows" or "groups", "units": how many}
        metrics.<value>       {"value", "low", "high": the interval, "undefined": resamples without a value,
                               "degenerate": whether the resamples agree, so that there is no interval}
        greater_is_better.<metric>
        meanings.<metric>     what it measures, in a sentence (`Metric.meaning`)
        baselines.<name>      {"description", "seconds", "details", "metrics": as above,
                               "differences": {<value>: model minus baseline, paired, as above}}
        verdict               see `sftcore.evaluation.verdict.verdict`
        classes[]             {"label", "rows", "predicted", "precision", "recall", "f1"}; of labels and label sets
        confusion             {"labels", "matrix": rows by reference, then prediction}; of labels, up to 100 classes
        confused_pairs[]      {"label", "prediction", "rows", "share"}
        calibration_error     of labels with scores: expected-calibration-error of the rows that have a prediction with
                              a score; null: none has
        calibration_rows      how many have

    `<value>` is the name of a metric (`metric_names`) for its main value, `f1.positive` for a class.
    """
    systems = [records, *(baseline.records for baseline in baselines)]
    result = bootstrap(lambda some: score_all(metrics, some), systems, rng, resamples)
    names = metric_names(metrics)
    better = {name: metric.greater_is_better for name, metric in zip(names, metrics, strict=True)}
    unit = "rows" if records.groups is None else "groups"
    scored: dict[str, Any] = {
        "rows": len(records),
        "left_out": dict(left_out or {}),
        "bootstrap": {"resamples": resamples, "level": LEVEL, "unit": unit, "units": result.units},
        "metrics": {name: result.interval(name).as_json() for name in result.values},
        "greater_is_better": better,
        "meanings": {name: metric.meaning() for name, metric in zip(names, metrics, strict=True)},
        "baselines": {one.name: _baseline_json(one, result, place) for place, one in enumerate(baselines, 1)},
        "verdict": verdict(result, [baseline.name for baseline in baselines], better, systems),
    }
    return scored | _class_tables(records)


def _baseline_json(baseline: Baseline, result: Bootstrap, place: int) -> dict[str, Any]:
    return {
        "description": baseline.description,
        "seconds": round(baseline.seconds, 3),
        "details": baseline.details,
        "metrics": {name: result.interval(name, place).as_json() for name in result.values},
        "differences": {name: result.difference(name, 0, place).as_json() for name in result.values},
    }


def calibration(records: Records) -> dict[str, Any]:
    """How far confidence is from how often it is right, over the rows that have one (Guo et al. 2017, 15 bins)."""
    from sftcore.builtin.counting import confidences
    from sftcore.builtin.metrics import ExpectedCalibrationError

    metric = ExpectedCalibrationError()
    error = number_or_none(metric.score(records)[metric.name])
    return {"calibration_error": error, "calibration_rows": len(confidences(records)[0])}


def _class_tables(records: Records) -> dict[str, Any]:
    if records.kind not in ("labels", "label_sets") or not records.labels:
        return {}
    tables: dict[str, Any] = {"classes": class_table(records), "confused_pairs": confused_pairs(records)}
    if records.kind == "labels" and records.scores is not None:
        tables |= calibration(records)
    if records.kind == "labels" and len(records.labels) <= MOST_CLASSES:
        tables["confusion"] = {"labels": list(records.labels), "matrix": confusion(records).tolist()}
    return tables


def class_table(records: Records) -> list[dict[str, Any]]:
    """Rows, predictions, precision, recall and F1 of each class; None where there is nothing to divide by."""
    if records.kind == "labels":
        classes = np.arange(len(records.labels))
        predictions, references = records.predictions[:, None] == classes, records.references[:, None] == classes
    else:
        predictions, references = records.predictions, records.references
    right = (predictions & references).sum(0).tolist()
    predicted, referred = predictions.sum(0).tolist(), references.sum(0).tolist()
    return [
        {
            "label": label,
            "rows": rows,
            "predicted": given,
            "precision": hits / given if given else None,
            "recall": hits / rows if rows else None,
            "f1": 2 * hits / (given + rows) if given + rows else None,
        }
        for label, hits, given, rows in zip(records.labels, right, predicted, referred, strict=True)
    ]
