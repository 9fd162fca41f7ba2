"""The recipe's preprocessors, in order, over the texts of rows.

Preprocessing is a function of one row, so it comes before the split and is the same in training and prediction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sftcore.components import Drop, Edit, RowAugmenter, RowPreprocessor, TextAugmenter, TextPreprocessor
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Rows
from sftcore.data.spans import (
    MappedSpan,
    PositionMap,
    Step,
    checked_edits,
    has_lone_surrogates,
    joined,
    least_edit,
    read_spans,
    write_spans,
)
from sftcore.data.untargeted import DROPS, TRIED, leans_on_target
from sftcore.errors import DataError, PluginError, Problem, did_you_mean
from sftcore.faults import raised
from sftcore.task import Role

if TYPE_CHECKING:
    from sftcore.recipe import Recipe

AnyComponent: TypeAlias = TextPreprocessor | RowPreprocessor | TextAugmenter | RowAugmenter
Values: TypeAlias = dict[str, Any]
RawEdits: TypeAlias = Sequence[Edit | tuple[int, int, str]]

ORIGINAL = "__original__"
"""Key of a preprocessed row of a task with spans: by protected text role, the `Original` of that text."""

EMPTY = "nothing left of the text"
FOR_TARGET, NEEDS_TARGET = "dropped_for_target", "needs_target"
"""The ledger's details: rows that a step drops for what their target says, and why it lets none pass without."""
STAGE = "preprocess"
"""The stage's name in the ledger; of a source with splits of its own it ends with that of the split."""


@dataclass(frozen=True, slots=True)
class Original:
    """A text as it was given, and the map from it to the preprocessed one."""

    text: str
    positions: PositionMap

    def passage(self, start: int, end: int) -> str:
        """The part of the given text that `[start, end)` of the preprocessed one stands for."""
        low, high = self.positions.to_original(start, end)
        return self.text[low:high]


class Processed(NamedTuple):
    """A preprocessed row, and by protected text role what its texts were (empty for tasks without spans)."""

    row: Values
    originals: Mapping[str, Original] = MappingProxyType({})

    def to_original(self, role: str, start: int, end: int) -> tuple[int, int]:
        """The range of the given text that `[start, end)` of the preprocessed text of this role stands for."""
        original = self.originals.get(role)
        return (start, end) if original is None else original.positions.to_original(start, end)


@dataclass(slots=True)
class Counts:
    """What happened to rows: texts changed by step, rows dropped by reason with their ids (by step those that without
    their target would have stayed), spans by status; by step, why a row without its target would not pass."""

    changed: Counter[str] = field(default_factory=Counter)
    dropped: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    for_target: Counter[str] = field(default_factory=Counter)
    needs_target: dict[str, str] = field(default_factory=dict)
    spans: Counter[str] = field(default_factory=Counter)
    unusable: list[int] = field(default_factory=list)


def preprocess(rows: Rows, recipe: Recipe, ledger: Ledger, stage: str = STAGE) -> Rows:
    """The rows after the recipe's preprocessors; what was dropped and changed goes to the ledger, under `stage`.

    For a task with spans (a role that `protects` a text) the spans move with the texts; one that is lost, or
    grown by more than 2 characters, is put to (-1, -1) so that nothing is trained on it, and each row keeps
    its `Original` texts under `ORIGINAL`. Row preprocessors are tried without the targets, too, on some rows and on
    those that they drop. Raises `PluginError` for a component that raises or breaks its contract, or that writes
    targets into inputs, naming it and the row, and `DataError` if no row is left.
    """
    chain, counts = _Chain(recipe), Counts()
    kept: list[int] = []
    values: list[Values] = []
    apart = len(rows) // TRIED + 1
    for place, (row_id, row) in enumerate(zip(rows.ids.tolist(), rows.values, strict=True)):
        chain.trying = place % apart == 0
        result = chain.run(row, row_id, counts)
        if isinstance(result, Drop):
            counts.dropped[result.reason].append(row_id)
        else:
            kept.append(place)
            values.append(result)
    dropped = {reason: len(ids) for reason, ids in counts.dropped.items()}
    examples = {**counts.dropped, "span not trained on": counts.unusable}
    ledger.add(stage, len(rows), len(kept), dropped, chain.details(counts), examples)
    return (rows if len(kept) == len(rows) else rows.take(kept)).with_values(values)


def preprocess_row(row: Mapping[str, Any], recipe: Recipe, row_id: int = 0) -> Processed | Drop:
    """One row to predict, or why it can't be. Raises as `preprocess` does."""
    result = _Chain(recipe).run(dict(row), row_id, Counts())
    if isinstance(result, Drop):
        return result
    originals = result.get(ORIGINAL, {})
    return Processed({key: value for key, value in result.items() if key != ORIGINAL}, originals)


def preprocess_rows(rows: Sequence[Mapping[str, Any]], recipe: Recipe) -> list[Values | Drop]:
    """Rows to predict, one result a row in their order; each row of a task with spans keeps its `ORIGINAL`."""
    chain, counts = _Chain(recipe), Counts()
    return [chain.run(dict(row), place, counts) for place, row in enumerate(rows)]


