from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from sftcore.builtin.augmenters import COMPONENTS, KeyboardTypos, RandomDeletion, RandomInsertion, RandomSwap
from sftcore.components import TextAugmenter
from sftcore.data.randomness import generator
from sftcore.data.spans import apply

ENGLISH = "the quick brown fox jumps over the lazy dog while nobody else is looking at it"
CHINESE = "这部电影真的很好看，我非常喜欢！"


def variants(component: TextAugmenter, text: str, number: int = 300) -> list[str]:
    return [apply(text, component.edits(text, generator(seed))) for seed in range(number)]


def test_deletion_removes_words_at_the_rate() -> None:
    texts = variants(RandomDeletion(rate=0.2), ENGLISH)
    left = [text.split() for text in texts]
    assert np.mean([len(words) for words in left]) == pytest.approx(0.8 * 16, abs=0.4)
    for text, words in zip(texts, left, strict=True):
        assert text == " ".join(words)
        remaining = iter(ENGLISH.split())
        assert all(word in remaining for word in words)


def test_deletion_of_characters_in_chinese() -> None:
    texts = variants(RandomDeletion(rate=0.3), CHINESE)
    assert all("，" in text and text.endswith("！") for text in texts)
    assert np.mean([len(text) for text in texts]) == pytest.approx(2 + 0.7 * 14, abs=0.4)


def test_deletion_leaves_at_least_one_word() -> None:
    for text in ("word", "好", "a b", "好的", "a b c"):
        assert all(variant.strip() for variant in variants(RandomDeletion(rate=0.99), text, 50))


def test_swap_keeps_the_words() -> None:
    for text, split in ((ENGLISH, str.split), (CHINESE, list)):
        made = variants(RandomSwap(rate=0.2), text)
        assert all(sorted(split(new)) == sorted(split(text)) for new in made)
        assert sum(new != text for new in made) > 250
    assert all(text[9] == "，" for text in variants(RandomSwap(rate=0.4), CHINESE))


def test_two_words_swap() -> None:
    assert set(variants(RandomSwap(), "left  right", 10)) == {"right  left"}
    assert set(variants(RandomSwap(), "alone", 10)) == {"alone"}


def test_every_word_is_as_likely_to_move() -> None:
    words = [str(number) for number in range(10)]
    moved = np.zeros(10)
    for new in variants(RandomSwap(rate=0.1), " ".join(words), 2000):
        moved += [a != b for a, b in zip(new.split(), words, strict=True)]
    assert moved.min() > 0.85 * moved.mean()
    assert moved.max() < 1.15 * moved.mean()


def test_insertion_adds_words_of_the_text_or_of_the_list() -> None:
    for new in variants(RandomInsertion(rate=0.2), ENGLISH, 50):
        assert len(new.split()) == 19
        assert set(new.split()) == set(ENGLISH.split())
    for new in variants(RandomInsertion(words=("really",)), ENGLISH, 50):
        assert new.split().count("really") == 1
    for new in variants(RandomInsertion(), CHINESE, 50):
        assert len(new) == len(CHINESE) + 1
        assert " " not in new


def test_typos_hit_neighbours_and_keep_capitals() -> None:
    near = {"a": "qwsz", "P": "OL"}
    for text, keys in near.items():
        assert set(variants(KeyboardTypos(rate=0.9), text)) == {text, *keys}
    changed = [
        sum(a != b for a, b in zip(new, ENGLISH, strict=True)) for new in variants(KeyboardTypos(), ENGLISH, 1000)
    ]
    letters = sum(letter.isalpha() for letter in ENGLISH)
    assert np.mean(changed) == pytest.approx(0.03 * letters, rel=0.1)
    assert variants(KeyboardTypos(rate=0.9), "好的 12 é!", 5) == ["好的 12 é!"] * 5


def test_neighbourhood_is_mutual() -> None:
    table = KeyboardTypos.neighbours
    assert all(key in table[other] for key, others in table.items() for other in others)
    assert len(table) == 52


@pytest.mark.parametrize("cls", COMPONENTS)
def test_texts_without_words_stay(cls: type[TextAugmenter]) -> None:
    for text in ("", " ", "，。！", "..."):
        assert variants(cls(), text, 5) == [text] * 5


@pytest.mark.parametrize("cls", COMPONENTS)
def test_emoji_sequences_are_never_torn(cls: type[TextAugmenter]) -> None:
    family = "👩\u200d👩\u200d👧\u200d👦"
    for new in variants(cls(rate=0.5), f"I {family} you", 100):
        assert new.replace(family, "").isascii()


@pytest.mark.parametrize("cls", COMPONENTS)
@pytest.mark.parametrize("table", [{"rate": 0}, {"rate": 1.0}, {"rate": "0.1"}, {"copies": 0}, {"rates": 0.1}])
def test_bad_settings_are_refused(cls: type[TextAugmenter], table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        cls.from_table(table)
