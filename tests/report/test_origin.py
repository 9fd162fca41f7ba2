"""What a run was made of, and which values of its recipe a page does not show."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field

from sftcore.components import Frozen
from sftcore.report import discretion, origin
from sftcore.report.evidence import Evidence
from sftcore.report.words import Words

RECIPE = """\
# Names are kept back.
name = "letters"

[[preprocess]]
use = "lowercase"

[[preprocess]]
use = "hide"
parties = [
  "Ann Oakley",  # one
  'Bo Lindqvist',
]
placeholder = "X"
"""


class _Hide(Frozen):
    parties: tuple[str, ...] = Field(default=(), repr=False)
    placeholder: str = "X"


HIDDEN = frozenset({"preprocess.1.parties"})


def test_what_a_component_keeps_out_of_its_repr_is_found() -> None:
    steps = (_Hide(), _Hide(parties=("Ann Oakley",)))
    recipe: Any = SimpleNamespace(preprocess=steps, augment=(), metrics=(), plugins={}, task=_Hide())

    assert discretion.hidden_paths(recipe) == HIDDEN


def test_the_recipe_is_shown_without_it() -> None:
    shown = discretion.shown_recipe(RECIPE, HIDDEN)

    assert "Ann" not in shown and "Bo" not in shown
    assert 'parties = "…"\nplaceholder = "X"\n' in shown
    assert shown.startswith('# Names are kept back.\nname = "letters"\n')
    assert discretion.shown_recipe(RECIPE, frozenset()) == RECIPE


@pytest.mark.parametrize(
    "override", ['preprocess.1.parties=["Ann"]', 'preprocess.1.parties.0="Ann"', 'preprocess=[{parties = ["Ann"]}]']
)
def test_overrides_are_shown_without_it(override: str) -> None:
    shown = discretion.shown_overrides([override, "seed=1"], HIDDEN)

    assert "Ann" not in shown[0] and shown[0].endswith('="…"')
    assert shown[1] == "seed=1"


def test_resolved_values_are_masked() -> None:
    recipe = {"preprocess": [{"use": "a"}, {"use": "hide", "parties": ["Ann"], "placeholder": "X"}]}

    masked = discretion.masked(recipe, HIDDEN)

    assert masked == {"preprocess": [{"use": "a"}, {"use": "hide", "parties": "…", "placeholder": "X"}]}


def test_a_recipe_of_an_absent_plugin_is_not_shown(made: Any) -> None:
    path: Path = made(recipe_text='secret = "Ann"\n', overrides=("x=Ann",))
    lock = json.loads((path / "lock.json").read_text(encoding="utf-8"))
    lock["recipe"]["preprocess"] = [{"use": "sftcore-plugin-absent:hide"}]
    (path / "lock.json").write_text(json.dumps(lock), encoding="utf-8")

    section = origin.section(Evidence.read(path), Words("en"))

    assert section is not None
    assert "Ann" not in section.body
    assert "a plugin that knows which of its values are to be kept back is not installed here" in section.body


def test_hashes_versions_and_machine_are_those_of_the_lock(made: Any) -> None:
    evidence = Evidence.read(made(overrides=("seed=1",)))

    section = origin.section(evidence, Words("en"))

    assert section is not None
    for text in (
        "0123456789abcdef" * 4,
        "Some processor",
        "8 GiB",
        "CPython 3.11.7",
        "adamw_torch_fused",
        "--set seed=1",
    ):
        assert text in section.body
    assert [one.name for one in origin.packages(evidence)] == ["sftcore-plugin-some", "sftcore", "torch"]
    assert "source = &#34;reviews.csv&#34;" in section.body
