from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sftcore import Recipe, move_spans
from sftcore.builtin.augmenters import KeyboardTypos, RandomDeletion, RandomInsertion, RandomSwap
from sftcore.components import Row, RowAugmenter, TextAugmenter
from sftcore.data.augment import Refusals, augment, fresh_rows, variant
from sftcore.data.ledger import Ledger
from sftcore.data.preprocess import ORIGINAL
from sftcore.data.rows import Rows
from sftcore.errors import PluginError, Problem
from sftcore.task import Role

TEXT = {"text": Role(), "label": Role(kind="label", target=True)}
SPANS = {"context": Role(), "answers": Role(kind="any", target=True, protects="context")}
WORDS = "the quick brown fox jumps over one lazy dog and runs away from here"


def recipe(*steps: Any, roles: Mapping[str, Role] = TEXT, seed: int = 42) -> Recipe:
    """As much of a recipe as augmenting asks for."""

    def problem(key: str, message: str, advice: str = "") -> Problem:
        return Problem(message, key=key, advice=advice)

    task = SimpleNamespace(roles=roles)
    return cast("Recipe", SimpleNamespace(augment=steps, task=task, problem=problem, seed=seed))


def rows(number: int = 20) -> Rows:
    values = [{"text": f"{WORDS} {row}", "label": "A"} for row in range(number)]
    return Rows.of(values, ids=[3 * row for row in range(number)], groups=[str(row % 3) for row in range(number)])


class Shout(TextAugmenter, name="shout"):
    """Replaces two stretches and inserts at two places."""

    def edits(self, text: str, rng: np.random.Generator) -> Iterable[tuple[int, int, str]]:
        """Four edits."""
        return [(0, 0, "<"), (0, 1, "X"), (4, 4, "|"), (5, 5, "!"), (7, 7, "|"), (8, 9, "Y")]


class Constant(RowAugmenter, name="constant"):
    """Returns rows with these roles changed."""

    roles: Any = None

    def augment(self, row: Row, rng: np.random.Generator) -> Any:
        """The changed row."""
        return row if self.roles is None else {**row, **self.roles} if isinstance(self.roles, dict) else self.roles


def test_copies_carry_id_group_and_number() -> None:
    given, ledger = rows(), Ledger()
    result = augment(given, recipe(RandomSwap(copies=2), KeyboardTypos(rate=0.2)), ledger)
    assert len(result) == 80
    assert result.ids.tolist() == given.ids.tolist() * 4
    assert result.groups == cast("list[str]", given.groups) * 4
    assert result.copy_numbers().tolist() == [0] * 20 + [1] * 20 + [2] * 20 + [3] * 20
    assert result.values[:20] == given.values
    assert {row["label"] for row in result.values} == {"A"}
    entry = ledger.as_json()["stages"][0]
    assert (entry["rows_in"], entry["rows_out"]) == (20, 80)
    assert entry["details"]["copies"] == {"augment.0 random-swap": 40, "augment.1 keyboard-typos": 20}
    assert all(left != right for left, right in zip(result.values[20:40], result.values[40:60], strict=True))


def test_a_variant_equal_to_its_parent_is_counted_and_not_added() -> None:
    ledger = Ledger()
    given = Rows.of([{"text": "好的"}, {"text": "hello there my friend"}])
    result = augment(given, recipe(KeyboardTypos(rate=0.9)), ledger)
    assert result.ids.tolist() == [0, 1, 1]
    assert ledger.as_json()["stages"][0]["details"]["unchanged"] == {"augment.0 keyboard-typos": 1}


def test_randomness_depends_on_seed_and_row_alone() -> None:
    given = rows()
    whole = augment(given, recipe(RandomDeletion(rate=0.5)), Ledger())
    order = np.arange(20)[::-1][:10]
    part = augment(given.take(order), recipe(RandomDeletion(rate=0.5)), Ledger())
    texts = dict(zip(whole.ids[20:].tolist(), whole.column("text")[20:], strict=True))
    assert [texts[row_id] for row_id in part.ids[10:].tolist()] == part.column("text")[10:]
    other = augment(given, recipe(RandomDeletion(rate=0.5), seed=43), Ledger())
    assert other.column("text")[20:] != whole.column("text")[20:]


