"""Question answering for sftcore: answers that are passages of a text, or written; English and Chinese."""

from __future__ import annotations

from sftcore import Metric, Task, hookimpl
from sftcore_plugin_qa.generative import GenerativeQA
from sftcore_plugin_qa.metrics import CharExactMatch, CharF1
from sftcore_plugin_qa.task import ExtractiveQA, ExtractiveQAState

__all__ = ["CharExactMatch", "CharF1", "ExtractiveQA", "ExtractiveQAState", "GenerativeQA"]


@hookimpl
def sftcore_register_tasks() -> list[type[Task]]:
    """The tasks `extractive-qa` and `generative-qa`."""
    return [ExtractiveQA, GenerativeQA]


@hookimpl
def sftcore_register_metrics() -> list[type[Metric]]:
    """The metrics `char-f1` and `char-exact-match`."""
    return [CharF1, CharExactMatch]
