"""The task `legal-qa`: a written answer to a question of law from given passages, which it cites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from sftcore import CausalLM, Metric, Output, OwnBaseline, Prediction, Records, Role, Row, TaskState
from sftcore_plugin_legal.citation_metrics import EXISTING, CitationAccuracy
from sftcore_plugin_legal.parties import is_chinese
from sftcore_plugin_legal.passages import Passage, citations, numbered, read_passages
from sftcore_plugin_legal.span_matching import tokens

if TYPE_CHECKING:
    import datasets
    import numpy as np

PROMPT = (
    "Answer the question from the numbered passages, and cite in brackets the passage that the answer rests on, "
    "like [2].\n\n{passages}\n\nQuestion: {question}"
)
CHINESE_PROMPT = (
    "请根据带编号的材料回答问题，并用方括号注明答案所依据的材料，例如[2]。\n\n{passages}\n\n问题：{question}"
)


class LegalQA(CausalLM, name="legal-qa"):
    """Teach a causal language model to answer a question of law from numbered passages, and to cite what it rests on.

    A row has a `question`, the `passages` and the `answer`, which cites by number: "Within two weeks. [2]". The model
    reads the passages with their numbers before the question. Of each prediction it is checked whether every cited
    passage was given; whether the passage says what the answer says is for a reader to check.
    """

    prompt: str | None = None
    """What the model is asked, with {passages} and {question} in it once each. Default: an English sentence around
    them, for questions in Chinese a Chinese one."""

    @field_validator("prompt")
    @classmethod
    def _holds_both(cls, prompt: str | None) -> str | None:
        if prompt is not None and any(prompt.count(part) != 1 for part in ("{passages}", "{question}")):
            raise ValueError("expected a text with {passages} and {question} in it, once each")
        return prompt

    @property
    def roles(self) -> Mapping[str, Role]:
        """`question`, `passages` and the `answer` to learn."""
        return {
            "question": Role("text", description="the question"),
            "passages": Role(
                "any", description="what the answer rests on: tables with id and text, or a text with [1]"
            ),
            "answer": Role("text", target=True, description="the answer, with its citations: … [2]"),
        }

    def default_metrics(self) -> Sequence[Metric]:
        """Citation accuracy, and those of causal-lm."""
        return (CitationAccuracy(), *super().default_metrics())

    def reshape(self, table: datasets.Dataset, columns: Mapping[str, str]) -> tuple[datasets.Dataset, str]:
        """The table as it is."""
        return table, ""

    def check_row(self, row: Row) -> str:
        """Why the row can't be used: something is missing, passages that can't be read, a citation of none of them."""
        try:
            self.conversation(row)
        except ValueError as error:
            return str(error)
        if "answer" not in row:
            return ""
        if not (row["answer"] or "").strip():
            return "answer is missing"
        known = {passage.id for passage in read_passages(row["passages"])}
        unknown = [each for each in citations(row["answer"]) if each not in known]
        return "answer cites a passage that is not given" if unknown else ""

    def conversation(self, row: Row) -> list[dict[str, Any]]:
        """The question with its passages as the user's turn, and the answer, where there is one, as the assistant's.

        Raises ValueError, beginning with the role's name, for what can't be read.
        """
        question = (row.get("question") or "").strip()
        if not question:
            raise ValueError("question is missing")
        prompt = self.prompt or (CHINESE_PROMPT if is_chinese(question) else PROMPT)
        asked = _filled(prompt, passages=numbered(read_passages(row.get("passages"))), question=question)
        turns = [{"role": "user", "content": asked}]
        if self.system:
            turns.insert(0, {"role": "system", "content": self.system})
        answer = (row.get("answer") or "").strip()
        return [*turns, {"role": "assistant", "content": answer}] if answer else turns

    def model_input(self, row: Row) -> list[dict[str, Any]]:
        """The turns before the answer. A row without passages, as an example on a model card, gets one that says so."""
        return super().model_input(row if row.get("passages") else {**row, "passages": ["The text of a passage."]})

    def decode(self, row: Row, outputs: Sequence[Output], state: TaskState) -> Prediction:
        """The answer, with `extra = {"citations": [ids], "unknown_citations": [those of no given passage]}`."""
        prediction = super().decode(row, outputs, state)
        return prediction if prediction.value is None else _checked(prediction, read_passages(row["passages"]))

    def records(
        self,
        row_ids: np.ndarray,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
        state: TaskState,
        groups: np.ndarray | None = None,
    ) -> Records:
        """Those of causal-lm; `extra` says whether all that the answer cites was given (NaN: it cites nothing)."""
        import numpy as np

        records = super().records(row_ids, predictions, references, state, groups)
        existing = np.array([_all_exist(prediction) for prediction in predictions], np.float64)
        return replace(records, extra={**records.extra, EXISTING: existing})

    def baselines(self, train: Sequence[Row], rows: Sequence[Row], state: TaskState) -> Sequence[OwnBaseline]:
        """The passage that shares most words with the question, as it stands, cited."""
        description = "the passage that shares most words with the question (characters of Chinese), cited"
        return (*super().baselines(train, rows, state), OwnBaseline("nearest-passage", description, _nearest(rows)))


def _filled(prompt: str, **parts: str) -> str:
    """The prompt with its parts, which may hold braces of their own."""
    first, second = sorted(parts, key=lambda name: prompt.index(f"{{{name}}}"))
    head, rest = prompt.split(f"{{{first}}}")
    middle, tail = rest.split(f"{{{second}}}")
    return "".join((head, parts[first], middle, parts[second], tail))


def _checked(prediction: Prediction, passages: Sequence[Passage]) -> Prediction:
    cited, known = citations(prediction.value), {passage.id for passage in passages}
    extra = {"citations": list(cited), "unknown_citations": [each for each in cited if each not in known]}
    return replace(prediction, extra=extra)


def _all_exist(prediction: Prediction) -> float:
    said = prediction.extra or {}
    return float(not said["unknown_citations"]) if said.get("citations") else float("nan")


def _nearest(rows: Sequence[Row]) -> list[Prediction]:
    found = []
    for row in rows:
        passages, asked = read_passages(row["passages"]), tokens(row["question"])
        best = max(passages, key=lambda passage: len(asked & tokens(passage.text)))
        found.append(_checked(Prediction(f"{best.text} [{best.id}]"), passages))
    return found
