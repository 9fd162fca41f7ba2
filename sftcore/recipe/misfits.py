"""Whether the parts of a well-formed recipe fit each other; asked before any data is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any

from sftcore.components import Component, Metric
from sftcore.errors import PluginError, Problem, did_you_mean
from sftcore.recipe.document import KeyPath
from sftcore.recipe.tables import value_at
from sftcore.task import Role

if TYPE_CHECKING:
    from sftcore.recipe.schema import Recipe
    from sftcore.registry import Registry

GENERATING = ("loss", "perplexity")
"""What validation during training gives of a task that generates: answers would take too long."""

SCHEDULE_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "cosine": ("num_cycles",),
    "cosine_with_restarts": ("num_cycles",),
    "cosine_with_min_lr": ("min_lr", "min_lr_rate", "num_cycles"),
    "polynomial": ("lr_end", "power"),
    "inverse_sqrt": ("timescale",),
    "warmup_stable_decay": (
        *("num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"),
    ),
}
"""What transformers' curves of the learning rate take in lr_scheduler_kwargs; the others take nothing."""
SCHEDULE_NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "cosine_with_min_lr": (("min_lr", "min_lr_rate"), "min_lr_rate = 0.1"),
    "warmup_stable_decay": (("num_decay_steps",), "num_decay_steps = 100"),
}
"""Of which options they need exactly one, and an example of it."""

Misfit = tuple[str | KeyPath, str, str]
"""Key path, message, advice."""


def misfits(recipe: Recipe, registry: Registry, given: Mapping[str, Any]) -> list[Problem]:
    """Every misfit of a recipe; `given` holds the values as they were written, without defaults."""
    roles = _of_task(recipe, "roles")
    _of_task(recipe, "predicts")
    _of_task(recipe, "default_metrics", call=True)
    found = chain(
        _model(recipe),
        _sources(recipe, registry),
        _columns(recipe, roles),
        _conditions(recipe),
        _shares(recipe, given),
        _steps(recipe, roles),
        _metrics(recipe, registry),
        _packages(recipe),
        _trackers(recipe),
        _class_weights(recipe),
        _training(recipe, given),
    )
    return [recipe.problem(key, message, advice) for key, message, advice in found]


def _of_task(recipe: Recipe, name: str, call: bool = False) -> Any:
    """What the task says of itself; a task that raises is a plugin's mistake."""
    try:
        value = getattr(recipe.task, name)
        return value() if call else value
    except Exception as error:  # a guest's code may raise anything
        where = recipe.uses.get("task", recipe.task.name)
        raise PluginError(Problem(f"the task's {name} failed: {type(error).__name__}: {error}", where)) from error


def _model(recipe: Recipe) -> Iterator[Misfit]:
    model = recipe.model
    if model.base is None and model.scratch is None:
        yield "model", "missing: the model to start from", 'write base = "..." in [model], or a table [model.scratch]'
    if model.base is not None and model.scratch is not None:
        yield "model.scratch", "the model starts from base or from nothing, not both", "keep one of base and scratch"
    if model.scratch is not None and model.adapter is not None:
        yield "model.adapter", "an adapter needs a model to adapt: scratch has none", "leave out [model.adapter]"
    if model.revision != "main" and (model.base is None or model.base.startswith("package:")):
        yield "model.revision", "only a model on the hub has revisions", "leave it out"


def _sources(recipe: Recipe, registry: Registry) -> Iterator[Misfit]:
    for location in recipe.data.locations:
        try:
            registry.source_for(location)
        except PluginError as error:
            yield "data.source", error.problems[0].message, error.problems[0].advice


def _columns(recipe: Recipe, roles: Mapping[str, Role]) -> Iterator[Misfit]:
    columns: dict[str, str] = {}
    for role, column in recipe.data.columns.items():
        key = ("data", "columns", role)
        if role not in roles:
            yield key, f"{recipe.task.name} has no role {role!r}{did_you_mean(role, roles)}", "write role = column"
        other = columns.setdefault(column, role)
        if other != role and role in roles and other in roles and roles[role].target != roles[other].target:
            yield key, f"{other} and {role} are the same column {column!r}: the answer would be in the question", ""
        if not column:
            yield key, "expected the name of a column, found an empty text", ""


def _conditions(recipe: Recipe) -> Iterator[Misfit]:
    for column, condition in recipe.data.where.items():
        key = ("data", "where", column)
        if not condition.model_fields_set:
            yield key, "an empty condition", "say min, max, equals, in or missing"
        if condition.min is not None and condition.max is not None and condition.min > condition.max:
            yield key, f"no number is at least {condition.min:g} and at most {condition.max:g}", ""


