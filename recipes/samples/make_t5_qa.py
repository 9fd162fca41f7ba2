"""Write t5-qa.jsonl: questions in a small controlled language, whose answers stand in the context.

    python recipes/samples/make_t5_qa.py [--rows 2200] [--seed 0] [--out recipes/samples/t5-qa.jsonl]

A context says in two sentences who did what to how many things, where, when and at what price, in one of several
orders. A question asks for one of these. A model from nothing has to learn what each question word asks for, and to
find and copy it. The same seed gives the same file.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

WORDS = {
    "person": "Anna Boris Clara David Emma Felix Greta Hugo Irma Jonas Karla Leo Maria Nils Olga Paul Rosa Simon Tilda",
    "verb": "bought sold found lost painted hid",
    "number": "two three four five six seven eight nine ten twelve",
    "colour": "red blue green white black yellow brown grey",
    "things": "lamps boxes cups balls coats books bells chairs keys kites",
    "place": "market station school harbour garden cellar library museum bakery bridge",
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "price": "twenty thirty forty fifty sixty seventy eighty ninety",
}
ACTIONS = (
    "{person} {verb} {number} {colour} {things} at the {place} on {day}.",
    "On {day} {person} {verb} {number} {colour} {things} at the {place}.",
    "At the {place} {person} {verb} {number} {colour} {things} on {day}.",
)
COSTS = ("They cost {price} crowns.", "The price was {price} crowns.")
QUESTIONS = {
    "who": ("Who {verb} the {things}?", "{person}"),
    "where": ("Where were the {things}?", "at the {place}"),
    "when": ("When was it?", "on {day}"),
    "what": ("What was {verb}?", "{number} {colour} {things}"),
    "how many": ("How many {things} were there?", "{number}"),
    "what colour": ("What colour were the {things}?", "{colour}"),
    "how much": ("How much did the {things} cost?", "{price} crowns"),
}


def make_row(rng: random.Random) -> dict[str, str]:
    """A context with a question, its answer and the type of the question."""
    fact = {part: rng.choice(words.split()) for part, words in WORDS.items()}
    sentences = [rng.choice(ACTIONS), rng.choice(COSTS)]
    kind = rng.choice(list(QUESTIONS))
    question, answer = QUESTIONS[kind]
    return {
        "question": question.format(**fact),
        "context": " ".join(sentences).format(**fact),
        "answer": answer.format(**fact),
        "type": kind,
    }


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """So many rows with a context each of its own."""
    rng = random.Random(seed)  # noqa: S311 (nothing secret)
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < count:
        row = make_row(rng)
        rows.setdefault(row["context"], row)
    return list(rows.values())


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("t5-qa.jsonl"))
    arguments = parser.parse_args()
    lines = (json.dumps(row, ensure_ascii=False) for row in make_rows(arguments.rows, arguments.seed))
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
