"""adapter/: the trained PEFT adapter as it was before it was merged into model/."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sftcore.models.adapters import is_adapted
from sftcore.models.base import Base
from sftcore.models.calls import without_progress_bars
from sftcore.runs import files
from sftcore.runs.card.markdown import place

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sftcore.recipe import Recipe
    from sftcore.runs.folder import Run

FOLDER = "adapter"
CONFIG = "adapter_config.json"
README = "README.md"
PART = ".adapter.part"
"""Where the folder is written before it gets its name."""


def save_adapter(run: Run, recipe: Recipe, model: PreTrainedModel, base: Base) -> None:
    """Write the run's `adapter` folder whole where the model has an adapter. Raises `ResourceError` (disk full).

    Its adapter_config.json names the base as the recipe does, and the hub's commit.
    """
    if not (run.writes and is_adapted(model)):
        return
    part, target = run.path / PART, run.path / FOLDER
    with files.disk_errors(target):
        for folder in (part, target):  # a killed process may have left either
            shutil.rmtree(folder, ignore_errors=True)
        part.mkdir()
        with without_progress_bars():
            cast(Any, model).save_pretrained(part, save_embedding_layers=False)
        files.share(part)
        _name_base(part, base)
        files.write_text(part / README, _readme(recipe, base))
        part.rename(target)
        files.sync_folder(run.path)


def _name_base(folder: Path, base: Base) -> None:
    """Write the configuration anew: with the base's name, and sets as sorted lists (PEFT's order changes)."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    lists = {key: sorted({*value}) for key, value in config.items() if _is_set(value)}
    named = {"base_model_name_or_path": base.name, "revision": base.commit or None}
    files.write_json(folder / CONFIG, {**config, **lists, **named})


def _is_set(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _readme(recipe: Recipe, base: Base) -> str:
    """The adapter's card: what it belongs to, and a snippet that loads it beside `model`."""
    head = {"library_name": "peft", "base_model": base.name if base.commit else None, "tags": ["sftcore", "lora"]}
    front = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in head.items() if value)
    return f"---\n{front}---\n\n# Adapter of {recipe.name}\n\n{_usage(recipe, base)}\n"


def _usage(recipe: Recipe, base: Base) -> str:
    return (
        f"An adapter for {place(base.name)}. The folder `model` beside this one is that base with the adapter merged "
        "into it, and needs no PEFT; `sftcore export RUN --merge` makes it again.\n\n"
        f"```python\n{snippet(recipe, base)}```"
    )


def snippet(recipe: Recipe, base: Base) -> str:
    """Python that loads base and adapter by PEFT, to be run in the run's folder."""
    auto, loads = recipe.task.auto_class, f'"{place(base.name)}"'
    if base.gguf_file:
        loads = f'"folder of the file", gguf_file="{base.gguf_file}"'
    pinned = f', revision="{base.commit}"' if base.commit else ""
    return (
        "from peft import PeftModel\n"
        f"from transformers import AutoConfig, {auto}\n\n"
        'config = AutoConfig.from_pretrained("model")\n'
        f"base = {auto}.from_pretrained({loads}{pinned}, config=config)\n"
        'model = PeftModel.from_pretrained(base, "adapter").eval()\n'
    )
