from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sftcore import Role, Row
from sftcore.data.augment import augment
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Rows
from sftcore.recipe import Recipe
from sftcore_plugin_legal import SwapParties
from sftcore_plugin_legal.company_names import CHINESE_HEADS, HEADS, companies_in
from sftcore_plugin_legal.dates import has_leap_day, years_of_dates

TEXT = {"text": Role(), "label": Role("label", target=True)}
QA = {"question": Role(), "context": Role(), "answers": Role("any", target=True, protects="context")}
LEGAL_QA = {"question": Role(), "passages": Role("any"), "answer": Role(target=True)}


def varied(row: Row, roles: Mapping[str, Role], seed: int = 0, **options: Any) -> dict[str, Any]:
    return dict(SwapParties.from_table(options).vary(row, roles, np.random.default_rng(seed)))


# -- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("by and between Acme Holdings, Inc. and Foo Corp.", ["Acme Holdings", "Foo"]),
        (
            "If Bar & Sons LLC fails, ACME, INC. pays; Bank of Nowhere Limited",
            ["Bar & Sons", "ACME", "Bank of Nowhere"],
        ),
        ("the Corporation, a Delaware Corporation, The Company, Limited liability", []),
        ("甲方：北京恒力科技有限公司，乙方为上海云海贸易股份有限公司。", ["北京恒力科技", "上海云海贸易"]),
        ("甲方北京恒力科技有限公司", ["北京恒力科技"]),
        ("本公司及有限公司的规定", []),
    ],
)
def test_companies_are_found_by_their_legal_form(text: str, stems: list[str]) -> None:
    assert [company.stem for company in companies_in([text])] == stems


def test_short_names_come_from_definitions() -> None:
    english = 'Acme Holdings, Inc., a Delaware corporation (the "Acme"), and Foo Systems LLC ("Company")'
    assert [company.shorts for company in companies_in([english])] == [("Acme",), ()]
    (chinese,) = companies_in(["北京恒力科技有限公司（以下简称“恒力”）"])
    assert chinese.shorts == ("恒力",)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("January 5, 2020 and 5 March 1999, Dec. 2018, the 5th day of May, 2021", [2020, 1999, 2018, 2021]),
        ("2020-01-05, 01/05/2020, 5.1.2020", [2020, 2020, 2020]),
        ("2019年12月, 二〇二〇年三月一日", [2019, 2020]),
        ("in 2020, Section 2020, 2020.50, $2,020, 1/2020, May 5, 一〇二〇年三月", []),
    ],
)
def test_years_of_dates(text: str, years: list[int]) -> None:
    assert [year.number for year in years_of_dates(text)] == years


# -- swapping --------------------------------------------------------------------------------------------------------


def test_a_name_is_the_same_throughout_the_row() -> None:
    row = {
        "text": 'Acme Holdings, Inc. ("Acme") sells. ACME HOLDINGS, INC. pays Foo LLC; Acme Holdings and Acme agree.',
        "label": "Acme Holdings",
    }
    new = varied(row, TEXT)
    assert "acme" not in new["text"].lower() and "Foo" not in new["text"]
    match = re.fullmatch(
        r'(?P<stem>(?P<head>\w+) \w+), Inc\. \("(?P=head)"\) sells\. (?P<upper>[A-Z ]+), INC\. pays '
        r"(?P<other>\w+) LLC; (?P=stem) and (?P=head) agree\.",
        new["text"],
    )
    assert match and match["upper"] == match["stem"].upper()
    assert {match["head"], match["other"]} <= set(HEADS) and match["head"] != match["other"]
    assert new["label"] == "Acme Holdings"  # a class is no text


def test_texts_of_every_kind_change_alike() -> None:
    row = {
        "question": "What does Acme Corp. owe since May 2019?",
        "passages": [{"id": 1, "text": "Acme Corp. owes 5."}, {"id": 2, "text": "北京恒力科技有限公司 owes 3."}],
        "answer": "Acme Corp. owes 5. [1]",
    }
    new = varied(row, LEGAL_QA)
    (name,) = set(re.findall(r"\w+(?= Corp\.)", str(new)))
    assert name in HEADS
    assert [passage["id"] for passage in new["passages"]] == [1, 2]
    assert new["passages"][1]["text"][:2] in CHINESE_HEADS
    assert new["passages"][1]["text"].endswith("科技有限公司 owes 3.")
    assert new["answer"] == f"{name} Corp. owes 5. [1]"
    assert "2019" not in new["question"]


def test_all_dates_move_by_the_same_years() -> None:
    text = "From January 5, 2020 to 2021-01-05 (二〇二〇年一月五日), as in 2020."
    for seed in range(20):
        new = varied({"text": text}, TEXT, seed)["text"]
        first, second, third = (year.number for year in years_of_dates(new))
        assert (second - first, third - first) == (1, 0)
        assert 1 <= abs(first - 2020) <= 4
        assert new.endswith("as in 2020.")
    assert varied({"text": text}, TEXT, years=0)["text"] == text


