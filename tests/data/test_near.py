"""Near-duplicates against the definition: every pair compared."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest

from sftcore.data import near
from sftcore.data.joining import apart, joined, joined_by
from sftcore.data.near import near_groups, words


def shingles(text: list[str]) -> set[str | tuple[str, str]]:
    return {*text, *pairwise(text)}


def by_definition(texts: list[list[str]], threshold: float) -> list[int]:
    sets = [shingles(text) for text in texts]
    pairs = [
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if len(sets[one] & sets[other]) >= threshold * len(sets[one] | sets[other]) - 1e-9
    ]
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    return joined(apart(len(texts)), left, right).tolist()


def variants(seed: int, count: int, vocabulary: int) -> list[list[str]]:
    """Random texts, half of them with a few words of an earlier one changed."""
    source = random.Random(seed)
    texts: list[list[str]] = []
    for _ in range(count):
        if texts and source.random() < 0.5:
            text = list(source.choice(texts))
            for _ in range(source.randint(0, 3)):
                text[source.randrange(len(text))] = f"w{source.randrange(vocabulary)}"
        else:
            text = [f"w{source.randrange(vocabulary)}" for _ in range(source.randint(1, 25))]
        texts.append(text)
    return texts


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("vocabulary", [4, 30, 3000])
def test_groups_are_those_of_the_definition(threshold: float, vocabulary: int) -> None:
    texts = variants(vocabulary, 250, vocabulary)
    groups, complete = near_groups([texts], threshold)
    assert complete
    assert groups.tolist() == by_definition(texts, threshold)


def test_two_texts_a_row_must_both_be_near() -> None:
    premise = words("the man walks his old dog along the river bank in the morning")
    rows = [
        (premise, words("he is awake")),
        (premise, words("nobody is there at all")),
        ([*premise, "again"], words("he is awake")),
    ]
    groups, _ = near_groups([[row[0] for row in rows], [row[1] for row in rows]], 0.7)
    assert groups.tolist() == [0, 1, 0]


def test_nothing_is_near_nothing() -> None:
    assert near_groups([[]], 0.7)[0].tolist() == []
    assert near_groups([[["a"]]], 0.7)[0].tolist() == [0]


def test_a_crowd_of_templates_is_joined_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "COMPARISONS", 20_000)
    frame = words("your order number has been shipped and will arrive on monday thank you for buying at our shop")
    crowd = [[str(number) if word == "number" else word for word in frame] for number in range(3000)]
    groups, complete = near_groups([[*crowd, ["something", "else"]]], 0.7)
    assert not complete
    assert groups[:3000].tolist() == [0] * 3000
    assert groups[3000] == 3000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good, VERY good!", "good very   good"),
        ("ＡＢＣ ｶﾞ", "abc ガ"),
        ("房间 很干净。", "房间很干净"),
        ("STRASSE", "straße"),
    ],
)
def test_words_disregard_case_spaces_punctuation_and_forms(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_words_keep_characters_and_pictographs_apart() -> None:
    assert words("房间OK😀") == ["房", "间", "ok", "😀"]
    assert words(":-) !") == [":-)!"]
    assert words("good 😀") != words("good 😡")


def test_joining_is_transitive_and_names_a_group_by_its_first_row() -> None:
    left, right = np.array([4, 1, 3]), np.array([3, 2, 2])
    assert joined(apart(6), left, right).tolist() == [0, 1, 1, 1, 1, 5]
    assert joined_by(apart(5), ["a", None, "a", None, "b"]).tolist() == [0, 1, 0, 3, 4]
    chain = np.random.default_rng(0).permutation(1000)
    assert set(joined(apart(1000), chain[:-1], chain[1:]).tolist()) == {0}


def test_the_groups_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "import random; from sftcore.data.near import near_groups, words\n"
        "source = random.Random(0)\n"
        "texts = [' '.join(source.choices('abcdefgh', k=9)) for _ in range(200)]\n"
        "print(near_groups([[words(text) for text in texts]], 0.6)[0].tolist())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(printed) == 1
