"""model/: the trained model as transformers loads it, with its task state and its card."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sftcore.models.base_card import base_card
from sftcore.models.calls import without_progress_bars
from sftcore.runs import files
from sftcore.runs.card import write_card
from sftcore.runs.task_state import write_task_state

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from sftcore.models.base import Base
    from sftcore.recipe import Recipe
    from sftcore.runs.folder import Run
    from sftcore.task import TaskState

PART = ".model.part"
"""Where the folder is written before it gets its name."""


def save_model(
    run: Run,
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    state: TaskState,
    scores: Mapping[str, Any],
    *,
    rows: Mapping[str, int],
    ledger: Mapping[str, Any],
    precision: str,
    base: Base,
) -> None:
    """Write the run's `model` folder whole: beside its place, then renamed. Raises `ResourceError` (disk full)."""
    part = run.path / PART
    with files.disk_errors(run.model_path):
        for folder in (part, run.model_path):  # a killed process may have left either
            shutil.rmtree(folder, ignore_errors=True)
        part.mkdir()
        with without_progress_bars():
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
        files.share(part)
        write_task_state(part, recipe.task, state)
        write_card(
            part,
            recipe,
            state,
            scores,
            rows=rows,
            precision=precision,
            ledger=ledger,
            base_commit=base.commit,
            base_card=base_card(base),
        )
        part.rename(run.model_path)
        files.sync_folder(run.path)
