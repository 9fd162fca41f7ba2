"""Rows to look at: twins, texts with different labels, and encoded training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sftcore.checking.found import Example, Relative, TwinGroup

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from sftcore.data.load import Loaded
    from sftcore.data.rows import Origins
    from sftcore.preparing import Prepared
    from sftcore.task import Task

ROWS_OF_GROUP = 4
LETTERS = 1_000
"""Characters of a row's text that are kept to be shown."""
IGNORED = -100


class Rows:
    """The loaded rows by id, as they are shown."""

    def __init__(self, task: Task, loaded: Loaded, *, texts: bool) -> None:
        self._task, self._origins, self._texts = task, loaded.origins, texts
        self._parts = list(loaded.rows.values()) if isinstance(loaded.rows, Mapping) else [loaded.rows]

    def groups(self, wanted: Sequence[Sequence[int]]) -> list[list[Relative]]:
        """The first rows of each group."""
        chosen = {row for group in wanted for row in group[:ROWS_OF_GROUP]}
        values = dict(self._values(chosen))
        return [[self._relative(row, values[row]) for row in group[:ROWS_OF_GROUP]] for group in wanted]

    def twins(self, wanted: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[TwinGroup]]:
        """The groups of each kind of twin, with some of their rows."""
        return {
            kind: [
                TwinGroup(group["rows"], members)
                for group, members in zip(groups, self.groups([group["row_ids"] for group in groups]), strict=True)
            ]
            for kind, groups in wanted.items()
        }

    def _values(self, wanted: set[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        import numpy as np

        rows = np.fromiter(wanted, np.int64, len(wanted))
        for part in self._parts:
            for place in np.flatnonzero(np.isin(part.ids, rows)).tolist():
                yield int(part.ids[place]), part.values[place]

    def _relative(self, row: int, values: Mapping[str, Any]) -> Relative:
        text = text_of(self._task, values)[:LETTERS] if self._texts else None
        return Relative(row, self._origins.describe(row), text, target_of(self._task, values, texts=self._texts))


def text_of(task: Task, row: Mapping[str, Any]) -> str:
    """What the row has to read: its input texts, or the texts in what is nested."""
    from sftcore.data.twins import nested, strings

    roles = {name: role for name, role in task.roles.items() if not role.target and row.get(name)}
    inputs = [nested(row[name]) if role.kind == "any" else row[name] for name, role in roles.items()]
    return " | ".join(text for text in (" · ".join(strings(value)) for value in inputs) if text)


def target_of(task: Task, row: Mapping[str, Any], *, texts: bool = True) -> Any:
    """The value of the one target that the row has, or all of them by role. Without `texts` only labels are shown."""
    roles = {name: role for name, role in task.roles.items() if role.target and (texts or role.kind == "label")}
    found = {name: row[name] for name in roles if row.get(name) is not None}
    return next(iter(found.values()), None) if len(found) < 2 else found


def chosen_examples(task: Task, prepared: Prepared, origins: Origins, number: int, *, texts: bool) -> list[Example]:
    """So many training rows, one of each class first, drawn from the whole split by the recipe's seed; copies last.

    None where no texts are to be shown: an example is the text.
    """
    import numpy as np

    from sftcore.data.randomness import generator

    if not texts:
        return []
    rows, parents = prepared.train_rows, prepared.train.parents
    drawn = generator("examples", prepared.recipe.seed).permutation(len(parents))
    order = drawn[np.argsort(rows.copy_numbers()[parents[drawn]], kind="stable")].tolist()
    first: dict[Any, int] = {}
    for index in order:
        first.setdefault(task.stratum(rows.values[parents[index]]), index)
        if len(first) >= number:
            break
    chosen = dict.fromkeys([*first.values(), *order[:number]])
    return [_example(task, prepared, origins, index) for index in list(chosen)[:number]]


def _example(task: Task, prepared: Prepared, origins: Origins, index: int) -> Example:
    feature, parent = prepared.train.feature(index), int(prepared.train.parents[index])
    row, row_id = prepared.train_rows.values[parent], int(prepared.train_rows.ids[parent])
    ids = feature.get("input_ids", [])
    return Example(
        row=row_id,
        place=origins.describe(row_id),
        tokens=readable_tokens(prepared.tokenizer, ids),
        counts=counting(ids, feature.get("labels"), task),
        target=target_of(task, row),
    )


def readable_tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """The tokens as the tokenizer writes them; those that stand for bytes as the text that they make, if it is one."""
    tokens = cast("list[str]", tokenizer.convert_ids_to_tokens(list(ids)))
    if "ByteLevel" not in repr(getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)):
        return tokens
    texts = [str(tokenizer.decode([number], clean_up_tokenization_spaces=False)) for number in ids]
    return [token if "\ufffd" in text else text for token, text in zip(tokens, texts, strict=True)]


def counting(ids: Sequence[int], labels: Any, task: Task) -> list[bool] | None:
    """Which tokens count in the loss, where there is a label for each that is read: an encoder-decoder's labels are
    those of the answer."""
    if not isinstance(labels, list) or len(labels) != len(ids) or "Seq2Seq" in task.auto_class:
        return None
    return [label != IGNORED for label in labels]
