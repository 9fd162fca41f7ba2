"""The task `contract-qa`: passages of whole contracts, asked for by questions to which many have no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sftcore import Metric, Prediction, Records, TaskState
from sftcore_plugin_legal.contract_metrics import (
    FOUND,
    WRONG,
    CuadAupr,
    PrecisionAt80Recall,
    PrecisionAt90Recall,
    SpanJaccard,
)
from sftcore_plugin_legal.span_matching import matched, padded
from sftcore_plugin_qa import ExtractiveQA

if TYPE_CHECKING:
    import numpy as np


class ContractQA(ExtractiveQA, name="contract-qa"):
    """Find the passage of a contract that a question asks for, or say that the contract has none.

    Extractive question answering over whole documents, as in CUAD: contracts are read in many overlapping windows, most
    of which hold no answer. So of those without one only as many are trained on as there are with one, and answers may
    be as long as a clause. All questions about a contract stay in one split; for intervals that resample contracts
    write `group = "title"` in [data].
    """

    max_answer_length: int = Field(default=256, ge=1)
    """Tokens of the longest passage that is given."""
    negative_windows: float | None = Field(default=1.0, ge=0)
    """Windows without an answer that are trained on for each window with one. Validation and test read all windows."""

    def default_metrics(self) -> Sequence[Metric]:
        """Those of CUAD: area under precision and recall, precision at 80 and 90 % recall, Jaccard; then exact match
        and token F1."""
        return (CuadAupr(), PrecisionAt80Recall(), PrecisionAt90Recall(), SpanJaccard(), *super().default_metrics())

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Those of extractive-qa; `extra` says at which score each reference is found, and each wrong passage given.

        The candidates of a row are its best passages by their probability, also where "no answer" is more probable:
        what is given depends on the threshold alone. A baseline has its one prediction.
        """
        records = super().records(row_ids, predictions, references, state, groups)
        pairs = [
            matched(_candidates(prediction), reference)
            for prediction, reference in zip(predictions, references, strict=True)
        ]
        extra = {FOUND: padded(found for found, _ in pairs), WRONG: padded(wrong for _, wrong in pairs)}
        return replace(records, extra={**records.extra, **extra})


def _candidates(prediction: Prediction) -> list[tuple[str, float]]:
    """Passages with their scores, those of white space alone left out."""
    if prediction.extra and "n_best" in prediction.extra:
        found = [(best["text"], best["score"]) for best in prediction.extra["n_best"]]
    else:
        found = [(prediction.value or "", prediction.score or 0.0)]
    return [(text, score) for text, score in found if text.strip()]
