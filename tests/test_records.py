from __future__ import annotations

import numpy as np

from sftcore.records import Records


def test_taking_records_takes_what_a_task_said_besides() -> None:
    extra = {"automatic": np.array([1.0, 0.0, 1.0]), "ids": np.array([["a", "b"], ["c", "d"], ["e", "f"]], object)}
    records = Records("labels", np.arange(3), np.array([0, 1, 2]), np.array([0, 1, 1]), extra=extra)
    taken = records.take(np.array([2, 2, 0]))
    assert taken.extra["automatic"].tolist() == [1.0, 1.0, 1.0]
    assert taken.extra["ids"].tolist() == [["e", "f"], ["e", "f"], ["a", "b"]]
    assert records.take(np.array([False, True, False])).extra["automatic"].tolist() == [0.0]
