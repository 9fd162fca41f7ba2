"""What `sftcore check` finds: everything short of training, as one plain value.

Made by the same stages as a run, so that what is shown is what a run would do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from sftcore.data.ledger import Ledger
from sftcore.reporter import SILENT, Reporter

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.data.encode import EncodedRows
    from sftcore.data.load import Loaded
    from sftcore.data.rows import Origins, Rows
    from sftcore.evaluation.ceiling import Ceiling
    from sftcore.preparing import Prepared
    from sftcore.recipe import Recipe
    from sftcore.registry import Registry
    from sftcore.task import Task, TaskState

BINS = 12
GROUPS = 5
ROWS_OF_GROUP = 4
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Shape:
    """What can be said without reading data: the plan with every default, and who takes part."""

    name: str
    plan: dict[str, Any]
    plugins: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of a split's features in tokens; `histogram` counts them in equal bins from 0 to `longest`."""

    features: int
    mean: float
    p50: int
    p95: int
    p99: int
    longest: int
    limit: int
    truncated_rows: int
    histogram: list[int]


@dataclass(frozen=True, slots=True)
class Example:
    """An encoded training row: its tokens, which of them count in the loss (None: the row as a whole, or tokens that
    the model writes and does not read), its target."""

    row: int
    place: str
    tokens: list[str]
    counts: list[bool] | None
    target: Any


@dataclass(frozen=True, slots=True)
class Relative:
    """A row of a group whose texts are alike and whose labels are not, and where it came from."""

    row: int
    place: str
    text: str
    target: Any


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that `check` has to say; `rows` counts rows by split and `labels` those of each class, `targets`
    sums numbers up.

    `twins` counts rows that are alike by how they are; `conflicts` are the first groups with different labels.
    `ceiling` is what a model without fault would reach, None where the task does not know.
    """

    shape: Shape
    ledger: dict[str, Any]
    rows: dict[str, int]
    labels: dict[str, dict[str, int]]
    targets: dict[str, dict[str, float]]
    twins: dict[str, Any]
    conflicts: list[list[Relative]]
    lengths: dict[str, Lengths]
    examples: list[Example]
    steps: dict[str, int]
    ceiling: Ceiling | None = None
    machine: dict[str, Any] = field(default_factory=dict)


def shape(recipe: Recipe, registry: Registry) -> Shape:
    """The plan and the plugins that take part; loads neither torch nor data."""
    versions = {plugin.distribution: plugin.version for plugin in registry.participants(recipe)}
    plugins = [{"distribution": name, "version": version} for name, version in versions.items()]
    return Shape(recipe.name, recipe.resolved(), plugins)


def check(recipe: Recipe, registry: Registry, reporter: Reporter = SILENT, *, examples: int = 3) -> CheckResult:
    """Carry out everything short of training. Raises the errors that a run would raise."""
    from sftcore.data.load import load_rows
    from sftcore.models.base import locate_base
    from sftcore.preparing import prepare
    from sftcore.recipe.locating import located

    ledger = Ledger()
    reporter.stage("load")
    with located(recipe):
        loaded = load_rows(recipe, registry, ledger, reporter)
        prepared = prepare(recipe, loaded, locate_base(recipe), ledger, reporter)
    splits = {name: getattr(prepared.splits, name) for name in ("train", "validation", "test")}
    encoded = {name: getattr(prepared, name) for name in splits}
    return CheckResult(
        shape=shape(recipe, registry),
        ledger=ledger.as_json(),
        rows={name: len(rows) for name, rows in splits.items()},
        labels=label_table(recipe.task, prepared.state, splits),
        targets=number_table(recipe.task, prepared.state, splits),
        twins=twins(ledger),
        conflicts=conflicts(recipe.task, loaded, ledger),
        lengths={name: lengths(rows, ledger, name) for name, rows in encoded.items() if len(rows)},
        examples=chosen_examples(recipe.task, prepared, loaded.origins, examples),
        steps=steps(recipe, prepared),
        ceiling=reachable(recipe, prepared),
        machine=machine(recipe, reporter),
    )


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


def twins(ledger: Ledger) -> dict[str, Any]:
    """How many rows are alike and how, and how many test rows are scored because of it."""
    entry = ledger.find("split")
    if entry is None:
        return {}
    details = entry.details
    found = {f"{name} twins": number for name, number in details.get("twins", {}).items() if number}
    found |= {"largest group": details.get("largest_twin_group")}
    if details.get("families"):
        name = details["family_name"]
        found |= {f"{name}s": details["families"], f"rows of the largest {name}": details["largest_family"]}
    found["test rows scored"] = details.get("test_scored")
    conflicting = details.get("conflicting_labels", {})
    if conflicting.get("groups"):
        found["texts with different labels"] = conflicting["groups"]
    return found | {f"dropped: {reason}": number for reason, number in entry.dropped.items()}


def conflicts(task: Task, loaded: Loaded, ledger: Ledger) -> list[list[Relative]]:
    """The first groups of like texts with different labels."""
    entry = ledger.find("split")
    groups = entry.details.get("conflicting_labels", {}).get("row_ids", [])[:GROUPS] if entry else []
    wanted = {row for group in groups for row in group}
    parts = loaded.rows.values() if isinstance(loaded.rows, Mapping) else [loaded.rows]
    values = {row: part.values[at] for part in parts for at, row in enumerate(part.ids.tolist()) if row in wanted}
    return [
        [
            Relative(row, loaded.origins.describe(row), _text(task, values[row]), _target(task, values[row]))
            for row in group[:ROWS_OF_GROUP]
        ]
        for group in groups
    ]


def _text(task: Task, row: Mapping[str, Any]) -> str:
    return " | ".join(str(row[name]) for name, role in task.roles.items() if not role.target and row.get(name))


def _target(task: Task, row: Mapping[str, Any]) -> Any:
    """The value of the one target that the row has, or all of them by role."""
    values = {name: row.get(name) for name, role in task.roles.items() if role.target}
    found = {name: value for name, value in values.items() if value is not None}
    return next(iter(found.values()), None) if len(found) < 2 else found


def lengths(encoded: EncodedRows, ledger: Ledger, split: str) -> Lengths:
    """How long the features of a split are, and how many of its rows were cut."""
    import numpy as np

    entry = ledger.find(f"encode {split}")
    details = entry.details if entry else {}
    longest = int(encoded.lengths.max())
    limit = int(details.get("max_length", longest))
    middle, high, top = np.percentile(encoded.lengths, [50, 95, 99], method="higher").tolist()
    bins, _ = np.histogram(encoded.lengths, bins=min(BINS, longest), range=(0, longest))
    mean, cut = float(encoded.lengths.mean()), int(details.get("truncated_rows", 0))
    return Lengths(len(encoded), mean, int(middle), int(high), int(top), longest, limit, cut, bins.tolist())


def steps(recipe: Recipe, prepared: Prepared) -> dict[str, int]:
    """Optimizer steps of an epoch and of the whole training in one process, and those between its events."""
    import numpy as np

    from sftcore.training.arguments import make_plan
    from sftcore.training.batching import token_batches

    rows = prepared.train.lengths[prepared.train.trained]
    tokens, size = recipe.train.tokens_per_batch, recipe.train.per_device_train_batch_size
    batches = len(token_batches(rows, tokens, recipe.seed, 0)) if tokens else int(np.ceil(len(rows) / size))
    plan = make_plan(recipe, batches, validates=len(prepared.validation) > 0)
    return {
        "an epoch": plan.steps_per_epoch,
        "in all": plan.max_steps,
        "between validations": plan.eval_steps,
        "between checkpoints": plan.save_steps,
    }


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


def chosen_examples(task: Task, prepared: Prepared, origins: Origins, number: int) -> list[Example]:
    """So many training rows, one of each class first, drawn from the whole split by the recipe's seed; copies last."""
    import numpy as np

    from sftcore.data.randomness import generator

    rows, parents = prepared.train_rows, prepared.train.parents
    drawn = generator("examples", prepared.recipe.seed).permutation(len(parents))
    order = drawn[np.argsort(rows.copy_numbers()[parents[drawn]], kind="stable")].tolist()
    first: dict[Any, int] = {}
    for index in order:
        first.setdefault(task.stratum(rows.values[parents[index]]), index)
        if len(first) >= number:
            break
    chosen = dict.fromkeys([*first.values(), *order[:number]])
    return [_example(task, prepared, origins, index) for index in list(chosen)[:number]]


