"""Whether a run is still what it was: its files against their hashes, its model against the recorded outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sftcore.errors import Problem, RunError
from sftcore.reporter import SILENT, Reporter
from sftcore.runs import files
from sftcore.runs.folder import SUMS, Run
from sftcore.runs.predictions import FILE, read_predictions, recorded_facts, recorded_inputs
from sftcore.runs.recompute import Outputs, Regenerated, compare_logits, regenerate
from sftcore.runs.seal import read_sums, sealed_files

if TYPE_CHECKING:
    import pyarrow as pa

MOST_GENERATED = 50
"""Of more rows that a model wrote texts for, so many spread over all are written again."""


@dataclass(frozen=True, slots=True)
class Reread:
    """What the reloaded model says of the test rows, read from the data and encoded anew: its loss beside the one in
    metrics.json (None: the task has none), and how the logits compare with the recorded (None: none are recorded)."""

    rows: int
    loss: float | None
    recorded_loss: float | None
    outputs: Outputs | None


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was checked. `extra` names files that the seal does not know; `skipped` says why no model was run.

    Of a model that writes texts `generated` says how its tokens compare, of any other `outputs` how its logits do;
    `reread` what came of the test rows when they were read and encoded anew.
    """

    run: str
    files: int
    extra: tuple[str, ...]
    outputs: Outputs | None
    skipped: str = ""
    generated: Regenerated | None = None
    reread: Reread | None = None

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object, for `--json`."""
        return asdict(self)


def verify(run: Run, reporter: Reporter = SILENT) -> VerifyResult:
    """Check every file of a sealed run against its hash, then run its model on the recorded inputs.

    The model is loaded by its plain transformers class; one that generates writes up to 50 rows again, greedily.
    Raises `RunError` with a problem for each file that is missing or changed, for files added to the model, for logits
    outside the precision's tolerance, and for generated tokens that differ by more than a tie.
    """
    extra = require_whole(run, "verify", reporter)
    if extra:
        reporter.warning(f"{len(extra)} files are not of the run: {', '.join(extra[:5])}")
    reporter.stage("verify", "model")
    outputs, skipped = compare_outputs(run, run.model_path, reporter)
    logits = outputs if isinstance(outputs, Outputs) else None
    generated = outputs if isinstance(outputs, Regenerated) else None
    return VerifyResult(str(run.path), len(read_sums(run.path / SUMS)), tuple(extra), logits, skipped, generated)


def require_whole(run: Run, verb: str, reporter: Reporter = SILENT) -> list[str]:
    """The names of files that a finished run's sums do not know. `verb` is what was to be done with the run.

    Raises `RunError` where it is not finished, or for files that are missing, changed, or added to the model.
    """
    if not run.sealed:
        advice = "sftcore run with its recipe goes on with it"
        message = f"the run is not finished: there is nothing to {verb} yet"
        raise RunError(Problem(message, str(run.path), advice=advice))
    reporter.stage(verb, "files")
    return check_files(run.path, read_sums(run.path / SUMS))


def compare_outputs(
    run: Run, model_path: Path, reporter: Reporter = SILENT
) -> tuple[Outputs | Regenerated | None, str]:
    """Run the model in a folder on the run's recorded inputs: how its outputs compare, or why there is no comparison.

    Raises `RunError` for logits outside the precision's tolerance, and for generated tokens that differ by more than a
    tie.
    """
    outputs, skipped = _check_outputs(run, model_path, reporter)
    if isinstance(outputs, Outputs):
        require_agreement(run, model_path, outputs)
    return outputs, skipped


def require_agreement(run: Run, model_path: Path, outputs: Outputs) -> None:
    """Raise `RunError` where the logits are outside the precision's tolerance."""
    if not outputs.agree:
        message = (
            f"the reloaded model's logits differ from the recorded ones by up to {outputs.max_difference:.2g}; "
            f"{outputs.tolerance:.2g} was expected at most ({outputs.precision})"
        )
        raise RunError(Problem(message, where=str(model_path), advice=other_versions(run)))


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


def other_versions(run: Run) -> str:
    """What to say of outputs that are not those of the run."""
    packages = run.lock.get("fingerprint", {}).get("packages", {})
    versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "transformers") if name in packages)
    return f"another torch or transformers may compute otherwise: lock.json names those of the run ({versions})"


def _check_outputs(run: Run, model_path: Path, reporter: Reporter) -> tuple[Outputs | Regenerated | None, str]:
    """The comparison, or why there is none."""
    if not (run.path / FILE).is_file():
        return None, f"the run has no {FILE}"
    table = read_predictions(run.path / FILE)
    inputs, facts = recorded_inputs(table), recorded_facts(table)
    if not inputs:
        return None, "the encoded inputs are not recorded (report.texts = false)"
    if unknown := [name for name in ("auto_class", "predicts", "precision") if not facts.get(name)]:
        return None, f"{FILE} does not say with what it was recorded ({', '.join(unknown)})"
    if facts.get("generates"):
        return _check_generated(run, model_path, table, facts, reporter)
    if torn := [row for row, one in enumerate(inputs) if len({len(ids) for ids in one.values()}) > 1]:
        message = f"is damaged: what the model read in row {torn[0] + 1} is not of one length"
        raise RunError(Problem(message, where=str(run.path / FILE)))
    chosen = _with_values(table, "logits", inputs)
    if not chosen:
        return None, "no row has recorded logits"
    recorded = [np.asarray(value, float) for value in table["logits"].take(chosen).to_pylist()]
    return compare_logits(model_path, facts, [inputs[row] for row in chosen], recorded, reporter), ""


def _check_generated(
    run: Run, model_path: Path, table: pa.Table, facts: dict[str, Any], reporter: Reporter
) -> tuple[Regenerated | None, str]:
    """Write some rows again. Raises `RunError` with the rows that differ."""
    rows = _with_values(table, "generated", recorded_inputs(table))
    if not rows:
        return None, "no row has recorded ids that were generated"
    chosen = [rows[place] for place in np.linspace(0, len(rows) - 1, min(len(rows), MOST_GENERATED)).astype(int)]
    some = table.take(chosen)
    prompts, recorded = some["input_ids"].to_pylist(), some["generated"].to_pylist()
    found = regenerate(model_path, facts["auto_class"], prompts, recorded, reporter)
    if found.different:
        names = ", ".join(str(some["row"][place].as_py()) for place in found.different[:10])
        message = f"the reloaded model writes other texts for {len(found.different)} of {found.rows} rows: {names}"
        raise RunError(Problem(message, where=str(model_path), advice=other_versions(run)))
    return found, ""


def _with_values(table: pa.Table, column: str, inputs: Sequence[dict[str, list[int]]]) -> list[int]:
    """The rows that have inputs and something in the column."""
    if column not in table.column_names:
        return []
    return [row for row, value in enumerate(table[column].to_pylist()) if value and inputs[row].get("input_ids")]
