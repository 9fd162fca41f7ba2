"""Where a run was carried out: machine, packages and plugins, with hashes. No host name, no variables, no secret."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sftcore.plugin_loading import is_editable

PACKAGES = (
    "sftcore",
    "accelerate",
    "charset-normalizer",
    "datasets",
    "evaluate",
    "ftfy",
    "numpy",
    "peft",
    "pyarrow",
    "pydantic",
    "rapidfuzz",
    "safetensors",
    "scikit-learn",
    "stopwordsiso",
    "tokenizers",
    "torch",
    "transformers",
)
"""The packages that can change rows, weights or figures."""


def environment() -> dict[str, Any]:
    """Python, operating system, processor, memory in bytes, GPUs (where torch is loaded) and packages."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": _cores(),
        "memory": _memory(),
        "gpus": _gpus(),
        "packages": {name: found for name in PACKAGES if (found := package(name))},
    }


@cache
def package(name: str, module: str = "") -> dict[str, str]:
    """Version and hash of an installed distribution; {} where it is not installed.

    `sha256` is over its RECORD (the hash of every installed file); for an editable installation, which has
    none of use, over the .py files of its modules (`module` names one, default: the distribution's name).
    """
    tree = module or name.replace("-", "_")
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return {"version": "", "editable": "yes", "sha256": digest} if (digest := tree_sha256([tree])) else {}
    if is_editable(found):
        return {"version": found.version, "editable": "yes", "sha256": tree_sha256([tree, *_modules(found)])}
    return {"version": found.version, "sha256": _record_sha256(found)}


def tree_sha256(modules: Iterable[str]) -> str:
    """A hash over names and contents of the .py files of top-level modules; "" where there are none."""
    digest, seen = hashlib.sha256(), False
    for module in sorted({name.partition(".")[0] for name in modules}):
        for name, path in _sources(module):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{content}  {module}/{name}\n".encode())
            seen = True
    return digest.hexdigest() if seen else ""


def _sources(module: str) -> Iterator[tuple[str, Path]]:
    """The .py files of a module that can be imported, without importing it."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for folder in sorted(spec.submodule_search_locations or ()):
        for path in sorted(Path(folder).rglob("*.py")):
            yield path.relative_to(folder).as_posix(), path
    if not spec.submodule_search_locations and spec.origin and spec.origin.endswith(".py"):
        yield "", Path(spec.origin)


def _record_sha256(found: Distribution) -> str:
    """Of the lines that carry a hash, without metadata: the same for the same wheel, whoever installs it."""
    lines = (found.read_text("RECORD") or "").splitlines()
    kept = sorted(line for line in lines if ",sha256=" in line and ".dist-info/" not in line and "../" not in line)
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _modules(found: Distribution) -> list[str]:
    """Top-level modules that the distribution's entry points name."""
    return [entry.module for entry in found.entry_points]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
