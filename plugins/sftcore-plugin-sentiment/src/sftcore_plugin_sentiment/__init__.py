"""Sentiment for sftcore: a task with ordered classes, ordinal metrics, and emoji and elongation handling."""

from __future__ import annotations

from sftcore import Metric, Task, TextPreprocessor, hookimpl
from sftcore_plugin_sentiment.elongation import Elongation
from sftcore_plugin_sentiment.emoji_words import Emoji
from sftcore_plugin_sentiment.metrics import OppositeRate, OrdinalMAE
from sftcore_plugin_sentiment.task import Sentiment

__all__ = ["Elongation", "Emoji", "OppositeRate", "OrdinalMAE", "Sentiment"]


@hookimpl
def sftcore_register_preprocessors() -> list[type[TextPreprocessor]]:
    """The preprocessors `emoji` and `elongation`."""
    return [Emoji, Elongation]


@hookimpl
def sftcore_register_tasks() -> list[type[Task]]:
    """The task `sentiment`."""
    return [Sentiment]


@hookimpl
def sftcore_register_metrics() -> list[type[Metric]]:
    """The metrics `ordinal-mae` and `opposite-rate`."""
    return [OrdinalMAE, OppositeRate]
