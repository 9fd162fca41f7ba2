"""`sftcore try`: the command around the page."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

import pytest

from sftcore.cli import main
from sftcore.errors import UsageError
from sftcore.trying import server
from tests.conftest import MakeRun


def test_without_the_extra_it_says_what_to_install_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    assert main(["try", "no-such-run"]) == 2
    told = capsys.readouterr().err
    assert "needs the packages starlette and uvicorn" in told
    assert 'pip install "sftcore[try]"' in told
    assert "no-such-run" not in told


def test_a_port_that_is_taken_is_an_error_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    with server.listening(0) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        assert main(["try", "no-such-run", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"found: {port}" in told
    assert "another program listens there" in told
    assert "--port 0" in told


def test_a_port_of_the_system_s_is_an_error_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(UsageError, match="from 1024 on"):
        server.listening(80)


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "no-such-run", "--port", "0", "--runs", str(tmp_path)]) == 2
    assert "there is no run no-such-run" in capsys.readouterr().err


def test_a_browser_is_opened_only_where_it_has_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(server.webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    monkeypatch.setattr(server.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not server.show("http://127.0.0.1:1/")
    monkeypatch.setenv("DISPLAY", ":0")
    assert server.show("http://127.0.0.1:1/")
    assert opened == ["http://127.0.0.1:1/"]


def test_it_serves_until_a_signal_ends_it(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    command = [sys.executable, "-m", "sftcore", "try", str(run.path), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            address = _line(process.stdout)
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
            said = _post(f"{address}answer", b'{"row": {"text": "wonderful tulips"}}')
            assert "positive" in said
            with pytest.raises(urllib.error.HTTPError, match="400"):
                _post(f"{address}answer", b"{}", host="evil.example")
            os.kill(process.pid, signal.SIGINT)
            out, told = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "stopped" in told
    assert "Traceback" not in told
    assert "tulips" not in told
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def _post(address: str, body: bytes, host: str = "") -> str:
    headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
    request = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return str(reply.read().decode())
