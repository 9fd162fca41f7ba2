"""Calls of transformers that load and save: without its progress bars, and with its errors in our form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sftcore.errors import ModelError

if TYPE_CHECKING:
    from sftcore.recipe import Recipe


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing progress bars, and from logging what sftcore says in its own words."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # its functions are not all typed
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


@contextmanager
def as_model_error(recipe: Recipe, what: str, key: str = "model.base") -> Iterator[None]:
    """Turn what transformers raises for a base that does not fit into the contract's form."""
    try:
        with without_progress_bars():
            yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(recipe.problem(key, f"{what}: {first.strip()[:200]}")) from error
