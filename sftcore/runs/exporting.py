"""A finished run's model, or its adapter alone, as a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore import locations
from sftcore.errors import ModelError, Problem, RunError
from sftcore.reporter import SILENT, Reporter
from sftcore.runs import adapter, files
from sftcore.runs.folder import Run, run_around
from sftcore.runs.recompute import Outputs, Regenerated
from sftcore.runs.verify import compare_outputs, require_whole

if TYPE_CHECKING:
    from sftcore.models.base import Base
    from sftcore.recipe import Recipe

FOLDER = "exports"
WEIGHTS = "*.safetensors*"
LARGEST_DIFFERENCE = 1e-5
"""Of a weight merged again from that of the run's model, as a share of the largest weight: another torch may round
otherwise."""

_COMMIT = 40
"""Digits of a commit on the hub; the hash of a folder or file has more."""
_ELSEWHERE = "say where it is: --base PLACE, relative to the current folder (the run's model folder is merged already)"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where.

    `merged` says that the weights were made anew from base and adapter, and differ by `weights_difference` at most from
    those of the run's model; `outputs` or `generated` how the exported model compares with the record, `skipped` why it
    does not.
    """

    run: str
    path: str
    what: str
    merged: bool = False
    weights_difference: float = 0.0
    outputs: Outputs | None = None
    generated: Regenerated | None = None
    skipped: str = ""

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object, for `--json`."""
        return asdict(self)


def export_adapter(run: Run, to: Path | None = None, reporter: Reporter = SILENT) -> Exported:
    """Copy the adapter of a finished run to the folder `to` (default: `exports/<name>-<id>-adapter`).

    Raises `RunError` where the run has none or was changed since, and where the folder is not empty.
    """
    source = run.path / adapter.FOLDER
    require_whole(run, "export", reporter)
    if not source.is_dir():
        message = "the run has no adapter: all weights were trained"
        raise RunError(Problem(message, str(run.path), advice="sftcore export RUN --merge copies the whole model"))
    place = to or Path(FOLDER) / f"{run.name}-{run.id}-adapter"
    with _written(place) as part:
        _copy(source, part)
    return Exported(str(run.path), str(place), "adapter")


def export_model(run: Run, to: Path | None = None, base: str = "", reporter: Reporter = SILENT) -> Exported:
    """Write the whole model of a finished run to the folder `to` (default: `exports/<name>-<id>`).

    Where an adapter was trained the weights are merged anew from it and the base; else they are copied. The exported
    model is run on the recorded inputs before the folder gets its name. `base` is where the base is now, if not where
    the recipe says; relative places are relative to the current folder.

    Raises `RunError` where run or folder are not fit for it, or weights or outputs are not those of the run, and
    `ModelError` where the base is not to be had.
    """
    require_whole(run, "export", reporter)
    place = to or Path(FOLDER) / f"{run.name}-{run.id}"
    adapted = (run.path / adapter.FOLDER).is_dir()
    with _written(place) as part:
        reporter.stage("export", "merge" if adapted else "copy")
        if adapted:
            _merge(run, base, part, reporter)
        _copy(run.model_path, part, without=WEIGHTS if adapted else "")
        difference = _weights_difference(run.model_path, part) if adapted else 0.0
        reporter.stage("export", "model")
        found, skipped = compare_outputs(run, part, reporter)
    outputs = found if isinstance(found, Outputs) else None
    generated = found if isinstance(found, Regenerated) else None
    return Exported(str(run.path), str(place), "model", adapted, difference, outputs, generated, skipped)


@contextmanager
def _written(place: Path) -> Iterator[Path]:
    """A folder beside its place, which takes it when the block ends without an error."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        what = "the folder is not empty" if place.is_dir() else "this is a file"
        raise RunError(Problem(f"{what}, and nothing is overwritten", str(place), advice="name another: --to DIR"))
    if run_around(place) is not None:
        message = "lies in a run, whose files are hashed and stay as they are"
        raise RunError(Problem(message, str(place), advice="give a place beside it: --to DIR"))
    part = place.absolute().with_name(f".{place.absolute().name}{files.PART}")
    with files.disk_errors(place):
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
        part.mkdir(parents=True)
        try:
            yield part
            part.rename(place)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        files.sync_folder(place.absolute().parent)


def _copy(source: Path, target: Path, without: str = "") -> None:
    for path in files.walk(source):
        if not (without and path.match(without)):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            files.copy(path, copy)


def _merge(run: Run, place: str, part: Path, reporter: Reporter) -> None:
    """Write the weights of base and adapter, added up. Raises `ModelError`."""
    from transformers import AutoTokenizer

    from sftcore.models.adapters import merged, with_saved_adapter
    from sftcore.models.calls import as_model_error
    from sftcore.models.loading import load_plain
    from sftcore.runs.task_state import read_task_state

    recipe, base = _located(run, place)
    state = read_task_state(run.model_path, recipe.task)
    with as_model_error(recipe, "the adapter does not fit the base", "model.adapter"):
        tokenizer = AutoTokenizer.from_pretrained(run.model_path, local_files_only=True)
        model, _ = load_plain(recipe, base, recipe.task, state, tokenizer, SILENT)
        merged(with_saved_adapter(model, run.path / adapter.FOLDER)).save_pretrained(part)
    files.share(part)


def _located(run: Run, place: str) -> tuple[Recipe, Base]:
    """The run's recipe, and the base that it was trained on. Raises `ModelError`."""
    from sftcore.models.base import locate_base

    recorded, recipe = _recorded_base(run), run.recipe(Path.cwd())
    name = place or str(recipe.model.base)
    changed: dict[str, Any] = {"base": name}
    if locations.is_hub_id(name, recipe.folder):
        if len(recorded) != _COMMIT:
            raise ModelError(recipe.problem("model.base", f"there is no {name} here", _ELSEWHERE))
        changed["revision"] = recorded
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update=changed)})
    try:
        base = locate_base(recipe)
    except ModelError as error:
        error.amend(lambda problem: replace(problem, advice=f"{problem.advice}; {_ELSEWHERE}".lstrip("; ")))
        raise
    if base.sha256 != recorded:
        message = f"not the base that the adapter was trained on: {base.sha256[:12]}… found, {recorded[:12]}… recorded"
        raise ModelError(recipe.problem("model.base", message, _ELSEWHERE))
    return recipe, base


def _recorded_base(run: Run) -> str:
    return str(run.lock.get("fingerprint", {}).get("base", {}).get("sha256", ""))


def _weights_difference(one: Path, other: Path) -> float:
    """The largest difference between the weights in two folders. Raises `RunError` where it is more than rounding."""
    first, second = _weights(one), _weights(other)
    if first.keys() != second.keys() or any(first[name].shape != second[name].shape for name in first):
        raise RunError(Problem("base and adapter make another model than the run's", str(other)))
    filled = [name for name in first if first[name].numel()]  # one at a time in float64, NaN passed on by numpy
    difference = float(np.max([float((first[n].double() - second[n].double()).abs().max()) for n in filled]))
    largest = max(float(first[name].abs().max()) for name in filled)
    if not difference <= LARGEST_DIFFERENCE * max(largest, 1.0):
        message = f"the weights of base and adapter differ from those of the run's model by up to {difference:.2g}"
        raise RunError(Problem(message, str(other), advice=f"take {one}, which holds the merged model as it was saved"))
    return difference


def _weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}