def _shares(recipe: Recipe, given: Mapping[str, Any]) -> Iterator[Misfit]:
    shares = recipe.data.split
    total = shares.train + shares.validation + shares.test
    if abs(total - 1) > 1e-6:
        parts = f"train {shares.train:g} + validation {shares.validation:g} + test {shares.test:g}"
        yield "data.split", f"the shares add up to {total:g} instead of 1: {parts}", "give all three (0 for none)"
    complete = not isinstance(recipe.data.source, str) and len(recipe.data.locations) == 3
    if complete and value_at(given, ("data", "split")) is not None:
        yield "data.split", "the source gives all three splits, so there is nothing to share out", "leave out split"


def _steps(recipe: Recipe, roles: Mapping[str, Role]) -> Iterator[Misfit]:
    texts = [name for name, role in roles.items() if role.kind == "text" and not role.target]
    for section, steps in (("preprocess", recipe.preprocess), ("augment", recipe.augment)):
        for index, step in enumerate(steps):
            for at, role in enumerate(getattr(step, "on", None) or ()):
                key = f"{section}.{index}.on.{at}"
                if role in roles and role not in texts:
                    reason = "what is to be learned" if roles[role].target else "no text"
                    yield key, f"{role} is {reason}; {step.name} works on {', '.join(texts) or 'nothing'}", ""
                elif role not in roles:
                    yield key, f"{recipe.task.name} has no role {role!r}{did_you_mean(role, texts)}", ""
    for index, step in enumerate(recipe.augment):
        if step.every_epoch and step.copies > 1:
            message = "every_epoch replaces each row by one fresh variant, so there are no copies"
            yield f"augment.{index}.copies", message, "keep copies or every_epoch"


def _metrics(recipe: Recipe, registry: Registry) -> Iterator[Misfit]:
    kind = recipe.task.predicts
    fitting = [entry for entry in registry.entries("metric") if _understands(entry.cls, kind)]
    for index, metric in enumerate(recipe.metrics):
        key = f"metrics.{index}.use"
        if kind not in metric.understands:
            names = ", ".join(registry.shortest(entry) for entry in fitting) or "none installed"
            scores, predicts = _spoken(metric.understands), _spoken((kind,))
            message = f"{metric.name} scores {scores}, and {recipe.task.name} predicts {predicts}"
            yield key, message, f"metrics that fit: {names}"
        elif metric in recipe.metrics[:index]:
            yield key, f"{metric.name} stands twice with the same options", "leave one out"


def _understands(cls: type[Any], kind: str) -> bool:
    return issubclass(cls, Metric) and kind in cls.understands


def _spoken(kinds: tuple[str, ...]) -> str:
    names = {"labels": "one class a row", "label_sets": "sets of classes", "scores": "numbers"}
    return " or ".join(names.get(kind, kind) for kind in kinds)


def _packages(recipe: Recipe) -> Iterator[Misfit]:
    """What the recipe's components import and this installation lacks."""
    used: list[tuple[str, Component, str]] = [("task.use", recipe.task, "")]
    for section in ("preprocess", "augment", "metrics"):
        used += ((f"{section}.{index}.use", part, "") for index, part in enumerate(getattr(recipe, section)))
    if not recipe.metrics:
        default = f", a default metric of {recipe.task.name},"
        used += (("task.use", metric, default) for metric in recipe.all_metrics)
    for key, part, what in used:
        for package, offer in part.needs_packages.items():
            if find_spec(package) is None:
                advice = f'pip install "{offer}"' + (", or name other [[metrics]]" if what else "")
                yield key, f"{part.name}{what} needs the package {package}, which is not installed", advice


def _trackers(recipe: Recipe) -> Iterator[Misfit]:
    """Trackers that this installation lacks; what one leaves in the working directory (`wandb/`) is no package."""
    alone = isinstance(recipe.train.report_to, str)
    for name in recipe.train.trackers:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            key = "train.report_to" if alone else f"train.report_to.{recipe.train.report_to.index(name)}"
            yield key, f"the package {name} is not installed", f"pip install {name}"


def _class_weights(recipe: Recipe) -> Iterator[Misfit]:
    """Weights and smoothing of classes, where there are none, and weights of unknown ones."""
    kind, weights = recipe.task.predicts, recipe.train.class_weights
    if recipe.train.label_smoothing_factor and not recipe.task.smooths_labels:
        yield "train.label_smoothing_factor", f"{recipe.task.name} has no classes to smooth", "leave it out"
    if kind not in ("labels", "label_sets"):
        if weights is not None:
            yield "train.class_weights", f"{recipe.task.name} has no classes to weigh here", "leave it out"
        return
    labels = getattr(recipe.task, "labels", None)
    if not isinstance(labels, tuple) or not labels or not isinstance(weights, Mapping):
        return
    for label in weights:
        if label not in labels:
            yield ("train", "class_weights", label), f"the task has no label {label!r}{did_you_mean(label, labels)}", ""


