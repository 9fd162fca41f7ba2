from __future__ import annotations

import pytest

from sftcore_plugin_qa.parts import answer_length, question_type, window_count


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who won?", "who"),
        ("To whom was it given, and when?", "who"),
        ("In what year did they win?", "when"),
        ("How many seats has the hall?", "how many"),
        ("How did they win?", "how"),
        ("At which river does it lie?", "which"),
        ("What is somewhere near?", "what"),
        ("Is the mill where the river ends?", "yes or no"),
        ("Name the river.", "other"),
        ("", "other"),
        ("谁赢得了冠军？", "谁"),
        ("比赛在什么时候开始？", "何时"),
        ("冠军来自哪里？", "何地"),
        ("大厅有多少个座位？", "多少"),
        ("他为什么辞职？", "为什么"),
        ("这是真的吗？", "是否"),
        ("这座桥叫什么？", "什么"),
        ("请说出河名。", "其他"),
    ],
)
def test_the_question_word_tells_the_type(question: str, kind: str) -> None:
    assert question_type(question) == kind


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ("Broncos", "1 word"),
        ("the Denver Broncos", "2 to 3 words"),
        ("a b c d e f g", "7 to 12 words"),
        ("word " * 13, "13 words or more"),
        ("!", "1 word"),
        ("北京", "2 to 3 characters"),
    ],
)
def test_answers_are_as_long_as_their_words_or_characters(answer: str, part: str) -> None:
    assert answer_length([answer]) == part


def test_no_answer_has_no_length() -> None:
    assert answer_length(()) == ""


def test_windows_are_counted_in_a_few_parts() -> None:
    assert [window_count(number) for number in (1, 2, 3, 5, 6, 10, 11)] == [
        *("1 window", "2 windows", "3 to 5 windows", "3 to 5 windows"),
        *("6 to 10 windows", "6 to 10 windows", "11 windows or more"),
    ]
