"""Where things lie: files, folders, globs, installed packages; and what is meant for the hub.

`package:<import name>/<path>` names a file in an installed package, which is looked up and never imported.
"""

from __future__ import annotations

import difflib
import glob
import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sftcore.errors import DataError, Problem, did_you_mean, nearest, nearest_file

PACKAGE = "package:"
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
HUB_CONFIG = re.compile(r"(?P<id>[^:\\]+)(:(?P<config>[A-Za-z0-9][A-Za-z0-9._-]*))?")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
GLOB = re.compile(r"[*?\[{]")
BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
FILE_ENDINGS = frozenset(
    {
        ".csv",
        ".tsv",
        ".tab",
        ".json",
        ".jsonl",
        ".ndjson",
        ".parquet",
        ".arrow",
        ".txt",
        ".text",
        ".gz",
        ".bz2",
        ".xz",
        ".zst",
        ".zip",
        ".tar",
        ".xls",
        ".xlsx",
        ".ods",
        ".doc",
        ".docx",
        ".pdf",
        ".html",
        ".xml",
        ".yaml",
        ".yml",
        ".toml",
        ".md",
        ".sqlite",
        ".db",
        ".pkl",
        ".pickle",
        ".gguf",
        ".safetensors",
        ".bin",
        ".pt",
        ".pth",
        ".onnx",
    }
)
"""What makes a bare name a file name and not a hub id."""


def resolve(location: str, folder: Path) -> Path:
    """The one file or folder that the location names; a relative path is relative to `folder`.

    Takes `package:<import name>/<path>` and globs that match a single file. Raises `DataError` with the nearest
    name where there is nothing.
    """
    found = resolve_all(location, folder)
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5]) + (" …" if len(found) > 5 else "")
        raise DataError(Problem(f"{location} names {len(found)} files ({names}); one was expected"))
    return found[0]


def resolve_all(location: str, folder: Path) -> list[Path]:
    """Every file or folder that the location names, at least one: a glob's files sorted by name.

    Globs know `*`, `?`, `[abc]`, `**` and `{one,other}`. Raises `DataError` as `resolve` does.
    """
    if location.startswith(PACKAGE):
        package, _, inside = location.removeprefix(PACKAGE).replace("\\", "/").strip("/").partition("/")
        roots, pattern = package_folders(package), inside
    else:
        roots, pattern = [folder], os.path.expanduser(location)
    for root in roots:
        found = _matches(pattern, root)
        if found:
            _require_choices(pattern, root)
            return found
    raise DataError(_missing(location, pattern, roots[0]))


def package_folders(package: str) -> list[Path]:
    """The folders of an installed package, found without importing it.

    Raises `DataError` with the nearest package and a hint to install it.
    """
    if package.isidentifier():
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.submodule_search_locations:
            return [Path(place) for place in spec.submodule_search_locations]
        if spec is not None and spec.origin and Path(spec.origin).is_file():
            return [Path(spec.origin).parent]
    folders = list(_distribution_folders(package))
    if not folders:
        raise DataError(_no_package(package))
    return folders


def is_hub_id(location: str, folder: Path, endings: Iterable[str] = ()) -> bool:
    """Whether a location can only be meant for the hub: `name`, `owner/name`, `owner/name:config`.

    Whatever looks like a path is none: it exists, begins like a path, ends like a file (`endings` besides the
    usual ones, misspelt ones too), or its first part is a folder here.
    """
    matched = HUB_CONFIG.fullmatch(location)
    if matched is None or HUB_ID.fullmatch(matched["id"]) is None:
        return False
    if matched["config"] and SCHEME.match(location) and "/" not in matched["id"]:
        return False
    head, slash, _ = location.partition("/")
    if os.path.exists(folder / location) or (slash and os.path.isdir(folder / head)):
        return False
    ending = Path(matched["id"]).suffix.lower()
    known = FILE_ENDINGS | {claimed.lower() for claimed in endings}
    return not (re.fullmatch(r"\.[a-z]\w*", ending) and difflib.get_close_matches(ending, known, 1, 0.7))


def is_offline() -> bool:
    """Whether the environment forbids the hub."""
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    return any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in names)


