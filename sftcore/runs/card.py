"""model/README.md: what the model is, what it can do by which evidence, where that ends, and how to use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore import locations
from sftcore.runs.environment import package
from sftcore.runs.files import write_text
from sftcore.runs.snippets import snippet

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

    from sftcore.components import Component
    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import Adapter
    from sftcore.task import TaskState

FILE = "README.md"
NOTHING = "–"
MOST_UNDEFINED = 0.05
"""Of more resamples without a value than this share an interval says how many had one."""
HUB_METRICS = {
    "roc-auc": "roc_auc",
    "matthews": "matthews_correlation",
    "mean-absolute-error": "mae",
    "mean-squared-error": "mse",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
}
"""What the hub calls a metric, where its name is another one; accuracy, precision, recall and f1 are the same there."""


def write_card(
    model: Path,
    recipe: Recipe,
    state: TaskState,
    scores: Mapping[str, Any],
    *,
    rows: Mapping[str, int],
    precision: str,
    dropped: Mapping[str, int] | None = None,
    base_commit: str = "",
) -> None:
    """Write the model card into the model's folder.

    `scores` is what `sftcore.evaluation.score.score_split` says of the test split, `rows` the size of each
    split, `dropped` the rows left out by reason, `precision` that of the training. No text of the data is in it.
    """
    from huggingface_hub import ModelCard

    text = "\n\n".join(
        [
            f"---\n{_data(recipe, scores).to_yaml()}\n---",
            f"# {recipe.name}",
            _opening(recipe, base_commit),
            _results(scores),
            _usage(recipe, state),
            _preprocessing(recipe),
            _rows(recipe, rows, dropped or {}, scores),
            _training(recipe, precision),
            _limits(recipe, scores),
        ]
    )
    write_text(model / FILE, f"{ModelCard(text, ignore_metadata_errors=False)}\n")


def _data(recipe: Recipe, scores: Mapping[str, Any]) -> ModelCardData:
    """The card's metadata; `base_model` and `datasets` only for what the hub knows."""
    from huggingface_hub import ModelCardData

    base, results = recipe.model.base, _eval_results(recipe, scores)
    hub = {place for place in recipe.data.locations if locations.is_hub_id(place, recipe.folder)}
    return ModelCardData(
        base_model=base if base and locations.is_hub_id(base, recipe.folder) else None,
        datasets=sorted(hub) or None,
        library_name="transformers",
        pipeline_tag=recipe.task.pipeline or None,
        tags=["sftcore", recipe.task.name, *([] if base else ["trained-from-scratch"])],
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=recipe.name,
        eval_results=results or None,
        ignore_metadata_errors=False,
    )


def _eval_results(recipe: Recipe, scores: Mapping[str, Any]) -> list[EvalResult]:
    """The main value of each metric, for the model-index; `scores` has them in the order of the recipe's metrics."""
    from huggingface_hub import EvalResult

    data = _data_name(recipe)
    return [
        EvalResult(
            task_type=recipe.task.pipeline or recipe.task.name,
            dataset_type=data,
            dataset_name=data,
            dataset_split="test",
            metric_type=HUB_METRICS.get(metric.name, metric.name),
            metric_name=name,
            metric_value=round(found["value"], 6),
        )
        for name, metric in zip(scores.get("greater_is_better", ()), recipe.all_metrics, strict=False)
        if (found := scores["metrics"].get(name)) and found["value"] is not None
    ]


def _opening(recipe: Recipe, base_commit: str) -> str:
    made = f"made with sftcore {package('sftcore').get('version', '')}".strip()
    if recipe.model.base is None:
        return (
            f"A model for {recipe.task.name}, {made}.\n\n**Not pretrained**: its weights began at random and know "
            "nothing but the training rows below."
        )
    commit = f" (commit {base_commit})" if base_commit else ""
    return f"A model for {recipe.task.name}, fine-tuned from {_place(recipe.model.base)}{commit}, {made}."


def _results(scores: Mapping[str, Any]) -> str:
    """Metrics with intervals and baselines beside them, the verdict, and the classes."""
    if not scores.get("metrics"):
        return "## Results\n\nThere was no test split: nothing is known of how good this model is."
    baselines, level = scores.get("baselines", {}), round(100 * scores["bootstrap"]["level"])
    resamples = scores["bootstrap"]["resamples"]
    head = ["", "this model", f"{level} % interval", *baselines]
    body = [
        [
            name,
            _number(found["value"]),
            _interval(found, resamples),
            *(_number(_value(b, name)) for b in baselines.values()),
        ]
        for name, found in scores["metrics"].items()
    ]
    notes = [f"{name}: {found['description']}." for name, found in baselines.items()]
    left_out = scores.get("left_out", {}).get("twins", 0)
    twins = f" ({left_out:,} more are near copies of these and not scored)" if left_out else ""
    unit = scores["bootstrap"]["unit"]
    rows = f"{scores['rows']:,} rows of the test split{twins}"
    parts = [
        f"## Results\n\nOn {rows}, which nothing was tuned on; intervals by resampling {unit}.",
        _table(head, body),
        " ".join([scores.get("verdict", {}).get("sentence", ""), *notes]).strip(),
        _perplexity(scores),
        _classes(scores.get("classes", [])),
    ]
    return "\n\n".join(part for part in parts if part)


def _perplexity(scores: Mapping[str, Any]) -> str:
    """That of the references, beside the one of the model before training."""
    if scores.get("perplexity") is None:
        return ""
    before = scores.get("baselines", {}).get("base", {}).get("details", {}).get("perplexity")
    compared = "" if before is None else f" Before training it was {_number(before)}."
    return f"The perplexity of the references is {_number(scores['perplexity'])} (a token).{compared}"


