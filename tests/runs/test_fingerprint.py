from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore.runs import environment as machine
from sftcore.runs.environment import environment, package, tree_sha256
from sftcore.runs.fingerprint import changes, fingerprint, flatten

VALUES = {
    "name": "a",
    "report": {"texts": True},
    "train": {"learning_rate": 5e-5},
    "preprocess": [{"use": "sftcore:lowercase", "on": ["text"]}],
}


def made(values: dict[str, Any], plugins: list[Any] | None = None, **options: Any) -> dict[str, Any]:
    recipe: Any = SimpleNamespace(resolved=lambda: values, model=SimpleNamespace(adapter=None))
    registry: Any = SimpleNamespace(participants=lambda recipe: plugins or [])
    given = {"data_sha256": "d", "base_sha256": "b", "threads": 2, **options}
    return fingerprint(recipe, registry=registry, **given)


def test_leaves_have_dotted_keys_and_empty_lists_count() -> None:
    assert dict(flatten({"a": {"b": [1, {"c": None}]}, "d": [], "e": {}})) == {
        "a.b.0": 1,
        "a.b.1.c": None,
        "d": [],
        "e": {},
    }


def test_changes_survive_the_way_through_json() -> None:
    old = json.loads(json.dumps(made(VALUES)))
    assert changes(old, made(VALUES)) == []
    new = made(VALUES | {"train": {"learning_rate": 1e-4}, "preprocess": []}, data_sha256="e", threads=1)
    assert [key for key, _, _ in changes(old, new)] == [
        "data.sha256",
        "recipe.preprocess",
        "recipe.preprocess.0.on.0",
        "recipe.preprocess.0.use",
        "recipe.train.learning_rate",
        "threads",
    ]


def test_null_is_not_absent() -> None:
    assert changes({"a": None}, {}) == [("a", "null", "absent")]
    assert changes({"a": 1}, {"a": True}) == [("a", "1", "true")]


def test_name_and_report_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = VALUES | {"name": "b", "report": {"texts": False}}
    assert made(VALUES) == made(renamed)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert [key for key, _, _ in changes(made(VALUES), made(renamed, data_sha256="d"))] == []
    assert made(VALUES)["processes"] == 2


def test_trackers_do_not_count() -> None:
    for trackers in ("tensorboard", ["wandb", "mlflow"]):
        told = VALUES | {"train": {"learning_rate": 5e-5, "report_to": trackers}}
        assert changes(made(VALUES), made(told)) == []


def test_versions_and_participants_count() -> None:
    plugin = SimpleNamespace(distribution="pluggy", entry_point="pluggy")
    found = made(VALUES, [plugin], precision="bf16")
    assert found["packages"]["python"] == ".".join(platform.python_version_tuple()[:2])
    assert found["packages"]["transformers"].count(".") == 2
    assert found["packages"]["sftcore"]["sha256"]
    assert set(found["plugins"]) == {"pluggy"}
    assert len(found["plugins"]["pluggy"]["sha256"]) == 64
    assert found["precision"] == "bf16"
    assert "peft" not in found["packages"]


def test_the_environment_tells_the_machine_and_nothing_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_mine")
    found = environment()
    assert found["cores"] >= 1
    assert found["memory"] > 1 << 28
    assert found["processor"]
    text = json.dumps(found)
    assert "hf_secret_of_mine" not in text
    assert str(Path.home()) + "/" not in text
    assert platform.node() not in text
    assert sys.prefix not in text


def test_the_hash_of_a_wheel_is_that_of_its_files() -> None:
    first = package("click")
    assert set(first) == {"version", "sha256"}
    assert package("no-such-distribution") == {}
    assert first["sha256"] != package("pluggy")["sha256"]


def test_who_installed_a_wheel_does_not_change_its_hash() -> None:
    lines = [
        "a/__init__.py,sha256=x,1",
        "a-1.dist-info/INSTALLER,sha256=y,4",
        "a/__pycache__/a.pyc,,",
        "b.py,sha256=z,2",
    ]
    one: Any = SimpleNamespace(read_text=lambda name: "\n".join(lines))
    other: Any = SimpleNamespace(read_text=lambda name: "\n".join([lines[3], lines[0], "../../bin/a,sha256=q,9"]))
    changed: Any = SimpleNamespace(read_text=lambda name: "\n".join(lines).replace("=z", "=w"))
    hashes = [machine._record_sha256(found) for found in (one, other, changed)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_source_tree_is_hashed_by_its_python_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "treeish"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "inner" / "a.py").write_text("x = 1")
    first = tree_sha256(["treeish"])
    (folder / "notes.txt").write_text("no code")
    assert tree_sha256(["treeish", "treeish.inner"]) == first
    (folder / "inner" / "a.py").write_text("x = 2")
    assert tree_sha256(["treeish"]) != first
    assert tree_sha256(["no_such_module_here"]) == ""
    (tmp_path / "single_file_plugin.py").write_text("y = 1")
    digest = hashlib.sha256(b"y = 1").hexdigest()
    line = f"{digest}  single_file_plugin/\n".encode()
    assert tree_sha256(["single_file_plugin"]) == hashlib.sha256(line).hexdigest()


def test_an_editable_installation_is_hashed_by_its_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "editable_thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: editable-thing\nVersion: 1.0\n")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    (info / "entry_points.txt").write_text("[sftcore]\nthing = othername.hooks\n")
    (tmp_path / "othername").mkdir()
    (tmp_path / "othername" / "hooks.py").write_text("x = 1")
    (tmp_path / "othername" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    machine.package.cache_clear()
    assert package("editable-thing") == {"version": "1.0", "editable": "yes", "sha256": tree_sha256(["othername"])}


def test_the_run_folder_costs_no_torch() -> None:
    code = "import sys; import sftcore.runs.folder, sftcore.runs.seal, sftcore.serving, sftcore.runs.verify; "
    code += "print([name for name in ('torch', 'transformers', 'datasets', 'pyarrow') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
