"""Data of named entities in the shapes that it comes in, as texts with the places of their entities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from sftcore import DataError, Problem
from sftcore.builtin.class_names import label_name
from sftcore.builtin.tags import OUTSIDE, is_prefixed, strays, stretches

if TYPE_CHECKING:
    import datasets

Entity: TypeAlias = dict[str, Any]
"""`start` and `end` in the text, its `label`; and what preprocessing leaves alone: its `text`, and `at`, its start in
the text as it was given."""

_TOKENS = ("tokens", "words")
_TAGS = ("ner_tags", "tags", "labels", "ner")
_SPANS = ("label", "labels", "annotations", "spans")
_STARTS, _ENDS = ("start", "start_offset", "start_idx"), ("end", "end_offset", "end_idx")
_OWN_TEXTS = ("text", "entity", "mention")
"""What spans call their own text, if they have it."""
_LABELS = ("label", "labels", "entity_group", "type")
_CJK = "[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
_NO_BLANK_BEFORE, _NO_BLANK_AFTER = re.compile(_CJK), re.compile(f"{_CJK}$")
SHOWN = 6
_MOSTLY = 0.9
"""From this share of tokens of one character on, texts are taken to be cut into their characters."""


def with_entities(table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
    """The table with columns for the roles `text` and `entities`, and what was recognised ("": nothing to be done).

    Known are lists of tokens with a list of tags (CoNLL), and lists of spans: `[start, end, label]` (Doccano) or
    tables of `start`, `end` and `label` or `labels` (Label Studio), and tables of labels with tables of texts and
    their places (CLUENER, the ends included); spans may be written as JSON text. `columns` (role → column) are those
    that the recipe names. Raises `sftcore.DataError` for tags that fit no tokens.
    """
    names = table.column_names
    text, entities = (columns.get(role, role) for role in ("text", "entities"))
    tokens = next((name for name in (text, *_TOKENS) if name in names and _is_list(table, name)), "")
    tags = next((name for name in (entities, *_TAGS) if name in names and _is_list(table, name)), "")
    if tokens and (text == tokens or text not in names or (tags and entities not in names)):
        return _of_tokens(table, tokens, tags, text, entities)
    spans = entities if entities in names else next((name for name in _SPANS if name in names), "")
    if text not in names or not spans:
        return table, ""
    return _of_spans(table, spans, text, entities)


def _is_list(table: datasets.Dataset, name: str) -> bool:
    """Whether the column holds lists of plain values."""
    inner = getattr(table.features[name], "feature", None)
    return inner is not None and not isinstance(inner, dict) and not hasattr(inner, "feature")


def _of_tokens(
    table: datasets.Dataset, tokens: str, tags: str, text: str, entities: str
) -> tuple[datasets.Dataset, str]:
    words = [[str(token) for token in row or ()] for row in table[tokens]]
    blank = "" if _are_characters(words) else " "
    texts, places = [], []
    for row in words:
        joined, starts = _joined(row, blank)
        texts.append(joined)
        places.append([(start, start + len(word)) for start, word in zip(starts, row, strict=True)])
    how = "with blanks between words" if blank else "without blanks: they are characters"
    if not tags:
        return _replaced(table, text, texts), f"{tokens} joined {how}"
    rows = _tags_of(table, tags, words)
    names = {tag for row in rows for tag in row}
    _require_scheme(rows, strays(names), tags)
    prefixed = is_prefixed(names)
    found = [_of_tags(*row, prefixed) for row in zip(texts, places, rows, strict=True)]
    table = _replaced(_replaced(table, text, texts), entities, found)
    scheme = "tags that say where an entity begins" if prefixed else "tags without B- and I-: neighbours are one entity"
    sentence = f"{tokens} joined {how}; entities read from {tags}, {scheme}"
    return table, "\n".join([sentence, *([] if prefixed else _doubts(tags, names))])


def _require_scheme(rows: Sequence[Sequence[str]], strange: set[str], column: str) -> None:
    """Raise `DataError` with the first row of a tag that does not say where an entity begins, where others do."""
    for number, row in enumerate(rows, 1):
        for tag in row:
            if tag in strange:
                message = "this tag says nothing of where an entity begins, and others do (B-, I-)"
                advice = f"write B-{tag} and I-{tag}, or O where it is no entity"
                raise DataError(Problem(message, row=number, key=column, value=tag, advice=advice))


def _doubts(column: str, names: set[str]) -> Iterator[str]:
    """What may not be meant by tags that are names of kinds alone."""
    if not names & {"", OUTSIDE}:
        kinds = ", ".join(sorted(names)[:SHOWN])
        yield f"every token is part of an entity, since no tag of {column} is O ({kinds}): tag what is none with O"
    yield f"the tags of {column} have no B- and I-, so entities of one kind side by side are read as one"


def _of_tags(text: str, places: Sequence[tuple[int, int]], tags: Sequence[str], prefixed: bool) -> list[Entity]:
    spans = ((places[first][0], places[stop - 1][1], label) for first, stop, label in stretches(tags, prefixed))
    return [_entity(text, start, end, label) for start, end, label in spans if start < end]


def _tags_of(table: datasets.Dataset, column: str, words: Sequence[Sequence[str]]) -> list[list[str]]:
    """The tags by name, a row as long as its words. Raises `DataError` for others, with the row."""
    classes: Any = table.features[column]
    names: Any = getattr(classes.feature, "names", None)
    rows: list[list[str]] = []
    for number, (tags, row) in enumerate(zip(table[column], words, strict=True), 1):
        if len(tags or ()) != len(row):
            message = f"{len(row)} tokens, but {len(tags or ())} tags"
            raise DataError(Problem(message, row=number, key=column, value=str(tags)[:80]))
        if names is None and any(isinstance(tag, int) for tag in tags or ()):
            advice = "give the tags by name (B-PER, O), or a data set whose features name the classes"
            raise DataError(Problem("the tags are numbers without names", row=number, key=column, advice=advice))
        rows.append([names[tag] if isinstance(tag, int) else str(tag or "").strip() for tag in tags or ()])
    return rows


def _are_characters(rows: Iterable[Sequence[str]]) -> bool:
    """Whether the tokens are single characters, Chinese or Japanese ones among them."""
    tokens = [token for row in rows for token in row]
    single = sum(len(token) == 1 for token in tokens)
    return bool(tokens) and single >= _MOSTLY * len(tokens) and any(map(_NO_BLANK_BEFORE.match, tokens))


def _joined(words: Sequence[str], blank: str) -> tuple[str, list[int]]:
    """The words as one text, and where each begins; no blank beside a Chinese or Japanese character."""
    pieces: list[str] = []
    starts, at, former = [], 0, ""
    for word in words:
        if former and word and blank and not _NO_BLANK_AFTER.search(former) and not _NO_BLANK_BEFORE.match(word):
            pieces.append(blank)
            at += len(blank)
        pieces.append(word)
        starts.append(at)
        at, former = at + len(word), word or former
    return "".join(pieces), starts


def _of_spans(table: datasets.Dataset, spans: str, text: str, entities: str) -> tuple[datasets.Dataset, str]:
    values = [_parsed(value) for value in table[spans]]
    if not any(isinstance(value, list) for value in values):
        return table, ""
    rows = zip(table[text], values, strict=True)
    found = [_entities(row, value) if isinstance(row, str) else None for row, value in rows]
    kind = "start, end, label" if any(isinstance(one, list) for value in values for one in value or ()) else "tables"
    said = "" if spans == entities and kind == "tables" else f"entities read from {spans} ({kind})"
    return _replaced(table, entities, found), said


def _parsed(value: Any) -> list[Any] | None:
    """The list of spans, which may be JSON in a text, or CLUENER's table; None for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return None
    if isinstance(value, Mapping):
        return _named_spans(value)
    return value if isinstance(value, list) else None


