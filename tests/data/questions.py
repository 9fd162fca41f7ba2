"""A small extractive task, as a guest would bring it: nested questions, windows, spans, and its own ceiling."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sftcore import (
    DataError,
    Encoded,
    Feature,
    Metric,
    Output,
    Prediction,
    PredictionKind,
    Problem,
    Records,
    Role,
    Row,
    Task,
    TaskState,
    builtin,
    hookimpl,
    original_passage,
    read_spans,
)
from sftcore.recipe import Recipe
from sftcore.registry import Registry

if TYPE_CHECKING:
    import datasets
    import torch

SURE = 20.0


class Same(Metric, name="same"):
    """The share of answers that are one of the acceptable ones."""

    understands = ("texts",)

    def score(self, records: Records) -> dict[str, float]:
        hits = [said in right for said, right in zip(records.predictions, records.references, strict=True)]
        return {"same": float(np.mean(hits)) if hits else float("nan")}


class Lookup(Task, name="lookup"):
    """Find the answer to a question in a text."""

    auto_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    stride: int = 4

    @property
    def roles(self) -> Mapping[str, Role]:
        return {
            "question": Role(),
            "context": Role(),
            "answers": Role("any", target=True, protects="context"),
            "topic": Role("any", required=False),
        }

    @property
    def predicts(self) -> PredictionKind:
        return "texts"

    def default_metrics(self) -> Sequence[Metric]:
        return (Same(),)

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        from datasets import Dataset

        if "paragraphs" not in table.column_names:
            return table, ""
        rows = []
        for article in table.to_list():
            if not isinstance(article["paragraphs"], list):
                raise DataError(Problem("paragraphs is no list", key="paragraphs"))
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    answers = {"answers": _spans(asked["answers"])} if "answers" in asked else {}
                    rows.append({"question": asked["question"], "context": paragraph["context"], **answers})
                    rows[-1]["title"] = article["title"]
        return Dataset.from_list(rows), f"{len(table)} articles with {len(rows)} questions"

    def family(self, row: Row) -> Hashable:
        return row["context"]

    def corpus(self, row: Row) -> Iterator[str]:
        yield f"{row['question']} {row['context']}"

    def encode(self, rows: Sequence[Row], tokenizer: Any, state: TaskState, max_length: int) -> Encoded:
        found = tokenizer(
            [row["question"] for row in rows],
            [row["context"] for row in rows],
            truncation="only_second",
            max_length=max_length,
            stride=self.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        parents = found["overflow_to_sample_mapping"]
        infos = [
            [pair if found.sequence_ids(number)[place] == 1 else None for place, pair in enumerate(offsets)]
            for number, offsets in enumerate(found["offset_mapping"])
        ]
        columns: dict[str, Any] = {name: found[name] for name in ("input_ids", "token_type_ids")}
        cut = [0] * len(rows)
        if all(row.get("answers") is not None for row in rows):
            places = [_place(rows[parent], info) for parent, info in zip(parents, infos, strict=True)]
            columns["start_positions"] = [start for start, _ in places]
            columns["end_positions"] = [end for _, end in places]
            cut = [
                int(not any(places[number][0] for number, parent in enumerate(parents) if parent == row))
                for row in range(len(rows))
            ]
        return Encoded(columns, parents, counts={"answer in no window": cut}, info=infos)

    def outputs(self, model: Any, batch: dict[str, torch.Tensor], state: TaskState) -> tuple[Any, list[np.ndarray]]:
        found = model(**{name: value for name, value in batch.items() if not name.endswith("positions")})
        both = np.stack([found.start_logits.float().cpu().numpy(), found.end_logits.float().cpu().numpy()], axis=1)
        return found, list(both)

    def perfect(
        self, row: Row, features: Sequence[Feature], infos: Sequence[Any], tokenizer: Any
    ) -> Sequence[Output] | None:
        outputs = []
        for feature, info in zip(features, infos, strict=True):
            logits = np.zeros((2, len(info)))
            logits[0, feature["start_positions"]] = logits[1, feature["end_positions"]] = SURE
            outputs.append(Output(logits, info))
        return outputs

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        best, value = -np.inf, ""
        for output in outputs:
            places = [place for place, pair in enumerate(output.info) if pair is not None]
            starts, ends = output.logits[0][places], output.logits[1][places]
            sums = np.triu(starts[:, None] + ends[None, :]) + np.tril(np.full((len(places),) * 2, -1e9), -1)
            start, end = np.unravel_index(sums.argmax(), sums.shape)
            if sums[start, end] > best:
                best = sums[start, end]
                span = output.info[places[start]][0], output.info[places[end]][1]
                value = original_passage(row, "context", *span)[0]
        return Prediction(value, float(best))

    def reference(self, row: Row, state: TaskState) -> Any:
        return None if row.get("answers") is None else tuple(row["answers"]["text"])

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        columns = [np.empty(len(row_ids), object) for _ in range(2)]
        for place, (said, right) in enumerate(zip(predictions, references, strict=True)):
            columns[0][place], columns[1][place] = said.value, right
        return Records("texts", row_ids, *columns, groups=groups)


def _spans(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [answer[name] for answer in answers] for name in ("text", "answer_start")}


def _place(row: Row, info: Sequence[Any]) -> tuple[int, int]:
    """The tokens of the first answer in this window, (0, 0) where it is not in it."""
    start, end = read_spans(row["answers"])[0]
    inside = [place for place, pair in enumerate(info) if pair and pair[0] < end and pair[1] > start]
    whole = inside and info[inside[0]][0] <= start and info[inside[-1]][1] >= end and start >= 0
    return (inside[0], inside[-1]) if whole else (0, 0)


@hookimpl
def _tasks() -> list[type[Task]]:
    return [Lookup]


@hookimpl
def _metrics() -> list[type[Metric]]:
    return [Same]


def registry() -> Registry:
    """The core and this guest."""
    guest = ModuleType("lookup")
    guest.sftcore_register_tasks = _tasks  # type: ignore[attr-defined]
    guest.sftcore_register_metrics = _metrics  # type: ignore[attr-defined]
    return Registry.of(("sftcore", builtin), ("lookup", guest))


def recipe_of(folder: Any, base: str, data: str, more: str = "") -> Recipe:
    """A recipe for it."""
    text = f"[model]\nbase = {base!r}\nmax_length = 24\n[data]\n{data}\n[task]\nuse = 'lookup'\n{more}\n"
    return Recipe.from_toml(text, folder=folder, registry=registry())


def articles(count: int, questions: int = 2, answered: bool = True) -> dict[str, Any]:
    """Nested questions as SQuAD has them: what somebody did, and what that is worth, in a text of twenty words."""
    names = ["Anna", "Boris", "Chen", "Dora", "Emil", "Fatima", "Georg", "Hana", "Ivan", "Julia", "Karl", "Lena"]
    made = []
    for number in range(count):
        name, sum_ = names[number % len(names)], str(1000 + 37 * number)
        deed = f"In The  Year {1900 + number} {name}   Smith{number} Sold The Old Red House"
        context = f"{deed} near River {number} for {sum_} Pounds."
        asked = [(f"who sold house {number}", f"{name}   Smith{number}"), (f"what price had house {number}", sum_)]
        qas = [
            {"id": f"{number}-{place}", "question": question}
            | ({"answers": [{"text": answer, "answer_start": context.index(answer)}]} if answered else {})
            for place, (question, answer) in enumerate(asked[:questions])
        ]
        made.append({"title": f"house {number}", "paragraphs": [{"context": context, "qas": qas}]})
    return {"version": "1.1", "data": made}
