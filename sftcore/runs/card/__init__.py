"""model/README.md: what the model is and is for, what it can do by which evidence, where that ends, how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.models.base_card import BaseCard
from sftcore.runs.card import about
from sftcore.runs.card.limits import limits
from sftcore.runs.card.metadata import metadata
from sftcore.runs.card.results import results
from sftcore.runs.files import write_text

if TYPE_CHECKING:
    from sftcore.recipe import Recipe
    from sftcore.task import TaskState

FILE = "README.md"


def write_card(
    model: Path,
    recipe: Recipe,
    state: TaskState,
    scores: Mapping[str, Any],
    *,
    rows: Mapping[str, int],
    precision: str,
    ledger: Mapping[str, Any] | None = None,
    base_commit: str = "",
    base_card: BaseCard | None = None,
) -> None:
    """Write the model card into the model's folder.

    `scores` is what `sftcore.evaluation.score.evaluate_split` says of the test split, `rows` the size of each split,
    `ledger` the content of ledger.json, `precision` that of the training, `base_card` what is known of the base. No
    text of the data is in it; names of classes and of parts of the data are.
    """
    from huggingface_hub import ModelCard

    base, entries = base_card or BaseCard(), ledger or {}
    text = "\n\n".join(
        [
            f"---\n{metadata(recipe, scores, base).to_yaml()}\n---",
            f"# {recipe.name}",
            about.opening(recipe, base_commit),
            about.intended_use(recipe, state, scores),
            results(scores),
            limits(recipe, scores, entries),
            about.usage(recipe, state),
            about.preprocessing(recipe),
            about.data(recipe, rows, entries),
            about.training(recipe, precision),
            about.licence(recipe, base),
        ]
    )
    write_text(model / FILE, f"{ModelCard(text, ignore_metadata_errors=False)}\n")
