"""Whether a run is still what it was: its files against their hashes, its model against the recorded outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import Problem, RunError
from sftcore.reporter import SILENT, Reporter
from sftcore.runs import files
from sftcore.runs.folder import SUMS, Run
from sftcore.runs.loading import load_saved
from sftcore.runs.predictions import FILE, read_predictions, recorded_facts, recorded_inputs
from sftcore.runs.seal import read_sums, sealed_files

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOLERANCES = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 8e-2}
"""How far a recomputed logit may be from one recorded in this precision, as a share of the largest logit (at
least of 1): fp32 rounds sums in another order, bf16 keeps 8 bits of each product's factors."""

_TOKENS_A_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Outputs:
    """How the reloaded model's logits, in float32, compare with the recorded ones.

    `near_ties` counts rows whose recorded label is not the recomputed one although the logits agree within
    the precision's tolerance.
    """

    rows: int
    precision: str
    max_difference: float
    tolerance: float
    near_ties: int
    device: str

    @property
    def agree(self) -> bool:
        """Whether every logit is within the tolerance."""
        return self.max_difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was checked. `extra` names files that the seal does not know; `skipped` says why no model was run."""

    run: str
    files: int
    extra: tuple[str, ...]
    outputs: Outputs | None
    skipped: str = ""

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object, for `--json`."""
        return asdict(self)


def verify(run: Run, reporter: Reporter = SILENT) -> VerifyResult:
    """Check every file of a sealed run against its hash, then run its model on the recorded inputs.

    The model is loaded by its plain transformers class. Raises `RunError` with a problem for each file that is
    missing or changed, for files added to the model, and for logits outside the precision's tolerance.
    """
    if not run.sealed:
        advice = "sftcore run with its recipe goes on with it"
        raise RunError(Problem("the run is not finished: there is nothing to verify yet", str(run.path), advice=advice))
    reporter.stage("verify", "files")
    sums = read_sums(run.path / SUMS)
    extra = check_files(run.path, sums)
    if extra:
        reporter.warning(f"{len(extra)} files are not of the run: {', '.join(extra[:5])}")
    reporter.stage("verify", "model")
    outputs, skipped = _check_outputs(run, reporter)
    if outputs is not None and not outputs.agree:
        message = (
            f"the reloaded model's logits differ from the recorded ones by up to {outputs.max_difference:.2g}; "
            f"{outputs.tolerance:.2g} was expected at most ({outputs.precision})"
        )
        advice = (
            f"another torch or transformers may compute otherwise: lock.json names those of the run ({_versions(run)})"
        )
        raise RunError(Problem(message, where=str(run.model_path), advice=advice))
    return VerifyResult(str(run.path), len(sums), tuple(extra), outputs, skipped)


def check_files(folder: Path, sums: dict[str, str]) -> list[str]:
    """The names of files that the sums do not know. Raises `RunError` for missing, changed and smuggled ones."""
    problems = [problem for name, digest in sums.items() if (problem := _file_problem(folder / name, digest))]
    extra = [name for path in sealed_files(folder) if (name := path.relative_to(folder).as_posix()) not in sums]
    for name in extra:
        if name.startswith("model/"):
            message = "was not there when the run was sealed; it may change what is loaded"
            problems.append(Problem(message, where=str(folder / name)))
    if problems:
        raise RunError(*problems)
    return extra


def _file_problem(path: Path, digest: str) -> Problem | None:
    if not path.is_file():
        return Problem("is missing", where=str(path))
    found = files.sha256(path)
    if found == digest:
        return None
    message = f"has changed since the run was sealed: SHA-256 {digest[:12]}… was expected"
    return Problem(message, where=str(path), value=f"{found[:12]}…")


def _versions(run: Run) -> str:
    packages = run.lock.get("fingerprint", {}).get("packages", {})
    return ", ".join(f"{name} {packages[name]}" for name in ("torch", "transformers") if name in packages)


def _check_outputs(run: Run, reporter: Reporter) -> tuple[Outputs | None, str]:
    """The comparison, or why there is none."""
    if not (run.path / FILE).is_file():
        return None, f"the run has no {FILE}"
    table = read_predictions(run.path / FILE)
    inputs, facts = recorded_inputs(table), recorded_facts(table)
    if not inputs:
        return None, "the encoded inputs are not recorded (report.texts = false)"
    chosen = _comparable(table, inputs)
    if not chosen:
        return None, "no row has recorded logits of a single feature"
    recorded = np.stack([np.asarray(value, float) for value in table["logits"].take(chosen).to_pylist()])
    computed, device = recompute(run.model_path, facts["auto_class"], [inputs[row] for row in chosen], reporter)
    return _compared(recorded, computed, facts, device), ""


def _comparable(table: pa.Table, inputs: Sequence[dict[str, list[int]]]) -> list[int]:
    """The rows of one feature, with logits of the commonest length."""
    if "logits" not in table.column_names:
        return []
    lengths = [len(value) if value is not None else 0 for value in table["logits"].to_pylist()]
    common = max(set(lengths) - {0}, key=lengths.count, default=0)
    features = table["features"].to_pylist()
    return [row for row, length in enumerate(lengths) if length == common and features[row] == 1 and inputs[row]]


def _compared(recorded: Floats, computed: Floats, facts: dict[str, Any], device: str) -> Outputs:
    if recorded.shape != computed.shape:
        message = f"gives {computed.shape[1:]} logits a row, {recorded.shape[1:]} are recorded"
        raise RunError(Problem(f"the reloaded model {message}"))
    precision = str(facts["precision"])
    largest = max(1.0, float(np.abs(recorded).max(initial=0.0)))
    differ = _decisions(recorded, facts["predicts"]) != _decisions(computed, facts["predicts"])
    return Outputs(
        rows=len(recorded),
        precision=precision,
        max_difference=float(np.abs(recorded - computed).max(initial=0.0)),
        tolerance=TOLERANCES.get(precision, TOLERANCES["bf16"]) * largest,
        near_ties=int(np.any(differ, axis=1).sum()),
        device=device,
    )


def _decisions(logits: Floats, predicts: str) -> NDArray[Any]:
    """What a reader of the logits would decide: (n, 1) class numbers, (n, k) yes or no, (n, 0) for numbers."""
    if predicts == "labels":
        numbers: NDArray[Any] = np.argmax(logits, axis=1, keepdims=True)
        return numbers
    return logits > 0 if predicts == "label_sets" else logits[:, :0]


def recompute(
    model_path: Path, auto_class: str, inputs: Sequence[dict[str, list[int]]], reporter: Reporter = SILENT
) -> tuple[Floats, str]:
    """Logits (rows, k) in float32 arithmetic from the saved model by its plain class, and the device used."""
    import torch

    model, tokenizer = load_saved(model_path, auto_class)
    device = model.device.type
    found: list[Any] = [None] * len(inputs)
    done = 0
    for batch in _batches([len(row["input_ids"]) for row in inputs]):
        names = inputs[batch[0]].keys()
        columns = {name: [inputs[row][name] for row in batch] for name in names}
        padded = tokenizer.pad(columns, return_tensors="pt").to(device)
        with torch.inference_mode():
            logits = model(**padded).logits.double().cpu().numpy()
        for row, values in zip(batch, logits, strict=True):
            found[row] = values.reshape(-1)
        done += len(batch)
        reporter.progress(done, len(inputs), {})
    return np.stack(found), device


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of like length together, at most so many padded tokens a batch."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > _TOKENS_A_BATCH:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
