"""The whole way of a recipe, as one function: `run`.

    load → preprocess → split → augment (train only) → fit → encode → train → calibrate → evaluate →
    save → report → seal

Every stage hands on a plain value; nothing reaches back.
"""

from __future__ import annotations

from pathlib import Path

from sftcore.clock import Clock
from sftcore.data.ledger import Ledger
from sftcore.data.load import load_rows
from sftcore.models.adapters import merged
from sftcore.models.base import locate_base
from sftcore.models.loading import load_model
from sftcore.preparing import prepare
from sftcore.recipe import Recipe
from sftcore.recipe.locating import located
from sftcore.registry import discover
from sftcore.reporter import SILENT, Reporter
from sftcore.runs.adapter import save_adapter
from sftcore.runs.folder import Run, open_run
from sftcore.runs.seal import seal
from sftcore.stages import (
    calibrate,
    choose_for_machine,
    decisive_facts,
    evaluate_base,
    evaluate_test,
    make_report,
    save_generations,
    save_predicted,
    save_trained,
    told,
    train_model,
)


def run(
    recipe: Recipe | str | Path,
    *,
    runs: str | Path | None = None,
    fresh: bool = False,
    reporter: Reporter = SILENT,
) -> Run:
    """Carry out a recipe and return its sealed run.

    An unsealed run of that name goes on where it was; a sealed one of the same recipe is returned as it is.
    `fresh` starts the next run in any case; `runs` is the folder of all runs (default: SFTCORE_RUNS, else
    `runs`). Raises the errors of `sftcore.errors`.
    """
    clock, ledger, registry = Clock(reporter), Ledger(), discover()
    recipe = recipe if isinstance(recipe, Recipe) else Recipe.read(recipe)

    with located(recipe), clock.stage("load"):
        loaded = load_rows(recipe, registry, ledger, reporter)
        base = locate_base(recipe)
        machine = choose_for_machine(recipe, reporter)
        facts = decisive_facts(recipe, loaded, base, registry, machine)

    with located(recipe), open_run(recipe, runs, facts, fresh=fresh, reporter=reporter) as run:
        if run.sealed:
            reporter.note(f"{run.path} is finished, and nothing that decides its result has changed")
            return run

        prepared = prepare(recipe, loaded, base, ledger, reporter, clock)
        run.write_json("ledger.json", ledger.as_json())
        reporter.result("ledger", ledger.as_json())

        with clock.stage("model"):
            model = load_model(recipe, base, recipe.task, prepared.state, prepared.tokenizer, reporter)
        with clock.stage("train"):
            trained = train_model(prepared, model, registry, run, machine.precision, reporter)
            save_adapter(run, recipe, model, base)
            model = merged(model)
        state = prepared.state
        if prepared.calibrates:
            with clock.stage("calibrate"):
                state = calibrate(prepared, model, machine.precision, reporter)
        before = None
        if recipe.task.generates and len(prepared.splits.test):
            with clock.stage("base"):
                before = evaluate_base(prepared, base, state, model, reporter)
        with clock.stage("evaluate"):
            predicted, scores = evaluate_test(prepared, model, state, reporter, before)
        with clock.stage("save"):
            save_trained(run, prepared, model, state, scores, ledger=ledger, base=base, machine=machine)
            save_predicted(run, prepared, model, state, predicted, loaded)
            save_generations(run, prepared, predicted, before)

        run.write_json("metrics.json", {"test": scores, "training": told(trained), "time": clock.as_json()})
        with clock.stage("report"):
            make_report(run, reporter)
        run.log({"event": "finished"})
        seal(run)
    if run.writes:
        registry.run_finished(run, recipe, reporter)
    return run
