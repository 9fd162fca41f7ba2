"""From the place that a recipe names to tables: files, folders, saved data sets, the hub."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore import locations
from sftcore.components import Source
from sftcore.errors import DataError, Problem, did_you_mean
from sftcore.faults import raised
from sftcore.registry import Registry
from sftcore.resources import out_of_disk, out_of_memory

if TYPE_CHECKING:
    import datasets

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
SIDE_FILES = re.compile(
    r"[._].*|(readme|licen[cs]e|copying|notice|changelog|dataset_infos?|manifest)\b.*", re.IGNORECASE
)
"""Files in a folder that are about the data."""
_AS_CSV = "save it as CSV UTF-8 (Save as … in the spreadsheet), and give that file"
_UNPACK = "unpack it, and give the file or folder in it"
OTHER_FORMATS = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _AS_CSV),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".rar", ".7z"), _UNPACK),
    **dict.fromkeys((".doc", ".docx", ".pdf", ".html", ".xml"), "make a table of it, and save it as CSV UTF-8"),
    **dict.fromkeys(
        (".conll", ".conllu", ".bio", ".iob"), 'make JSON lines of it: {"tokens": [...], "ner_tags": [...]}'
    ),
    **dict.fromkeys((".pkl", ".pickle"), "pickles can run code when they are read; save the table as CSV or Parquet"),
}
"""What to do with files that no source reads, by their ending."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table: the name of its file (or hub split) for messages, and its own split ("" where it has none).

    `shape`: what the task recognised in it, a sentence; "" where it was as the task wants it.
    """

    name: str
    split: str
    table: datasets.Dataset
    shape: str = ""


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that was read: its name, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a place held. `notes` says what was guessed or changed on the way."""

    parts: tuple[Part, ...]
    files: tuple[FileRead, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def joint_fingerprint(fingerprints: Mapping[str, str]) -> str:
        """The SHA-256 of several places' fingerprints with the splits that they are for."""
        listed = "".join(f"{fingerprint}  {name}\n" for name, fingerprint in fingerprints.items())
        return hashlib.sha256(listed.encode()).hexdigest()


def fetch(location: str, folder: Path, encoding: str | None, registry: Registry) -> Fetched:
    """Read everything that a location names.

    Raises `DataError`: nothing is there, no source reads it, the source can't, or the hub can't be reached.
    """
    endings = [ending for entry in registry.entries("source") for ending in _claims(entry.cls, "endings")]
    scheme = locations.SCHEME.match(location)
    with _noted() as notes:
        if scheme and not location.startswith(locations.PACKAGE) and "/" not in location[: scheme.end() - 1]:
            parts = _from_scheme(location, scheme[1].lower(), encoding, registry)
            files: tuple[FileRead, ...] = ()
        elif locations.is_hub_id(location, folder, endings):
            parts, files = _from_hub(location, folder), ()
        else:
            parts, files = _from_paths(locations.resolve_all(location, folder), encoding, registry)
    if not parts:
        raise DataError(Problem(f"{location} holds no split that can be used"))
    fingerprint = _fingerprint(files) if files else _content_hash(parts)
    return Fetched(_in_order(parts), files, fingerprint, tuple(notes))


def split_name(name: str) -> str:
    """The split that a file or folder name speaks of ("dev-00001-of-2.csv" → "validation"), or ""."""
    first = re.split(r"[^A-Za-z]", name, maxsplit=1)[0]
    return SPLIT_OF.get(first.lower(), "")


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Collects what sources say by `warnings.warn`; warnings of other kinds go on as they were."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
    for warning in caught:
        if warning.category is UserWarning:
            notes.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _from_scheme(location: str, scheme: str, encoding: str | None, registry: Registry) -> list[Part]:
    entry = registry.source_for(location)
    if entry is None or scheme not in _claims(entry.cls, "schemes"):
        known = [name for each in registry.entries("source") for name in _claims(each.cls, "schemes")]
        near = did_you_mean(scheme, ["package", *known])
        advice = "download it and name the file, or install a plugin with a source for it"
        raise DataError(Problem(f"no source reads {scheme}: addresses{near}", value=location, advice=advice))
    return _parts(_load(entry.cls, location, encoding), location)


def _from_paths(
    paths: Sequence[Path], encoding: str | None, registry: Registry
) -> tuple[list[Part], tuple[FileRead, ...]]:
    if len(paths) == 1 and paths[0].is_dir() and _is_saved(paths[0]):
        names = sorted(path for path in paths[0].rglob("*") if path.is_file())
        return _saved(paths[0]), _hashes(names, paths[0])
    if len(paths) == 1 and paths[0].is_dir():
        base, files = paths[0], _readable(paths[0], registry)
    else:
        base, files = Path(os.path.commonpath([path.parent for path in paths])), list(paths)
    splits = _splits_of(files, base)
    if any(splits):
        ignored = [file.name for file, split in zip(files, splits, strict=True) if not split]
        if ignored:
            listed = ", ".join(ignored[:5])
            warnings.warn(f"left out {listed}: the files beside it are named after splits", stacklevel=2)
        pairs = [(file, split) for file, split in zip(files, splits, strict=True) if split]
        files, splits = [file for file, _ in pairs], [split for _, split in pairs]
    parts = [
        part
        for file, split in zip(files, splits, strict=True)
        for part in _read_file(file, base, split, encoding, registry, several=len(files) > 1)
    ]
    return parts, _hashes(files, base)


def _splits_of(files: Sequence[Path], base: Path) -> list[str]:
    """The split of each file by its name or its folder's; all "" unless one of them is for training."""
    splits = [
        split_name(file.stem) or (split_name(file.relative_to(base).parts[0]) if file.parent != base else "")
        for file in files
    ]
    return splits if "train" in splits and len(set(splits)) > 1 else [""] * len(files)


def _readable(folder: Path, registry: Registry) -> list[Path]:
    """The files of a folder, at any depth, of the one format that it holds."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not SIDE_FILES.match(path.name)
        and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    ]
    formats = {path: entry.name for path in found if (entry := registry.source_for(str(path)))}
    counts = Counter(formats.values())
    if len(counts) == 1:
        return list(formats)
    if not counts:
        there = sorted(path.name for path in folder.rglob("*") if path.is_file())
        names = ", ".join(there[:5]) + (" …" if len(there) > 5 else "") if there else "it is empty"
        advice = f"files that are read: {', '.join(_endings(registry))}"
        raise DataError(Problem(f"no file of this folder can be read ({names})", where=str(folder), advice=advice))
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    advice = f'name the files, as in "{folder.name}/*{next(iter(formats)).suffix}"'
    raise DataError(Problem(f"the folder holds files of several formats ({listed})", where=str(folder), advice=advice))


def _read_file(
    file: Path, base: Path, split: str, encoding: str | None, registry: Registry, several: bool
) -> list[Part]:
    entry = registry.source_for(file.name)
    if entry is None:
        advice = OTHER_FORMATS.get(file.suffix.lower(), "")
        near = "" if advice else did_you_mean(file.suffix or file.name, _endings(registry))
        message = f"no source reads {file.suffix or 'files without ending'}{near}"
        raise DataError(Problem(message, where=str(file), advice=advice))
    parts = _parts(_load(entry.cls, str(file), encoding), file.relative_to(base).as_posix(), split)
    if not several:
        return parts
    marks = {"file": file.name.partition(".")[0], "folder": file.absolute().parent.name}
    return [Part(part.name, part.split, _with_columns(part.table, marks)) for part in parts]


def _endings(registry: Registry) -> list[str]:
    """The plain endings of files that some source reads."""
    claimed = {ending for entry in registry.entries("source") for ending in _claims(entry.cls, "endings")}
    return sorted(ending for ending in claimed if ending.count(".") == 1)


def _with_columns(table: datasets.Dataset, constants: dict[str, str]) -> datasets.Dataset:
    """The table with a column of one value for each name that it lacks."""
    import pyarrow as pa

    for name, value in constants.items():
        if name not in table.column_names:
            column = pa.repeat(pa.scalar(value, pa.large_string()), len(table))
            table = table.add_column(name, column, new_fingerprint=f"{table._fingerprint}-{name}")
    return table


def _load(cls: type[Any], location: str, encoding: str | None) -> Any:
    from datasets import Dataset, DatasetDict

    source = cls()
    try:
        loaded = source.load(location, encoding=encoding)
    except DataError:
        raise
    except Exception as error:  # a guest's source may raise anything
        _raise_if_full(error)
        advice = 'say in data.encoding how the file is written ("gbk")' if isinstance(error, UnicodeDecodeError) else ""
        message = f"the source {cls.name} failed: {raised(cls, error)}"
        raise DataError(Problem(message, where=location, advice=advice)) from error
    if not isinstance(loaded, Dataset | DatasetDict):
        message = f"the source {cls.name} gave {type(loaded).__name__}; a datasets.Dataset or DatasetDict was expected"
        raise DataError(Problem(message, where=location, advice="this is a mistake of the plugin: tell its author"))
    return loaded


def _raise_if_full(error: Exception) -> None:
    """Raise the error again where it tells that disk or memory ran out: that is no fault of the data."""
    if out_of_disk(error) or out_of_memory(error):
        raise error


def _parts(loaded: Any, name: str, split: str = "") -> list[Part]:
    """The tables of a Dataset or DatasetDict; splits of unknown names are left out, with a warning."""
    if not isinstance(loaded, dict):
        return [Part(name, split, loaded)]
    if len(loaded) == 1 and not split:
        return [Part(name, "", next(iter(loaded.values())))]
    named = {key: split_name(key) for key in loaded}
    ignored = [key for key, known in named.items() if not known]
    if ignored and len(ignored) < len(loaded):
        warnings.warn(f"left out the splits {', '.join(ignored)} of {name}", stacklevel=2)
    if len(ignored) == len(loaded):
        return [Part(f"{name} {key}", split, table) for key, table in loaded.items()]
    return [Part(f"{name} {key}", named[key], table) for key, table in loaded.items() if named[key]]


def _is_saved(folder: Path) -> bool:
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def _saved(folder: Path) -> list[Part]:
    from datasets import load_from_disk

    try:
        return _parts(load_from_disk(str(folder)), folder.name)
    except Exception as error:  # datasets raises whatever its readers do
        _raise_if_full(error)
        message = f"the saved data set can't be read: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(Problem(message[:300], where=str(folder))) from error


def _from_hub(location: str, folder: Path) -> list[Part]:
    from datasets import load_dataset

    name, _, config = location.partition(":")
    try:
        return _parts(load_dataset(name, config or None), location)
    except Exception as error:  # from the hub's library, httpx, or the reader of the files
        _raise_if_full(error)
        raise DataError(_hub_problem(location, folder, error)) from error


def _hub_problem(location: str, folder: Path, error: Exception) -> Problem:
    """Say first that no such file is here, then why the hub does not help."""
    here = locations.near_file(location, folder)
    message = f"there is no file or folder {location}" + (f"; did you mean {here}?" if here else "")
    text = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    if locations.is_offline():
        why = "HF_HUB_OFFLINE is set and the hub's data set of that name is not in the cache"
    elif isinstance(error, ConnectionError) or "onnect" in type(error).__name__:
        why = "the hub can't be reached"
    else:
        why = f"the hub's data set can't be had: {text}"
    advice = "elsewhere: datasets.load_dataset(name).save_to_disk(folder); then give that folder as the source"
    return Problem(f"{message}\n{why}", advice=advice)


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Training parts first, then validation and test; within a split as they came."""
    order = ["", *SPLIT_NAMES]
    return tuple(sorted(parts, key=lambda part: order.index(part.split)))


def _claims(cls: type[Any], what: str) -> Sequence[str]:
    claims: Sequence[str] = getattr(cls, what) if issubclass(cls, Source) else ()
    return claims


def _hashes(files: Sequence[Path], base: Path) -> tuple[FileRead, ...]:
    found = []
    for file in files:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        found.append(FileRead(file.relative_to(base).as_posix(), digest))
    return tuple(found)


def _fingerprint(files: Sequence[FileRead]) -> str:
    """The SHA-256 of the one file, or of the list of several as `sha256sum` prints it."""
    if len(files) == 1:
        return files[0].sha256
    return hashlib.sha256("".join(f"{file.sha256}  {file.name}\n" for file in files).encode()).hexdigest()


def _content_hash(parts: Sequence[Part]) -> str:
    """The SHA-256 of the tables as an Arrow stream, for what did not come from files."""
    import pyarrow as pa

    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.name}\n{part.split}\n{part.table.column_names}\n".encode())
        for batch in part.table.with_format("arrow").iter(10_000):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_table(batch.combine_chunks())
            digest.update(sink.getvalue())
    return digest.hexdigest()