def near_file(location: str, folder: Path) -> str | None:
    """The name of a file or folder beside which the location was probably meant, or None."""
    parent = folder / Path(location).parent
    inside = [child.name for child in parent.iterdir()] if os.path.isdir(parent) else []
    close = nearest_file(Path(location).name, inside)
    return close and (Path(location).parent / close).as_posix()


def _matches(pattern: str, root: Path) -> list[Path]:
    path = root / pattern
    if os.path.exists(path):  # unlike Path.exists it takes a name that no file system does for an absent one
        return [path]
    if not GLOB.search(pattern):
        return []
    found = {
        name
        for choice in _without_braces(pattern)
        for name in glob.glob(str(Path(glob.escape(str(root))) / choice), recursive=True)
    }
    return [Path(name) for name in sorted(found) if Path(name).is_file()]


def _require_choices(pattern: str, root: Path) -> None:
    """Raise `DataError` for what stands in braces and matches nothing: `{neg,pos}.txt` asks for both."""
    if not BRACES.search(pattern) or os.path.exists(root / pattern):
        return
    for choice in _without_braces(pattern):
        if not _matches(choice, root):
            raise DataError(_missing(choice, choice, root))


def _without_braces(pattern: str) -> Iterator[str]:
    """`{a,b}.txt` → `a.txt`, `b.txt`."""
    braces = BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    for choice in braces[1].split(","):
        yield from _without_braces(pattern[: braces.start()] + choice + pattern[braces.end() :])


def _distribution_folders(name: str) -> Iterator[Path]:
    """Where a distribution without an import package of that name keeps its files."""
    try:
        files: Sequence[importlib.metadata.PackagePath] = importlib.metadata.files(name) or ()
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return
    heads = sorted({file.parts[0] for file in files if len(file.parts) > 1 and file.parts[0] != ".."})
    base = Path(str(files[0].locate())).parents[len(files[0].parts) - 1] if files else Path()
    yield from (base / head for head in heads if not head.endswith((".dist-info", ".egg-info", "__pycache__")))


def _no_package(package: str) -> Problem:
    if not package:
        return Problem("after package: the import name of an installed package was expected", value=PACKAGE)
    known = sorted(importlib.metadata.packages_distributions())
    close = nearest(package, known)
    message = f"no package {package} is installed" + (f"; did you mean {PACKAGE}{close}?" if close else "")
    advice = (
        f"pip install {package.replace('_', '-')} (package: takes the name that is imported, which may differ from "
        "the name that is installed)"
    )
    return Problem(message, advice=advice)


def _missing(location: str, pattern: str, root: Path) -> Problem:
    """What to say of a place where nothing is: the deepest folder that exists, and the nearest name in it."""
    if any(ord(letter) < 32 for letter in location):
        advice = "in TOML a backslash within double quotes begins an escape: write / or use single quotes"
        return Problem("the path contains a control character", value=repr(location)[1:-1], advice=advice)
    if "\\" in pattern and _matches(pattern.replace("\\", "/"), root):
        return Problem(f"{location} does not exist", advice=f"write {location.replace(chr(92), '/')}")
    if re.match(r"[A-Za-z]:[\\/]", location) and os.name != "nt":
        advice = "give the path that the file has here (under WSL C:\\ is /mnt/c/)"
        return Problem(f"{location} is a path of Windows, and this is {platform.system()}", advice=advice)
    place = root / (pattern[: found.start()] + "x" if (found := GLOB.search(pattern)) else pattern)
    name, parent = place.name, place.parent
    while not os.path.isdir(parent) and parent != parent.parent:
        name, parent = parent.name, parent.parent
    inside = sorted(child.name for child in parent.iterdir() if not child.name.startswith((".", "__")))
    where = "its folder" if parent == place.parent else f"the folder {parent.name}"
    what = "matches no file" if found else "does not exist"
    if found and parent != place.parent:
        what, found = f"matches no file: there is no folder {name}", None
    near = did_you_mean("" if found else name, inside, nearest_file).replace("; there is ", f"; {where} has ")
    near = near or f"; {where} is empty"
    return Problem(f"{location} {what}{near}", advice=_beside(root, pattern))


def _beside(root: Path, pattern: str) -> str:
    """Where a relative path was looked for, for those who think of the working directory."""
    if Path(pattern).is_absolute() or not os.path.exists(pattern):
        return ""
    return "relative paths are relative to the recipe's folder, not to the working directory"
