"""What the card says of use, limits and licence, from figures and facts that are given."""

from __future__ import annotations

from typing import Any

import pytest

from sftcore import Recipe
from sftcore.models.base_card import BaseCard
from sftcore.runs.card.about import data, intended_use, licence
from sftcore.runs.card.limits import limits
from sftcore.runs.card.markdown import verbatim
from sftcore.runs.card.metadata import metadata

TABLE = 'model = {{ {model} }}\ndata = {{ source = "a.csv"{data} }}\ntask = {{ use = "{task}" }}\n'
SCRATCH = 'scratch = { config = { model_type = "bert" }, tokenizer = { kind = "characters" } }'


def recipe_of(model: str = 'base = "firm/base"', task: str = "text-classification", data: str = "") -> Recipe:
    return Recipe.from_toml(TABLE.format(model=model, task=task, data=data))


def scores_of(**more: Any) -> dict[str, Any]:
    metrics = {"accuracy": {"value": 0.8}}
    return {"rows": 100, "metrics": metrics, "greater_is_better": {"accuracy": True}, **more}


def row(label: str, rows: int, f1: float | None) -> dict[str, Any]:
    return {"label": label, "rows": rows, "predicted": rows, "precision": f1, "recall": f1, "f1": f1}


def test_weak_classes_come_with_their_rows() -> None:
    classes = [row("a", 50, 0.9), row("b", 30, 0.4), row("c", 4, 0.2), row("d", 0, None), row("e", 25, 0.7)]
    text = limits(recipe_of(), scores_of(classes=classes), {})
    assert "- Weakest classes, by F1: c 0.200 (4 rows), b 0.400 (30 rows), e 0.700 (25 rows)." in text
    assert "- Classes with fewer than 20 test rows, whose figures mean little: d (0), c (4)." in text
    perfect = limits(recipe_of(), scores_of(classes=[row("a", 50, 1.0), row("b", 50, 1.0)]), {})
    assert "Weakest" not in perfect


def test_confused_pairs_and_calibration_are_told() -> None:
    pairs = [{"label": "a", "prediction": "b", "rows": 5, "share": 0.25}]
    text = limits(recipe_of(), scores_of(confused_pairs=pairs, calibration_error=0.0834), {})
    assert "- Most often it takes a for b (5 rows, 25 % of that class)." in text
    assert "differs by 0.083 from how often it is right" in text
    assert "calibration" not in limits(recipe_of(), scores_of(calibration_error=None), {})


@pytest.mark.parametrize(("greater", "weakest"), [(True, "why 0.300 (12 rows)"), (False, "who 0.900 (40 rows)")])
def test_weak_parts_are_those_worse_than_the_whole(greater: bool, weakest: str) -> None:
    parts = {
        "who": {"rows": 40, "metrics": {"accuracy": 0.9}},
        "why": {"rows": 12, "metrics": {"accuracy": 0.3}},
        "how": {"rows": 9, "metrics": {"accuracy": 0.0 if greater else 9.0}},
        "when": {"rows": 20, "metrics": {"accuracy": None}},
    }
    scores = scores_of(slices={"question type": parts}, greater_is_better={"accuracy": greater})
    text = limits(recipe_of(), scores, {})
    assert f"- Weakest by question type, in accuracy (all rows: 0.800): {weakest}." in text


def test_what_the_ledger_counted_is_told() -> None:
    entry = {"rows_in": 100, "rows_out": 100, "details": {"truncated_rows": 8, "max_length": 128}}
    split = {"conflicting_labels": {"groups": 2, "rows": 4}, "near_duplicates": 0.7}
    stages = [
        {"stage": "load", "rows_in": 1000, "rows_out": 1000},
        {"stage": "check", "rows_in": 1000, "rows_out": 980, "dropped": {"text is empty": 20}},
        {"stage": "split", "rows_in": 980, "rows_out": 970, "dropped": {"twin in test": 10}, "details": split},
        {"stage": "encode train", **entry, "details": {"truncated_rows": 0, "max_length": 128}},
        {"stage": "encode test", **entry},
    ]
    text = limits(recipe_of(), scores_of(), {"stages": stages})
    assert "- What is longer than 128 tokens is cut off: 8.0 % of the test rows lost something by that." in text
    assert "- 4 rows of the data have the same text as another row and another label" in text
    told = data(recipe_of(), {"train": 800, "test": 100}, {"stages": stages})
    assert "- Left out, 3.0 % of 1,000 rows: 20 (text is empty), 10 (twin in test)." in told
    assert "- Rows that are copies or near copies of each other are in one split." in told
    assert "- Rows that are copies of each other" in data(recipe_of(), {"train": 1}, {})


