"""The server of the page: on this computer's own address only, without a log, until a signal ends it."""

from __future__ import annotations

import errno
import os
import socket
import sys
import webbrowser
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sftcore.errors import Problem, UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Config

HOST = "127.0.0.1"
PORT = 8765
NEEDED = ("starlette", "uvicorn")
WAITING = 64
"""Connections that may wait to be taken."""
AT_ONCE = 16
"""Requests at a time; those beyond are refused."""
GRACE = 2
"""Seconds that answers under way have after a signal."""


def check_installed() -> None:
    """Raise `sftcore.UsageError` where the extra `try` is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        what = f"needs the package{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        raise UsageError(Problem(f"{what}, not installed here", "sftcore try", advice='pip install "sftcore[try]"'))


def listening(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1; port 0: one that is free. Raises `sftcore.UsageError` where it is taken."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        taken.listen(WAITING)
    except OSError as error:
        taken.close()
        raise _unusable(port, error) from error
    return taken


def serve(application: Starlette, taken: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, which is raised again when the last answer is given (or 2 s have passed)."""
    import uvicorn

    uvicorn.Server(configuration(application)).run(sockets=[taken])


def configuration(application: Starlette) -> Config:
    """How the server runs: it logs nothing, and trusts no header that says who asks."""
    import uvicorn

    return uvicorn.Config(
        application,
        access_log=False,
        log_config=None,
        log_level="critical",
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=GRACE,
    )


def show(address: str) -> bool:
    """Open the address in a browser with a window; whether there is one. One in this terminal would take it away."""
    windows = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(windows) and webbrowser.open(address)


def _unusable(port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        message, advice = "another program listens there", "name another, or --port 0 for one that is free"
    elif error.errno == errno.EACCES:
        message, advice = "this user may not listen there", "name one from 1024 on, or --port 0 for one that is free"
    else:
        message, advice = (error.strerror or "can't be listened on").lower(), "--port 0 takes one that is free"
    return UsageError(Problem(message, where="--port", value=str(port), advice=advice))