def _named_spans(table: Mapping[str, Any]) -> list[Entity] | None:
    """CLUENER's `{label: {text: [[start, last], …]}}` as spans; None for another table."""
    found = []
    for label, texts in table.items():
        if not isinstance(texts, Mapping | None):
            return None
        for text, places in (texts or {}).items():
            for place in places or ():
                if not isinstance(place, list) or len(place) != 2:
                    return None
                found.append({"start": place[0], "end": _whole(place[1]) + 1, "label": label, "text": text})
    return found


def _entities(text: str, spans: Sequence[Any] | None) -> list[Entity] | None:
    return None if spans is None else [entity for span in spans for entity in _read(text, span)]


def _read(text: str, span: Any) -> Iterator[Entity]:
    """The entities of one span, one for each of its labels; one without a label where it can't be read."""
    if isinstance(span, Mapping):
        start, end, label = (_first(span, keys) for keys in (_STARTS, _ENDS, _LABELS))
    else:
        start, end, label, *_ = [*span, None, None, None] if isinstance(span, list) else [None] * 3
    labels = label if isinstance(label, list) and label else [label]
    own = _first(span, _OWN_TEXTS) if isinstance(span, Mapping) else None
    for one in labels:
        name = "" if one is None or isinstance(one, list) else label_name(one)
        entity = _entity(text, _whole(start), _whole(end), name)
        yield {**entity, "text": own} if isinstance(own, str) and not _same(own, entity["text"]) else entity


def place_flaw(text: str, entity: Entity) -> str:
    """Why the entity, as it was read, is not in the text that was given; or ""."""
    start, end, own = entity["start"], entity["end"], entity.get("text")
    if start == end == -1:
        return "entities has one without numbers for its start and end"
    differs = own is not None and entity.get("at") == start and not _same(own, text[max(0, start) : max(0, end)])
    if differs and _same(own, text[max(0, start) : end + 1]):
        return "entities has ends that are included: add 1 to each"
    if differs and start > 0 and _same(own, text[start - 1 : end - 1]):
        return "entities has places that are counted from 1: take 1 from each"
    if not 0 <= start < end <= len(text):
        return "entities has one that is empty or lies outside the text"
    return "entities has one whose text does not stand at its place" if differs else ""


def _same(one: Any, other: str) -> bool:
    """Whether the texts are the same but for blanks."""
    return bool(one == other) or "".join(one.split()) == "".join(other.split())


def _first(span: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((span[key] for key in keys if span.get(key) is not None), None)


def _whole(value: Any) -> int:
    """A place in a text; -1 for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _entity(text: str, start: int, end: int, label: str) -> Entity:
    return {"start": start, "end": end, "label": label, "text": text[max(0, start) : max(0, end)], "at": start}


def _replaced(table: datasets.Dataset, name: str, values: list[Any]) -> datasets.Dataset:
    """The table with this column, in place of one that has its name."""
    if name in table.column_names:
        table = table.remove_columns([name])
    return table.add_column(name, values)