def _value(baseline: Mapping[str, Any], name: str) -> float | None:
    value: float | None = baseline["metrics"].get(name, {}).get("value")
    return value


def _classes(classes: Sequence[Mapping[str, Any]]) -> str:
    names = ("label", "rows", "precision", "recall", "f1")
    body = [[str(row["label"]), str(row["rows"]), *(_number(row[name]) for name in names[2:])] for row in classes]
    return _table(names, body) if body else ""


def _usage(recipe: Recipe, state: TaskState) -> str:
    """How to load the model with transformers alone."""
    labels = recipe.task.label_names(state)
    named = f"\n\nLabels, in the order of the outputs: {', '.join(labels)}." if labels else ""
    where = "Beside this folder, here called `model`, with transformers and torch alone"
    return f"## Use\n\n{where}:\n\n```python\n{snippet(recipe, state)}```{named}"


def _preprocessing(recipe: Recipe) -> str:
    if not recipe.preprocess:
        return "## Preprocessing\n\nNone: texts are read as they are."
    steps = "\n".join(f"{number}. {_described(step)}" for number, step in enumerate(recipe.preprocess, start=1))
    return (
        "## Preprocessing\n\nEvery text of the training, validation and test rows went through these steps, which "
        f"transformers alone does not repeat (`sftcore predict` does):\n\n{steps}"
    )


def _settings(adapter: Adapter) -> str:
    """`lora`, r = 8, …: the settings that are not None."""
    given = adapter.model_dump(mode="json", exclude={"use"}, exclude_none=True)
    return ", ".join([f"`{adapter.use}`", *(f"{key} = {value!r}" for key, value in given.items())])


def _described(component: Component) -> str:
    """`lowercase`, or `mask-urls (placeholder = "<url>")`: the settings that are not None.

    Of a field that its author keeps out of `repr` (names to redact) the card, which travels with the model, says
    nothing but that it is set.
    """
    settings = {key: value for key, value in component.model_dump(mode="json").items() if value is not None}
    kept_back = {key for key, field in type(component).model_fields.items() if not field.repr and settings.get(key)}
    shown = ", ".join(f"{key} = {'…' if key in kept_back else repr(value)}" for key, value in settings.items())
    return f"`{component.name}`" + (f" ({_cell(shown)})" if shown else "")


def _rows(recipe: Recipe, rows: Mapping[str, int], dropped: Mapping[str, int], scores: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    lines = [f"From {_data_name(recipe)}: {counts} rows."]
    lines += [f"Kept only rows with {_condition(key, value)}." for key, value in recipe.data.where.items()]
    if recipe.data.group:
        lines.append(f"Rows with the same {recipe.data.group} are in one split.")
    if dropped:
        lines.append("Left out: " + ", ".join(f"{count:,} ({reason})" for reason, count in dropped.items()) + ".")
    lines.append("Rows that are copies or near copies of each other are in one split.")
    return "## Data\n\n" + "\n".join(f"- {line}" for line in lines)


def _condition(column: str, condition: Any) -> str:
    given = {key: value for key, value in condition.model_dump(mode="json", by_alias=True).items() if value is not None}
    return f"{column} " + ", ".join(f"{key} {value}" for key, value in given.items())


def _training(recipe: Recipe, precision: str) -> str:
    train = recipe.train
    length = f"at most {train.max_steps} steps" if train.max_steps > 0 else f"{train.num_train_epochs:g} epochs"
    batch = train.per_device_train_batch_size * train.gradient_accumulation_steps
    rate = f"learning rate {train.learning_rate:g} ({train.lr_scheduler_type}), weight decay {train.weight_decay:g}"
    adapter = recipe.model.adapter
    lines = [
        *([f"only an adapter was trained, and is merged into the weights: {_settings(adapter)}"] if adapter else []),
        f"{length}, {batch} rows a step and device, {rate}",
        f"precision {precision}, seed {recipe.seed}",
        *(f"augmented by {_described(step)}" for step in recipe.augment),
        "everything else, with the versions and hashes of code, data and base model: `lock.json` of the run",
    ]
    return "## Training\n\n" + "\n".join(f"- {line}" for line in lines)


def _limits(recipe: Recipe, scores: Mapping[str, Any]) -> str:
    lines = [
        "The figures hold for rows drawn as the test rows were, not for other sources, times or languages.",
        "The labels are those of the data: the model repeats their mistakes and leanings.",
    ]
    if recipe.task.auto_class != "AutoModelForQuestionAnswering":  # which reads long texts in windows
        lines.append("What is longer than the tokenizer's `model_max_length` tokens is cut off.")
    if recipe.model.base is None:
        lines.insert(0, "It is not pretrained: words that the training rows do not have mean nothing to it.")
    if scores.get("verdict", {}).get("beats_baselines") is False:
        lines.insert(0, "It does not beat the simple baselines above.")
    if recipe.data.where:
        lines.append("The rows were filtered (see Data), in test too; on unfiltered rows expect less.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _data_name(recipe: Recipe) -> str:
    return ", ".join(_place(place) for place in recipe.data.locations)


def _place(text: str) -> str:
    """A place without the folders of somebody's machine."""
    return Path(text).name if Path(text).is_absolute() or text.startswith(("~", "..")) else text


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    names = [_cell(name) for name in head]
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *([_cell(cell) for cell in row] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _interval(found: Mapping[str, Any], resamples: int) -> str:
    if found["low"] is None:
        return NOTHING
    if found["degenerate"]:
        return "no interval: the resamples agree"
    few = f" (from {resamples - found['undefined']:,} of {resamples:,} resamples)"
    few = few if found["undefined"] > MOST_UNDEFINED * resamples else ""
    return f"{found['low']:.3f} to {found['high']:.3f}{few}"
