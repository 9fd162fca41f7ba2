from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sftcore.training.progress import Progress, Tally


def test_a_tally_counts_steps_and_windows() -> None:
    tally = Tally()
    tally.add(2.0, tokens=80, processed=100)
    tally.add(4.0, tokens=70, processed=80)
    assert (tally.close_window(), tally.mean_loss, tally.padding) == (3.0, 3.0, 1.2)
    tally.add(6.0, tokens=50, processed=60)
    assert (tally.close_window(), tally.mean_loss) == (6.0, 4.0)
    assert Tally(**tally.as_json()) == tally


def test_an_empty_tally_divides_by_nothing() -> None:
    assert (Tally().mean_loss, Tally().padding, Tally().close_window()) == (0.0, 0.0, 0.0)


def test_progress_is_told_at_most_twice_a_second_and_at_the_end(
    job_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("sftcore.training.progress.time.monotonic", lambda: clock[0])
    told, tally = job_module.Told(), Tally()
    progress: Any = Progress(tally, told, None)
    state = SimpleNamespace(global_step=10, max_steps=20, epoch=0.5, is_world_process_zero=True)
    progress.on_train_begin(None, state, None)
    for step in range(11, 21):
        clock[0] += 0.2
        state.global_step = step
        tally.add(1.0, tokens=100, processed=110)
        progress.on_step_end(None, state, None)
    assert [report[0] for report in told.reports] == [10, 13, 16, 19, 20]
    _, _, values = told.reports[-2]
    assert values["tokens_per_second"] == pytest.approx(500)
    assert values["eta"] == pytest.approx(0.2)
    assert tally.seconds == pytest.approx(2.0)


def test_other_processes_are_silent(job_module: ModuleType) -> None:
    told = job_module.Told()
    lines: list[dict[str, Any]] = []
    progress: Any = Progress(Tally(), told, lines.append)
    state = SimpleNamespace(global_step=1, max_steps=1, epoch=0.5, is_world_process_zero=False)
    progress.on_train_begin(None, state, None)
    progress.on_log(None, state, None, logs={"loss": 1.0})
    assert (told.reports, lines) == ([], [])
