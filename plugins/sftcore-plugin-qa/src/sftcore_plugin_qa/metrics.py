"""Exact match and F1 for Chinese answers, as in CMRC 2018."""

from __future__ import annotations

from collections.abc import Sequence

from sftcore import TextMetric
from sftcore_plugin_qa.segments import run_f1, segments


class CharF1(TextMetric, name="char-f1"):
    """Share of the characters that answer and reference have in common.

    The mean F1 of answers in Chinese, or Chinese and English mixed, as in CMRC 2018 (Cui et al. 2019). Each Chinese
    character is a token, other words are whole; case, punctuation and symbols do not count. What prediction and
    reference share is their longest common run of tokens. Of several references the best one counts; where there is no
    answer, an empty prediction scores 1 and any other 0. NaN without rows.
    """

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """The F1 against the best reference."""
        return (max(run_f1(prediction, reference) for reference in references or ("",)),)


class CharExactMatch(TextMetric, name="char-exact-match"):
    """Share of rows whose answer is one of the references.

    As CMRC 2018 compares them (Cui et al. 2019): case, spaces, punctuation and symbols do not count. Where there is no
    answer, an empty prediction is right. NaN without rows.
    """

    def row_values(self, prediction: str, references: tuple[str, ...]) -> Sequence[float]:
        """1 or 0."""
        written = "".join(segments(prediction))
        return (float(any(written == "".join(segments(reference)) for reference in references or ("",))),)
