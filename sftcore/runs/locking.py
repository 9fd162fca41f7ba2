"""One process at a time works on a run.

The lock is the operating system's (`flock`): it ends with the process, however that ends. The file's content
says who holds it, for messages, and for the other processes of the same distributed launch.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import time
import weakref
from pathlib import Path
from typing import Any

from sftcore.errors import Problem, RunError
from sftcore.runs.files import disk_errors

LOCK_FILE = ".lock"

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Lock:
    """A lock on a folder, held until `release`. `exact` is False where the file system has no locks."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_FILE
        self.exact = True
        self._descriptor = -1

    def acquire(self, *, timeout: float = 0.0) -> Lock:
        """Take the lock, waiting at most `timeout` seconds. Raises `RunError` that names the holder."""
        with disk_errors(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        end = time.monotonic() + timeout
        try:
            while not self._try(descriptor):
                if time.monotonic() >= end:
                    raise _in_use(self.path)
                time.sleep(0.02)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _HELD.add(self)
        try:
            self.tell({})
        except BaseException:  # a full disk: the holder can't be named, and must not hold it for good
            self.release()
            raise
        return self

    def tell(self, facts: dict[str, Any]) -> None:
        """Write who holds the lock, and these facts, into its file."""
        content = json.dumps({"pid": os.getpid(), "host": platform.node(), **facts})
        with disk_errors(self.path):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, content.encode())

    def release(self, *, keep: bool = False) -> None:
        """Give the lock back and empty its file (unless `keep`); removing the file would race with the next."""
        if self._descriptor >= 0:
            if not keep:
                os.ftruncate(self._descriptor, 0)
            self._unlock()
            self.forget()
            _HELD.discard(self)

    def forget(self) -> None:
        """Close the descriptor; in a forked worker too, so that it does not hold the run when it survives us."""
        os.close(self._descriptor)
        self._descriptor = -1

    def _unlock(self) -> None:
        """Give the lock back even where a worker that was just forked has not closed its descriptor yet."""
        if self.exact:
            import fcntl

            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _try(self, descriptor: int) -> bool:
        try:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except ImportError:
            self.exact = False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            self.exact = False
        return self.exact or not _alive(holder(self.path))


def holder(path: Path) -> dict[str, Any]:
    """What the lock file says: pid, host and facts; empty where nobody holds the lock or it is torn."""
    try:
        content = json.loads(path.read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _alive(held: dict[str, Any]) -> bool:
    """Without locks of the file system: whether a process of this machine that wrote the file still runs."""
    pid = held.get("pid")
    if held.get("host") != platform.node() or not isinstance(pid, int) or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _in_use(path: Path) -> RunError:
    held = holder(path)
    who = f"process {held['pid']} on {held['host']}" if "pid" in held and "host" in held else "another process"
    advice = "wait for it, or stop it; --fresh starts the next run beside it"
    return RunError(Problem(f"in use by {who}", where=str(path.parent), advice=advice))


def launch() -> str:
    """A name for this distributed launch that all its processes share, or "" where there is just this process."""
    environment = os.environ
    if int(environment.get("WORLD_SIZE", "1")) < 2:
        return ""
    names = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT")
    parts = [environment.get(name, "") for name in names]
    if environment.get("LOCAL_WORLD_SIZE", environment.get("WORLD_SIZE")) == environment.get("WORLD_SIZE"):
        parts.append(str(os.getppid()))  # on one machine: the launcher, which no other launch shares
    return " ".join(parts)


def rank() -> int:
    """The number of this process in a distributed launch; 0 writes."""
    return int(os.environ.get("RANK", "0")) if launch() else 0


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_HELD):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
