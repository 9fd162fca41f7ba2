"""`sftcore push` against a stand-in of the hub: what is said and asked before, what arrives, and what goes wrong."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sftcore import Run, run
from sftcore.cli import main
from tests.hub import OWNER, TOKEN, Hub, Repository, serving
from tests.runs.small_tasks import small_recipe

NAME = f"{OWNER}/text-classification"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pushed")
    return run(small_recipe("text-classification", folder), runs=folder / "runs")


@pytest.fixture
def finished(made: Run, tmp_path: Path) -> Run:
    """A run that a test may spoil."""
    return Run(shutil.copytree(made.path, tmp_path / "0001"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, in the place of the hub, with a token for it; files go by Git LFS."""
    from huggingface_hub import constants

    with serving() as found:
        for name, value in {"ENDPOINT": found.url, "HF_HUB_OFFLINE": False, "HF_HUB_DISABLE_XET": True}.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
        yield found


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was printed, in which there is never the token."""
    printed = capsys.readouterr()
    assert TOKEN not in printed.out + printed.err
    return printed.out + printed.err


def test_a_dry_run_says_it_all_and_asks_nobody(
    hub: Hub, finished: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert main(["push", str(finished.path), "--dry-run"]) == 0
    text = said(capsys)
    assert "to        <you>/text-classification (private; the hub was not asked whether it exists)" in text
    for path in finished.model_path.iterdir():
        assert path.name in text
    assert "card      README.md tells: Intended use, Results, Limits" in text
    assert "tokenizer.json holds words of the training texts" in text
    assert "no rows, no predictions, no logs" in text
    assert text.splitlines()[-1] == "nothing was uploaded" or "nothing was uploaded" in text
    assert main(["push", str(finished.path), "--dry-run", "--json", "--to", "firm/model", "--public"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["repo"], told["private"], told["uploaded"], told["exists"]) == ("firm/model", False, False, None)
    assert {each["name"]: each["bytes"] for each in told["files"]} == {
        path.name: path.stat().st_size for path in finished.model_path.iterdir()
    }
    assert hub.asked == []


def test_the_model_arrives_whole_and_private(hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(finished.path), "--yes", "--json"]) == 0
    told = json.loads(said(capsys).partition("\n}")[0] + "\n}")
    assert (told["repo"], told["exists"], told["url"]) == (NAME, False, f"{hub.url}/{NAME}")
    repository = hub.repositories[NAME]
    assert repository.private
    contents = {path.name: path.read_bytes() for path in finished.model_path.iterdir()}
    pointer = repository.files.pop("model.safetensors")
    assert isinstance(pointer, dict)
    assert hub.large == {pointer["oid"]: contents.pop("model.safetensors")}
    assert repository.files == contents
    assert sum("/commit/" in path for path in hub.paths("POST")) == 1


def test_xet_is_used_where_its_package_is(
    finished: Run, tmp_path: Path, sftcore: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    pytest.importorskip("hf_xet", reason="huggingface_hub uploads by Xet where hf_xet is installed")
    with serving() as found:
        online = {"HF_ENDPOINT": found.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "0", "HF_TOKEN": TOKEN}
        done = sftcore("push", str(finished.path), "--yes", **online, HF_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert any(path.startswith("/xet/v1/xorbs/") for path in found.paths("POST"))
    weights = found.repositories[NAME].files["model.safetensors"]
    assert isinstance(weights, dict)
    assert weights["size"] == (finished.model_path / "model.safetensors").stat().st_size
    assert not any("/lfs/" in path for path in found.paths("POST"))


def test_what_is_there_is_named_and_not_sent_again(hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    hub.repositories["firm/model"] = Repository(private=True, files={"README.md": b"old", "old.bin": b"1"})
    assert main(["push", str(finished.path), "--yes", "--to", "firm/model", "--public"]) == 0
    text = said(capsys)
    assert "firm/model (private; exists)" in text
    assert "stays so: its settings on the hub make it public" in text
    assert "stays     old.bin" in text
    assert [line.split()[0] for line in text.splitlines() if line.endswith("replaces")] == ["README.md"]
    assert hub.repositories["firm/model"].files["README.md"] != b"old"
    assert main(["push", str(finished.path), "--yes", "--to", "firm/model"]) == 0
    assert len(hub.paths("PUT")) == 1


def test_a_public_repository_is_no_place_for_what_is_private(
    hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories[NAME] = Repository(private=False)
    assert main(["push", str(finished.path), "--yes"]) == 2
    text = said(capsys)
    assert f"{NAME} exists and is public" in text
    assert "--public uploads to it all the same" in text
    assert hub.paths("POST") == []
    assert hub.repositories[NAME].files == {}
    assert main(["push", str(finished.path), "--yes", "--public"]) == 0
    assert "PUBLIC: everybody can read it" in said(capsys)
    assert "README.md" in hub.repositories[NAME].files


def test_a_new_public_repository_is_one(hub: Hub, finished: Run) -> None:
    assert main(["push", str(finished.path), "--yes", "--public", "--quiet"]) == 0
    assert not hub.repositories[NAME].private


def test_nobody_to_ask_is_no_yes(hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--json"]):
        assert main(["push", str(finished.path), *more]) == 2
        assert "--yes uploads without asking" in said(capsys)
    assert hub.paths("POST") == []


@pytest.mark.parametrize(("answer", "uploaded"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_the_answer_is_heard(
    hub: Hub,
    finished: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    uploaded: bool,
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("sftcore.cli.console.Console.is_terminal", True)
    assert main(["push", str(finished.path)]) == 0
    text = said(capsys)
    assert f"to {NAME}? [y/N]" in text
    assert ("nothing was uploaded" in text) is not uploaded
    assert (NAME in hub.repositories) is uploaded


@pytest.mark.parametrize("failing", ["/commit/", "/large/", "/repos/create"])
def test_a_failure_in_the_middle_leaves_nothing_half(
    hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    hub.failing = failing
    assert main(["push", str(finished.path), "--yes"]) == 2
    text = said(capsys)
    assert "the hub answered 500" in text
    assert "repeat the command" in text
    assert hub.repositories.get(NAME, Repository(True)).files == {}
    hub.failing = ""
    assert main(["push", str(finished.path), "--yes"]) == 0
    assert len(hub.repositories[NAME].files) == len(list(finished.model_path.iterdir()))


def test_without_token_or_connection_it_is_said(
    hub: Hub, finished: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", "hf_" + "another")
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "the hub refuses (401)" in said(capsys)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "http://127.0.0.1:9\n  the hub can't be reached" in said(capsys)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "HF_HUB_OFFLINE is set" in said(capsys)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    assert main(["push", str(finished.path), "--yes", "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]["kind"] == "HubError"
    assert "hf auth login, or set HF_TOKEN" in printed.err


def test_only_a_whole_run_is_uploaded(hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    card = finished.model_path / "README.md"
    content = card.read_bytes()
    card.write_bytes(content + b"\nThe best model.\n")
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "has changed since the run was sealed" in said(capsys)
    card.write_bytes(content)
    (finished.model_path / "notes.txt").write_text("mine")
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "was not there when the run was sealed" in said(capsys)
    (finished.path / "SHA256SUMS").unlink()
    assert main(["push", str(finished.path), "--yes"]) == 2
    assert "there is nothing to push yet" in said(capsys)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["a/b/c", "情感", "two words", "-dash"])
def test_names_that_no_repository_has(hub: Hub, finished: Run, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["push", str(finished.path), "--dry-run", f"--to={name}"]) == 2
    text = said(capsys)
    assert "--to\n" in text
    assert "no repository can have this name" in text
    assert hub.asked == []