def _example(task: Task, prepared: Prepared, origins: Origins, index: int) -> Example:
    feature, parent = prepared.train.feature(index), int(prepared.train.parents[index])
    row, row_id = prepared.train_rows.values[parent], int(prepared.train_rows.ids[parent])
    ids = feature.get("input_ids", [])
    return Example(
        row=row_id,
        place=origins.describe(row_id),
        tokens=readable_tokens(prepared.tokenizer, ids),
        counts=_counting(ids, feature.get("labels"), task),
        target=_target(task, row),
    )


def readable_tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """The tokens as the tokenizer writes them; those that stand for bytes as the text that they make, if it is one."""
    tokens = cast("list[str]", tokenizer.convert_ids_to_tokens(list(ids)))
    if "ByteLevel" not in repr(getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)):
        return tokens
    texts = [str(tokenizer.decode([number], clean_up_tokenization_spaces=False)) for number in ids]
    return [token if "\ufffd" in text else text for token, text in zip(tokens, texts, strict=True)]


def _counting(ids: Sequence[int], labels: Any, task: Task) -> list[bool] | None:
    """Which tokens count in the loss, where there is a label for each that is read: an encoder-decoder's labels are
    those of the answer."""
    if not isinstance(labels, list) or len(labels) != len(ids) or "Seq2Seq" in task.auto_class:
        return None
    return [label != IGNORED for label in labels]
