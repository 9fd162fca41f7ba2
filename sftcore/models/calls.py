"""Calls of transformers that load and save: without its progress bars, and with its errors in our form."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sftcore.errors import ModelError, SftcoreError
from sftcore.resources import out_of_disk, out_of_memory

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of libraries about one another
            yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


@contextmanager
def as_model_error(recipe: Recipe, what: str, key: str = "model.base") -> Iterator[None]:
    """Turn what a library raises in the block, for a base that does not fit it, into the contract's form."""
    try:
        with without_progress_bars():
            yield
    except SftcoreError:
        raise
    except Exception as error:  # transformers, safetensors, tokenizers and peft raise kinds of their own
        if out_of_memory(error) or out_of_disk(error):
            raise
        raise ModelError(recipe.problem(key, f"{what}: {first_line(error)}")) from error


def first_line(error: Exception, width: int = 200) -> str:
    """The first line of what a library says, or the kind of its error; of our own the place and what is wrong there."""
    if isinstance(error, SftcoreError) and error.problems:
        first = error.problems[0]
        error = ValueError(f"{first.where}: {first.message}" if first.where else first.message)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and len(lines) > 1 and lines[0].endswith(":"):
        lines[0] = f"{lines[0]} {lines[1]}"
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= width else f"{line[: width - 1]}…"