def test_leap_days_stay_days() -> None:
    assert has_leap_day("due 29 February 2020") and not has_leap_day("due 28 February 2020")
    new = [varied({"text": "due February 29, 2020"}, TEXT, seed)["text"] for seed in range(10)]
    assert set(new) == {"due February 29, 2016", "due February 29, 2024"}


def test_listed_parties_and_own_replacements() -> None:
    row = {"text": "John Smith and Smith sign; Foo LLC does not."}
    new = varied(row, TEXT, parties=["John Smith|Smith"], replacements=["Jane Roe"], find=False)
    assert new["text"] == "Jane Roe and Jane Roe sign; Foo LLC does not."


def test_invented_names_that_the_text_holds_are_not_drawn() -> None:
    others = " ".join(HEADS[1:])
    assert varied({"text": f"Acme Inc. {others}"}, TEXT)["text"].startswith(f"{HEADS[0]} Inc. ")


def test_nothing_to_swap_gives_the_row_itself() -> None:
    row = {"text": "The Company pays in 2020.", "label": "a"}
    assert SwapParties().vary(row, TEXT, np.random.default_rng(0)) is row
    assert SwapParties().augment({"text": "Foo LLC", "label": None}, np.random.default_rng(0))["text"] != "Foo LLC"


# -- spans -----------------------------------------------------------------------------------------------------------

CONTEXT = "This agreement of January 5, 2020 is between Acme Holdings, Inc. and Foo LLC. Acme Holdings pays Foo LLC."


def squad(*answers: str) -> dict[str, Any]:
    return {"text": list(answers), "answer_start": [CONTEXT.index(answer) for answer in answers]}


@pytest.mark.parametrize(
    "answers", [("Acme Holdings, Inc.",), ("January 5, 2020", "pays"), ("between Acme Holdings, Inc. and Foo LLC",)]
)
def test_answers_are_what_stands_at_their_spans(answers: tuple[str, ...]) -> None:
    row = {"question": "Who is Acme Holdings, Inc.?", "context": CONTEXT, "answers": squad(*answers)}
    for seed in range(10):
        new = varied(row, QA, seed)
        found = new["answers"]
        places = zip(found["answer_start"], found["answer_end"], strict=True)
        assert [new["context"][start:end] for start, end in places] == found["text"]
        assert found["status"] == ["exact"] * len(answers)
        assert "Acme" not in new["context"] and "Acme" not in new["question"]


def test_a_name_that_a_span_cuts_stays_throughout_the_row() -> None:
    row = {"question": "Acme Holdings?", "context": CONTEXT, "answers": squad("Holdings, Inc.")}
    new = varied(row, QA)
    assert new["question"] == "Acme Holdings?"
    assert new["context"].count("Acme Holdings") == 2
    assert "Foo LLC" not in new["context"] and "2020" not in new["context"]
    (start,), (end,) = new["answers"]["answer_start"], new["answers"]["answer_end"]
    assert new["context"][start:end] == "Holdings, Inc."


def test_lost_spans_stay_lost_and_lists_of_spans_move() -> None:
    roles = {"text": Role(), "entities": Role("any", target=True, protects="text")}
    entities = [
        {"start": 0, "end": 7, "label": "ORG"},
        {"start": -1, "end": -1, "label": "ORG"},
        {"start": 13, "end": 17},
    ]
    new = varied({"text": "Foo LLC owes 5 EUR to all", "entities": entities}, roles)
    first, second, third = new["entities"]
    assert new["text"][first["start"] : first["end"]].endswith(" LLC") and first["label"] == "ORG"
    assert (second["start"], second["end"]) == (-1, -1)
    assert new["text"][third["start"] : third["end"]] == "5 EU"


def test_in_a_recipe_copies_are_added_and_nothing_else_changes() -> None:
    recipe = Recipe.from_dict(
        {
            "model": {"base": "x"},
            "data": {"source": "a.csv"},
            "task": {"use": "clause-classification"},
            "augment": [{"use": "swap-parties", "copies": 3}],
        }
    )
    rows = Rows.of([{"text": "Acme Inc. pays.", "label": "a"}, {"text": "The buyer pays.", "label": "b"}])
    ledger = Ledger()
    result = augment(rows, recipe, ledger)
    assert result.ids.tolist() == [0, 1, 0, 0, 0]
    assert len({row["text"] for row in result.values}) == 5
    assert {row["label"] for row in result.values[2:]} == {"a"}
    assert augment(rows, recipe, Ledger()).values == result.values