def original_passage(row: Mapping[str, Any], role: str, start: int, end: int) -> tuple[str, int, int]:
    """The passage of the data as they were given that `[start, end)` of a preprocessed text stands for.

    `row` is a row as `Task.decode` gets it, `role` one of its texts. Returns the passage and the range where it lies
    in the given text: the least that holds everything the characters stand for, empty where they were inserted. Of a
    text that no role protects, and of an augmented variant, it is the range of the row's own text. Raises IndexError
    for a range outside the text.
    """
    original = row.get(ORIGINAL, {}).get(role)
    if original is not None:
        low, high = original.positions.to_original(start, end)
        return original.text[low:high], low, high
    text = row[role]
    if not 0 <= start <= end <= len(text):
        raise IndexError(f"[{start}, {end}) is outside the text of {len(text)} characters")
    return text[start:end], start, end


def input_roles(roles: Mapping[str, Role]) -> tuple[str, ...]:
    """The texts that the model reads: what components work on unless their `on` says otherwise."""
    return tuple(name for name, role in roles.items() if role.kind == "text" and not role.target)


def failure(recipe: Recipe, key: str, component: AnyComponent, row_id: int, error: Exception) -> PluginError:
    """What a component did wrong, with the place in the recipe and the row."""
    if isinstance(error, PluginError):
        said = error.problems[0].message
        advice = error.problems[0].advice
    else:
        said = f"{component.name} raised {raised(type(component), error)}"
        advice = "this is a mistake of the component, or of its settings; tell its author"
    return PluginError(recipe.problem(key, f"{said} (row {row_id + 1} of the data)", advice))


def text_edits(component: TextPreprocessor, text: str) -> RawEdits:
    """The component's edits of a text, checked. Raises whatever the component raises, or `PluginError`."""
    return checked_edits(text, component.edits(text), component.name)


def checked_row(old: Mapping[str, Any], new: object, roles: Mapping[str, Role], component: AnyComponent) -> Values:
    """A component's new row as a dict. Raises `PluginError` for unknown or absent roles and for wrong types."""
    if not isinstance(new, Mapping):
        raise PluginError(Problem(f"{component.name} returned {type(new).__name__}, not a row"))
    for role in new:
        if role not in roles and role not in old:
            raise PluginError(Problem(f"{component.name} returned the unknown role {role!r}{_known(role, roles)}"))
    for name, role in roles.items():
        value = new.get(name)
        if value is None and role.required and old.get(name) is not None:
            raise PluginError(Problem(f"{component.name} returned a row without {name!r}"))
        if role.kind == "text" and not isinstance(value, str | None):
            raise PluginError(Problem(f"{component.name} returned {type(value).__name__} for the text {name!r}"))
        if isinstance(value, str) and has_lone_surrogates(value):
            message = f"{component.name} wrote a lone surrogate into {name!r}, which no tokenizer can read"
            raise PluginError(Problem(message))
    return dict(new)


def _known(role: object, roles: Iterable[str]) -> str:
    return did_you_mean(str(role), roles)


