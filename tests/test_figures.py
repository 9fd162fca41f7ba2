"""Names of classes as they are shown: whatever can't be seen of them is told by its code point."""

from __future__ import annotations

import pytest

from sftcore.figures import name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("governing law", "governing law"),
        ("消极　情绪", "消极　情绪"),
        ("", '""'),
        (" ", "␠"),
        (" a b ", "␠a b␠"),
        ("\u200b", "⟨U+200B⟩"),
        ("pos\u200b", "pos⟨U+200B⟩"),
        ("a\u00a0b", "a⟨U+00A0⟩b"),
        ("\ufeffpos", "⟨U+FEFF⟩pos"),
        ("\u3164", "⟨U+3164⟩"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("\t", "⟨U+0009⟩"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\u200d", "⟨U+200D⟩"),
        ("pos\u200c ", "pos⟨U+200C⟩␠"),
    ],
)
def test_names(text: str, shown: str) -> None:
    assert name(text) == shown
