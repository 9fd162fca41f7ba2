from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sftcore.report import Evidence, curves
from sftcore.report.words import Words

Made = Callable[..., Path]
WORDS = Words("en")


def test_what_was_logged_again_replaces_what_was_there() -> None:
    log = [
        {"event": "started"},
        {"step": 10, "loss": 2.0, "epoch": 0.5},
        {"step": 20, "loss": 9.0},
        {"event": "resumed"},
        {"step": 20, "loss": 1.0},
        {"step": 20, "eval_loss": 1.5, "eval_f1": None},
    ]
    points = curves.points_of(log)
    assert points == {10: {"step": 10, "loss": 2.0, "epoch": 0.5}, 20: {"step": 20, "loss": 1.0, "eval_loss": 1.5}}
    line = curves.line_of(points, "loss", "training")
    assert (line.x, line.y, line.marked) == ([10, 20], [2.0, 1.0], False)


def test_loss_and_metrics_are_drawn_with_what_was_kept(made: Made) -> None:
    evidence = Evidence.read(made())
    section = curves.section(evidence, WORDS)
    assert section
    assert section.body.count("<svg class") == 2
    assert "40 steps, 2.00 epochs." in section.body
    assert "Validation was best" not in section.body
    training = {**evidence.metrics["training"], "best_step": 20, "loaded_step": 20, "stopped_early": True}
    stopped = curves.section(replace(evidence, metrics={**evidence.metrics, "training": training}), WORDS)
    assert stopped
    assert "Validation was best at step 20; the weights of step 20 were kept. Early stopping" in stopped.body


def test_metrics_of_other_scales_have_charts_of_their_own(made: Made) -> None:
    evidence = Evidence.read(made(kind="scores"))
    names = evidence.main_metrics
    values = zip(names, (12.5, 0.5), strict=True)
    checks = [{"step": step, **{f"eval_{name}": value for name, value in values}} for step in (1, 2)]
    checks = [{**checks[0], "step": step} for step in (1, 2)]
    section = curves.section(replace(evidence, log=checks), WORDS)
    assert section
    assert section.body.count("<svg class") == 2


def test_a_run_that_logged_nothing_has_no_section(made: Made) -> None:
    assert curves.section(replace(Evidence.read(made()), log=()), WORDS) is None
