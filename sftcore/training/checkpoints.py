"""Checkpoints that are whole or absent: staged, hashed, flushed, renamed; verified before one is used."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore.resources import sync_folder

if TYPE_CHECKING:
    from sftcore.reporter import Reporter

MANIFEST = "manifest.json"
STAGING = ".staging-"
DAMAGED = "damaged-"
_NAME = re.compile(r"checkpoint-(\d+)")


def step_of(checkpoint: Path) -> int:
    """The step in the name of a checkpoint, -1 for any other name."""
    match = _NAME.fullmatch(checkpoint.name)
    return int(match[1]) if match else -1


def checkpoints(folder: Path) -> list[Path]:
    """Folders with the name of a checkpoint, the newest first."""
    found = [path for path in folder.iterdir() if path.is_dir() and step_of(path) >= 0] if folder.is_dir() else []
    return sorted(found, key=step_of, reverse=True)


def publish(staged: Path, folder: Path) -> Path:
    """Write the manifest of a staged checkpoint, flush it to the disk and rename it into the folder."""
    _write_manifest(staged)
    for directory in (path for path in [staged, *staged.rglob("*")] if path.is_dir()):
        sync_folder(directory)
    target = folder / staged.name
    if target.exists():
        _set_aside(target)
    os.replace(staged, target)
    sync_folder(folder)
    return target


def _write_manifest(checkpoint: Path) -> None:
    files = {}
    for path in _files(checkpoint):
        with path.open("rb+") as file:
            digest, size = hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
            files[path.relative_to(checkpoint).as_posix()] = {"sha256": digest, "bytes": size}
            os.fsync(file.fileno())
    with (checkpoint / MANIFEST).open("xb") as file:
        file.write(_manifest(files))
        file.flush()
        os.fsync(file.fileno())


def _manifest(files: dict[str, Any]) -> bytes:
    """The one form that a manifest of these files can have; it carries its own hash."""
    body = json.dumps(files, sort_keys=True, ensure_ascii=False)
    whole = {"files": files, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    return json.dumps(whole, sort_keys=True, indent=1, ensure_ascii=False).encode()


def _files(checkpoint: Path) -> Iterator[Path]:
    return (path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name != MANIFEST)


def fault(checkpoint: Path) -> str:
    """What is wrong with a checkpoint ("optimizer.pt is absent"), or "" for a whole one."""
    try:
        raw = (checkpoint / MANIFEST).read_bytes()
        files = json.loads(raw)["files"]
        if raw != _manifest(files):
            return f"{MANIFEST} is damaged"
    except FileNotFoundError:
        return f"{MANIFEST} is absent"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{MANIFEST} is damaged"
    return next(filter(None, (_file_fault(checkpoint / name, files[name]) for name in files)), "")


def _file_fault(path: Path, expected: dict[str, Any]) -> str:
    try:
        if path.stat().st_size != expected["bytes"]:
            return f"{path.name} has {path.stat().st_size} bytes instead of {expected['bytes']}"
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == expected["sha256"]
    except FileNotFoundError:
        return f"{path.name} is absent"
    except OSError as error:
        return f"{path.name} can't be read ({error.strerror})"
    return "" if same else f"{path.name} has other content than was written"


def newest_whole(folder: Path, reporter: Reporter) -> Path | None:
    """The newest checkpoint whose every file is as it was written, or None.

    A damaged one is reported and set aside as `damaged-checkpoint-<step>`; what was left half-written is removed.
    """
    clean(folder)
    for checkpoint in checkpoints(folder):
        reason = fault(checkpoint)
        if not reason:
            return checkpoint
        reporter.warning(f"{checkpoint.name} is damaged ({reason}); going on from an older one")
        _set_aside(checkpoint)
    return None


def clean(folder: Path) -> None:
    """Remove what a killed process left half-written or half-removed."""
    for path in folder.glob(f"{STAGING}*"):
        shutil.rmtree(path)


def _set_aside(checkpoint: Path) -> None:
    """Rename a folder so that it counts as a checkpoint no more."""
    names = (f"{DAMAGED}{checkpoint.name}" + (f"-{number}" if number else "") for number in range(1_000))
    free = next(name for name in names if not (checkpoint.parent / name).exists())
    checkpoint.rename(checkpoint.parent / free)


def rotate(folder: Path, keep: int | None, best_step: int | None) -> None:
    """Remove checkpoints but for the newest `keep` (None: all) and the best; only those that carry our manifest."""
    if keep is None:
        return
    ours = [path for path in checkpoints(folder) if (path / MANIFEST).is_file()]
    for path in ours[keep:]:
        if step_of(path) != best_step:
            # Renamed first: a process killed in between leaves no half of a checkpoint behind.
            doomed = path.rename(folder / f"{STAGING}removed-{path.name}")
            shutil.rmtree(doomed)
