"""The card's prose: what the model is and is for, how to load it, what it was trained on and how, and its licence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sftcore.figures import share
from sftcore.models.base_card import BaseCard
from sftcore.runs.card.markdown import cell, place, section, verbatim
from sftcore.runs.card.metadata import data_name
from sftcore.runs.environment import package
from sftcore.runs.snippets import snippet

if TYPE_CHECKING:
    from sftcore.components import Component
    from sftcore.recipe import Recipe
    from sftcore.recipe.schema import Adapter
    from sftcore.task import TaskState

MOST_LABELS = 20
"""More classes are counted, not named, where the card says what the model is for."""


def opening(recipe: Recipe, base_commit: str) -> str:
    """What it is, made of what."""
    made = f"made with sftcore {package('sftcore').get('version', '')}".strip()
    if recipe.model.base is None:
        return (
            f"A model for {recipe.task.name}, {made}.\n\n**Not pretrained**: its weights began at random and know "
            "nothing but the training rows below."
        )
    commit = f" (commit {base_commit})" if base_commit else ""
    return f"A model for {recipe.task.name}, fine-tuned from {place(recipe.model.base)}{commit}, {made}."


def intended_use(recipe: Recipe, state: TaskState, scores: Mapping[str, Any]) -> str:
    """What it is for, and what it is not for."""
    lines = [f"For {_purpose(recipe, state)}."]
    if scores.get("verdict", {}).get("beats_baselines") is False:
        lines.append("As yet for trying out, not for use: it does not beat the baselines below.")
    return section("Intended use", [*lines, *_not_for(recipe)])


def _purpose(recipe: Recipe, state: TaskState) -> str:
    like = f"like those of {data_name(recipe)}"
    labels = recipe.task.label_names(state)
    named = f" ({', '.join(map(verbatim, labels))})" if 0 < len(labels) <= MOST_LABELS else ""
    if recipe.task.generates:
        return f"writing short answers to inputs {like}"
    return {
        "labels": f"giving texts {like} one of {len(labels)} labels{named}",
        "label_sets": f"giving texts {like} any number of {len(labels)} labels{named}",
        "scores": f"giving texts {like} a number",
        "spans": f"finding passages of texts {like}, and what they are{named}",
        "texts": f"finding the answers to questions in texts {like}",
    }[recipe.task.predicts]


def _not_for(recipe: Recipe) -> Iterator[str]:
    if recipe.task.generates:
        yield "Not for facts that nobody checks: it writes what is likely, whether or not it is true."
    elif recipe.task.predicts == "labels":
        yield "Not for texts that none of these labels fits: they get one all the same."
    elif recipe.task.predicts == "texts":
        yield "Not for questions that the text does not answer, unless the training rows had such: it names a passage."
    yield "Not for texts of another kind, source or language than the data: nothing is known of how it does there."
    yield "Not for decisions about people that nobody else looks at."


def usage(recipe: Recipe, state: TaskState) -> str:
    """How to load the model with transformers alone."""
    labels = recipe.task.label_names(state)
    named = f"\n\nLabels, in the order of the outputs: {', '.join(map(verbatim, labels))}." if labels else ""
    where = "Beside this folder, here called `model`, with transformers and torch alone"
    return f"## Use\n\n{where}:\n\n```python\n{snippet(recipe, state)}```{named}"


def preprocessing(recipe: Recipe) -> str:
    """The steps that transformers does not repeat."""
    if not recipe.preprocess:
        return "## Preprocessing\n\nNone: texts are read as they are."
    steps = "\n".join(f"{number}. {described(step)}" for number, step in enumerate(recipe.preprocess, start=1))
    return (
        "## Preprocessing\n\nEvery text of the training, validation and test rows went through these steps, which "
        f"transformers alone does not repeat (`sftcore predict` does):\n\n{steps}"
    )


def described(component: Component) -> str:
    """`lowercase`, or `mask-urls (placeholder = "<url>")`: the settings that are not None.

    Of a field that its author keeps out of `repr` (names to redact) the card, which travels with the model, says
    nothing but that it is set.
    """
    settings = {key: value for key, value in component.model_dump(mode="json").items() if value is not None}
    kept_back = {key for key, field in type(component).model_fields.items() if not field.repr and settings.get(key)}
    shown = ", ".join(f"{key} = {'…' if key in kept_back else repr(value)}" for key, value in settings.items())
    return f"`{component.name}`" + (f" ({cell(shown)})" if shown else "")


def data(recipe: Recipe, rows: Mapping[str, int], ledger: Mapping[str, Any]) -> str:
    """Where the rows are from, how many there are, and what was left out."""
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    lines = [f"From {data_name(recipe)}: {counts} rows."]
    lines += [f"Kept only rows with {_condition(key, value)}." for key, value in recipe.data.where.items()]
    if recipe.data.group:
        lines.append(f"Rows with the same {recipe.data.group} are in one split.")
    lines += _left_out(ledger)
    split = next((entry["details"] for entry in ledger.get("stages", []) if entry["stage"] == "split"), None)
    copies = "copies or near copies" if split and split.get("near_duplicates") else "copies"
    lines.append(f"Rows that are {copies} of each other are in one split.")
    return section("Data", lines)


def _left_out(ledger: Mapping[str, Any]) -> Iterator[str]:
    """Dropped rows by reason; of those that were loaded the share."""
    stages = ledger.get("stages", [])
    dropped: Counter[str] = sum((Counter(entry.get("dropped", {})) for entry in stages), Counter())
    if not dropped:
        return
    loaded = next((entry["rows_in"] for entry in stages if entry["stage"] == "load"), 0)
    of_all = f" {share(dropped.total(), loaded)} of {loaded:,} rows" if loaded else ""
    reasons = ", ".join(f"{count:,} ({reason})" for reason, count in dropped.items())
    yield f"Left out{f',{of_all}' if of_all else ''}: {reasons}."


def _condition(column: str, condition: Any) -> str:
    given = {key: value for key, value in condition.model_dump(mode="json", by_alias=True).items() if value is not None}
    return f"{column} " + ", ".join(f"{key} {value}" for key, value in given.items())


def training(recipe: Recipe, precision: str) -> str:
    """How it was trained, in a few lines."""
    train = recipe.train
    length = f"at most {train.max_steps} steps" if train.max_steps > 0 else f"{train.num_train_epochs:g} epochs"
    batch = train.per_device_train_batch_size * train.gradient_accumulation_steps
    rate = f"learning rate {train.learning_rate:g} ({train.lr_scheduler_type}), weight decay {train.weight_decay:g}"
    adapter = recipe.model.adapter
    return section(
        "Training",
        [
            *(
                [f"only an adapter was trained, and is merged into the weights: {_settings(adapter)}"]
                if adapter
                else []
            ),
            f"{length}, {batch} rows a step and device, {rate}",
            f"precision {precision}, seed {recipe.seed}",
            *(f"augmented by {described(step)}" for step in recipe.augment),
            "everything else, with the versions and hashes of code, data and base model: `lock.json` of the run",
        ],
    )


def _settings(adapter: Adapter) -> str:
    """`lora`, r = 8, …: the settings that are not None."""
    given = adapter.model_dump(mode="json", exclude={"use"}, exclude_none=True)
    return ", ".join([f"`{adapter.use}`", *(f"{key} = {value!r}" for key, value in given.items())])


def licence(recipe: Recipe, base: BaseCard) -> str:
    """That of the base model, as far as it is known, and who says so."""
    if recipe.model.base is None:
        text = "There is no base model whose licence would hold for this one."
    else:
        text = f"{_of_base(base)} What of it holds for this model no program can say."
    data = "The licences of the data are for whoever passes it on to know."
    return f"## Licence\n\n{text} {data}"


def _of_base(base: BaseCard) -> str:
    if base.licence:
        told = f": {base.name}" if base.name else ""
        link = f" ({base.link})" if base.link else ""
        return f"The base model is under the licence `{base.licence}`{told}{link}; {base.said_by} says so."
    if base.name:
        return f"The base model is under several licences ({base.name}); {base.said_by} says so."
    beside = (
        f" Beside it lies the file {base.file}, which is none of the texts that are known here: read it."
        if base.file
        else ""
    )
    unread = f" ({base.unread})" if base.unread else ""
    return f"The licence of the base model is not known{unread}.{beside}"
