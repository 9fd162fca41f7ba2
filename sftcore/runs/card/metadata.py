"""What stands at the card's beginning as YAML, for the hub to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sftcore import locations
from sftcore.models.base_card import BaseCard
from sftcore.runs.card.markdown import place

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

    from sftcore.recipe import Recipe

HUB_METRICS = {
    "roc-auc": "roc_auc",
    "matthews": "matthews_correlation",
    "mean-absolute-error": "mae",
    "mean-squared-error": "mse",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
}
"""What the hub calls a metric, where its name is another one; accuracy, precision, recall and f1 are the same there."""


def metadata(recipe: Recipe, scores: Mapping[str, Any], base: BaseCard) -> ModelCardData:
    """The card's metadata; `base_model` and `datasets` only for what the hub knows, licence and language only where the
    base's card has one."""
    from huggingface_hub import ModelCardData

    named, results = recipe.model.base, _eval_results(recipe, scores)
    hub = {place for place in recipe.data.locations if locations.is_hub_id(place, recipe.folder)}
    of_hub = bool(named) and locations.is_hub_id(str(named), recipe.folder)
    return ModelCardData(
        base_model=named if of_hub else None,
        base_model_relation="finetune" if of_hub else None,
        datasets=sorted(hub) or None,
        language=base.languages[0] if len(base.languages) == 1 else None,
        library_name="transformers",
        license=base.licence or None,
        license_name=(base.name or None) if base.licence == "other" else None,
        license_link=(base.link or None) if base.licence == "other" else None,
        pipeline_tag=recipe.task.pipeline or None,
        tags=["sftcore", recipe.task.name, *([] if named else ["trained-from-scratch"])],
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=recipe.name,
        eval_results=results or None,
        ignore_metadata_errors=False,
    )


def data_name(recipe: Recipe) -> str:
    """The places of the data, without the folders of somebody's machine."""
    return ", ".join(place(each) for each in recipe.data.locations)


def _eval_results(recipe: Recipe, scores: Mapping[str, Any]) -> list[EvalResult]:
    """The main value of each metric, for the model-index; `scores` has them in the order of the recipe's metrics."""
    from huggingface_hub import EvalResult

    data = data_name(recipe)
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