def _training(recipe: Recipe, given: Mapping[str, Any]) -> Iterator[Misfit]:
    train = recipe.train
    needs: list[tuple[str, str]] = [
        ("early_stopping_patience", "early stopping looks at validation"),
        ("load_best_model_at_end", "the best weights are those that do best in validation"),
        ("metric_for_best_model", "it is measured in validation"),
    ]
    for key, why in needs:
        if getattr(train, key) and train.eval_strategy == "no":
            yield f"train.{key}", f'{why}, and eval_strategy = "no" has none', 'write eval_strategy = "epoch"'
        if getattr(train, key) and not _has_validation(recipe):
            yield f"train.{key}", f"{why}, and the recipe has no validation split", "give validation a share"
    for key, strategy in (("eval_steps", "eval_strategy"), ("save_steps", "save_strategy")):
        chosen = getattr(train, strategy)
        if value_at(given, ("train", key)) is not None and chosen != "steps":
            yield f"train.{key}", f'{key} counts only when {strategy} is "steps", not "{chosen}"', ""
    if train.tokens_per_batch is not None and train.tokens_per_batch < (recipe.model.max_length or 0):
        longest = recipe.model.max_length
        yield "train.tokens_per_batch", f"a row may be {longest} tokens long (model.max_length): give at least that", ""
    yield from _best_metric(recipe)
    yield from _whole_steps(recipe)
    yield from _schedule(recipe, given)
    yield from _optimizer(recipe, given)


def _has_validation(recipe: Recipe) -> bool:
    if not isinstance(recipe.data.source, str) and recipe.data.source.validation is not None:
        return True
    return recipe.data.split.validation > 0


def _best_metric(recipe: Recipe) -> Iterator[Misfit]:
    wanted = recipe.train.metric_for_best_model
    if wanted is None:
        return
    key, name = "train.metric_for_best_model", wanted.removeprefix("eval_")
    if recipe.task.generates:
        if name not in GENERATING:
            message = f"{wanted} is not known in validation: a task that generates is judged there by its loss alone"
            yield key, message, f"write one of {', '.join(GENERATING)}, or leave it out (loss)"
        return
    names = ["loss", *dict.fromkeys(metric.name for metric in recipe.all_metrics)]
    if not any(name == each or name.startswith((f"{each}_", f"{each}.", f"{each}-")) for each in names):
        message = f"{wanted} is none of the recipe's metrics{did_you_mean(name, names)}"
        yield key, message, "add it to [[metrics]], or choose one that is there"


def _schedule(recipe: Recipe, given: Mapping[str, Any]) -> Iterator[Misfit]:
    """Options that the curve of the learning rate does not have, or lacks, and a warm-up where there is none."""
    kind, options = recipe.train.lr_scheduler_type, recipe.train.lr_scheduler_kwargs or {}
    known = SCHEDULE_OPTIONS.get(kind, ())
    for key in options:
        if key not in known:
            advice = f"{kind} takes {', '.join(known)}" if known else "leave it out"
            yield ("train", "lr_scheduler_kwargs", key), f"{kind} has no such option{did_you_mean(key, known)}", advice
    needed, example = SCHEDULE_NEEDS.get(kind, ((), ""))
    if needed and sum(key in options for key in needed) != 1:
        what = f"one of {' and '.join(needed)}" if len(needed) > 1 else needed[0]
        yield "train.lr_scheduler_type", f"{kind} needs {what}", f"write lr_scheduler_kwargs = {{ {example} }}"
    if kind == "constant" and value_at(given, ("train", "warmup_steps")):
        advice = 'write lr_scheduler_type = "constant_with_warmup"'
        yield "train.warmup_steps", 'a learning rate that is "constant" has no warm-up', advice


def _optimizer(recipe: Recipe, given: Mapping[str, Any]) -> Iterator[Misfit]:
    """Keys that count for AdamW alone, and which way a metric goes that nobody asks for."""
    train = recipe.train
    if not train.optim.startswith(("auto", "adamw")):
        for key in ("adam_beta1", "adam_beta2", "adam_epsilon"):
            if value_at(given, ("train", key)) is not None:
                yield f"train.{key}", f'{key} counts only for AdamW, not for optim = "{train.optim}"', "leave it out"
    chosen = train.metric_for_best_model or train.early_stopping_patience or train.load_best_model_at_end
    if train.greater_is_better is not None and not chosen:
        message = "nothing is chosen by a metric here, so it makes no difference which way is better"
        yield "train.greater_is_better", message, "write load_best_model_at_end = true, or leave it out"


def _whole_steps(recipe: Recipe) -> Iterator[Misfit]:
    for key in ("warmup_steps", "logging_steps", "eval_steps", "save_steps"):
        value = getattr(recipe.train, key)
        if value is not None and value > 1 and not float(value).is_integer():
            yield f"train.{key}", f"from 1 on it counts steps, so a whole number was expected, found {value:g}", ""
