"""What is wrong, or doubtful, with the labels of a data set, in words for the one who labelled it."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sftcore import Problem
from sftcore.builtin.class_names import as_number, label_order, quoted, unknown_label

KEY = "data.columns.label"
FEW_ROWS = 20
"""With fewer rows as many classes as rows may be meant."""
MANY_NUMBERS = 20
"""With more numbers than that as class names they are probably no names."""
SHOWN = 6
SEPARATORS = ",;|/、，；"
"""What people write between the labels of a text."""


def one_only(targets: Counter[object], kind: str) -> Problem | None:
    """All targets are alike, so that there is nothing to tell apart; `kind` is "class" or "value"."""
    if len(targets) > 1:
        return None
    if not targets:
        return Problem("no training row has a label", key=KEY)
    ((target, rows),) = targets.items()
    shown = ", ".join(target) or "no label" if isinstance(target, tuple) else str(target)
    message = f"one {kind} only: all {rows} training rows have the label {shown!r}; there is nothing to tell apart"
    advice = f"check {KEY}, data.where and data.limit, or add rows of another class"
    return Problem(message, key=KEY, value=shown, advice=advice)


def no_classes(found: Mapping[str, int]) -> Problem | None:
    """There are nearly as many classes as rows: the column holds numbers, texts or identifiers."""
    rows = sum(found.values())
    if rows < FEW_ROWS or 2 * len(found) <= rows:
        return None
    first = min(found, key=label_order)
    if all(as_number(label) is not None for label in found):
        advice = 'to learn numbers, write problem_type = "regression" in [task]'
    else:
        advice = "is this the right column? columns = { label = ... } in [data] says which is read"
    message = f"these are no classes: {rows:,} training rows have {len(found):,} different labels"
    return Problem(message, key=KEY, value=first, advice=advice)


def unknown(found: Mapping[str, int], labels: Sequence[str], listed: bool) -> Problem | None:
    """The data has labels that are none of `labels`: those of the recipe (`listed`) or of the training rows."""
    strange = sorted(set(found) - set(labels), key=lambda label: (-found[label], label))
    if not strange:
        return None
    named = ", ".join(unknown_label(label, found[label], labels) for label in strange[:SHOWN])
    more = f" … and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
    where = "task.labels does" if listed else "the training rows do"
    advice = "name all labels in task.labels, or leave these rows out with data.where"
    if listed:
        every = [*labels, *sorted(strange, key=label_order)]
        advice = "mend the data, leave these rows out with data.where, or set task.labels"
        advice += f" = [{', '.join(map(quoted, every))}]" if len(every) <= 12 else ""
    message = f"labels in the data that {where} not have: {named}{more}"
    return Problem(message, key="task.labels", value=strange[0], advice=advice)


def doubtful(labels: Sequence[str], counts: Sequence[int]) -> Iterator[str]:
    """Labels that no training row has, that are probably one and the same, or that are probably numbers."""
    absent = [name for name, rows in zip(labels, counts, strict=False) if not rows]
    yield from (f"no training row has the label {name!r}" for name in absent)
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[unicodedata.normalize("NFKC", label).casefold()].append(label)
    for names in alike.values():
        if len(names) > 1:
            yield f"{' and '.join(map(repr, names))} count as different classes; make them alike if one is meant"
    if len(labels) > MANY_NUMBERS and all(as_number(label) is not None for label in labels):
        yield f'{len(labels)} numbers are taken for names of classes; problem_type = "regression" learns numbers'


def together(labels: Sequence[str], separator: str) -> Iterator[str]:
    """Labels of a multi-label task that are probably several, written with another separator or as a list."""
    listed = [label for label in labels if label.startswith("[") and label.endswith("]")]
    if listed:
        yield f"{listed[0]!r} is taken for one label; in a cell of text, labels are written joy{separator}anger"
        return
    for sign in SEPARATORS.replace(separator, ""):
        parts = [{part.strip() for part in label.split(sign)} for label in labels]
        times = Counter(part for each in parts for part in each)
        several = [label for label, each in zip(labels, parts, strict=True) if len(each) > 1]
        if any(times[part] > 1 for each in parts if len(each) > 1 for part in each):
            some = f"{len(several)} labels look like" if len(several) > 1 else "one label looks like"
            yield f"{some} several in one ({several[0]!r}); separator = {quoted(sign)} in [task] takes them apart"
            return
