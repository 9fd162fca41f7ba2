"""Files that commands write where the user says: refused before any work is done for them, and never within a run."""

from __future__ import annotations

import os
from pathlib import Path


def check_place(option: str, path: Path) -> None:
    """Raise `UsageError` for a file that can't be written, or lies in a run: what its seal vouches for stays as it is.

    `option` is what named the file.
    """
    from sftcore.errors import Problem, UsageError
    from sftcore.runs.folder import run_around

    parent = path.absolute().parent
    if run_around(path) is not None:
        message, advice = "lies in a run, whose files are hashed and stay as they are", "give a place beside it"
    elif path.is_dir():
        message, advice = "this is a folder", "name a file in it"
    elif not parent.is_dir():
        message, advice = f"there is no folder {path.parent} to write to", "make it, or name another"
    elif not os.access(parent, os.W_OK):
        message, advice = f"nothing can be written to the folder {path.parent}", "make it writable, or name another"
    else:
        return
    raise UsageError(Problem(message, where=option, value=str(path), advice=advice))
