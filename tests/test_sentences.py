"""The first sentence of a docstring is what users read of a component."""

from __future__ import annotations

import pytest

from sftcore.sentences import first_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, ""),
        ("Share of rows.", "Share of rows"),
        ("One line\n    and another. More of it.", "One line and another"),
        ("Of `labels`\n\nA second paragraph.", "Of labels"),
        ("As Rajpurkar et al. have it. More.", "As Rajpurkar et al. have it"),
        ("Words, e.g. names, from 0.5 to 1. More.", "Words, e.g. names, from 0.5 to 1"),
        ("判断正确的行所占比例。没有行时为 NaN。", "判断正确的行所占比例"),
        ("Without a full stop", "Without a full stop"),
    ],
)
def test_the_first_sentence(text: str | None, sentence: str) -> None:
    assert first_sentence(text) == sentence
