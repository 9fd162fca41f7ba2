"""The seal: SHA256SUMS over every file of a finished run, in the form that `sha256sum -c` checks."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sftcore.errors import Problem, RunError
from sftcore.runs import files
from sftcore.runs.folder import CHECKPOINTS, SUMS, Run
from sftcore.runs.locking import LOCK_FILE


def seal(run: Run) -> None:
    """Make every file of the run durable, and write their hashes last and whole: from then on it is sealed.

    The checkpoints, which nothing needs any more, go after that.
    """
    if not run.writes:
        return
    with files.disk_errors(run.path / SUMS):
        files.remove_parts(run.path)
        lines = [_line(path.relative_to(run.path), _durable_sha256(path)) for path in sealed_files(run.path)]
        for folder in {path.parent for path in sealed_files(run.path)}:
            files.sync_folder(folder)
    files.write_bytes(run.path / SUMS, b"".join(lines))
    shutil.rmtree(run.path / CHECKPOINTS, ignore_errors=True)


def sealed_files(folder: Path) -> Iterator[Path]:
    """The files that the seal covers: all but the seal itself, the lock, and checkpoints."""
    beside = {folder / SUMS, folder / LOCK_FILE}
    return (path for path in files.walk(folder) if path not in beside and folder / CHECKPOINTS not in path.parents)


def read_sums(path: Path) -> dict[str, str]:
    """Hash by file name, relative to the run's folder. Raises `RunError` for a line that is none."""
    sums = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        escaped = line.startswith(b"\\")
        digest, separator, name = line.lstrip(b"\\").partition(b"  ")
        if not separator or len(digest) != 64:
            raise RunError(Problem("is damaged: a hash, two spaces and a file name were expected", str(path), number))
        if escaped:
            name = name.replace(b"\\\\", b"\0").replace(b"\\n", b"\n").replace(b"\\r", b"\r").replace(b"\0", b"\\")
        sums[os.fsdecode(name)] = digest.decode("ascii", "replace")
    return sums


def _line(name: Path, digest: str) -> bytes:
    raw = os.fsencode(name.as_posix())
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != raw else b"") + digest.encode() + b"  " + escaped + b"\n"


def _durable_sha256(path: Path) -> str:
    """The hash of a file whose bytes have reached the disk: libraries that save models don't flush."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
