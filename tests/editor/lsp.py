"""A language client in small: it opens a document and asks what an editor asks, over stdin and stdout."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPABILITIES = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}
CURSOR = "‸"
"""Marks the cursor in a document's text; it is taken out."""


@dataclass(frozen=True)
class Finding:
    """A diagnostic: what is said, of which line's text."""

    line: str
    message: str
    severity: int


@dataclass(frozen=True)
class Place:
    """A document that is open, and the cursor in it."""

    uri: str
    text: str
    line: int
    character: int

    @property
    def parameters(self) -> dict[str, Any]:
        position = {"line": self.line, "character": self.character}
        return {"textDocument": {"uri": self.uri}, "position": position}


class Server:
    """A language server at work in a folder.

    A document is done with after so many `publications` of findings, or the first that is not empty: taplo publishes
    those of the syntax, of the tables and of the schema one after the other, and stops where there are some.
    """

    def __init__(self, command: Sequence[str], folder: Path, publications: int, env: Mapping[str, str]):
        self.folder, self.publications = folder, publications
        self.log: list[str] = []
        self._answers: dict[int, Any] = {}
        self._published: dict[str, list[Any]] = {}
        self._news = threading.Condition()
        self._outgoing: queue.Queue[bytes] = queue.Queue()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        for work in (self._read, self._read_log, self._write):
            threading.Thread(target=work, daemon=True).start()
        root = folder.as_uri()
        self.request(
            "initialize",
            processId=os.getpid(),
            rootUri=root,
            workspaceFolders=[{"uri": root, "name": "recipes"}],
            capabilities=CAPABILITIES,
        )
        self.notify("initialized")

    def open(self, text: str) -> Place:
        """Write a document and open it; the cursor mark is taken out."""
        before, mark, after = text.partition(CURSOR)
        text, line = before + after, before.count("\n") if mark else 0
        character = len(before) - before.rfind("\n") - 1 if mark else 0
        path = self.folder / f"recipe-{len(list(self.folder.glob('recipe-*.toml')))}.toml"
        path.write_text(text, encoding="utf-8")
        document = {"uri": path.as_uri(), "languageId": "toml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)
        return Place(path.as_uri(), text, line, character)

    def completions(self, text: str) -> dict[str, Any]:
        """What is offered at the cursor, by label without its quotation marks."""
        place = self.settled(text)
        found = self.request("textDocument/completion", **place.parameters, context={"triggerKind": 1})
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"].strip('"'): item for item in items}

    def hover(self, text: str) -> str:
        """The Markdown that is shown at the cursor."""
        found = self.request("textDocument/hover", **self.settled(text).parameters)
        if not found:
            return ""
        assert found["contents"]["kind"] == "markdown"
        return str(found["contents"]["value"])

    def findings(self, text: str) -> list[Finding]:
        place = self.settled(text)
        lines = place.text.splitlines()
        return [
            Finding(lines[each["range"]["start"]["line"]], each["message"], each["severity"])
            for each in self._published[place.uri][-1]
        ]

    def settled(self, text: str) -> Place:
        """The opened document once the server has said all that it has to say of it."""
        place = self.open(text)

        def said() -> bool:
            published = self._published.get(place.uri, [])
            return len(published) >= self.publications or any(published)

        with self._news:
            assert self._news.wait_for(said, 30), "".join(self.log)
        return place

    def request(self, method: str, **parameters: Any) -> Any:
        number = len(self._answers) + 1
        with self._news:
            self._answers[number] = None
            self._send({"id": number, "method": method, "params": parameters})
            assert self._news.wait_for(lambda: self._answers[number], 30), f"{method}: {''.join(self.log)}"
        return self._answers[number].get("result")

    def notify(self, method: str, **parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._outgoing.put(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def _write(self) -> None:
        assert self.process.stdin
        while True:
            try:
                self.process.stdin.write(self._outgoing.get())
                self.process.stdin.flush()
            except OSError:
                return

    def _read_log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line.decode(errors="replace"))

    def _read(self) -> None:
        assert self.process.stdout
        while header := self.process.stdout.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
            elif header == b"\r\n":
                self._take(json.loads(self.process.stdout.read(length)))

    def _take(self, message: Mapping[str, Any]) -> None:
        with self._news:
            if "method" in message and "id" in message:
                asked = message["params"]["items"] if message["method"] == "workspace/configuration" else None
                self._send({"id": message["id"], "result": asked and [{"schema": {"enabled": True}} for _ in asked]})
            elif message.get("method") == "textDocument/publishDiagnostics":
                published = message["params"]
                self._published.setdefault(published["uri"], []).append(published["diagnostics"])
            elif "id" in message:
                self._answers[message["id"]] = message
            self._news.notify_all()


@contextmanager
def proxy() -> Iterator[tuple[dict[str, str], list[str]]]:
    """Environment variables that send every HTTP request to a socket here, and the requests that arrived."""
    arrived: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    arrived.append(connection.recv(300).decode(errors="replace").partition("\r\n")[0])

        threading.Thread(target=answer, daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        yield {**dict.fromkeys(names, address), **{name.upper(): address for name in names}}, arrived
