"""Disk and memory: whether an error says that they ran out, however a library wrapped it; renames made durable."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_SPACE = re.compile(
    r"No space left|os error 28\b|Disk quota|PytorchStreamWriter failed|inline_container(?!.*PytorchStreamReader)",
    re.IGNORECASE | re.DOTALL,
)
_NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|bad_alloc|signal: Killed|Bus error", re.IGNORECASE
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it: libraries wrap the system's errors in their own."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def out_of_disk(error: BaseException) -> BaseException | None:
    """The error in the chain that tells of a full disk, or None."""
    return next((link for link in chain(error) if _is_disk(link)), None)


def out_of_memory(error: BaseException) -> BaseException | None:
    """The error in the chain that tells of memory that ran out, or None."""
    return next((link for link in chain(error) if _is_memory(link)), None)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable; file systems that can't are left at that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _is_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL
    return isinstance(error, Exception) and _NO_SPACE.search(str(error)) is not None


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
    )
