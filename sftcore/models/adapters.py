"""PEFT adapters: put around a model, trained beside what is new in it, merged into it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from sftcore.errors import ModelError
from sftcore.models.calls import as_model_error

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from sftcore.recipe import Recipe

NAME = "default"
"""What PEFT calls the one adapter of a model."""
TASK_TYPES = {
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForTokenClassification": "TOKEN_CLS",
    "AutoModelForQuestionAnswering": "QUESTION_ANS",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM",
    "AutoModelForCausalLM": "CAUSAL_LM",
}
"""PEFT's name for what a transformers class is for; it decides which head is trained beside the adapter."""


def with_adapter(recipe: Recipe, model: PreTrainedModel, new: Iterable[str] = ()) -> PreTrainedModel:
    """The model with the recipe's adapter around it, which alone is trained beside the modules that hold `new`
    weights: those are not in the base, so the adapter has to bring them. Without an adapter the model as it is.

    Raises `ModelError`, for an adapter of weights that stand in two places of the model, too.
    """
    adapter = recipe.model.adapter
    if adapter is None:
        return model
    import peft

    keys = {key: value for key, value in adapter.model_dump().items() if key != "use" and value is not None}
    lists: dict[str, Any] = {key: list(v) if isinstance(v, tuple) else v for key, v in keys.items()}
    modules = sorted({name.rpartition(".")[0] for name in new} - {""})
    if modules:
        lists["modules_to_save"] = sorted({*modules, *lists.get("modules_to_save", ())})
        lists["exclude_modules"] = modules
    places = Counter(id(weight) for _, weight in model.named_parameters(remove_duplicate=False))
    with as_model_error(recipe, "the adapter does not fit the model", "model.adapter"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`")  # said below, and refused
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to")  # PEFT sets it right by itself
        config: Any = peft.LoraConfig(task_type=TASK_TYPES.get(recipe.task.auto_class), **lists)
        wrapped: Any = peft.get_peft_model(model, config)
    _require_single(recipe, wrapped, places)
    # PEFT would ask the hub for this base at each checkpoint, and write down a path of this machine.
    wrapped.peft_config[NAME].base_model_name_or_path = ""
    return cast("PreTrainedModel", wrapped)


def _require_single(recipe: Recipe, wrapped: Any, places: Counter[int]) -> None:
    """Refuse to adapt weights that the model uses twice: merged, the change would reach both places."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils import AuxiliaryTrainingWrapper

    adapted = ((n, m) for n, m in wrapped.named_modules() if isinstance(m, BaseTunerLayer | AuxiliaryTrainingWrapper))
    for name, module in adapted:
        if any(places[id(weight)] > 1 for weight in cast(Any, module).parameters()):
            short = name.rpartition(".")[2]
            message = f"{short} has the same weights as another part of this model (tie_word_embeddings)"
            advice = f"leave {short} out of target_modules and modules_to_save"
            raise ModelError(recipe.problem("model.adapter", f"{message}, so an adapter of it can't be merged", advice))


def is_adapted(model: PreTrainedModel) -> bool:
    """Whether an adapter is around the model."""
    return getattr(model, "peft_config", None) is not None and hasattr(model, "merge_and_unload")


def merged(model: PreTrainedModel) -> PreTrainedModel:
    """A model with an adapter with its weights added to its own, so that plain transformers loads it; else as it is."""
    return cast("PreTrainedModel", cast(Any, model).merge_and_unload()) if is_adapted(model) else model


def with_saved_adapter(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The base, its head made as for training, with the adapter of this folder around it."""
    import peft

    return cast("PreTrainedModel", peft.PeftModel.from_pretrained(model, str(folder)))
