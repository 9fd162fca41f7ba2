"""What the base model's own card says of licence and languages; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sftcore.models.base import Base
from sftcore.models.calls import first_line

README = "README.md"
FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md", "COPYING")
KNOWN_TEXTS = {
    "apache-2.0": r"Apache License\s+Version 2\.0, January 2004",
    "mit": r"Permission is hereby granted, free of charge, to any person obtaining a copy of this software and assoc",
    "bsd-3-clause": r"Redistributions of source code must retain(.|\n)*Neither the name of(.|\n)*endorse or promote",
    "gpl-3.0": r"^\s*GNU GENERAL PUBLIC LICENSE\s+Version 3, 29 June 2007",
    "agpl-3.0": r"^\s*GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3, 19 November 2007",
}
"""Wordings that only one licence has, by the hub's name for it."""

_LONGEST = 200_000
_SECONDS = 5


@dataclass(frozen=True, slots=True)
class BaseCard:
    """What is known of a base model.

    `licence` is the hub's identifier, "" where it is not known; `name` and `link` tell more of one that has none of its
    own there (`other`). `said_by` is where that stands, `unread` why there may be more than could be read, `file` the
    licence's file beside the model. `languages` are as the base's card names them.
    """

    licence: str = ""
    name: str = ""
    link: str = ""
    said_by: str = ""
    file: str = ""
    unread: str = ""
    languages: tuple[str, ...] = ()


def base_card(base: Base) -> BaseCard:
    """Read the card beside the base, of a hub's model the one on the hub; else the header of a GGUF file, else the
    licence's file. Never raises: the model is trained by the time that it is asked for."""
    if base.path is None:
        return BaseCard()
    try:
        found = _of_metadata(_metadata(base))
    except FileNotFoundError:  # in the hub's cache
        found = BaseCard(unread="its model card is not at hand, and the hub could not be asked")
    except Exception as error:  # the hub's library raises a dozen kinds, YAML its own
        found = BaseCard(unread=f"its model card could not be read: {first_line(error)}")
    if not found.licence and base.gguf_file:
        found = _of_gguf(base.path / base.gguf_file, found)
    return found if found.licence else _of_file(base.path, found)


def _metadata(base: Base) -> Mapping[str, Any]:
    from huggingface_hub import hf_hub_download, metadata_load
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    assert base.path is not None
    path = base.path / README
    if path.is_file() or not base.commit:
        return metadata_load(path) or {} if path.is_file() else {}
    try:
        fetched = hf_hub_download(base.name, README, revision=base.commit, etag_timeout=_SECONDS)
    except EntryNotFoundError as error:
        if isinstance(error, LocalEntryNotFoundError):  # not asked for, as there is no connection
            raise
        return {}
    return metadata_load(fetched) or {}


def _of_metadata(metadata: Mapping[str, Any]) -> BaseCard:
    licence, languages = metadata.get("license"), metadata.get("language")
    licences = [each for each in _texts(licence) if each.lower() != "unknown"]
    link = str(metadata.get("license_link") or "")
    return BaseCard(
        licence=licences[0] if len(licences) == 1 else "",
        name=str(metadata.get("license_name") or "") or (", ".join(licences) if len(licences) > 1 else ""),
        link=link if link.startswith("https://") else "",
        said_by="its model card" if licences else "",
        languages=_texts(languages),
    )


def _texts(value: Any) -> tuple[str, ...]:
    """YAML's `no` (Norwegian) is False: such a value is left out."""
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values if isinstance(each, str) and each)


def _of_gguf(path: Path, found: BaseCard) -> BaseCard:
    from sftcore.models.gguf import texts_of

    with suppress(ValueError, OSError):
        licence = texts_of(path).get("general.license", "")
        if licence and licence.lower() != "unknown":
            return replace(found, licence=licence.lower(), said_by="the header of its GGUF file")
    return found


def _of_file(folder: Path, found: BaseCard) -> BaseCard:
    """The licence whose text lies beside the model, where no other has such a wording."""
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        return found
    with suppress(OSError):
        text = file.read_bytes()[:_LONGEST].decode("utf-8", "replace")
        matches = [name for name, wording in KNOWN_TEXTS.items() if re.search(wording, text)]
        if len(matches) == 1:
            return replace(found, licence=matches[0], said_by=f"the text of its file {file.name}", file=file.name)
    return replace(found, file=file.name)
