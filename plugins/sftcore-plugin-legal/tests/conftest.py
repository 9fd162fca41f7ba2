"""How a preprocessor rewrites a text."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from sftcore import TextPreprocessor

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"

Rewrite = Callable[..., str]


@pytest.fixture(scope="session")
def rewrite() -> Rewrite:
    """`rewrite(component class, text, **options)`: the text after the edits, which must be ascending and disjoint."""

    def rewritten(cls: type[TextPreprocessor], text: str, **options: Any) -> str:
        parts, last = [], 0
        for start, end, replacement in cls.from_table(options).edits(text):
            assert last <= start <= end <= len(text)
            parts += [text[last:start], replacement]
            last = end
        return "".join([*parts, text[last:]])

    return rewritten
