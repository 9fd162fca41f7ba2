"""Tasks that generate, and all that is said of texts: shown on a task as small as one can be, a causal model of ten
tokens that is to write digits backwards."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch

from sftcore import Encoded, Generated, LossOptions, Metric, Output, OwnBaseline, Prediction, Records, Role, Task
from sftcore.data.encode import EncodedRows, encode_rows
from sftcore.data.rows import Rows
from sftcore.evaluation import before, predict
from sftcore.evaluation.baselines import run_baselines
from sftcore.evaluation.before import Before, perplexity, rows_to_answer, sample
from sftcore.evaluation.mistakes import confident_mistakes, wrong_rows
from sftcore.evaluation.predict import NOT_GENERATED, Predicted
from sftcore.evaluation.score import check_metrics, evaluate_split
from sftcore.reporter import SilentReporter

END, PAD, FIRST = 0, 1, 2


class Writer(Task, name="writer-here"):
    """Rows are `{"prompt": "34", "answer": "43"}`: digits 2 to 9, which are the tokens."""

    auto_class = "AutoModelForCausalLM"
    generates = True
    logits_from = ()

    @property
    def roles(self) -> Mapping[str, Role]:
        return {"prompt": Role("text"), "answer": Role("text", target=True)}

    @property
    def predicts(self) -> Any:
        return "texts"

    def encode(self, rows: Sequence[Any], tokenizer: Any, state: Any, max_length: int) -> Encoded:
        prompts = [[int(digit) for digit in row["prompt"]] for row in rows]
        if any(row.get("answer") is None for row in rows):
            return Encoded({"input_ids": prompts})
        answers = [[*(int(digit) for digit in row["answer"]), END] for row in rows]
        ids = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
        labels = [[-100] * len(prompt) + answer for prompt, answer in zip(prompts, answers, strict=True)]
        return Encoded({"input_ids": ids, "labels": labels})

    def prompt_ids(self, feature: Any) -> Sequence[int]:
        labels = feature.get("labels", [-100] * len(feature["input_ids"]))
        return [number for number, label in zip(feature["input_ids"], labels, strict=True) if label == -100]

    def collate(self, features: Sequence[Any], tokenizer: Any) -> dict[str, torch.Tensor]:
        width = max(len(feature["input_ids"]) for feature in features)
        filling = {"input_ids": PAD, "labels": -100}
        return {
            name: torch.tensor([list(f[name]) + [filling[name]] * (width - len(f[name])) for f in features])
            for name in features[0]
        }

    def loss_function(self, state: Any, options: Any) -> Any:
        def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
            logits, targets = outputs.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
            return torch.nn.functional.cross_entropy(logits, targets, reduction="sum") / num_items_in_batch

        return loss

    def outputs(self, model: Any, batch: dict[str, torch.Tensor], state: Any) -> tuple[Any, list[np.ndarray]]:
        mask = batch["input_ids"].ne(PAD).long()
        return model(input_ids=batch["input_ids"], attention_mask=mask), [np.zeros(0)] * len(mask)

    def generate(self, model: Any, batch: dict[str, torch.Tensor], tokenizer: Any, state: Any) -> list[Generated]:
        written = []
        for place, ids in enumerate(batch["input_ids"]):
            keep = ids.ne(PAD) if "labels" not in batch else ids.ne(PAD) & batch["labels"][place].eq(-100)
            prompt = ids[keep][None]
            new = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt))[0, prompt.shape[1] :]
            written.append(Generated(tuple(new.tolist()), "".join(map(str, new.tolist()))))
        return written

    def decode(self, row: Any, outputs: Sequence[Output], state: Any) -> Prediction:
        generated = outputs[0].generated
        assert generated is not None, "asked to decode what was not generated"
        return Prediction(generated.text.rstrip("0"), score=1 / (1 + len(generated.ids)))

    def reference(self, row: Any, state: Any) -> Any:
        return row.get("answer")

    def records(
        self, row_ids: np.ndarray, predictions: Sequence[Prediction], references: Any, state: Any, groups: Any = None
    ) -> Records:
        return Records(
            "texts", row_ids, texts([p.value or "" for p in predictions]), answers(references), groups=groups
        )

    def slices(self, row: Any) -> Mapping[str, str]:
        return {"length": str(len(row["prompt"]))} if len(row["prompt"]) > 1 else {}

    def baselines(self, train: Sequence[Any], rows: Sequence[Any], state: Any) -> Any:
        yield OwnBaseline("backwards", "the prompt backwards", [Prediction(row["prompt"][::-1]) for row in rows])
        if not train[0]["prompt"]:
            raise KeyError("no digits")


def texts(values: Sequence[str]) -> np.ndarray:
    """Texts as a column of records."""
    return np.array(values, object)


def answers(values: Sequence[Any]) -> np.ndarray:
    """Each value as the one right answer; a tuple as all of them."""
    column = np.empty(len(values), object)
    for place, value in enumerate(values):
        column[place] = value if isinstance(value, tuple) else (value,)
    return column


def tiny_model(seed: int = 0, new_tokens: int = 4) -> Any:
    """A causal model of ten tokens with random weights, which writes greedily."""
    from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=10, n_positions=32, n_embd=16, n_layer=2, n_head=2, eos_token_id=END, bos_token_id=END
    )
    model = cast(Any, GPT2LMHeadModel)(config).eval()
    model.generation_config = cast(Any, GenerationConfig)(
        max_new_tokens=new_tokens, do_sample=False, eos_token_id=END, pad_token_id=PAD
    )
    return model


def rows_of(count: int) -> list[dict[str, Any]]:
    """Prompts of one to four digits, and the same backwards."""
    rng = np.random.default_rng(3)
    prompts = ["".join(map(str, rng.integers(FIRST, 10, 1 + number % 4))) for number in range(count)]
    return [{"prompt": prompt, "answer": prompt[::-1]} for prompt in prompts]


class Right(Metric, name="right"):
    """Share of texts that are one of those that are right."""

    understands = ("texts", "spans")

    def score(self, records: Records) -> dict[str, float]:
        """One value."""
        return {self.name: float(1 - wrong_rows(records).mean()) if len(records) else math.nan}


TASK = Writer()
STATE = TASK.state_class()
DATA = rows_of(40)


class Told(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


@pytest.fixture(scope="module")
def encoded() -> EncodedRows:
    return encode_rows(Rows.of(DATA), TASK, STATE, None, 32)  # type: ignore[arg-type]  # it needs no tokenizer


def predicted(model: Any, encoded: EncodedRows, rows: Any = DATA, **options: Any) -> Predicted:
    loss = TASK.loss_function(STATE, LossOptions())
    return predict.predict(model, TASK, STATE, encoded, rows, cast(Any, None), loss_function=loss, **options)


def test_each_row_gets_what_was_written_for_it_and_the_loss_counts_tokens(model: Any, encoded: EncodedRows) -> None:
    found = predicted(model, encoded, tokens_per_batch=60)
    total, items = 0.0, 0
    for place, (row, prediction) in enumerate(zip(DATA, found.predictions, strict=True)):
        prompt = torch.tensor([[int(digit) for digit in row["prompt"]]])
        written = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt))[0, prompt.shape[1] :]
        assert prediction.generated == tuple(written.tolist())
        assert prediction.value == "".join(map(str, written.tolist())).rstrip("0")
        feature = encoded.feature(place)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([feature["input_ids"]])).logits[0].double().log_softmax(-1)
        for position, label in enumerate(feature["labels"]):
            if label != -100:
                total -= float(logits[position - 1, label])
                items += 1
    assert found.items == items == sum(len(row["answer"]) + 1 for row in DATA)
    assert found.loss == pytest.approx(total / items, rel=1e-6)


def test_the_loss_does_not_depend_on_the_batches(model: Any, encoded: EncodedRows) -> None:
    small, large = (predicted(model, encoded, tokens_per_batch=size, generate=False) for size in (8, 4096))
    assert small.loss == pytest.approx(large.loss, rel=1e-6)
    assert small.padded_tokens < large.padded_tokens


def test_without_generation_nothing_is_decoded(model: Any, encoded: EncodedRows) -> None:
    """`Writer.decode` fails where it is called without what was generated."""
    found = predicted(model, encoded, generate=False)
    assert found.loss == pytest.approx(predicted(model, encoded).loss, rel=1e-6)
    assert {(prediction.value, prediction.reason) for prediction in found.predictions} == {(None, NOT_GENERATED)}
    assert found.references == [row["answer"] for row in DATA]


def test_batches_leave_room_for_new_tokens_and_for_logits(
    model: Any, encoded: EncodedRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, int]] = []

    class Counting(Writer, name="counting-here"):
        def collate(self, features: Sequence[Any], tokenizer: Any) -> Any:
            shapes.append((len(features), max(len(feature["input_ids"]) for feature in features)))
            return super().collate(features, tokenizer)

    def most(new: int, **options: Any) -> int:
        """Tokens of the largest batch, with so many new ones a row."""
        shapes.clear()
        predict.predict(model, Counting(), STATE, encoded, DATA, cast(Any, None), **options)
        assert sum(rows for rows, _ in shapes) == 40
        return max(rows * (width + new) for rows, width in shapes)

    assert most(4, tokens_per_batch=90, generate=False) > 90
    assert 80 < most(4, tokens_per_batch=90) <= 90
    monkeypatch.setattr(predict, "LOGITS_A_BATCH", 10 * 30)  # ten tokens in the vocabulary
    assert 20 < most(0, tokens_per_batch=90, generate=False) <= 30


def test_long_logits_take_little_room() -> None:
    class Many(Writer, name="many-here"):
        generates = False

        def decode(self, row: Any, outputs: Any, state: Any) -> Prediction:
            return Prediction("", logits=tuple(float(n) / 3 for n in range(1000 if len(row["prompt"]) > 1 else 8)))

    rows = encode_rows(Rows.of(DATA[:2]), Many(), STATE, cast(Any, None), 32)
    found = predict.predict(tiny_model(), Many(), STATE, rows, DATA[:2], cast(Any, None)).predictions
    assert isinstance(found[0].logits, tuple)
    assert found[1].logits is not None
    assert memoryview(cast(Any, found[1].logits)).nbytes == 4000
    assert found[1].logits[7] == pytest.approx(7 / 3, rel=1e-6)


def scored(found: Predicted, groups: Any = None, **options: Any) -> dict[str, Any]:
    rows = Rows.of(DATA, ids=range(100, 140), groups=groups)
    rng = np.random.default_rng(0)
    result = evaluate_split(TASK, STATE, [Right()], rows, found, rng, **options)
    json.dumps(result, allow_nan=False)
    return result


def half_right(right: int = 2) -> Predicted:
    """Every second row is right."""
    said = [Prediction(row["answer"] if n % right == 0 else "77", score=0.5 + n / 100) for n, row in enumerate(DATA)]
    return Predicted(said, [row["answer"] for row in DATA], loss=math.log(5), items=9)


def test_texts_are_scored_with_groups_slices_perplexity_and_baselines() -> None:
    result = scored(half_right(), groups=["a", "b", "c", "d", "e"] * 8, train=DATA)
    assert result["metrics"]["right"]["value"] == 0.5
    assert result["bootstrap"]["unit"] == "groups"
    assert result["perplexity"] == pytest.approx(5)
    assert {name: part["rows"] for name, part in result["slices"]["length"].items()} == {"2": 10, "3": 10, "4": 10}
    assert {name: part["metrics"] for name, part in result["slices"]["length"].items()} == {
        "2": {"right": 0.0},
        "3": {"right": 1.0},
        "4": {"right": 0.0},
    }
    backwards = result["baselines"]["backwards"]
    assert backwards["description"] == "the prompt backwards"
    assert backwards["metrics"]["right"]["value"] == 1
    assert backwards["differences"]["right"]["high"] < 0
    assert "WORSE than the baseline backwards" in result["verdict"]["sentence"]
    assert result["notes"] == []


def test_mistakes_of_texts_reveal_none() -> None:
    found = scored(half_right())["mistakes"]
    assert found[0] == {"row_id": 139, "score": 0.89}
    assert [mistake["row_id"] for mistake in found] == list(range(139, 100, -2))
    assert all(mistake.keys() == {"row_id", "score"} for mistake in found)


def test_only_the_largest_parts_are_scored() -> None:
    class Apart(Writer, name="apart-here"):
        def slices(self, row: Any) -> Mapping[str, str]:
            return {"first": row["prompt"][0], "all": row["prompt"]}

    found = half_right()
    rows = Rows.of([{"prompt": str(number // 2), "answer": ""} for number in range(120)])
    found = Predicted([Prediction("")] * 120, [""] * 120)
    result = evaluate_split(Apart(), STATE, [Right()], rows, found, np.random.default_rng(0))["slices"]
    assert len(result["all"]) == 50
    assert next(iter(result["first"].values())) == {"rows": 22, "metrics": {"right": 1.0}}


def test_a_baseline_that_fails_is_left_out_and_noted() -> None:
    told = Told()
    train = [{"prompt": "", "answer": ""}]
    result = scored(half_right(), train=train, reporter=told)
    assert list(result["baselines"]) == ["backwards"]
    assert result["notes"] == told.warnings == ["a baseline of writer-here failed: KeyError: 'no digits'"]


@pytest.mark.parametrize(("name", "count", "why"), [("base", 3, "is taken"), ("other", 2, "2 predictions for 3 rows")])
def test_a_baseline_that_does_not_fit_is_left_out(name: str, count: int, why: str) -> None:
    class Misfit(Writer, name="misfit-here"):
        def baselines(self, train: Any, rows: Any, state: Any) -> Any:
            return [OwnBaseline(name, "", [Prediction("")] * count)]

    told = Told()
    assert run_baselines(Misfit(), STATE, DATA, DATA[:3], np.arange(3), reporter=told) == []
    assert why in told.warnings[0]


def test_the_base_model_is_a_baseline_where_it_answered_all_scored_rows() -> None:
    places = np.arange(40)
    asked = Before("the base", places, half_right(4).predictions, loss=math.log(7), seconds=1.5)
    result = scored(half_right(), before=asked)
    base = result["baselines"]["base"]
    assert base["details"] == {"loss": pytest.approx(math.log(7)), "perplexity": pytest.approx(7)}
    assert base["metrics"]["right"]["value"] == 0.25
    assert base["differences"]["right"]["low"] > 0
    assert "beats the baseline base" in result["verdict"]["sentence"]
    assert asked.said(3) == asked.predictions[3]


def test_a_base_model_that_answered_some_rows_is_not_compared() -> None:
    asked = Before("the base", np.array([3, 5]), half_right().predictions[:2], loss=math.log(7), note="some rows")
    result = scored(half_right(), before=asked)
    base = result["baselines"]["base"]
    assert (base["metrics"], base["differences"]) == ({}, {})
    assert base["details"]["perplexity"] == pytest.approx(7)
    assert result["verdict"]["beats_baselines"] is None
    assert result["notes"] == ["some rows"]
    assert asked.said(5) == asked.predictions[1]
    assert asked.said(4) is None


def test_the_base_model_answers_all_rows_or_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before, "MOST_ROWS", 100)
    rows = np.arange(0, 200, 2)
    assert rows_to_answer(rows, np.random.default_rng(0)).tolist() == rows.tolist()
    more = np.arange(0, 204, 2)
    drawn = rows_to_answer(more, np.random.default_rng(0))
    assert len(set(drawn.tolist())) == 50
    assert set(drawn.tolist()) < set(more.tolist())
    assert drawn.tolist() == sorted(drawn.tolist())
    assert sample(rows[:7], np.random.default_rng(0)).tolist() == rows[:7].tolist()


def test_perplexity() -> None:
    assert perplexity(math.log(3)) == pytest.approx(3)
    assert (perplexity(None), perplexity(800.0), perplexity(math.nan)) == (None, None, None)


def test_what_is_right_of_texts_and_spans() -> None:
    right = answers([("x", "y"), (), ("",), ("x",), "z", ("x",)])
    records = Records("texts", np.arange(6), texts(["y", "", "", "X", "z", ""]), right)
    assert wrong_rows(records).tolist() == [False, False, False, True, False, True]
    one, other = (0, 3, "a"), (4, 6, "b")
    found, wanted = answers([(one, other), (one,), ()]), answers([(other, one), (other,), ()])
    spans = Records("spans", np.arange(3), found, wanted)
    assert wrong_rows(spans).tolist() == [False, True, False]
    predictions = [Prediction(list(value), score=0.5) for value in found]
    assert confident_mistakes(spans, predictions, list(wanted)) == [{"row_id": 1, "score": 0.5}]
    assert wrong_rows(spans.take(np.zeros(0, np.int64))).tolist() == []


def test_confidence_may_be_a_log_probability() -> None:
    records = Records("texts", np.arange(3), texts(["a", "b", "c"]), answers(["x", "b", "z"]))
    found = confident_mistakes(
        records,
        [Prediction(text, score=score) for text, score in zip("abc", (-3.0, -0.1, -1.0), strict=True)],
        list("xbz"),
    )
    assert [mistake["row_id"] for mistake in found] == [2, 0]


def test_metrics_of_texts_are_tried_before_training() -> None:
    from sftcore import PluginError

    class Nameless(Right, name="nameless-here"):
        def score(self, records: Records) -> dict[str, float]:
            assert records.references[0] == (records.predictions[0],)
            return {"other": 1.0}

    check_metrics([Right()], TASK, STATE)
    with pytest.raises(PluginError, match="the metric nameless-here: score returned 'other'"):
        check_metrics([Nameless()], TASK, STATE)