class _Chain:
    """The preprocessors of a recipe, made ready for one row after another."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.roles = recipe.task.roles
        texts = input_roles(self.roles)
        self.steps: list[tuple[str, TextPreprocessor | RowPreprocessor, tuple[str, ...]]] = [
            (f"preprocess.{number}", component, texts if (on := getattr(component, "on", None)) is None else on)
            for number, component in enumerate(recipe.preprocess)
        ]
        self.required = [name for name in texts if self.roles[name].required]
        self.spans = {name: role.protects for name, role in self.roles.items() if role.protects}
        self.latest: dict[tuple[str, str], tuple[str, RawEdits, str]] = {}
        self.trying = False
        """Whether row preprocessors are to be tried without the targets of a row that they keep."""

    def details(self, counts: Counts) -> dict[str, Any]:
        """What the ledger tells besides dropped rows."""
        changed, for_target = (
            {f"{key} {part.name}": counter[key] for key, part, _ in self.steps if counter[key]}
            for counter in (counts.changed, counts.for_target)
        )
        needs = {
            f"{key} {part.name}": counts.needs_target[key] for key, part, _ in self.steps if key in counts.needs_target
        }
        found = {"changed": changed, "spans": dict(counts.spans), FOR_TARGET: for_target, NEEDS_TARGET: needs}
        return {name: part for name, part in found.items() if part}

    def run(self, row: Values, row_id: int, counts: Counts) -> Values | Drop:
        """The row after every step, the same object where nothing changed."""
        traced = _Traced.of(row, self.spans, row_id) if self.spans else None
        for key, component, on in self.steps:
            try:
                if isinstance(component, TextPreprocessor):
                    row, changed = self._rewritten(key, component, on, row, traced)
                else:
                    result, leaning = self._processed(component, row, traced)
                    if leaning and leaning != DROPS:
                        counts.needs_target.setdefault(key, leaning)
                    if isinstance(result, Drop):
                        counts.for_target[key] += leaning == DROPS
                        return result
                    row, changed = result
            except MemoryError:
                raise
            except Exception as error:
                raise failure(self.recipe, key, component, row_id, error) from error
            counts.changed[key] += changed
        if any(not (row.get(name) or "").strip() for name in self.required):
            return Drop(EMPTY)
        return row if traced is None else traced.finish(row, row_id, counts)

    def _rewritten(
        self, key: str, component: TextPreprocessor, on: tuple[str, ...], row: Values, traced: _Traced | None
    ) -> tuple[Values, int]:
        """The row with its texts rewritten, and how many of them were."""
        changed = 0
        for role in on:
            text = row.get(role)
            if not text:
                continue
            edits, new = self._edited(key, component, role, text)
            if edits:
                row = {**row, role: new}
                changed += 1
                if traced is not None:
                    traced.edited(role, edits)
        return row, changed

    def _edited(self, key: str, component: TextPreprocessor, role: str, text: str) -> tuple[RawEdits, str]:
        """The edits of a text, and the text after them, made once where rows about one document follow each other."""
        known = self.latest.get((key, role))
        if known is None or known[0] != text:
            edits: RawEdits = text_edits(component, text)
            if self.spans:
                edits = Step(Edit(*edit) for edit in edits)
            known = self.latest[key, role] = (text, edits, joined(text, edits))
        return known[1], known[2]

    def _processed(
        self, component: RowPreprocessor, row: Values, traced: _Traced | None
    ) -> tuple[tuple[Values, int] | Drop, str]:
        """What the step makes of the row, and what it does for the row's target (see `leans_on_target`)."""
        shown = row if traced is None else traced.shown(row)
        view = MappingProxyType(shown)
        result = component.process(view)
        if isinstance(result, Drop):
            if not isinstance(result.reason, str) or not result.reason:
                raise PluginError(Problem(f"{component.name} dropped a row without a reason"))
            return result, leans_on_target(component, shown, result, self.roles)
        new = shown if result is view or result == shown else checked_row(shown, result, self.roles, component)
        leaning = leans_on_target(component, shown, new, self.roles) if self.trying else ""
        if new is shown:
            return (row, 0), leaning
        return (new if traced is None else traced.replaced(shown, new, row), 1), leaning


@dataclass(slots=True)
class _Traced:
    """The spans of one row on their way through the steps: the span roles keep their first value until the end."""

    spans: Mapping[str, str]
    originals: dict[str, Original]
    since: dict[str, int]

    @classmethod
    def of(cls, row: Values, spans: Mapping[str, str], row_id: int) -> _Traced:
        for role in spans:
            try:
                read_spans(row.get(role))
            except ValueError as error:
                raise DataError(Problem(f"row {row_id + 1} of the data: {error}", key=role)) from None
        texts = {role: row[role] for role in spans.values() if isinstance(row.get(role), str)}
        return cls(spans, {role: Original(text, PositionMap(len(text))) for role, text in texts.items()}, {})

    def edited(self, role: str, edits: RawEdits) -> None:
        """A text was rewritten by these edits."""
        if role in self.originals:
            original = self.originals[role]
            self.originals[role] = Original(original.text, original.positions.then(edits))

    def shown(self, row: Values) -> Values:
        """The row with its spans where they are now, for a component that sees whole rows."""
        moved = {role: write_spans(row[role], mapped) for role, mapped in self._mapped(row).items()}
        return {**row, **moved}

    def replaced(self, shown: Values, new: Values, row: Values) -> Values:
        """Take over a row that a component made of `shown`; spans that it did not touch go on as they were."""
        for role in self.originals:
            self.edited(role, least_edit(shown[role] or "", new[role] or ""))
        for role, text_role in self.spans.items():
            if role in new and new[role] == shown.get(role):
                new[role] = row[role]
            elif role in new and text_role in self.originals:
                self.since[role] = len(self.originals[text_role].positions.steps)
        return new

    def finish(self, row: Values, row_id: int, counts: Counts) -> Values:
        """The row with its spans where they ended, counted, and with its originals."""
        row = {**row, ORIGINAL: self.originals}
        for role, mapped in self._mapped(row).items():
            row[role] = write_spans(row[role], mapped)
            counts.spans.update(span.status for span in mapped)
            unusable = sum(not span.trainable for span in mapped)
            if unusable:
                counts.spans["not trained on"] += unusable
                counts.unusable.append(row_id)
        return row

    def _mapped(self, row: Values) -> dict[str, list[MappedSpan]]:
        found: dict[str, list[MappedSpan]] = {}
        for role, text_role in self.spans.items():
            if row.get(role) is not None and text_role in self.originals:
                positions = self.originals[text_role].positions
                if self.since.get(role):
                    positions = positions.since(self.since[role])
                found[role] = [positions.map_span(start, end) for start, end in read_spans(row[role])]
        return found
