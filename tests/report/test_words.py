"""Both languages say the same things, and English sentences of metrics.json come out in Chinese."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sftcore.builtin.metrics import F1, Accuracy, Recall
from sftcore.evaluation.baselines import Baseline
from sftcore.evaluation.before import Before
from sftcore.evaluation.score import score_split
from sftcore.records import Records
from sftcore.registry import discover
from sftcore.report.words import Words, placeholders, sentences

ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,]*){4,}")


def test_the_two_languages_have_the_same_sentences() -> None:
    english, chinese = sentences("en"), sentences("zh")

    assert english.keys() == chinese.keys()
    assert {key for key in english if placeholders(english[key]) != placeholders(chinese[key])} == set()
    assert [key for key, sentence in chinese.items() if ENGLISH.search(sentence)] == []


def test_an_unknown_key_and_a_missing_value_are_errors() -> None:
    words = Words("en")

    with pytest.raises(KeyError):
        words("first.no-such-sentence")
    with pytest.raises(KeyError):
        words("page.title", name="x")


def test_values_are_escaped_in_html() -> None:
    from markupsafe import Markup

    text = Words("en").markup("page.title", name="<b>", id=Markup("<i>1</i>"))

    assert text == "&lt;b&gt;, run <i>1</i>"


@pytest.mark.parametrize(
    ("language", "number", "shown"), [("en", 1, "1 row"), ("en", 1699, "1,699 rows"), ("zh", 2, "2 行")]
)
def test_counts_agree_with_their_noun(language: str, number: int, shown: str) -> None:
    assert Words(language).several("units.row", number) == shown  # type: ignore[arg-type]


def test_figures_are_those_of_the_terminal() -> None:
    words = Words("en")

    assert words.number(0.88744) == "0.887"
    assert words.number(None) == words.number(float("nan")) == "–"
    assert words.signed(-0.0353) == "−0.035"
    assert words.signed(0.0001) == "0"
    assert words.interval(0.8452, 0.919) == "0.845 to 0.919"
    assert words.interval(None, 1.0) == "–"
    assert words.percent(0.0004) == "<0.1 %"
    assert Words("zh").duration(185) == "3 分 05 秒"


def _advice(
    rows: int, wrong: int, baseline_wrong: int, *, one_answer: bool = False, name: str = "majority"
) -> list[str]:
    truth = np.arange(rows) % 2
    said, theirs = truth.copy(), truth.copy()
    said[:wrong], theirs[:baseline_wrong] = 1 - said[:wrong], 1 - theirs[:baseline_wrong]
    said = np.zeros(rows, np.int64) if one_answer else said
    ours, other = (Records("labels", np.arange(rows), column, truth, ("a", "b")) for column in (said, theirs))
    found = score_split([Accuracy()], ours, [Baseline(name, "", other)], rng=np.random.default_rng(0), resamples=40)
    return list(found["verdict"]["advice"])


def test_all_advice_is_known_in_chinese() -> None:
    advice = {
        *_advice(40, 20, 5, one_answer=True),
        *_advice(40, 4, 1),
        *_advice(40, 4, 0),
        *_advice(40, 1, 2),
        *_advice(40, 9, 3, name="base"),
        *_advice(40, 9, 9),
    }

    assert len(advice) >= 8
    assert [text for text in advice if ENGLISH.search(Words("zh").told(text))] == []
    assert all(Words("en").told(text) == text for text in advice)


def test_what_metrics_say_of_themselves_is_known_in_chinese() -> None:
    ours = [entry.cls for entry in discover().entries("metric") if entry.distribution.startswith("sftcore")]
    said = [metric().meaning() for metric in ours]
    said += [
        metric(average=average).meaning() for metric in (F1, Recall) for average in ("micro", "weighted", "binary")
    ]
    said.append(F1(average="binary", positive="spam").meaning())

    assert len(ours) > 20
    assert [text for text in said if Words("zh").told(text) == text or ENGLISH.search(Words("zh").told(text))] == []
    assert Words("zh").told(said[-1]) == "一个类别找得准不准、全不全；只看类别 spam"


def test_notes_and_reasons_are_known_in_chinese() -> None:
    words = Words("zh")
    note = (
        "the base model is not compared by metrics: it wrote answers to 50 of 1,234 rows (more than 500 take too long)"
    )

    assert words.told(note) == "没有用指标与基座模型比较：它只回答了 1,234 行中的 50 行（超过 500 行太费时间）"
    assert words.told("confidence below 0.99") == "confidence 低于 0.99"
    assert words.told("text is missing") == "缺少 text"
    assert words.told("a plugin's own reason") == "a plugin's own reason"
    assert Before("the base").note == ""
