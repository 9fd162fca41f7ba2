"""The baseline: what was marked in training is marked again."""

from __future__ import annotations

from sftcore.builtin.entity_dictionary import EntityDictionary
from tests.builtin.entities import STATE, TASK, row_of


def test_the_dictionary_finds_what_was_mostly_marked() -> None:
    rows = [
        row_of("New York and York", ("New York", "LOC")),
        row_of("May left", ("May", "PER")),
        row_of("May is here"),
        row_of("in May we may"),
        row_of("张三去北京", ("北京", "LOC"), ("张三", "PER")),
    ]
    (baseline,) = TASK.baselines(rows, [{"text": "New Yorkers like New York, not May"}, {"text": "他在北京"}], STATE)
    assert baseline.name == "dictionary"
    assert [one.value for one in baseline.predictions] == [
        [{"start": 17, "end": 25, "label": "LOC", "text": "New York"}],
        [{"start": 2, "end": 4, "label": "LOC", "text": "北京"}],
    ]


def test_the_dictionary_takes_the_commonest_label_and_the_longest_entry() -> None:
    known = EntityDictionary.of(
        [
            ("Ford drives a Ford", [(0, 4, "PER"), (14, 18, "PER")]),
            ("Ford Motor", [(0, 10, "ORG")]),
            ("x", [(0, 9, "A")]),
        ]
    )
    assert list(known.find("a Ford Motor by Ford")) == [(2, 12, "ORG"), (16, 20, "PER")]
