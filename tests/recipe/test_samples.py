"""The samples are what their README says: their answers stand where they are said to, and nothing is near a double."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "recipes/samples"
README = (SAMPLES / "README.md").read_text(encoding="utf-8")
SQUAD = {"qa.json": (16, 23, 155, 23), "qa-zh.json": (11, 13, 93, 12), "contracts.json": (12, 12, 96, 15)}
"""Articles, paragraphs, questions, and those without an answer."""


def read_lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / name).read_text(encoding="utf-8").splitlines()]


def paragraphs(name: str) -> Iterator[dict[str, Any]]:
    for article in json.loads((SAMPLES / name).read_text(encoding="utf-8"))["data"]:
        yield from article["paragraphs"]


def words(text: str) -> set[object]:
    found = re.findall(r"\w+", text.lower())
    return {*found, *pairwise(found)}


@pytest.mark.parametrize("name", SQUAD)
def test_answers_stand_in_their_contexts(name: str) -> None:
    for paragraph in paragraphs(name):
        for asked in paragraph["qas"]:
            assert asked["is_impossible"] is not bool(asked["answers"]), asked["id"]
            assert asked["type"]
            for answer in asked["answers"]:
                start, text = answer["answer_start"], answer["text"]
                assert text == text.strip() != ""
                assert paragraph["context"][start : start + len(text)] == text, asked["id"]


@pytest.mark.parametrize("name", SQUAD)
def test_the_counts_are_those_of_the_readme(name: str) -> None:
    articles = json.loads((SAMPLES / name).read_text(encoding="utf-8"))["data"]
    questions = [asked for paragraph in paragraphs(name) for asked in paragraph["qas"]]
    assert len({asked["id"] for asked in questions}) == len(questions)
    without = sum(asked["is_impossible"] for asked in questions)
    assert (len(articles), len(list(paragraphs(name))), len(questions), without) == SQUAD[name]
    (line,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    assert {str(len(questions)), str(without)} <= set(re.findall(r"\d+", line))


def test_every_file_is_in_the_readme() -> None:
    files = {path.name for path in SAMPLES.iterdir() if path.suffix in (".json", ".jsonl", ".csv")}
    assert set(re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE)) == files


def test_contracts_are_whole_documents() -> None:
    sizes = [len(paragraph["context"].split()) for paragraph in paragraphs("contracts.json")]
    assert min(sizes) >= 900
    assert max(sizes) <= 1800


def test_no_two_clauses_are_near_doubles() -> None:
    with (SAMPLES / "legal-clauses.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(Counter(row["label"] for row in rows).values()) == {40}
    sets = [words(row["text"]) for row in rows]
    assert len(sets) == 240
    assert max(len(one & other) / len(one | other) for one, other in combinations(sets, 2)) < 0.5


def test_legal_answers_cite_a_passage_that_is_given() -> None:
    rows = read_lines("legal-qa.jsonl")
    assert len(rows) == 80
    assert sum(row["law"].startswith("《") for row in rows) == 18
    for row in rows:
        cited = [int(number) for number in re.findall(r"\[(\d+)\]", row["answer"])]
        assert len(cited) == 1
        assert cited[0] in {passage["id"] for passage in row["passages"]}


def test_every_answer_of_the_chats_ends_with_a_ticket() -> None:
    rows = read_lines("chat.jsonl")
    turns = [[turn["role"] for turn in row["messages"] if turn["role"] != "system"] for row in rows]
    assert len(rows) == 150
    assert all(roles == ["user", "assistant"] * (len(roles) // 2) for roles in turns)
    assert sum(len(roles) > 2 for roles in turns) == 22
    answers = [turn["content"] for row in rows for turn in row["messages"] if turn["role"] == "assistant"]
    assert all(re.search(r"\n(Ticket: \w+, [\w ]+\.|工单：.+，.+。)$", answer) for answer in answers)


def test_the_generated_sample_is_what_its_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("make_t5_qa", SAMPLES / "make_t5_qa.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = read_lines("t5-qa.jsonl")
    assert module.make_rows(len(rows), 0) == rows
    assert len(rows) == len({row["context"] for row in rows}) == 2200
    assert all(row["answer"].lower() in row["context"].lower() for row in rows)
