from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import sftcore_plugin_sentiment as plugin
from sftcore import DataError
from sftcore.plugin_loading import Candidate, load
from sftcore_plugin_sentiment import Sentiment


def rows(*labels: str) -> list[dict[str, str]]:
    return [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]


def test_labels_found_are_put_in_order() -> None:
    state = Sentiment().fit(rows("positive", "neutral", "negative", "positive"))
    assert state.labels == ("negative", "neutral", "positive")
    assert state.counts == (1, 1, 2)


def test_labels_of_the_recipe_keep_their_order_and_may_be_absent() -> None:
    state = Sentiment.from_table({"labels": ["消极", "中性", "积极"]}).fit(rows("积极", "消极"))
    assert state.labels == ("消极", "中性", "积极")
    assert state.counts == (1, 0, 1)


def test_two_classes_stay_two() -> None:
    assert Sentiment().fit(rows("pos", "neg", "pos")).labels == ("neg", "pos")


def test_unknown_words_ask_for_labels() -> None:
    with pytest.raises(DataError, match="'meh'") as caught:
        Sentiment().fit(rows("meh", "great"))
    (problem,) = caught.value.problems
    assert problem.key == "task.labels"
    assert '"great", "meh"' in problem.advice
    assert Sentiment(labels=("meh", "great")).fit(rows("meh", "great")).labels == ("meh", "great")


def test_a_label_that_the_recipe_does_not_list_is_refused() -> None:
    with pytest.raises(DataError, match="neutral"):
        Sentiment(labels=("negative", "positive")).fit(rows("negative", "neutral"))


def test_one_class_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="one class"):
        Sentiment().fit(rows("positive", "positive"))


def test_known_words_in_a_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match=r'from worst to best: \["negative", "neutral", "positive"\]'):
        Sentiment(labels=("negative", "positive", "neutral"))
    assert Sentiment(labels=("5", "1")).labels == ("5", "1")


def test_sentiment_is_one_label_a_row() -> None:
    with pytest.raises(ValidationError):
        Sentiment.from_table({"problem_type": "regression"})
    assert Sentiment().predicts == "labels"


def test_the_models_config_names_the_classes_in_order() -> None:
    task = Sentiment()
    config = task.config(task.fit(rows("好评", "差评", "中评")))
    assert config["id2label"] == {0: "差评", 1: "中评", 2: "好评"}


def test_default_metrics() -> None:
    metrics = Sentiment().default_metrics()
    assert [metric.name for metric in metrics] == ["accuracy", "f1", "ordinal-mae", "opposite-rate"]
    assert all("labels" in metric.understands for metric in metrics)


def test_the_registry_takes_everything_that_the_readme_lists() -> None:
    loaded = load(Candidate.of("sftcore-plugin-sentiment", plugin))
    assert loaded.problem == ""
    assert loaded.offers == {
        "preprocessor": ["emoji", "elongation"],
        "task": ["sentiment"],
        "metric": ["ordinal-mae", "opposite-rate"],
    }


def test_readme_and_docs_name_everything() -> None:
    folder = Path(__file__).parents[1]
    readme = (folder / "README.md").read_text("utf-8")
    page = (folder.parents[1] / "docs/tasks/sentiment.md").read_text("utf-8")
    for entry in load(Candidate.of("sftcore-plugin-sentiment", plugin)).entries:
        assert f"`{entry.name}`" in readme
        assert f"`{entry.name}`" in page
        own = set(entry.cls.model_fields) - {"problem_type", "separator"}
        assert [name for name in own if f"| `{name}` |" not in page] == []


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = "torch transformers datasets evaluate sklearn emoji"
    code = f"import sys, sftcore_plugin_sentiment; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
