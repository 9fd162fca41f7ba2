from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sftcore.reporter import SilentReporter
from sftcore.training import checkpoints
from sftcore.training.checkpoints import MANIFEST, fault, newest_whole, publish, rotate


class Told(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def save(folder: Path, step: int) -> Path:
    staged = folder / f"{checkpoints.STAGING}{step}" / f"checkpoint-{step}"
    (staged / "deeper").mkdir(parents=True)
    (staged / "model.safetensors").write_bytes(bytes(range(256)) * step)
    (staged / "deeper" / "state.json").write_text(f'{{"step": {step}}}')
    return publish(staged, folder)


def steps(folder: Path) -> list[int]:
    return [checkpoints.step_of(path) for path in checkpoints.checkpoints(folder)]


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(place: float) -> Callable[[Path], None]:
    def flipped(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 4
        path.write_bytes(content)

    return flipped


def test_a_file_system_that_can_t_flush_names_gets_checkpoints_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", only_files)
    assert fault(save(tmp_path, 3)) == ""
    assert steps(tmp_path) == [3]


DAMAGE: dict[str, Callable[[Path], None]] = {
    "absent": Path.unlink,
    "empty": empty,
    "half": halve,
    "first byte": flip(0),
    "a bit in the middle": flip(0.5),
    "a bit near the end": flip(0.97),
    "last byte": flip(1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", ["model.safetensors", "deeper/state.json", MANIFEST])
def test_every_damage_is_seen_and_the_older_checkpoint_used(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    older, newer, told = save(tmp_path, 5), save(tmp_path, 10), Told()
    damage(newer / name)
    assert newest_whole(tmp_path, told) == older
    assert len(told.warnings) == 1
    assert Path(name).name in told.warnings[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5", "damaged-checkpoint-10"]
    assert save(tmp_path, 10) == newest_whole(tmp_path, told)


def test_every_single_bit_of_the_manifest_counts(tmp_path: Path) -> None:
    manifest = save(tmp_path, 3) / MANIFEST
    whole = manifest.read_bytes()
    for place in range(len(whole)):
        manifest.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert fault(manifest.parent) == f"{MANIFEST} is damaged", place


def test_what_was_left_half_written_is_removed(tmp_path: Path) -> None:
    save(tmp_path, 5)
    (tmp_path / ".staging-10" / "checkpoint-10").mkdir(parents=True)
    (tmp_path / ".staging-removed-checkpoint-1").mkdir()
    assert newest_whole(tmp_path, Told()) == tmp_path / "checkpoint-5"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-5"]


def test_steps_are_compared_as_numbers_and_other_names_ignored(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save(tmp_path, step)
    (tmp_path / "checkpoint-best-of-2025").mkdir()
    (tmp_path / "checkpoint-999").write_text("a file")
    assert steps(tmp_path) == [100, 10, 9]


def test_no_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert newest_whole(tmp_path / "absent", Told()) is None


def test_rotation_keeps_the_newest_the_best_and_what_is_not_ours(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4, 5):
        save(tmp_path, step)
    (tmp_path / "checkpoint-best-of-2025").mkdir()
    (tmp_path / "checkpoint-0").mkdir()
    rotate(tmp_path, 2, best_step=2)
    assert steps(tmp_path) == [5, 4, 2, 0]
    assert (tmp_path / "checkpoint-best-of-2025").is_dir()
    assert not list(tmp_path.glob(".staging*/checkpoint-*"))


def test_rotation_without_a_limit_keeps_all(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step)
    rotate(tmp_path, None, None)
    assert steps(tmp_path) == [3, 2, 1]


def test_the_manifest_lists_hash_and_size_of_every_file(tmp_path: Path) -> None:
    listed = json.loads((save(tmp_path, 2) / MANIFEST).read_text())["files"]
    assert {name: entry["bytes"] for name, entry in listed.items()} == {
        "model.safetensors": 512,
        "deeper/state.json": 11,
    }


def test_a_checkpoint_of_the_same_step_is_not_overwritten(tmp_path: Path) -> None:
    first = save(tmp_path, 2)
    (first / "note.txt").write_text("mine")
    save(tmp_path, 2)
    assert (tmp_path / "damaged-checkpoint-2" / "note.txt").read_text() == "mine"
    assert not fault(tmp_path / "checkpoint-2")
