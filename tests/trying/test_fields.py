"""Fields by the roles of the task, and the rows that are made of them."""

from __future__ import annotations

from typing import Any

import pytest

from sftcore import Recipe
from sftcore.errors import DataError
from sftcore.task import Task
from sftcore.trying.fields import fields, row_of


def task(use: str) -> Task:
    return Recipe.from_dict({"model": {"base": "x"}, "data": {"source": "a.csv"}, "task": {"use": use}}).task


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("text-classification", [("text", "text", True), ("text_pair", "text", False)]),
        ("token-classification", [("text", "text", True)]),
        ("extractive-qa", [("question", "text", True), ("context", "text", True)]),
        ("generative-qa", [("question", "text", True), ("context", "text", False)]),
        ("seq2seq", [("prompt", "text", True)]),
        ("causal-lm", [("messages", "turns", True)]),
        ("legal-qa", [("question", "text", True), ("passages", "text", True)]),
    ],
)
def test_the_roles_of_the_task_decide_the_fields(use: str, expected: list[tuple[str, str, bool]]) -> None:
    assert [(field.role, field.form, field.required) for field in fields(task(use))] == expected


@pytest.mark.parametrize(
    ("use", "typed", "row"),
    [
        ("text-classification", {"text": "a", "text_pair": " \n"}, {"text": "a"}),
        ("text-classification", {"text": "", "text_pair": "b"}, {"text": "", "text_pair": "b"}),
        ("text-classification", {"text": "half \ud83d a face"}, {"text": "half � a face"}),
        ("causal-lm", {"messages": [{"role": "user", "content": "Hi\udc00"}]}, {"prompt": "Hi�"}),
        (
            "causal-lm",
            {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]},
            {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]},
        ),
    ],
)
def test_what_was_typed_becomes_a_row(use: str, typed: dict[str, Any], row: dict[str, Any]) -> None:
    assert row_of(task(use), typed) == row


@pytest.mark.parametrize(
    ("use", "typed", "said"),
    [
        ("text-classification", ["a"], "a table of texts by role"),
        ("text-classification", {"txet": "a"}, "no role 'txet'; did you mean text?"),
        ("text-classification", {"label": "positive"}, "no role 'label'"),
        ("text-classification", {"text": 7}, "a text was expected"),
        ("text-classification", {"text": {"toString": 1}}, "a text was expected"),
        ("causal-lm", {"messages": [{"role": "user"}]}, "turns of role and content"),
        ("causal-lm", {"messages": [{"role": "user", "content": ["x"]}]}, "turns of role and content"),
        ("causal-lm", {"messages": ["x"]}, "turns of role and content"),
        ("causal-lm", {"prompt": "x"}, "no role 'prompt'"),
    ],
)
def test_what_the_page_would_not_send_is_refused(use: str, typed: Any, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("?", r"\?")):
        row_of(task(use), typed)
