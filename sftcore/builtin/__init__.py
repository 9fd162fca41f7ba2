"""The core's own components, registered through the same hooks as any guest's.

Each hook imports its module by itself: who needs one of them does not load the others.
"""

from __future__ import annotations

from sftcore.components import Metric, RowAugmenter, RowPreprocessor, Source, TextAugmenter, TextPreprocessor
from sftcore.hooks import hookimpl
from sftcore.task import Task


@hookimpl
def sftcore_register_sources() -> list[type[Source]]:
    """Readers of files."""
    from sftcore.builtin.sources import COMPONENTS

    return list(COMPONENTS)


@hookimpl
def sftcore_register_preprocessors() -> list[type[TextPreprocessor | RowPreprocessor]]:
    """Cleaning and filtering."""
    from sftcore.builtin.preprocessors import COMPONENTS

    return list(COMPONENTS)


@hookimpl
def sftcore_register_augmenters() -> list[type[TextAugmenter | RowAugmenter]]:
    """Variants of training texts."""
    from sftcore.builtin.augmenters import COMPONENTS

    return list(COMPONENTS)


@hookimpl
def sftcore_register_tasks() -> list[type[Task]]:
    """Problems."""
    from sftcore.builtin import causal_lm, seq2seq, text_classification, token_classification

    modules = (text_classification, token_classification, seq2seq, causal_lm)
    return [task for module in modules for task in module.COMPONENTS]


@hookimpl
def sftcore_register_metrics() -> list[type[Metric]]:
    """Scores."""
    from sftcore.builtin import metrics, span_metrics, text_metrics

    return [*metrics.COMPONENTS, *span_metrics.COMPONENTS, *text_metrics.COMPONENTS]
