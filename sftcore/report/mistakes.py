"""The mistakes of which the model was surest, with their texts and with what preprocessing changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sftcore import figures
from sftcore.report.cases import Piece, Shown, changes, marked, parsed, passages, role_name, shown, turns, within_room
from sftcore.report.evidence import HEAVY, Evidence
from sftcore.report.frame import Section, filled
from sftcore.report.words import Words
from sftcore.runs.predictions import FILE, GIVEN, OWN

NAMES = (("reference", "label"), ("prediction", "prediction"))
"""What was right and what was said: their names in predictions.parquet and in metrics.json."""
MOST = 50
COLUMNS = (("reference", "right"), ("prediction", "said"))
IN_LINE = 200
"""Characters up to which answers stand in a line; longer ones are texts of their own."""
OPEN = 10
"""Mistakes that are shown at once; the others are folded."""


def section(evidence: Evidence, words: Words) -> Section | None:
    """The mistakes in the order of metrics.json; None where it has none."""
    mistakes: Sequence[Mapping[str, Any]] = evidence.test.get("mistakes", ())[:MOST]
    if not mistakes:
        return None
    rows, roles = _rows(evidence, [mistake["row_id"] for mistake in mistakes])
    cases = [_case(mistake, row, roles, evidence, words) for mistake, row in zip(mistakes, rows, strict=True)]
    for case, texts in zip(cases, within_room(case["texts"] for case in cases), strict=True):
        case["texts"] = texts
    body = filled(
        "mistakes.html",
        words,
        cases=cases,
        open=OPEN,
        lead=_lead(mistakes[0], evidence),
        numbers="error" in mistakes[0],
        marks={piece.mark for case in cases for text in case["texts"] for piece in (*text.pieces, *text.more)},
        texts=evidence.texts and bool(rows[0]),
    )
    return Section("mistakes", words("mistakes.title"), body)


def _lead(mistake: Mapping[str, Any], evidence: Evidence) -> str:
    """The key of the sentence that says which rows these are."""
    if "error" in mistake:
        return "mistakes.lead_numbers"
    return f"mistakes.lead_{evidence.predictions_meta.get('predicts', 'labels')}"


def _rows(evidence: Evidence, ids: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    """What predictions.parquet has of these rows, {} of those it does not have; and the columns with texts of roles.

    Nothing else is kept of the file, whose texts may be more than the memory holds.
    """
    if not {"row", "scored"} <= set(evidence.columns):
        return [{} for _ in ids], []
    import pyarrow as pa
    import pyarrow.dataset as ds

    file = ds.dataset(evidence.path / FILE)
    names = [name for name in file.schema.names if name not in HEAVY]
    table = file.to_table(columns=names, filter=ds.field("row").isin(list(ids)))
    found = {row["row"]: row for row in table.to_pylist()}
    roles = [name for name in names if name not in OWN and not name.startswith(GIVEN)]
    texts = [name for name in roles if pa.types.is_string(file.schema.field(name).type)] if evidence.texts else []
    return [found.get(number, {}) for number in ids], texts


def _case(
    mistake: Mapping[str, Any], row: Mapping[str, Any], roles: Sequence[str], evidence: Evidence, words: Words
) -> dict[str, Any]:
    """One mistake as the template takes it."""
    kind = evidence.predictions_meta.get("predicts", "labels")
    of_texts = kind == "texts" and evidence.texts and bool(row)
    right, said = (row.get(name) if of_texts else mistake.get(old) for name, old in NAMES)
    answers = {"right": _said(right, of_texts, words), "said": _said(said, of_texts, words)}
    long = of_texts and max(map(len, answers.values())) > IN_LINE
    texts = list(_texts(row, roles, kind, words)) if evidence.texts else []
    if long:
        texts += [shown(words(f"mistakes.{name}"), [Piece("", answers[key])]) for name, key in COLUMNS]
    return {
        "row": mistake["row_id"],
        "file": row.get("file", ""),
        "file_row": row.get("file_row"),
        **answers,
        "value": mistake.get("error", mistake.get("score")),
        "quiet": kind == "spans" or (kind == "texts" and not of_texts) or long,
        "texts": texts,
    }


def _texts(row: Mapping[str, Any], roles: Sequence[str], kind: str, words: Words) -> Iterator[Shown]:
    """The texts of the row by role, marked; what the model was asked where no role has a text."""
    there = [role for role in roles if row.get(role)]
    if kind == "spans" and there:
        yield from _with_spans(row, there[0], words)
        return
    names = {role: role_name(role, words) if len(there) > 1 else "" for role in there}
    longest = max(there, key=lambda role: len(row[role])) if kind == "texts" and len(there) > 1 else ""
    for role in there:
        before = row.get(f"{GIVEN}{role}")
        if role == longest:
            yield shown(names[role], _with_passages(row, before or row[role]))
        else:
            yield shown(names[role], [Piece("", row[role])] if before is None else changes(before, row[role]))
    if not there and row.get("model_input"):
        yield from turns(row["model_input"], words)


def _with_passages(row: Mapping[str, Any], text: str) -> list[Piece]:
    """The text as it was given, with what was right and what the model said."""
    said, extra = str(row.get("prediction") or ""), parsed(row.get("extra"))
    start, end = (extra.get("start"), extra.get("end")) if isinstance(extra, Mapping) else (None, None)
    right = _listed(row.get("reference"))
    if isinstance(start, int) and isinstance(end, int) and text[start:end] == said:
        return passages(text, right, said, (start, end))
    return passages(text, right, said)


def _with_spans(row: Mapping[str, Any], role: str, words: Words) -> Iterator[Shown]:
    """The text as it was given, twice: with the spans that were right, and with those that the model said."""
    text = row.get(f"{GIVEN}{role}") or row[role]
    for mark, column in (("right", "reference"), ("said", "prediction")):
        spans = [(start, end, mark, name) for start, end, name in _spans(text, parsed(row.get(column)))]
        yield shown(words(f"mistakes.{column}"), marked(text, spans))


def _spans(text: str, entities: Any) -> Iterator[tuple[int, int, str]]:
    """Start, end and label of the entities that lie in the text, with the words that they say they have."""
    for entity in entities or ():
        start, end, label, words = (entity.get(name) for name in ("start", "end", "label", "text"))
        if text[start:end] == (text[start:end] if words is None else words):
            yield start, end, str(label)


def _listed(value: Any) -> list[str]:
    """The texts in a label, a number, a list of them, or a list as JSON."""
    value = parsed(value)
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _said(value: Any, of_texts: bool, words: Words) -> str:
    """A number, labels or answers in one line."""
    if isinstance(value, float):
        return words.number(value)
    told = [one if of_texts else figures.name(one) for one in _listed(value) if one]
    between = f" {words('cases.or')} " if of_texts else words("cases.between")
    return between.join(told) if told else words("mistakes.no_answer" if of_texts else "cases.nothing")