def test_without_static_augmenters_nothing_is_added() -> None:
    given, ledger = rows(), Ledger()
    assert augment(given, recipe(), ledger) is given
    assert len(ledger) == 0
    assert augment(given, recipe(RandomDeletion(every_epoch=True)), ledger) is given
    assert ledger.as_json()["stages"][0]["details"] == {"every_epoch": ["augment.0 random-deletion"]}


def test_every_epoch_shows_other_variants() -> None:
    given, plan = rows(), recipe(RandomDeletion(rate=0.3, every_epoch=True), RandomSwap())
    first, second = fresh_rows(given, plan, 1), fresh_rows(given, plan, 2)
    assert len(first) == len(given)
    assert first.column("text") != second.column("text") != given.column("text")
    assert first.column("text") == fresh_rows(given, plan, 1).column("text")
    assert first.values[3] == variant(given.values[3], int(given.ids[3]), 1, plan)
    assert fresh_rows(given, recipe(RandomSwap()), 1) is given


def test_copies_of_a_row_get_their_own_variants() -> None:
    plan = recipe(RandomDeletion(rate=0.5, every_epoch=True))
    row = {"text": WORDS}
    assert variant(row, 7, 1, plan, copy=0) != variant(row, 7, 1, plan, copy=1)


def test_edits_of_a_protected_span_are_refused_and_counted() -> None:
    row = {"context": "abcdCATefgh", "answers": [[4, 7]]}
    ledger = Ledger()
    result = augment(Rows.of([row]), recipe(Shout(), roles=SPANS), ledger).values[1]
    assert result["context"] == "<Xbcd|CAT|eYgh"
    (low, high) = result["answers"][0]
    assert result["context"][low:high] == "CAT"
    assert ledger.as_json()["stages"][0]["details"]["refused_edits"] == {"augment.0 shout": 1}
    refusals = Refusals()
    variant(row, 0, 1, recipe(Shout(every_epoch=True), roles=SPANS), refusals=refusals)
    assert refusals.edits == {"augment.0 shout": 1}


class Rename(RowAugmenter, name="rename"):
    """Writes another name, in the text and in the answers that lie in it."""

    def augment(self, row: Row, rng: np.random.Generator) -> Row:
        raise AssertionError("the core asks vary")

    def vary(self, row: Row, roles: Mapping[str, Role], rng: np.random.Generator) -> Row:
        (text,) = (name for name, role in roles.items() if role.kind == "text")
        (spans,) = (name for name, role in roles.items() if role.protects == text)
        edits = [(0, 4, "Bartholomew")]
        new = row[text].replace("Anna", "Bartholomew")
        return {**row, text: new, spans: move_spans(row[spans], row[text], edits)}


def test_an_augmenter_of_rows_may_ask_for_the_roles_and_move_the_spans() -> None:
    row = {"context": "Anna sat", "answers": {"text": ["sat"], "answer_start": [5]}}
    given, varied = augment(Rows.of([row]), recipe(Rename(), roles=SPANS), Ledger()).values
    assert given == row
    start, end = varied["answers"]["answer_start"][0], varied["answers"]["answer_end"][0]
    assert varied["context"][start:end] == "sat"


def test_edits_that_every_epoch_refuses_are_counted_in_the_first() -> None:
    row = {"context": "abcdCATefgh", "answers": [[4, 7]]}
    ledger = Ledger()
    given = Rows.of([row, {"context": "abcdCATefgh", "answers": None}])
    result = augment(given, recipe(Shout(every_epoch=True), Shout(), roles=SPANS), ledger)
    assert len(result) == 4
    refused = ledger.as_json()["stages"][0]["details"]["refused_edits"]
    assert refused == {"augment.0 shout": 3, "augment.1 shout": 1}  # one of the row, and two of its copy


