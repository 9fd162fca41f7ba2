"""`check`: the stages of a run up to training, and what they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from sftcore.checking.found import CheckResult, Conflicts, Lengths, Shape, Steps, Twins
from sftcore.checking.judging import judged
from sftcore.checking.shown import Rows as ShownRows
from sftcore.checking.shown import chosen_examples
from sftcore.data.ledger import Ledger
from sftcore.reporter import SILENT, Relay, Reporter

if TYPE_CHECKING:
    from sftcore.data.encode import EncodedRows
    from sftcore.data.rows import Rows
    from sftcore.evaluation.ceiling import Ceiling
    from sftcore.preparing import Prepared
    from sftcore.recipe import Recipe
    from sftcore.registry import Registry
    from sftcore.task import Task, TaskState

SPLITS = ("train", "validation", "test")
GROUPS = 5
"""Groups of rows with different labels that are shown."""


class Hearing(Relay):
    """Hands everything on, and keeps what was told."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(reporter)
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Hand it on, and keep it."""
        self.notes.append(text)
        super().note(text)

    def warning(self, text: str) -> None:
        """Hand it on, and keep it."""
        self.warnings.append(text)
        super().warning(text)


def shape(recipe: Recipe, registry: Registry) -> Shape:
    """The plan and the plugins that take part; loads neither torch nor data."""
    versions = {plugin.distribution: plugin.version for plugin in registry.participants(recipe)}
    plugins = [{"distribution": name, "version": version} for name, version in versions.items()]
    return Shape(recipe.name, recipe.resolved(), plugins)


def check(recipe: Recipe, registry: Registry, reporter: Reporter = SILENT, *, examples: int = 3) -> CheckResult:
    """Carry out everything short of training. Raises the errors that a run would raise."""
    from sftcore.data.encode import unknown_share
    from sftcore.data.load import load_rows
    from sftcore.models.base import locate_base
    from sftcore.preparing import prepare
    from sftcore.recipe.locating import located

    ledger, heard = Ledger(), Hearing(reporter)
    heard.stage("load")
    with located(recipe):
        loaded = load_rows(recipe, registry, ledger, heard)
        prepared = prepare(recipe, loaded, locate_base(recipe), ledger, heard)
    splits = {name: getattr(prepared.splits, name) for name in SPLITS}
    encoded = {name: getattr(prepared, name) for name in SPLITS}
    shown = ShownRows(recipe.task, loaded, texts=recipe.report.texts)
    result = CheckResult(
        shape=shape(recipe, registry),
        findings=(),
        warnings=heard.warnings,
        notes=heard.notes,
        texts=recipe.report.texts,
        ledger=ledger.as_json(),
        rows={name: len(rows) for name, rows in splits.items()},
        labels=label_table(recipe.task, prepared.state, splits),
        targets=number_table(recipe.task, prepared.state, splits),
        twins=twins(ledger, shown),
        conflicts=conflicts(ledger, shown),
        lengths={name: lengths(rows, ledger, name) for name, rows in encoded.items() if len(rows)},
        unknown_tokens=unknown_share(prepared.train, prepared.tokenizer),
        examples=chosen_examples(recipe.task, prepared, loaded.origins, examples, texts=recipe.report.texts),
        steps=steps(recipe, prepared),
        ceiling=reachable(recipe, prepared),
        machine=machine(recipe, heard),
    )
    return replace(result, findings=judged(result, recipe))


def label_table(task: Task, state: TaskState, splits: Mapping[str, Rows]) -> dict[str, dict[str, int]]:
    """Rows that have a class, by split, in the order of the task's labels; {} where targets are no classes."""
    counts = {split: Counter(chain.from_iterable(map(task.classes, rows.values))) for split, rows in splits.items()}
    found = set().union(*counts.values())
    if not found:
        return {}
    outputs = task.label_names(state) if task.predicts in ("labels", "label_sets") else ()  # else they are tags
    names = dict.fromkeys([*outputs, *sorted(found)])
    return {split: {name: counted[name] for name in names} for split, counted in counts.items()}


def number_table(task: Task, state: TaskState, splits: Mapping[str, Rows]) -> dict[str, dict[str, float]]:
    """Count, mean, lowest and highest target by split; {} where targets are no numbers."""
    if task.predicts != "scores":
        return {}
    targets = {split: [task.reference(row, state) for row in rows.values] for split, rows in splits.items()}
    numbers = {split: [value for value in values if value is not None] for split, values in targets.items()}
    return {
        split: {"rows": len(values), "mean": sum(values) / len(values), "lowest": min(values), "highest": max(values)}
        for split, values in numbers.items()
        if values
    }


