from __future__ import annotations

import numpy as np
import pytest

from sftcore.records import Records


def test_taking_records_takes_what_a_task_said_besides() -> None:
    extra = {"automatic": np.array([1.0, 0.0, 1.0]), "ids": np.array([["a", "b"], ["c", "d"], ["e", "f"]], object)}
    records = Records("labels", np.arange(3), np.array([0, 1, 2]), np.array([0, 1, 1]), extra=extra)
    taken = records.take(np.array([2, 2, 0]))
    assert taken.extra["automatic"].tolist() == [1.0, 1.0, 1.0]
    assert taken.extra["ids"].tolist() == [["e", "f"], ["e", "f"], ["a", "b"]]
    assert records.take(np.array([False, True, False])).extra["automatic"].tolist() == [0.0]


def test_what_all_metrics_share_none_can_change() -> None:
    predictions, extra = np.array([0, 1]), {"sure": np.array([1.0, 0.0])}
    records = Records("labels", np.arange(2), predictions, np.array([0, 0]), extra=extra)
    for column in (records.row_ids, records.predictions, records.references, records.extra["sure"]):
        with pytest.raises(ValueError, match="read-only"):
            column[:] = 0
    predictions[0] = 1  # its maker's own array stays as it is
    assert records.take(np.array([1])).predictions.tolist() == [1]