class Trim(RowAugmenter, name="trim"):
    """Takes the first characters of the context away, and knows nothing of spans."""

    characters: int = 3

    def augment(self, row: Row, rng: np.random.Generator) -> Row:
        """The shortened row."""
        return {**row, "context": row["context"][self.characters :]}


def test_the_spans_move_along_where_an_augmenter_of_rows_does_not_know_them() -> None:
    row = {"context": "abcdCATefgh", "answers": [{"start": 4, "end": 7, "label": "animal"}]}
    (_, moved) = augment(Rows.of([row]), recipe(Trim(), roles=SPANS), Ledger()).values
    assert moved["answers"] == [{"start": 1, "end": 4, "label": "animal", "status": "exact"}]
    ledger = Ledger()
    result = augment(Rows.of([row]), recipe(Trim(characters=5), roles=SPANS), ledger)
    assert result.values == [row]
    details = ledger.as_json()["stages"][0]["details"]
    assert (details["refused_edits"], details["unchanged"]) == ({"augment.0 trim": 1}, {"augment.0 trim": 1})


def test_a_swap_never_takes_an_answer_apart() -> None:
    context = "the cat sat on the mat and the dog sat on the cat"
    row = {"context": context, "answers": {"text": ["sat on"], "answer_start": [8]}}
    result = augment(Rows.of([row]), recipe(RandomSwap(copies=20, rate=0.3), roles=SPANS), Ledger())
    assert len(result) > 5
    for value in result.values[1:]:
        low, high = value["answers"]["answer_start"][0], value["answers"]["answer_end"][0]
        assert value["context"][low:high] == "sat on"
        assert sorted(value["context"].split()) == sorted(context.split())


def test_a_variant_does_not_carry_its_parents_original() -> None:
    row = {"context": WORDS, "answers": [], ORIGINAL: {}}
    result = augment(Rows.of([row]), recipe(RandomSwap(), Constant(), roles=SPANS), Ledger())
    assert [ORIGINAL in value for value in result.values] == [True, False]


def test_a_variant_without_text_is_not_added() -> None:
    ledger = Ledger()
    augment(Rows.of([{"text": "a"}]), recipe(Constant(roles={"text": " "})), ledger)
    details = ledger.as_json()["stages"][0]["details"]
    assert details["emptied"] == {"augment.0 constant": 1}
    assert details["copies"] == {"augment.0 constant": 0}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Constant(roles={"txt": "x"}), "unknown role 'txt'; did you mean text?"),
        (Constant(roles={"text": 3}), "int for the text 'text'"),
        (Constant(roles=3), "constant returned int, not a row"),
        (Shout(), "shout: the edit (4, 4, '|') is outside the text of 1 characters"),
    ],
)
def test_a_broken_augmenter_is_named(step: Any, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        augment(Rows.of([{"text": "a"}], ids=[5]), recipe(step), Ledger())
    assert said in str(caught.value)
    assert "row 6 of the data" in str(caught.value)
    assert caught.value.problems[0].key == "augment.0"


def test_only_the_roles_it_is_told() -> None:
    roles = {"text": Role(), "pair": Role(), "label": Role(kind="label", target=True)}
    row = {"text": WORDS, "pair": WORDS, "label": WORDS}
    result = augment(Rows.of([row]), recipe(RandomInsertion(on=("pair",)), roles=roles), Ledger()).values[1]
    assert (result["text"], result["label"]) == (WORDS, WORDS)
    assert result["pair"] != WORDS


def test_out_of_memory_is_no_mistake_of_the_augmenter() -> None:
    class Hungry(RowAugmenter, name="hungry"):
        """Asks for too much."""

        def augment(self, row: Row, rng: np.random.Generator) -> Row:
            """Raise."""
            raise MemoryError

    with pytest.raises(MemoryError):
        augment(rows(), recipe(Hungry()), Ledger())
