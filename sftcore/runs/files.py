"""Files that are whole or absent: written beside their place, flushed to the disk and renamed.

A full disk becomes a `ResourceError`, any other refusal of the file system a `RunError`; in both cases the old
file is still there, and nothing half-written stays behind.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sftcore.errors import Problem, ResourceError, RunError
from sftcore.resources import FULL
from sftcore.resources import sync_folder as sync_folder

PART = ".sftcore-part"
"""How the names of files end that are being written; a killed process may leave one."""

_CHUNK = 1 << 20


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` about `path` into what the user can mend."""
    try:
        yield
    except OSError as error:
        where, why = str(path), error.strerror or str(error)
        if error.errno in FULL:
            advice = "make room on that disk and repeat the command; it goes on where it was"
            raise ResourceError(Problem(f"can't be written: {why}", where=where, advice=advice)) from error
        advice = "make the place writable, or name another"
        raise RunError(Problem(f"can't be written: {why[:1].lower()}{why[1:]}", where=where, advice=advice)) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes the place of `path` when the block ends without an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    with disk_errors(path):
        try:
            with open(part, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write the file whole or not at all. Raises `ResourceError` (disk full) or `RunError`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, line ends as they are."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write the value as indented JSON in the order of its keys; NaN and infinities become null."""
    write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file; its place is taken only by the whole copy."""
    with open(source, "rb") as original, replacing(target) as file:
        shutil.copyfileobj(original, file, _CHUNK)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def share(folder: Path) -> None:
    """Give the files below the folder the rights of any new file there: safetensors writes for their owner alone."""
    probe = folder / f".rights{PART}"
    probe.touch()
    rights = probe.stat().st_mode
    probe.unlink()
    for path in walk(folder):
        path.chmod(rights)


def walk(folder: Path) -> list[Path]:
    """Every file below the folder, sorted by its path; links to folders are not followed."""
    found = [Path(base, name) for base, _, names in os.walk(folder) for name in names]
    return sorted((path for path in found if path.is_file()), key=lambda path: os.fsencode(path.relative_to(folder)))


def remove_parts(folder: Path) -> None:
    """Remove what a killed process had begun to write below the folder, and nothing else."""
    for path in walk(folder):
        if path.name.startswith(".") and path.name.endswith(PART):
            path.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """The value in JSON's own types: arrays and tuples as lists, sets sorted, objects by `as_json` or their fields,
    paths as text, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, torch tensors
        return plain(value.tolist())
    if hasattr(value, "as_json"):
        return plain(value.as_json())
    return plain(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else str(value)
