"""The words that mattered: what is left out, and what that is worth."""

from __future__ import annotations

import pytest

from sftcore.builtin.text_classification import TextClassification
from sftcore.records import Prediction
from sftcore.trying.occlusion import Occlusion, Target, target_of
from tests.trying.conftest import mood

TASK = TextClassification()


def cut(text: str, most: int = 120) -> list[str]:
    """The parts of a text, in order."""
    return [text[part.start : part.end] for part in Occlusion.of(TASK, {"text": text}, most).parts]


def test_words_stand_between_white_space_and_chinese_is_cut_by_character() -> None:
    assert cut("It's  not bad,\nreally!") == ["It's", "not", "bad,", "really!"]
    assert cut("这部phone很好。") == ["这", "部", "phone", "很", "好", "。"]
    assert cut("  ") == []


def test_words_of_long_texts_go_together() -> None:
    text = " ".join(f"w{number}" for number in range(250))
    parts = cut(text, most=100)
    assert len(parts) == 84
    assert parts[0] == "w0 w1 w2"
    assert parts[-1] == "w249"
    assert Occlusion.of(TASK, {"text": text}, 100).words == 3


def test_a_word_goes_with_the_space_before_it() -> None:
    occlusion = Occlusion.of(TASK, {"text": "So  good, this", "text_pair": "Yes"})
    texts = [(row["text"], row["text_pair"]) for row in occlusion.variants]
    assert texts == [
        ("So  good, this", "Yes"),
        ("good, this", "Yes"),
        ("So this", "Yes"),
        ("So  good,", "Yes"),
        ("So  good, this", ""),
    ]
    assert [row["text"] for row in Occlusion.of(TASK, {"text": "很好吃"}).variants] == [
        "很好吃",
        "好吃",
        "很吃",
        "很好",
    ]


def test_the_weight_of_a_word_is_what_the_score_loses() -> None:
    occlusion = Occlusion.of(TASK, {"text": "a good great bad phone"})
    predictions = [mood(row) for row in occlusion.variants]
    weights = occlusion.weights(Target("positive", 2), predictions)
    whole = 0.9 / (1 + 2.718281828459045**-3)
    assert weights == pytest.approx(
        [
            0,
            whole - 0.9 / (1 + 2.718281828459045**-1),
            whole - 0.9 / 2,
            whole - 0.9 / (1 + 2.718281828459045**-5),
            0,
        ]
    )
    assert max(range(5), key=weights.__getitem__) == 2, "great counts most"


def test_what_leaves_nothing_to_read_has_no_weight() -> None:
    occlusion = Occlusion.of(TASK, {"text": "a b"})
    said = [Prediction("x", 0.8, (0.8, 0.2)), Prediction(None, reason="nothing left"), Prediction("x", 0.7, (0.7, 0.3))]
    assert occlusion.weights(Target("x", 0), said) == [None, pytest.approx(0.1)]


def test_one_word_alone_is_not_left_out() -> None:
    assert Occlusion.of(TASK, {"text": "good"}).variants == [{"text": "good"}]


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (Prediction("b", 0.6, (0.4, 0.6)), Target("b", 1)),
        (Prediction(("a", "b"), 0.6, (0.7, 0.6)), Target("a", 0)),
        (Prediction((), 0.6, (0.2, 0.4)), Target("b", 1)),
        (Prediction(3.5), Target("", None)),
        (Prediction(None, reason="empty"), None),
        (Prediction("a text"), None),
    ],
)
def test_the_score_that_is_watched(prediction: Prediction, expected: Target | None) -> None:
    assert target_of(prediction, ("a", "b")) == expected