def test_what_it_is_for_and_what_not() -> None:
    recipe = recipe_of()
    state = recipe.task.fit([{"text": "a", "label": "x"}, {"text": "b", "label": "z"}])
    text = intended_use(recipe, state, {"verdict": {"beats_baselines": False}})
    assert "- For giving texts like those of a.csv one of 2 labels (x, z)." in text
    assert "- As yet for trying out, not for use" in text
    assert "- Not for texts that none of these labels fits" in text
    assert "- Not for decisions about people that nobody else looks at." in text
    writer = recipe_of(task="seq2seq")
    text = intended_use(writer, writer.task.state_class(), {})
    assert "writing short answers to inputs" in text
    assert "Not for facts that nobody checks" in text
    assert "trying out" not in text


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        (BaseCard("mit", said_by="its model card"), "is under the licence `mit`; its model card says so."),
        (
            BaseCard("other", "acme", "https://acme.org", "its model card"),
            "the licence `other`: acme (https://acme.org); its model card says so.",
        ),
        (BaseCard(name="mit, gpl-3.0", said_by="its model card"), "several licences (mit, gpl-3.0); its model card"),
        (BaseCard(), "The licence of the base model is not known. What of it holds"),
        (BaseCard(unread="its model card could not be read: offline"), "is not known (its model card could not be"),
        (BaseCard(file="LICENSE"), "Beside it lies the file LICENSE"),
    ],
)
def test_the_licence_is_the_one_that_is_known(base: BaseCard, sentence: str) -> None:
    assert sentence in licence(recipe_of(), base)


def test_metadata_hold_only_what_is_known() -> None:
    known = BaseCard("other", "acme", "https://acme.org", "its model card", languages=("en",))
    facts = metadata(recipe_of(), {}, known).to_dict()
    assert (facts["base_model"], facts["base_model_relation"]) == ("firm/base", "finetune")
    assert (facts["license"], facts["license_name"], facts["license_link"]) == ("other", "acme", "https://acme.org")
    assert facts["language"] == "en"
    facts = metadata(recipe_of('base = "./folder"'), {}, BaseCard("mit", languages=("en", "de"))).to_dict()
    assert facts["license"] == "mit"
    assert {"base_model", "base_model_relation", "language", "license_name"}.isdisjoint(facts)
    assert "no base model whose licence" in licence(recipe_of(SCRATCH), BaseCard())
    assert "license" not in metadata(recipe_of(SCRATCH), {}, BaseCard()).to_dict()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("---\nlicense: mit\n---", "--- license: mit ---"),
        ("**b** [x](y) `c`", r"\*\*b\*\* \[x\](y) \`c\`"),
        ("__init__ and snake_case_name", r"\_\_init\_\_ and snake_case_name"),
        ("R&D &lt;", r"R\&D \&lt;"),
        ("好评 (very good)", "好评 (very good)"),
    ],
)
def test_names_of_the_data_are_no_markdown(name: str, written: str) -> None:
    assert verbatim(name) == written


def test_classes_with_markup_in_their_names_are_shown_as_they_are() -> None:
    classes = [row("<b>\n---", 3, 0.1), row("plain", 30, 0.9)]
    pairs = [{"label": "<b>\n---", "prediction": "a*b", "rows": 3, "share": 1.0}]
    text = limits(recipe_of(), scores_of(classes=classes, confused_pairs=pairs), {})
    assert r"Weakest classes, by F1: \<b\> --- 0.100 (3 rows)" in text
    assert r"figures mean little: \<b\> --- (3)." in text
    assert r"it takes \<b\> --- for a\*b (3 rows" in text
