from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sftcore.report.cases import LONG, MOST, ROOM, Piece, changes, marked, parsed, passages, shown, turns, within_room
from sftcore.report.words import Words

WORDS = Words("en")


def text_of(pieces: list[Piece], *marks: str) -> str:
    return "".join(piece.text for piece in pieces if piece.mark in ("", *marks))


def test_what_was_there_stands_before_what_stands_for_it() -> None:
    pieces = changes("so goood :-) today", "so good slightly smiling face today")
    assert pieces == [
        *(Piece("", "so "), Piece("del", "goood :-)"), Piece("ins", "good slightly smiling face"), Piece("", " today"))
    ]


def test_words_put_in_and_taken_out() -> None:
    assert changes("so good", "so very good") == [Piece("", "so "), Piece("ins", "very "), Piece("", "good")]
    assert changes("太太太好", "太好") == [Piece("", "太"), Piece("del", "太太"), Piece("", "好")]
    assert changes("same", "same") == [Piece("", "same")]


@given(st.text("ab .。好\n", max_size=30), st.text("ab .。好\n", max_size=30))
def test_both_texts_can_be_read_from_the_changes(before: str, after: str) -> None:
    pieces = changes(before, after)
    assert text_of(pieces, "del") == before
    assert text_of(pieces, "ins") == after


def test_spans_are_marked_with_their_names() -> None:
    assert marked("Ada met Bo", [(8, 10, "said", "PER"), (0, 3, "said", "PER"), (1, 5, "said", "ORG")]) == [
        *(Piece("", ""), Piece("said", "Ada", "PER"), Piece("", " met "), Piece("said", "Bo", "PER"), Piece("", ""))
    ]


def test_passages_overlap_where_both_are() -> None:
    pieces = passages("by the old mill at dawn", ["the old mill"], "mill at")
    assert [(piece.mark, piece.text) for piece in pieces] == [
        *(("", "by "), ("right", "the old "), ("both", "mill"), ("said", " at"), ("", " dawn"))
    ]
    placed = passages("a b a", [], "a", (4, 5))
    assert [(piece.mark, piece.text) for piece in placed] == [("", "a b "), ("said", "a")]
    assert passages("nothing here", ["absent"], "") == [Piece("", "nothing here")]


def test_long_texts_show_what_is_marked_wherever_it_stands() -> None:
    pieces = [Piece("", "x" * 50_000), Piece("right", "HERE"), Piece("", "y" * 50_000)]
    found = shown("context", pieces)
    assert "HERE" in text_of(found.pieces, "right")
    assert len(text_of(found.pieces, "right")) < LONG
    assert found.cut
    assert LONG < len(text_of(found.more, "right")) <= MOST + 1_000


def test_a_text_of_middle_length_is_folded_whole() -> None:
    found = shown("", [Piece("", "word " * 300)])
    assert len(found.pieces[0].text) < LONG
    assert (text_of(found.more), found.cut) == ("word " * 300, False)
    assert shown("", [Piece("", "short")]) == ("", [Piece("", "short")], [], False)


def test_many_changes_do_not_make_an_excerpt_long() -> None:
    found = shown("", [Piece("del" if place % 2 else "ins", "word ") for place in range(3_000)])
    assert len(text_of(found.pieces, "del", "ins")) <= LONG
    assert len(text_of(found.more, "del", "ins")) <= 2 * MOST


def test_chats_texts_and_roles_are_turns() -> None:
    chat = '[{"role": "user", "content": "Hi"}, {"role": "poet", "content": "Ah"}]'
    assert [(one.name, one.pieces[0].text) for one in turns(chat, WORDS)] == [("user", "Hi"), ("poet", "Ah")]
    assert [one.name for one in turns({"text_pair": "x", "empty": ""}, WORDS)] == ["second text"]
    assert [one.pieces[0].text for one in turns("[not json", WORDS)] == ["[not json"]
    assert parsed("") == ""


def test_of_a_long_conversation_both_ends_are_shown() -> None:
    chat = [{"role": "user", "content": f"turn {number}"} for number in range(30)]
    texts = [text_of(one.pieces) for one in turns(chat, WORDS)]
    assert texts[:3] == ["turn 0", "turn 1", "turn 2"]
    assert "20 turns" in texts[3]
    assert texts[4:] == [f"turn {number}" for number in range(23, 30)]
    assert len(list(turns(chat[:11], WORDS))) == 11  # one left out would save nothing


def test_texts_are_folded_as_long_as_there_is_room() -> None:
    one = shown("", [Piece("", "好" * MOST)])
    rows = list(within_room([[one]] * 60))
    unfolded = [bool(texts[0].more) for texts in rows]
    assert unfolded == [True] * (ROOM // (3 * MOST)) + [False] * (60 - ROOM // (3 * MOST))
    assert all(texts[0].pieces == one.pieces for texts in rows)