def twins(ledger: Ledger, shown: ShownRows) -> Twins:
    """How many rows are alike and how, what became of them, and some of them."""
    entry = ledger.find("split")
    if entry is None:
        return Twins()
    details = entry.details
    near = details.get("near_duplicates")
    names = ("families", "largest_family", "family_name")
    return Twins(
        counts=dict(details.get("twins", {})),
        near_threshold=float(near) if near else None,
        near_complete=bool(details.get("near_duplicates_complete", True)),
        rows=details.get("twin_rows", 0),
        largest_group=details.get("largest_twin_group", 0),
        test_rows_scored=details.get("test_scored", 0),
        families={name: details[name] for name in names} if details.get("families") else None,
        left_out=dict(entry.dropped),
        examples=shown.twins(details.get("twin_examples", {})),
    )


def conflicts(ledger: Ledger, shown: ShownRows) -> Conflicts:
    """How many texts have different labels, and the first of them."""
    entry = ledger.find("split")
    found = entry.details.get("conflicting_labels", {}) if entry else {}
    if not found.get("groups"):
        return Conflicts()
    return Conflicts(found["groups"], found["rows"], shown.groups(found["row_ids"][:GROUPS]))


def lengths(encoded: EncodedRows, ledger: Ledger, split: str) -> Lengths:
    """How long the features of a split are, and how many of its rows were cut."""
    import numpy as np

    entry = ledger.find(f"encode {split}")
    details = entry.details if entry else {}
    longest = int(encoded.lengths.max())
    middle, high, top = np.percentile(encoded.lengths, [50, 95, 99], method="higher").tolist()
    rows, cut = entry.rows_in if entry else len(encoded), int(details.get("truncated_rows", 0))
    return Lengths(
        features=len(encoded),
        rows=rows,
        mean=float(encoded.lengths.mean()),
        p50=int(middle),
        p95=int(high),
        p99=int(top),
        longest=longest,
        limit=int(details.get("max_length", longest)),
        truncated_rows=cut,
        truncated_share=cut / max(1, rows),
        lost_tokens=int(details.get("lost_tokens", 0)),
        histogram=dict(details.get("histogram", {})),
    )


def steps(recipe: Recipe, prepared: Prepared) -> Steps:
    """Optimizer steps of an epoch and of the whole training in one process, and those between its events."""
    import numpy as np

    from sftcore.training.arguments import make_plan
    from sftcore.training.batching import token_batches

    rows = prepared.train.lengths[prepared.train.trained]
    tokens, size = recipe.train.tokens_per_batch, recipe.train.per_device_train_batch_size
    batches = len(token_batches(rows, tokens, recipe.seed, 0)) if tokens else int(np.ceil(len(rows) / size))
    plan = make_plan(recipe, batches, validates=len(prepared.validation) > 0)
    return Steps(
        per_epoch=plan.steps_per_epoch,
        total=plan.max_steps,
        between_validations=plan.eval_steps,
        between_checkpoints=plan.save_steps,
        features_per_epoch=len(rows),
        tokens_per_epoch=int(rows.sum()),
    )


def reachable(recipe: Recipe, prepared: Prepared) -> Ceiling | None:
    """What a model without fault would reach on validation and test, or on train where there are none."""
    from sftcore.evaluation.ceiling import ceiling

    held = [name for name in ("validation", "test") if len(getattr(prepared.splits, name))] or ["train"]
    splits = {name: (getattr(prepared.splits, name), getattr(prepared, name)) for name in held}
    return ceiling(recipe.task, prepared.state, recipe.all_metrics, splits, prepared.tokenizer, recipe.seed)


def machine(recipe: Recipe, reporter: Reporter = SILENT) -> dict[str, Any]:
    """What training would use here: device, precision, optimizer, threads."""
    from sftcore.training.arguments import choose_device, choose_optimizer, choose_precision, physical_cores

    device = choose_device()
    return {
        "device": device,
        "precision": choose_precision(recipe, device, reporter),
        "optimizer": choose_optimizer(recipe.train.optim, device),
        "threads": physical_cores(),
    }
