"""The saved model by plain transformers classes, as anybody without sftcore loads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sftcore.errors import Problem, RunError
from sftcore.models.calls import first_line, without_progress_bars
from sftcore.resources import out_of_memory

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_saved(folder: Path, auto_class: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model (float32, evaluation mode, on the GPU where there is one) and tokenizer in a run's `model` folder.

    Raises `RunError` where they can't be loaded, or weights are missing or left over.
    """
    import torch
    import transformers

    auto = getattr(transformers, auto_class, None)
    if auto is None:
        raise RunError(Problem(f"transformers {transformers.__version__} has no class {auto_class}", str(folder)))
    with without_progress_bars():
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, info = auto.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # transformers, safetensors and tokenizers raise kinds of their own
            if out_of_memory(error):
                raise
            advice = "sftcore verify says which files changed"
            raise RunError(Problem(f"can't be loaded: {first_line(error)}", str(folder), advice=advice)) from error
    wrong = sorted({*info["missing_keys"], *info["unexpected_keys"]})
    if wrong:
        message = f"{len(wrong)} weights are missing or left over, {wrong[0]} for one"
        raise RunError(Problem(message, where=str(folder), advice="sftcore verify says which files changed"))
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer
