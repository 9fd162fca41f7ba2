"""A stand-in for the Hugging Face hub on the loopback: as much of its HTTP interface as an upload needs.

Answers as the hub does to whoami, a model's info, the making of a repository, the check of a card's metadata, the way
in which a file is to be sent (preupload), Git LFS, Xet's store, and a commit. It keeps what it was sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OWNER = "ada"
TOKEN = "hf_" + "standInForAToken"
COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Repository:
    """Whether only its owner sees it, and its files: content, or what a large file's pointer says."""

    private: bool
    files: dict[str, bytes | dict[str, Any]] = field(default_factory=dict)


@dataclass
class Hub:
    """What the stand-in has and was asked. `failing` is part of a path that it answers by 500."""

    url: str = ""
    failing: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def paths(self, method: str) -> list[str]:
        """The paths that were asked by this method."""
        return [path for found, path in self.asked if found == method]


@contextmanager
def serving() -> Iterator[Hub]:
    """A stand-in that answers as long as the block lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        content, path = self._content(), self.path.partition("?")[0]
        self.hub.asked.append((self.command, path))
        if self.hub.failing and self.hub.failing in path:
            return self._send(500, {"error": "the stand-in fails as it was told to"})
        if path.startswith("/large/"):
            return self._keep(path, content)
        if path.startswith("/xet/"):
            older = path.startswith("/xet/v1/xorbs/") or path in ("/xet/v1/shards", "/xet/shards")
            return self._send(200 if older else 404, {"was_inserted": True, "result": 1})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, {"error": "Invalid credentials in Authorization header"})
        return self._api(path, content)

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _api(self, path: str, content: bytes) -> None:
        if path == "/api/whoami-v2":
            return self._send(200, {"type": "user", "name": OWNER, "orgs": []})
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(content))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(content))
        name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        return self._of_repository(path.removeprefix(f"/api/models/{name}"), name, repository, content)

    def _of_repository(self, rest: str, name: str, repository: Repository, content: bytes) -> None:
        if rest.startswith("/preupload/"):
            return self._send(200, {"files": [_mode(each) for each in json.loads(content)["files"]]})
        if rest.startswith("/xet-write-token/"):
            url = f"{self.hub.url}/xet"
            told = {"accessToken": "xet", "exp": 4_000_000_000, "casUrl": url}
            headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": "xet", "X-Xet-Token-Expiration": "4000000000"}
            return self._send(200, told, headers)
        if rest.startswith("/commit/"):
            _commit(repository, content)
            url = f"{self.hub.url}/{name}/commit/{COMMIT}"
            return self._send(200, {"success": True, "commitOid": COMMIT, "commitUrl": url})
        siblings = [{"rfilename": each} for each in repository.files]
        told = {"_id": "1", "id": name, "modelId": name, "private": repository.private, "siblings": siblings}
        return self._send(200, {**told, "sha": COMMIT, "tags": [], "downloads": 0, "likes": 0})

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted.get('organization') or OWNER}/{wanted['name']}"
        url = {"url": f"{self.hub.url}/{name}"}
        if name in self.hub.repositories:
            return self._send(409, {"error": "You already created this model repo", **url})
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.repositories[name] = Repository(private)
        return self._send(200, url)

    def _batch(self, wanted: dict[str, Any]) -> None:
        def upload(each: dict[str, Any]) -> dict[str, Any]:
            known = each["oid"] in self.hub.large
            actions = {"upload": {"href": f"{self.hub.url}/large/{each['oid']}"}}
            return {"oid": each["oid"], "size": each["size"], **({} if known else {"actions": actions})}

        self._send(200, {"transfer": "basic", "objects": [upload(each) for each in wanted["objects"]]})

    def _keep(self, path: str, content: bytes) -> None:
        digest = path.rpartition("/")[2]
        whole = hashlib.sha256(content).hexdigest() == digest
        if whole:
            self.hub.large[digest] = content
        self._send(200 if whole else 400, {})

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**(headers or {}), "Content-Type": "application/json", "X-Request-Id": "1"}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    """Weights go to the store of large files, as the hub's .gitattributes says."""
    large = file["path"].endswith(".safetensors")
    return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}


def _commit(repository: Repository, content: bytes) -> None:
    """Carry out the commit's lines, all of them or none."""
    added: dict[str, bytes | dict[str, Any]] = {}
    for line in map(json.loads, content.splitlines()):
        value = line["value"]
        if line["key"] == "file":
            added[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            added[value["path"]] = {"oid": value["oid"], "size": value["size"]}
    repository.files |= added
