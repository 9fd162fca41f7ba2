from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore.errors import ResourceError, RunError
from sftcore.runs import files

LIMITED = """
import resource, sys
from pathlib import Path
from sftcore.errors import ResourceError
from sftcore.runs import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write_bytes(Path(sys.argv[1]), b"x" * 5000)
except ResourceError as error:
    sys.exit(error.exit_code)
"""


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old\r\n文")

    def break_off() -> None:
        with files.replacing(path) as file:
            file.write(b"new")
            assert path.read_bytes() == "old\r\n文".encode()
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half"):
        break_off()
    assert path.read_bytes() == "old\r\n文".encode()
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_beyond_what_the_system_allows_is_a_resource_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], check=False)
    assert done.returncode == 4
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["big"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(ResourceError, match="No space left on device") as caught:
        files.write_json(tmp_path / "lock.json", {"a": 1})
    assert caught.value.exit_code == 4
    assert os.listdir(tmp_path) == []


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file/a\.json"):
        files.write_json(tmp_path / "file" / "a.json", 1)


def test_json_has_no_nan_keeps_order_and_takes_arrays(tmp_path: Path) -> None:
    value = {"b": float("nan"), "a": np.float32(0.5), "n": np.arange(2), "t": (True, None), "p": Path("x"), "s": {2, 1}}
    files.write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    expected = {"b": None, "a": 0.5, "n": [0, 1], "t": [True, None], "p": "x", "s": [1, 2]}
    assert json.loads(text) == expected
    assert list(json.loads(text)) == list("bantps")
    assert text.endswith("}\n")


def test_copy_and_hash(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    (tmp_path / "a").write_bytes(content)
    files.copy(tmp_path / "a", tmp_path / "b")
    assert files.sha256(tmp_path / "b") == hashlib.sha256(content).hexdigest()


def test_only_our_unfinished_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    ours = tmp_path / "model" / f".x.bin.77{files.PART}"
    theirs = [tmp_path / f"notes{files.PART}", tmp_path / ".hidden", tmp_path / "model" / "x.bin"]
    for path in (ours, *theirs):
        path.write_text("")
    files.remove_parts(tmp_path)
    assert set(files.walk(tmp_path)) == set(theirs)
