"""Where the base model is: on the hub, in a directory, in an installed package, or nowhere."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sftcore import locations
from sftcore.errors import ModelError, Problem, SftcoreError, did_you_mean
from sftcore.models.calls import first_line
from sftcore.models.gguf import ENDING, gguf_flaw
from sftcore.models.weight_files import weights_flaw
from sftcore.resources import out_of_disk, out_of_memory

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""What is fetched: configurations, vocab.json, merges.txt and vocab.txt, spiece.model, chat templates, weights."""


@dataclass(frozen=True, slots=True)
class Base:
    """Where a run starts: a local directory (None: from nothing), the hub's commit, and a hash of the content.

    `gguf_file` is the name of the one file in the directory that is the model, "" where the directory is.
    """

    name: str
    path: Path | None
    commit: str = ""
    sha256: str = ""
    gguf_file: str = ""

    @property
    def keywords(self) -> dict[str, Any]:
        """What each `from_pretrained` of configuration, tokenizer and model takes besides the path."""
        return {"local_files_only": True, **({"gguf_file": self.gguf_file} if self.gguf_file else {})}


def locate_base(recipe: Recipe) -> Base:
    """Find the base model, downloading it from the hub where it is a hub id.

    Raises `ModelError` with what there is instead.
    """
    _require_libraries(recipe)
    name = recipe.model.base
    if name is None:
        text = recipe.model.model_dump_json(include={"scratch"})
        return Base("from nothing", None, sha256=hashlib.sha256(text.encode()).hexdigest())
    if locations.is_hub_id(name, recipe.folder):
        path = _download(recipe, name)
        _require_config(recipe, path)
        _require_weights(recipe, path)
        return Base(name, path, commit=path.name, sha256=path.name)
    try:
        path = locations.resolve(name, recipe.folder)
    except SftcoreError as error:
        found = error.problems[0]
        raise ModelError(recipe.problem("model.base", found.message, found.advice)) from error
    if path.suffix.lower() == ENDING and path.is_file():
        return _gguf(recipe, name, path)
    if not (path / "config.json").is_file():
        raise ModelError(_no_model(recipe, path))
    _require_weights(recipe, path)
    return Base(name, path, sha256=_directory_hash(path))


def _require_libraries(recipe: Recipe) -> None:
    """Raise `ModelError` with the pip command for what the recipe needs and is not installed."""
    scratch, problems = recipe.model.scratch, []
    if recipe.model.adapter is not None and find_spec("peft") is None:
        message, advice = "adapters need the package peft, which is not installed", 'pip install "sftcore[peft]"'
        problems.append(recipe.problem("model.adapter", message, advice))
    if scratch and scratch.tokenizer.kind == "unigram" and find_spec("sentencepiece") is None:
        message = "unigram pieces are learned by the package sentencepiece, which is not installed"
        advice = 'pip install "sftcore[unigram]", or take "bpe"'
        problems.append(recipe.problem("model.scratch.tokenizer.kind", message, advice))
    if problems:
        raise ModelError(*problems)


def _require_config(recipe: Recipe, path: Path) -> None:
    if not (path / "config.json").is_file():
        message = "this repository of the hub has no config.json, so it holds no transformers model"
        advice = "of a repository with GGUF files download one, and name the file"
        raise ModelError(recipe.problem("model.base", message, advice))


def _require_weights(recipe: Recipe, path: Path) -> None:
    message, advice = weights_flaw(path)
    if message:
        raise ModelError(recipe.problem("model.base", message, advice))


def _gguf(recipe: Recipe, name: str, path: Path) -> Base:
    message, advice = gguf_flaw(path)
    if message:
        raise ModelError(recipe.problem("model.base", message, advice))
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Base(name, path.parent, sha256=digest, gguf_file=path.name)


def _no_model(recipe: Recipe, path: Path) -> Problem:
    if path.is_file():
        message = "a directory with config.json was expected, this is a file"
        advice = f"give its directory: {Path(str(recipe.model.base)).parent}" if _beside(path) else ""
        return recipe.problem("model.base", message, advice)
    if packed := sorted(child.name for child in path.glob(f"*{ENDING}")):
        message = f"no config.json in this directory, but the GGUF file {packed[0]}"
        return recipe.problem("model.base", message, f"name the file: {str(recipe.model.base).rstrip('/')}/{packed[0]}")
    inside = [child.parent.name for child in path.glob("*/config.json")]
    message = "no config.json in this directory, so it holds no transformers model"
    return recipe.problem("model.base", message + did_you_mean(path.name, inside), f"looked in {recipe.model.base}")


def _beside(file: Path) -> bool:
    return (file.parent / "config.json").is_file()


def _download(recipe: Recipe, name: str) -> Path:
    """The snapshot's directory, which the hub's library names after the commit."""
    from huggingface_hub import snapshot_download

    revision = recipe.model.revision
    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=list(HUB_FILES)))
        if not any(path.glob("*.safetensors")):
            path = Path(snapshot_download(name, revision=revision, allow_patterns=[*HUB_FILES, "pytorch_model*.bin"]))
    except Exception as error:  # the hub's library raises a dozen kinds, from httpx to its own
        if out_of_disk(error) or out_of_memory(error):
            raise
        offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
        why = "HF_HUB_OFFLINE is set and it is not in the cache" if offline else first_line(error, 120)
        here = locations.near_file(name, recipe.folder)
        near = f" (did you mean {here}?)" if here and (recipe.folder / here).is_dir() else ""
        message = f"not a directory here{near}, and the hub's model {name} ({revision}) can't be had: {why}"
        advice = "give a directory, package:<import name>/<path>, or download it where there is a connection"
        raise ModelError(recipe.problem("model.base", message, advice)) from error
    return path


def _directory_hash(path: Path) -> str:
    """Of names and contents, without what is hidden: `.git`, and `.cache`, where the hub's client notes when it looked,
    are no part of the model."""
    digest = hashlib.sha256()
    for file in sorted(child for child in path.rglob("*") if child.is_file()):
        if any(part.startswith(".") for part in file.relative_to(path).parts):
            continue
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{content}  {file.relative_to(path).as_posix()}\n".encode())
    return digest.hexdigest()
