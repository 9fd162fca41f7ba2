"""Runs side by side: the first is the reference, each other is compared with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sftcore.compare.differences import Difference, discreet, lock_differences, recipe_differences
from sftcore.compare.pairing import Pair, pair
from sftcore.compare.recorded import read_recorded
from sftcore.errors import Problem, RunError, UsageError
from sftcore.evaluation.intervals import LEVEL
from sftcore.report.discretion import kept_back
from sftcore.report.evidence import Evidence
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.folder import Run, runs_folder


@dataclass(frozen=True, slots=True)
class Side:
    """A run by itself; `label` names it among the others: `name/id`, or its path where two are called so."""

    run: Run
    label: str
    evidence: Evidence

    @property
    def test(self) -> Mapping[str, Any]:
        """What metrics.json says of the test split."""
        return self.evidence.test

    @property
    def facts(self) -> dict[str, Any]:
        """What is told of a run besides its metrics, by the words' keys (`compare.fact.…`)."""
        recipe, training = self.evidence.recipe, self.evidence.metrics.get("training", {})
        return {
            "task": recipe.get("task", {}).get("use"),
            "base": recipe.get("model", {}).get("base"),
            "seed": recipe.get("seed"),
            "rows": self.test.get("rows"),
            "loss": self.test.get("loss"),
            "perplexity": self.test.get("perplexity"),
            "seconds": training.get("seconds"),
            "steps": training.get("global_step"),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs or more, the first of them the reference; `pairs[i]` is of `sides[i + 1]`."""

    sides: tuple[Side, ...]
    recipe: tuple[Difference, ...]
    lock: tuple[Difference, ...]
    pairs: tuple[Pair, ...]

    @property
    def metrics(self) -> dict[str, bool]:
        """The metrics that any run has, those of the reference first, and whether greater is better."""
        found: dict[str, bool] = {}
        for side in self.sides:
            better = side.test.get("greater_is_better", {})
            found |= {name: better[name] for name in side.evidence.main_metrics if name not in found}
        return found

    @property
    def level(self) -> float:
        """The level of the intervals."""
        return float(self.sides[0].test.get("bootstrap", {}).get("level", LEVEL))


def compare(
    runs: Sequence[Run | str | Path], folder: str | Path | None = None, reporter: Reporter = SILENT
) -> Comparison:
    """Compare two runs or more: run folders, names (their newest run), or `name/0001`.

    `folder` is that of all runs. Raises `UsageError` for fewer than two runs and for a run named twice, `RunError`
    where there is no such run, or one without results, for all of them at once.
    """
    found = _find(runs, folder)
    sides = tuple(Side(run, label, Evidence.read(run.path)) for run, label in zip(found, _labels(found), strict=True))
    locks = [run.lock for run in found]
    reporter.stage("read")
    recorded = [read_recorded(side.run, side.label) for side in sides]
    pairs = []
    for side, other in zip(sides[1:], recorded[1:], strict=True):
        reporter.stage("compare", side.label)
        pairs.append(pair(recorded[0], other))
    recipe = discreet(recipe_differences(locks), [kept_back(side.evidence) for side in sides])
    return Comparison(sides, recipe, lock_differences(locks), tuple(pairs))


def verdict(found: Pair, metric: str, greater_is_better: bool) -> str:
    """What the paired difference says by a metric: "better", "worse", "open" (the interval includes none at all),
    "same" and "no-interval" (the resamples agree, on none or on some), or "unpaired"."""
    gain = found.differences.get(metric)
    if gain is None:
        return "unpaired"
    gain = gain if greater_is_better else gain.negative()
    if gain.degenerate:
        return "no-interval" if gain.value else "same"
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else "open"


def _find(runs: Sequence[Run | str | Path], folder: str | Path | None) -> list[Run]:
    found: list[Run] = []
    problems: list[Problem] = []
    for one in runs:
        try:
            run = one if isinstance(one, Run) else Run.find(one, folder)
        except RunError as error:
            problems += error.problems
            continue
        problems += [] if run.metrics.get("test") else [_without_results(run)]
        found.append(run)
    if problems:
        raise RunError(*problems)
    _require_two(found, folder)
    return found


def _without_results(run: Run) -> Problem:
    return Problem(
        "the run has no results yet (no metrics.json)",
        where=str(run.path),
        advice="sftcore run with its recipe goes on with it",
    )


def _require_two(found: Sequence[Run], folder: str | Path | None) -> None:
    """Raise `UsageError` for fewer than two runs, and for one that is named twice."""
    times = Counter(run.path.resolve() for run in found)
    twice = [run for run in {run.path.resolve(): run for run in found}.values() if times[run.path.resolve()] > 1]
    if twice:
        raise UsageError(
            *(
                Problem(
                    "is named twice: a run is compared with others", where=str(run.path), advice=_advice(run, folder)
                )
                for run in twice
            )
        )
    if len(found) < 2:
        advice = _advice(found[0], folder) if found else "name two runs or more"
        raise UsageError(Problem("two runs or more are compared", where="sftcore compare", advice=advice))


def _advice(run: Run, folder: str | Path | None) -> str:
    """Which other runs one could have meant: those of the same name, else those of other names."""
    beside = sorted(path.name for path in run.path.parent.glob("[0-9]*") if (path / "metrics.json").is_file())
    others = [f"{run.name}/{number}" for number in beside if number != run.path.name]
    if not others and runs_folder(folder).is_dir():
        others = sorted(path.parent.parent.name for path in runs_folder(folder).glob("*/[0-9]*/metrics.json"))
        others = [name for name in dict.fromkeys(others) if name != run.name]
    if not others:
        return "name two runs or more: run folders, names, or NAME/0001"
    return f"sftcore compare {run.name}/{run.id} {others[-1]}" + (
        f" (there is also {', '.join(others[:-1][-5:])})" if len(others) > 1 else ""
    )


def _labels(found: Sequence[Run]) -> list[str]:
    names = [f"{run.name}/{run.id}" for run in found]
    times = Counter(names)
    return [name if times[name] == 1 else str(run.path) for name, run in zip(names, found, strict=True)]
