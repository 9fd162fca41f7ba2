"""The model card's program, run with transformers and torch alone, for what transformers has no pipeline for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sftcore.runs.snippets import snippet

CONTEXT = " ".join(f"word{number} in place {number}," for number in range(30))
QUESTIONS = ("Which word is it?", "Which word is it then?")
"""Of five tokens and of six."""


@pytest.fixture(scope="module")
def reader(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model`: an untrained model for question answering that reads windows of 32 tokens."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    folder = tmp_path_factory.mktemp("reader")
    torch.manual_seed(1)
    AutoModelForQuestionAnswering.from_pretrained(tiny_bert).save_pretrained(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert, model_max_length=32)
    tokenizer.save_pretrained(folder / "model")
    return folder


def said(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    longest: int,
    question: str = QUESTIONS[0],
    threshold: float | None = None,
    stride: int | None = None,
) -> str:
    """What the program prints for the question and context above."""
    settings = {"max_answer_length": longest, "stride": stride}
    task = SimpleNamespace(auto_class="AutoModelForQuestionAnswering", pipeline="", **settings)
    program = snippet(SimpleNamespace(task=task), SimpleNamespace(no_answer_threshold=threshold))  # type: ignore[arg-type]
    assert program.count("\n") <= 30
    assert "sftcore" not in program
    program = program.replace("A question?", question)
    program = program.replace("The text that holds the answer, after the preprocessing below.", CONTEXT)
    monkeypatch.chdir(folder)
    capsys.readouterr()
    exec(program, {})
    return str(capsys.readouterr().out)


def best_of(
    folder: Path, longest: int, question: str = QUESTIONS[0], stride: int | None = None
) -> tuple[float, str, float]:
    """The best span's score and text, and the least score of no answer, by trying all spans of all windows."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = AutoModelForQuestionAnswering.from_pretrained(folder / "model").eval()
    given = tokenizer(question)["input_ids"]
    whole = tokenizer(CONTEXT, add_special_tokens=False, return_offsets_mapping=True)
    room, found, nulls = 32 - len(given) - 1, [], []
    stride = stride or room // 2
    for first in range(0, len(whole["input_ids"]), room - stride):
        ids = [*given, *whole["input_ids"][first : first + room], tokenizer.sep_token_id]
        types = [0] * len(given) + [1] * (len(ids) - len(given))
        with torch.no_grad():
            output = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
        starts, ends = output.start_logits[0].tolist(), output.end_logits[0].tolist()
        nulls.append(starts[0] + ends[0])
        for start in range(len(given), len(ids) - 1):
            for end in range(start, min(start + longest, len(ids) - 1)):
                low = whole["offset_mapping"][first + start - len(given)][0]
                high = whole["offset_mapping"][first + end - len(given)][1]
                found.append((starts[start] + ends[end], CONTEXT[low:high]))
        if first + room >= len(whole["input_ids"]):
            break
    score, text = max(found)
    return score, text, min(nulls)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("longest", "stride"), [(1, None), (7, None), (7, 4)])
def test_the_best_span_of_all_windows_is_printed(
    reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, longest: int, stride: int | None, question: str
) -> None:
    _, text, _ = best_of(reader, longest, question, stride)
    assert said(reader, monkeypatch, capsys, longest, question, stride=stride) == f"{text}\n"


def test_no_answer_is_printed_beyond_the_threshold(reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    score, text, null = best_of(reader, 5)
    assert said(reader, monkeypatch, capsys, 5, threshold=null - score + 0.01) == f"{text}\n"
    assert said(reader, monkeypatch, capsys, 5, threshold=null - score - 0.01) == "\n"


def test_entities_are_found_by_the_pipeline(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    from sftcore import Recipe

    names = {0: "O", 1: "B-PER", 2: "I-PER"}
    AutoModelForTokenClassification.from_pretrained(tiny_bert, id2label=names).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_bert, model_max_length=8).save_pretrained(tmp_path / "model")
    table = 'model = {base = "x"}\ndata = {source = "y.csv"}\ntask = {use = "token-classification"}\n'
    recipe = Recipe.from_toml(table)
    monkeypatch.chdir(tmp_path)
    exec(snippet(recipe, recipe.task.state_class()), {})
    assert "'entity_group': " in capsys.readouterr().out


def test_any_other_model_shows_its_outputs(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from transformers import AutoModelForMultipleChoice, AutoTokenizer

    AutoModelForMultipleChoice.from_pretrained(tiny_bert).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / "model")
    recipe: Any = SimpleNamespace(
        task=SimpleNamespace(auto_class="AutoModel", pipeline=""), data=SimpleNamespace(columns={"text_pair": "b"})
    )
    program = snippet(recipe, SimpleNamespace())  # type: ignore[arg-type]
    assert "The second text." in program
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert "last_hidden_state" in capsys.readouterr().out
