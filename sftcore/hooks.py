"""The hooks: everything that an installed plugin can contribute, on one screen.

A plugin is a distribution with an entry point in the group `sftcore` that names a module. The module
implements any of these functions, each marked with `sftcore.hookimpl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from sftcore import components, task
    from sftcore.recipe.schema import Recipe
    from sftcore.runs.folder import Run

hookspec = pluggy.HookspecMarker("sftcore")
hookimpl = pluggy.HookimplMarker("sftcore")


@hookspec
def sftcore_register_sources() -> list[type[components.Source]]:
    """Sources: places that `[data] source` can name, by URI scheme or file ending."""


@hookspec
def sftcore_register_preprocessors() -> list[type[components.TextPreprocessor | components.RowPreprocessor]]:
    """Preprocessors for `[[preprocess]] use`."""


@hookspec
def sftcore_register_augmenters() -> list[type[components.TextAugmenter | components.RowAugmenter]]:
    """Augmenters for `[[augment]] use`."""


@hookspec
def sftcore_register_tasks() -> list[type[task.Task]]:
    """Tasks for `[task] use`."""


@hookspec
def sftcore_register_metrics() -> list[type[components.Metric]]:
    """Metrics for `[[metrics]] use`."""


@hookspec
def sftcore_register_settings() -> list[type[components.Settings]]:
    """Models of the plugin's own sections, `[plugins.<name>]`."""


@hookspec
def sftcore_trainer_callbacks(recipe: Recipe) -> list[TrainerCallback]:
    """Callbacks for the Trainer; asked only of plugins that take part in the recipe, by distribution name."""


@hookspec
def sftcore_run_finished(run: Run) -> None:
    """Observe a sealed run. What is raised here is reported as a warning; the run stays as it is."""
